/* The external interface over standard input, output and error. One thread, like the pipes that it serves. */
#include <disco.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENTRY_BYTES = 1 << 30, MAX_DIGITS = 10, MAX_LINE_BYTES = 4096, FIRST_ENTRY_BYTES = 60 };

/* One line a message: the other side reads lines. */
static void say(const char *kind, const char *format, va_list arguments) {
    char line[MAX_LINE_BYTES];
    if (vsnprintf(line, sizeof line, format, arguments) < 0) line[0] = '\0';
    for (char *at = line; *at; at++)
        if (*at == '\n' || *at == '\r') *at = ' ';
    fprintf(stderr, "**<%s> %s\n", kind, line);
    fflush(stderr);
}

void msg(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("MSG", format, arguments);
    va_end(arguments);
}

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("ERR", format, arguments);
    va_end(arguments);
    exit(1);
}

void *dxmalloc(unsigned int size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) die("no memory for %u bytes", size);
    return memory;
}

static void grow_entry(p_entry **entry, uint32_t size) {
    if (*entry && (*entry)->size >= size) return;
    if (size < FIRST_ENTRY_BYTES) size = FIRST_ENTRY_BYTES;
    p_entry *grown = realloc(*entry, sizeof *grown + size + 1);
    if (!grown) die("no memory for an entry of %u bytes", size);
    grown->size = size;
    *entry = grown;
}

void copy_entry(p_entry **dst, const p_entry *src) {
    if (*dst == src) return;
    grow_entry(dst, src->len);
    (*dst)->len = src->len;
    memcpy((*dst)->data, src->data, src->len);
    (*dst)->data[src->len] = '\0';
}

static void read_bytes(void *into, size_t size, const char *what) {
    if (size && fread(into, size, 1, stdin) != 1) die("the input ends inside %s", what);
}

/* 0 when the input ends before the number. */
static int read_number(uint32_t *number, const char *what) {
    unsigned char bytes[4];
    size_t got = fread(bytes, 1, sizeof bytes, stdin);
    if (got == 0) return 0;
    if (got != sizeof bytes) die("the input ends inside the length of %s", what);
    *number = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return 1;
}

static void read_entry(p_entry **entry, uint32_t len, const char *what) {
    if (len > MAX_ENTRY_BYTES) die("%s of %u bytes is too long: at most %d are allowed", what, len, MAX_ENTRY_BYTES);
    grow_entry(entry, len);
    (*entry)->len = len;
    read_bytes((*entry)->data, len, what);
    (*entry)->data[len] = '\0';
}

int read_kv(p_entry **key, p_entry **val) {
    uint32_t len;
    if (!read_number(&len, "a key")) return 0;
    read_entry(key, len, "a key");
    if (!read_number(&len, "a value")) die("the input ends between a key and its value");
    read_entry(val, len, "a value");
    return 1;
}

/* Decimal digits and the byte `end` after them; `used` counts the bytes read. */
static uint32_t read_decimal(int end, uint32_t *used) {
    uint64_t number = 0;
    for (int digits = 0;; digits++) {
        int byte = getchar();
        ++*used;
        if (byte == end && digits > 0) return (uint32_t)number;
        if (byte < '0' || byte > '9' || digits == MAX_DIGITS)
            die("the parameters are no netstrings: a length is expected");
        number = number * 10 + (uint64_t)(byte - '0');
        if (number > MAX_ENTRY_BYTES) die("the parameters are too long");
    }
}

/* `len SP bytes`, then the byte `end`. */
static p_entry *read_netstring(int end, uint32_t *used) {
    p_entry *entry = NULL;
    uint32_t len = read_decimal(' ', used);
    read_entry(&entry, len, "a parameter");
    if (getchar() != end) die("the parameters are no netstrings: %s ends elsewhere", entry->data);
    *used += len + 1;
    return entry;
}

Pvoid_t read_parameters(void) {
    Pvoid_t parameters = NULL;
    uint32_t used = 0, ignored = 0, total = read_decimal('\n', &ignored);
    while (used < total) {
        PWord_t slot;
        p_entry *key = read_netstring(' ', &used), *value = read_netstring('\n', &used);
        JSLI(slot, parameters, (const uint8_t *)key->data);
        if (slot == PJERR) die("no memory for the parameters");
        if (*slot) free((p_entry *)*slot);
        *slot = (Word_t)value;
        free(key);
    }
    if (used != total) die("the parameters take %u bytes, not %u as was said", used, total);
    return parameters;
}

static void write_bytes(const void *data, size_t size) {
    if (size && fwrite(data, size, 1, stdout) != 1) die("the results cannot be written: %s", strerror(errno));
}

static void write_number(uint32_t number) {
    unsigned char bytes[4] = {(unsigned char)number, (unsigned char)(number >> 8), (unsigned char)(number >> 16),
                              (unsigned char)(number >> 24)};
    write_bytes(bytes, sizeof bytes);
}

static void flush(void) {
    if (fflush(stdout)) die("the results cannot be written: %s", strerror(errno));
}

void write_num_prefix(int num) {
    if (num < 0) die("a result list cannot have %d pairs", num);
    write_number((uint32_t)num);
    flush();
}

void write_kv(const p_entry *key, const p_entry *val) {
    write_number(key->len);
    write_bytes(key->data, key->len);
    write_number(val->len);
    write_bytes(val->data, val->len);
    flush();
}
