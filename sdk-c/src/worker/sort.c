/* External merge sort with bounded memory.
 *
 * Records are laid into one block and sorted by pointers; when the block is full they go out as a *run*, a sorted
 * record stream in a nameless file. `merge_width` runs of one level become one run of the next, so that few files
 * are open. At the end runs and what is still in memory are merged while they are read.
 *
 * Invariant: equal keys come out in the order in which they were added: older runs come first in every merge. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "records/codec.h"
#include "worker/worker.h"

enum { LENGTHS_BYTES = 8, RUN_HUNK_BYTES = 256 * 1024, FIRST_ENTRIES = 1024, FILE_MODE = 0600 };

typedef struct entry {
    uint64_t prefix; /* of the key, so that most comparisons need no memory but this */
    const char *record;
} entry;

typedef struct run {
    int fd;
    unsigned level;
    disco_reader *reader; /* while it is merged */
    disco_error read_error;
    disco_slice key, value;
    size_t age; /* its place among the runs that are merged */
} run;

struct disco_sorter {
    disco_limits limits;
    char *folder;
    disco_error error;
    char *block;
    size_t block_bytes, used;
    entry *entries;
    size_t count, capacity, at;
    run **runs;
    size_t run_count, run_capacity, files_made;
    run memory; /* the records still in the block, as the newest run */
    run **heap;
    size_t heap_count;
    run *last; /* whose record was given out, and has to move on */
    bool is_merging;
};

static disco_slice key_of(const char *record) { return disco_slice_of(record + LENGTHS_BYTES, disco_get_u32(record)); }

static disco_slice value_of(const char *record) {
    return disco_slice_of(record + LENGTHS_BYTES + disco_get_u32(record), disco_get_u32(record + 4));
}

static uint64_t prefix_of(disco_slice key) {
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++) prefix = prefix << 8 | (i < key.len ? (unsigned char)key.data[i] : 0);
    return prefix;
}

static int compare_entries(const void *one, const void *other) {
    const entry *a = one, *b = other;
    if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
    int order = disco_slice_compare(key_of(a->record), key_of(b->record));
    if (order) return order;
    return a->record < b->record ? -1 : a->record > b->record;
}

disco_sorter *disco_sorter_new(const char *folder, const disco_limits *limits, disco_error *error) {
    disco_sorter *sorter = calloc(1, sizeof *sorter);
    if (!sorter) {
        disco_no_memory(error);
        return NULL;
    }
    sorter->limits = disco_limits_with_defaults(limits);
    sorter->folder = disco_copy_text(disco_text(folder));
    sorter->block_bytes = sorter->limits.memory_bytes;
    sorter->block = malloc(sorter->block_bytes); /* the system gives pages as they are used */
    sorter->memory.fd = -1;
    if (!sorter->folder || !sorter->block) {
        disco_no_memory(error);
        disco_sorter_free(sorter);
        return NULL;
    }
    return sorter;
}

static void free_run(run *one) {
    if (!one) return;
    disco_reader_free(one->reader);
    if (one->fd >= 0) close(one->fd);
    free(one);
}

void disco_sorter_free(disco_sorter *sorter) {
    if (!sorter) return;
    for (size_t i = 0; i < sorter->run_count; i++) free_run(sorter->runs[i]);
    free(sorter->runs);
    free(sorter->heap);
    free(sorter->entries);
    free(sorter->block);
    free(sorter->folder);
    free(sorter);
}

const disco_error *disco_sorter_error(const disco_sorter *sorter) { return &sorter->error; }
size_t disco_sorter_runs(const disco_sorter *sorter) { return sorter->files_made; }

/* ---- runs ---- */

static int write_run(void *to, const void *data, size_t len) {
    const char *at = data;
    while (len) {
        ssize_t written = write(((run *)to)->fd, at, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return DISCO_E_ELSEWHERE;
        at += written;
        len -= (size_t)written;
    }
    return 0;
}

static ptrdiff_t read_run(void *from, void *buffer, size_t size) {
    run *one = from;
    ssize_t got;
    while ((got = read(one->fd, buffer, size)) < 0 && errno == EINTR) {
    }
    if (got < 0)
        return disco_error_set(&one->read_error, DISCO_E_ELSEWHERE, "reading a sorted run failed: %s", strerror(errno));
    return got;
}

static int open_nameless(disco_sorter *sorter) {
    char path[512];
    snprintf(path, sizeof path, "%.400s/sort-%ld-%zu", sorter->folder, (long)getpid(), sorter->files_made++);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0) return disco_error_set(&sorter->error, DISCO_E_ELSEWHERE, "cannot write %s: %s", path, strerror(errno));
    unlink(path);
    return fd;
}

