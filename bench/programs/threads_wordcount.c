/* Word count by hand: two threads, a hash table each, merged in the end. threads_wordcount FILE... prints
 * `word count` lines in no order. What the workers in C are measured against. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 2, FIRST_SLOTS = 1 << 16 };

struct entry {
    const char *word;
    uint32_t length, hash;
    uint64_t count;
};

struct table {
    struct entry *slots;
    size_t size, used;
};

struct share { /* of the files: every THREADS-th, from `first` on */
    char **files;
    int first, count;
    struct table table;
};

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) { fputs("no memory\n", stderr); exit(1); }
    return memory;
}

static void add(struct table *table, struct entry new);

static void grow(struct table *table) {
    struct table larger = {zeroed(table->size ? table->size * 2 : FIRST_SLOTS, sizeof(struct entry)),
                           table->size ? table->size * 2 : FIRST_SLOTS, 0};
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].count) add(&larger, table->slots[i]);
    free(table->slots);
    *table = larger;
}

static void add(struct table *table, struct entry new) {
    if (table->used * 2 >= table->size) grow(table);
    for (size_t i = new.hash & (table->size - 1);; i = (i + 1) & (table->size - 1)) {
        struct entry *slot = &table->slots[i];
        if (!slot->count) {
            *slot = new;
            table->used++;
            return;
        }
        if (slot->hash == new.hash && slot->length == new.length && !memcmp(slot->word, new.word, new.length)) {
            slot->count += new.count;
            return;
        }
    }
}

static int is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static void count_words(struct table *table, const char *at, const char *end) {
    while (at < end) {
        const char *start;
        uint32_t hash = 2166136261u;
        while (at < end && is_space(*at)) at++;
        for (start = at; at < end && !is_space(*at); at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
        if (at > start) add(table, (struct entry){start, (uint32_t)(at - start), hash, 1});
    }
}

static void *work(void *argument) {
    struct share *share = argument;
    for (int i = share->first; i < share->count; i += THREADS) {
        struct stat about;
        int fd = open(share->files[i], O_RDONLY);
        if (fd < 0 || fstat(fd, &about) < 0) { perror(share->files[i]); exit(1); }
        if (about.st_size) {
            const char *text = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
            if (text == MAP_FAILED) { perror(share->files[i]); exit(1); }
            count_words(&share->table, text, text + about.st_size);
        }
        close(fd);
    }
    return NULL;
}

int main(int count, char **arguments) {
    struct share shares[THREADS] = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        shares[i] = (struct share){arguments + 1, i, count - 1, {0}};
        if (pthread_create(&threads[i], NULL, work, &shares[i])) { fputs("no thread\n", stderr); return 1; }
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        for (size_t j = 0; j < shares[i].table.size; j++)
            if (shares[i].table.slots[j].count) add(&shares[0].table, shares[i].table.slots[j]);
    for (size_t j = 0; j < shares[0].table.size; j++) {
        const struct entry *entry = &shares[0].table.slots[j];
        if (entry->count) printf("%.*s %llu\n", (int)entry->length, entry->word, (unsigned long long)entry->count);
    }
    return fflush(stdout) != 0;
}
