#include <disco_worker.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The next word of ASCII letters in [*at, end), made lower-case in place: 1, or 0 when there is none. */
static int next_word(char **at, char *end, disco_slice *word) {
    char *start;
    while (*at < end && (**at | 0x20) - 'a' + 0u >= 26) ++*at;
    for (start = *at; *at < end && (**at | 0x20) - 'a' + 0u < 26; ++*at) **at |= 0x20;
    *word = disco_slice_of(start, (size_t)(*at - start));
    return word->len > 0;
}

/* A word that comes twice in a line is emitted twice: the reduce removes the second. */
static int mentions(disco_task *task, disco_slice key, disco_slice line) {
    const char *tab = line.len ? memchr(line.data, '\t', line.len) : NULL;
    disco_bytes text = {0};
    disco_slice number, word;
    char *at;
    int result;
    (void)key;
    if (!tab) return disco_fail(task, DISCO_E_FATAL, "a line needs its number before it");
    number = disco_slice_of(line.data, (size_t)(tab - line.data));
    result = disco_bytes_append(&text, tab + 1, line.len - number.len - 1);
    at = text.data;
    while (result >= 0 && next_word(&at, text.data + text.len, &word)) result = disco_emit(task, word, number);
    disco_bytes_free(&text);
    return result;
}

static int by_number(const void *one, const void *other) {
    int64_t left = *(const int64_t *)one, right = *(const int64_t *)other;
    return (left > right) - (left < right);
}

static int append_number(disco_bytes *list, int64_t number) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, list->len ? " %" PRId64 : "%" PRId64, number);
    return disco_bytes_append(list, digits, (size_t)length);
}

static int emit_list(disco_task *task, disco_slice word, int64_t *numbers, size_t count) {
    disco_bytes list = {0};
    int result = 0;
    if (count) qsort(numbers, count, sizeof *numbers, by_number);
    for (size_t i = 0; result >= 0 && i < count; i++)
        if (i == 0 || numbers[i] != numbers[i - 1]) result = append_number(&list, numbers[i]);
    if (result >= 0) result = disco_emit(task, word, disco_slice_of(list.data, list.len));
    disco_bytes_free(&list);
    return result;
}

static int postings(disco_task *task, disco_slice word, disco_values *values) {
    disco_bytes numbers = {0};
    disco_slice value;
    int64_t number;
    int result = 0;
    while (result >= 0 && disco_next_value(values, &value) > 0)
        if (disco_slice_int(value, &number) < 0)
            result = disco_fail(task, DISCO_E_FATAL, "a line's number is none: %.*s", (int)value.len, value.data);
        else
            result = disco_bytes_append(&numbers, &number, sizeof number);
    if (result >= 0) result = emit_list(task, word, (int64_t *)(void *)numbers.data, numbers.len / sizeof number);
    disco_bytes_free(&numbers);
    return result;
}

int main(void) {
    disco_job job = {.map = mentions, .reduce = postings};
    return disco_main(&job);
}