static run *new_run(disco_sorter *sorter, unsigned level) {
    run *one = calloc(1, sizeof *one);
    if (!one) {
        disco_no_memory(&sorter->error);
        return NULL;
    }
    one->level = level;
    one->fd = open_nameless(sorter);
    if (one->fd >= 0) return one;
    free(one);
    return NULL;
}

static int keep_run(disco_sorter *sorter, run *one) {
    if (sorter->run_count == sorter->run_capacity) {
        size_t capacity = sorter->run_capacity ? 2 * sorter->run_capacity : 16;
        run **runs = realloc(sorter->runs, capacity * sizeof *runs);
        if (!runs) {
            free_run(one);
            return disco_no_memory(&sorter->error);
        }
        sorter->runs = runs;
        sorter->run_capacity = capacity;
    }
    sorter->runs[sorter->run_count++] = one;
    return 0;
}

/* ---- merging: a heap of runs by their next record ---- */

static bool comes_before(const run *one, const run *other) {
    int order = disco_slice_compare(one->key, other->key);
    return order < 0 || (order == 0 && one->age < other->age);
}

static void sift_down(disco_sorter *sorter, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        if (left < sorter->heap_count && comes_before(sorter->heap[left], sorter->heap[least])) least = left;
        if (left + 1 < sorter->heap_count && comes_before(sorter->heap[left + 1], sorter->heap[least]))
            least = left + 1;
        if (least == at) return;
        run *moved = sorter->heap[at];
        sorter->heap[at] = sorter->heap[least];
        sorter->heap[least] = moved;
        at = least;
    }
}

/* The run's next record into `key` and `value`: 1, 0 at its end. */
static int move_on(disco_sorter *sorter, run *one) {
    if (one == &sorter->memory) {
        if (sorter->at == sorter->count) return 0;
        const char *record = sorter->entries[sorter->at++].record;
        one->key = key_of(record);
        one->value = value_of(record);
        return 1;
    }
    int status = disco_reader_next(one->reader, &one->key, &one->value);
    if (status < 0)
        disco_error_set(&sorter->error, DISCO_E_ELSEWHERE, "a sorted run: %.900s",
                        disco_reader_error(one->reader)->text);
    return status < 0 ? sorter->error.code : status;
}

/* Readies runs from `first` on for `next_merged`; with what is in memory when `with_memory` is set. */
static int start_merge(disco_sorter *sorter, size_t first, bool with_memory) {
    free(sorter->heap);
    sorter->heap_count = 0;
    sorter->last = NULL;
    sorter->heap = calloc(sorter->run_count - first + 1, sizeof *sorter->heap);
    if (!sorter->heap) return disco_no_memory(&sorter->error);
    for (size_t i = first; i <= sorter->run_count; i++) {
        run *one = i < sorter->run_count ? sorter->runs[i] : &sorter->memory;
        if (one == &sorter->memory && !with_memory) break;
        one->age = i;
        if (one != &sorter->memory) {
            lseek(one->fd, 0, SEEK_SET);
            one->reader = disco_reader_new(read_run, one, "a sorted run", &sorter->limits, &one->read_error);
            if (!one->reader) return disco_no_memory(&sorter->error);
        }
        int status = move_on(sorter, one);
        if (status < 0) return status;
        if (status > 0) sorter->heap[sorter->heap_count++] = one;
    }
    for (size_t i = sorter->heap_count / 2; i-- > 0;) sift_down(sorter, i);
    return 0;
}

static int next_merged(disco_sorter *sorter, disco_slice *key, disco_slice *value) {
    if (sorter->last) {
        int status = move_on(sorter, sorter->last);
        if (status < 0) return status;
        if (status == 0) sorter->heap[0] = sorter->heap[--sorter->heap_count];
        sift_down(sorter, 0);
        sorter->last = NULL;
    }
    if (sorter->heap_count == 0) return 0;
    sorter->last = sorter->heap[0];
    *key = sorter->last->key;
    *value = sorter->last->value;
    return 1;
}

