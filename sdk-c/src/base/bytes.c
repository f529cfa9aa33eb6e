#include <stdio.h>
#include <stdlib.h>

#include "base.h"

enum { FIRST_CAPACITY = 256 };

int disco_bytes_reserve(disco_bytes *bytes, size_t extra) {
    if (extra <= bytes->capacity - bytes->len) return 0;
    if (extra > SIZE_MAX / 2 - bytes->len) return DISCO_E_MEMORY;
    size_t wanted = bytes->len + extra;
    size_t capacity = bytes->capacity ? bytes->capacity : FIRST_CAPACITY;
    while (capacity < wanted) capacity *= 2;
    char *data = realloc(bytes->data, capacity);
    if (!data) return DISCO_E_MEMORY;
    bytes->data = data;
    bytes->capacity = capacity;
    return 0;
}

int disco_bytes_append(disco_bytes *bytes, const void *data, size_t len) {
    if (disco_bytes_reserve(bytes, len) < 0) return DISCO_E_MEMORY;
    if (len) memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    return 0;
}

int disco_bytes_put(disco_bytes *bytes, const char *text) { return disco_bytes_append(bytes, text, strlen(text)); }

int disco_bytes_format(disco_bytes *bytes, const char *format, ...) {
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text) return DISCO_E_MEMORY;
    return disco_bytes_append(bytes, text, (size_t)len);
}

void disco_bytes_free(disco_bytes *bytes) {
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

size_t disco_utf8_length(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xf0 && first <= 0xf4  ? 4
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xc2 && first < 0xe0 ? 2
                                                    : 0;
    if (length == 0 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f)) return 0;
    if ((first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f)) return 0;
    return length;
}

static int put_escaped(disco_bytes *bytes, unsigned char byte) {
    switch (byte) {
    case '"': return disco_bytes_append(bytes, "\\\"", 2);
    case '\\': return disco_bytes_append(bytes, "\\\\", 2);
    case '\n': return disco_bytes_append(bytes, "\\n", 2);
    default: return disco_bytes_format(bytes, byte < 0x20 ? "\\u%04x" : "\\\\x%02x", byte);
    }
}

int disco_bytes_json_string(disco_bytes *bytes, disco_slice text) {
    const unsigned char *at = (const unsigned char *)text.data;
    size_t done = 0, left = text.len;
    int status = disco_bytes_append(bytes, "\"", 1);
    while (status == 0 && left) {
        bool plain = at[done] >= 0x20 && at[done] != '"' && at[done] != '\\';
        size_t length = plain ? disco_utf8_length(at + done, left) : 0;
        if (length) {
            done += length;
            left -= length;
            if (left) continue;
        }
        status = disco_bytes_append(bytes, at, done);
        at += done;
        done = 0;
        if (status == 0 && !length) {
            status = put_escaped(bytes, *at++);
            left--;
        }
    }
    return status == 0 ? disco_bytes_append(bytes, "\"", 1) : status;
}

int disco_slice_compare(disco_slice one, disco_slice other) {
    size_t common = one.len < other.len ? one.len : other.len;
    int order = common ? memcmp(one.data, other.data, common) : 0;
    if (order) return order;
    return one.len < other.len ? -1 : one.len > other.len;
}

static bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

int disco_next_word(disco_slice *rest, disco_slice *word) {
    const char *at = rest->data, *end = at ? at + rest->len : at;
    while (at < end && is_space(*at)) at++;
    const char *start = at;
    while (at < end && !is_space(*at)) at++;
    *word = disco_slice_of(start, (size_t)(at - start));
    *rest = disco_slice_of(at, (size_t)(end - at));
    return word->len > 0;
}

int disco_slice_int(disco_slice text, int64_t *number) {
    const char *at = text.data, *end = at ? at + text.len : at;
    bool is_negative = at < end && *at == '-';
    uint64_t value = 0, most = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (is_negative) at++;
    if (at == end) return DISCO_E_DATA;
    for (; at < end; at++) {
        uint64_t digit = (uint64_t)(unsigned char)*at - '0';
        if (digit > 9 || value > (most - digit) / 10) return DISCO_E_DATA;
        value = value * 10 + digit;
    }
    *number = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

char *disco_copy_text(disco_slice text) {
    char *copy = malloc(text.len + 1);
    if (copy) {
        if (text.len) memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}
