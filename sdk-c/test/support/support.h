/* For all tests: cmocka, the shared vectors, files, and folders that are gone afterwards. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "disco_client.h"
#include "disco_test.h"
#include "disco_worker.h"

/* The whole file; the test fails when it cannot be read. Ends with a NUL that does not count. */
disco_bytes read_file(const char *path);
void write_file(const char *path, const void *data, size_t len);

/* Calls `check` for each file in vectors/FOLDER whose name ends in `suffix`, with its path up to the suffix. */
typedef void (*vector_check)(const char *stem);
size_t for_each_vector(const char *folder, const char *suffix, vector_check check);
json_t *load_json(const char *stem, const char *suffix);

/* A fresh folder below the system's for temporary files; `remove_folder` empties it again. */
char *make_folder(void);
void remove_folder(char *path);

disco_bytes decode_base64(const char *text);
void assert_bytes(const disco_bytes *found, const char *wanted);

/* A stream over bytes that gives `piece` of them at a time. */
typedef struct source {
    const char *data;
    size_t len, at, piece;
} source;
ptrdiff_t read_source(void *from, void *buffer, size_t size);
int write_bytes(void *to, const void *data, size_t len);

#endif