/* Writes all that `next` gives as a run of `level`. */
static int write_out(disco_sorter *sorter, unsigned level, size_t replaced) {
    disco_slice key, value;
    run *one = new_run(sorter, level);
    if (!one) return sorter->error.code;
    disco_writer *writer = disco_writer_new(write_run, one, DISCO_CODEC_NONE, RUN_HUNK_BYTES);
    int status = writer ? 1 : disco_no_memory(&sorter->error);
    while (status > 0 && (status = next_merged(sorter, &key, &value)) > 0)
        if (disco_writer_add(writer, key, value) < 0) status = DISCO_E_ELSEWHERE;
    if (status == 0 && disco_writer_flush(writer) < 0) status = DISCO_E_ELSEWHERE;
    if (status < 0) disco_error_set(&sorter->error, status, "writing a sorted run failed: is the disk full?");
    disco_writer_free(writer);
    while (replaced--) free_run(sorter->runs[--sorter->run_count]);
    if (status < 0) {
        free_run(one);
        return sorter->error.code;
    }
    return keep_run(sorter, one);
}

static int merge_full_levels(disco_sorter *sorter) {
    for (;;) {
        size_t same = 0;
        while (same < sorter->run_count &&
               sorter->runs[sorter->run_count - 1 - same]->level == sorter->runs[sorter->run_count - 1]->level)
            same++;
        if (same < sorter->limits.merge_width) return 0;
        unsigned level = sorter->runs[sorter->run_count - 1]->level + 1;
        int status = start_merge(sorter, sorter->run_count - same, false);
        if (status == 0) status = write_out(sorter, level, same);
        if (status < 0) return status;
    }
}

static int spill(disco_sorter *sorter) {
    qsort(sorter->entries, sorter->count, sizeof *sorter->entries, compare_entries);
    sorter->at = 0;
    int status = start_merge(sorter, sorter->run_count, true);
    if (status == 0) status = write_out(sorter, 0, 0);
    sorter->count = sorter->used = 0;
    return status < 0 ? status : merge_full_levels(sorter);
}

/* ---- the way in and out ---- */

static int add_entry(disco_sorter *sorter, disco_slice key, const char *record) {
    if (sorter->count == sorter->capacity) {
        size_t capacity = sorter->capacity ? 2 * sorter->capacity : FIRST_ENTRIES;
        entry *entries = realloc(sorter->entries, capacity * sizeof *entries);
        if (!entries) return disco_no_memory(&sorter->error);
        sorter->entries = entries;
        sorter->capacity = capacity;
    }
    sorter->entries[sorter->count].prefix = prefix_of(key);
    sorter->entries[sorter->count++].record = record;
    return 0;
}

int disco_sorter_add(disco_sorter *sorter, disco_slice key, disco_slice value) {
    if (sorter->error.code) return sorter->error.code;
    size_t size = LENGTHS_BYTES + key.len + value.len;
    bool is_full = sorter->used + size + (sorter->count + 1) * sizeof(entry) > sorter->block_bytes;
    if (is_full && sorter->count && spill(sorter) < 0) return sorter->error.code;
    if (size > sorter->block_bytes) { /* one record larger than the memory given: it gets what it needs */
        char *block = realloc(sorter->block, size);
        if (!block) return disco_no_memory(&sorter->error);
        sorter->block = block;
        sorter->block_bytes = size;
    }
    char *record = sorter->block + sorter->used;
    disco_put_u32(record, (uint32_t)key.len);
    disco_put_u32(record + 4, (uint32_t)value.len);
    if (key.len) memcpy(record + LENGTHS_BYTES, key.data, key.len);
    if (value.len) memcpy(record + LENGTHS_BYTES + key.len, value.data, value.len);
    sorter->used += size;
    return add_entry(sorter, key, record);
}

int disco_sorter_next(disco_sorter *sorter, disco_slice *key, disco_slice *value) {
    if (sorter->error.code) return sorter->error.code;
    if (!sorter->is_merging) {
        sorter->is_merging = true;
        if (sorter->count) qsort(sorter->entries, sorter->count, sizeof *sorter->entries, compare_entries);
        sorter->at = 0;
        int status = start_merge(sorter, 0, true);
        if (status < 0) return status;
    }
    return next_merged(sorter, key, value);
}
