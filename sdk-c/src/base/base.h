/* What every layer uses: error values, growing bytes, limits with their defaults filled in. */
#ifndef DISCO_BASE_H
#define DISCO_BASE_H

#include <stdarg.h>
#include <stdbool.h>

#include "disco_worker.h"

/* Sets the error (unless it is already set: the first one counts) and returns its code. */
int disco_error_set(disco_error *error, int code, const char *format, ...) DISCO_PRINTF(3, 4);
int disco_error_vset(disco_error *error, int code, const char *format, va_list arguments);
int disco_no_memory(disco_error *error);

enum { DISCO_QUOTED_BYTES = 200 };
typedef struct disco_quoted {
    char text[DISCO_QUOTED_BYTES];
} disco_quoted;
/* Bytes as an error text can show them: one line, cut where it grows long. */
disco_quoted disco_quote(disco_slice bytes);

int disco_bytes_reserve(disco_bytes *bytes, size_t extra);
int disco_bytes_put(disco_bytes *bytes, const char *text);
int disco_bytes_format(disco_bytes *bytes, const char *format, ...) DISCO_PRINTF(2, 3);
/* A JSON string with its quotes. Bytes that are no UTF-8 are shown as \xNN. */
int disco_bytes_json_string(disco_bytes *bytes, disco_slice text);
/* The length of the UTF-8 character at `at`, or 0 when there is none. */
size_t disco_utf8_length(const unsigned char *at, size_t left);

disco_limits disco_limits_with_defaults(const disco_limits *given);
double disco_now_s(void); /* a monotonic clock */
char *disco_copy_text(disco_slice text);

#endif
