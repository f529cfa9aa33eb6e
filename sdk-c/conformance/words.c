/* The two behaviours that look into their inputs. Both hold what they count in memory: these inputs are small. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "behaviours.h"

enum { DEFAULT_LABELS = 3, MAX_LABELS = 1 << 24, FIRST_CAPACITY = 64 };

typedef struct counted {
    char *word;
    size_t len;
    int64_t count;
} counted;

typedef struct counts {
    counted *items;
    size_t count, capacity;
} counts;

static int add(counts *all, disco_slice word, int64_t count) {
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : FIRST_CAPACITY;
        counted *items = realloc(all->items, capacity * sizeof *items);
        if (!items) return DISCO_E_MEMORY;
        all->items = items;
        all->capacity = capacity;
    }
    char *copy = malloc(word.len ? word.len : 1);
    if (!copy) return DISCO_E_MEMORY;
    if (word.len) memcpy(copy, word.data, word.len);
    all->items[all->count++] = (counted){copy, word.len, count};
    return 0;
}

static int compare(const void *one, const void *other) {
    const counted *a = one, *b = other;
    return disco_slice_compare(disco_slice_of(a->word, a->len), disco_slice_of(b->word, b->len));
}

/* Sorts, and leaves each word once with the sum of its counts. */
static void add_up(counts *all) {
    size_t kept = 0;
    if (all->count) qsort(all->items, all->count, sizeof *all->items, compare);
    for (size_t i = 0; i < all->count; i++) {
        if (kept && compare(&all->items[kept - 1], &all->items[i]) == 0) {
            all->items[kept - 1].count += all->items[i].count;
            free(all->items[i].word);
        } else {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
}

static void forget(counts *all) {
    for (size_t i = 0; i < all->count; i++) free(all->items[i].word);
    free(all->items);
}

/* Of a line `word count`, where a word may hold spaces. */
static int count_line(counts *all, disco_slice line) {
    size_t len = line.len;
    int64_t count = 0;
    while (len && line.data[len - 1] != ' ') len--;
    if (len == 0 || disco_slice_int(disco_slice_of(line.data + len, line.len - len), &count) < 0) return DISCO_E_FATAL;
    return add(all, disco_slice_of(line.data, len - 1), count);
}

static int count_words(counts *all, disco_slice line) {
    disco_slice word;
    int status = 0;
    while (status == 0 && disco_next_word(&line, &word)) status = add(all, word, 1);
    if (all->count > 1 << 16) add_up(all);
    return status;
}

static int count_inputs(disco_task *task, counts *all) {
    disco_input *input;
    disco_slice line;
    int status;
    while ((status = disco_next_input(task, &input)) > 0) {
        while ((status = disco_input_line(input, &line)) > 0) {
            status = disco_about(task)->mode == DISCO_REDUCE ? count_line(all, line) : count_words(all, line);
            if (status < 0) return disco_fail(task, status, "a line is not `word count`, or there is no memory");
        }
        if (status < 0) return status;
    }
    return status;
}

static int write_counts(disco_task *task, const counts *all) {
    char number[32];
    disco_output *output = disco_output_open(task, DISCO_OUT_PART, 0);
    for (size_t i = 0; output && i < all->count; i++) {
        int len = snprintf(number, sizeof number, " %" PRId64 "\n", all->items[i].count);
        disco_output_write(output, all->items[i].word, all->items[i].len);
        disco_output_write(output, number, (size_t)len);
    }
    return output ? disco_output_close(output) : disco_task_error(task)->code;
}

int wordcount(disco_task *task, const char *argument) {
    counts all = {0};
    (void)argument;
    int status = count_inputs(task, &all);
    if (status == 0) {
        add_up(&all);
        status = write_counts(task, &all);
    }
    forget(&all);
    return status;
}

static int split_line(disco_task *task, disco_slice line, disco_output **outputs, uint32_t labels) {
    disco_slice word;
    while (disco_next_word(&line, &word)) {
        uint32_t label = disco_partition(word, labels);
        if (!outputs[label]) outputs[label] = disco_output_open(task, DISCO_OUT_PART, (int32_t)label);
        if (!outputs[label]) return disco_task_error(task)->code;
        disco_output_write(outputs[label], word.data, word.len);
        disco_output_write(outputs[label], "\n", 1);
    }
    return 0;
}

int split(disco_task *task, const char *argument) {
    long labels = *argument ? strtol(argument, NULL, 10) : DEFAULT_LABELS;
    disco_input *input;
    disco_slice line;
    int status;
    if (labels < 1 || labels > MAX_LABELS)
        return disco_fail(task, DISCO_E_FATAL, "%s is no number of labels", argument);
    disco_output **outputs = calloc((size_t)labels, sizeof(disco_output *));
    if (!outputs) return DISCO_E_MEMORY;
    while ((status = disco_next_input(task, &input)) > 0) {
        while ((status = disco_input_line(input, &line)) > 0 && status >= 0)
            if (split_line(task, line, outputs, (uint32_t)labels) < 0) break;
        if (status < 0 || disco_task_error(task)->code) break;
    }
    for (long label = 0; label < labels && status == 0; label++)
        if (outputs[label]) status = disco_output_close(outputs[label]);
    free(outputs);
    return status < 0 ? status : disco_task_error(task)->code;
}
