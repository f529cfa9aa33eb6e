/* Counts words, as the external map and the external reduce of one job: its argument says which it is. */
#include <ctype.h>
#include <disco.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_entry(p_entry **entry, const char *data, uint32_t len) {
    if (!*entry || (*entry)->size < len) {
        free(*entry);
        *entry = dxmalloc(sizeof **entry + len + 1);
        (*entry)->size = len;
    }
    (*entry)->len = len;
    memcpy((*entry)->data, data, len);
    (*entry)->data[len] = '\0';
}

/* The next word from `at` on, which is moved behind it; its length, or 0 when there is none. */
static uint32_t next_word(const char **at, const char *end, const char **word) {
    while (*at < end && isspace((unsigned char)**at)) ++*at;
    *word = *at;
    while (*at < end && !isspace((unsigned char)**at)) ++*at;
    return (uint32_t)(*at - *word);
}

/* Each word of a line, with a one. How many there are has to be said first. */
static void map(void) {
    p_entry *key = NULL, *line = NULL, *out = NULL, *one = NULL;
    set_entry(&one, "1", 1);
    while (read_kv(&key, &line)) {
        const char *at = line->data, *end = at + line->len, *word;
        uint32_t len;
        int words = 0;
        while (next_word(&at, end, &word)) words++;
        write_num_prefix(words);
        at = line->data;
        while ((len = next_word(&at, end, &word)) > 0) {
            set_entry(&out, word, len);
            write_kv(out, one);
        }
    }
}

/* Adds up in a Judy array, and writes it when all is read. */
static void reduce(void) {
    p_entry *key = NULL, *value = NULL;
    Pvoid_t counts = NULL;
    Word_t *count;
    size_t longest = 0;
    while (read_kv(&key, &value)) {
        JSLI(count, counts, (const uint8_t *)key->data);
        if (count == PJERR) die("no memory for the counts");
        *count += strtoul(value->data, NULL, 10);
        if (key->len > longest) longest = key->len;
    }
    uint8_t *word = dxmalloc((unsigned)longest + 1);
    word[0] = '\0';
    JSLF(count, counts, word);
    while (count) {
        char digits[24];
        snprintf(digits, sizeof digits, "%lu", *count);
        set_entry(&key, (const char *)word, (uint32_t)strlen((const char *)word));
        set_entry(&value, digits, (uint32_t)strlen(digits));
        write_num_prefix(1);
        write_kv(key, value);
        JSLN(count, counts, word);
    }
}

int main(int argc, char **argv) {
    read_parameters();
    if (argc == 2 && strcmp(argv[1], "map") == 0)
        map();
    else if (argc == 2 && strcmp(argv[1], "reduce") == 0)
        reduce();
    else
        die("the argument must be map or reduce");
    return 0;
}
