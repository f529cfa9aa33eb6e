/* JSON payloads to values. The library for it refuses numbers that C cannot hold, and JSON knows no such limit: a key
 * that this version leaves alone may hold any number. So where that is what stopped it, numbers out of range are
 * replaced by a fraction, which no field of the protocol takes for an integer. */
#include <stdlib.h>

#include "protocol/message.h"

enum { MAX_INTEGER_DIGITS = 18, MAX_EXPONENT_DIGITS = 2 };
static const char stand_in[] = "0.5";

static size_t digits_at(const char *at, const char *end) {
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    return (size_t)(at - start);
}

/* The length of the number at `at` by JSON's grammar, 0 when it is none. */
static size_t number_at(const char *at, const char *end, bool *out_of_range) {
    const char *start = at;
    size_t whole, fraction = 0, exponent = 0;
    bool is_real = false;
    if (at < end && *at == '-') at++;
    whole = digits_at(at, end);
    if (whole == 0 || (whole > 1 && *at == '0')) return 0;
    at += whole;
    if (at < end && *at == '.') {
        is_real = true;
        fraction = digits_at(++at, end);
        if (fraction == 0) return 0;
        at += fraction;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        is_real = true;
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        exponent = digits_at(at, end);
        if (exponent == 0) return 0;
        at += exponent;
    }
    *out_of_range = is_real ? exponent > MAX_EXPONENT_DIGITS || whole > MAX_INTEGER_DIGITS : whole > MAX_INTEGER_DIGITS;
    return (size_t)(at - start);
}

static void replace_numbers(char *at, const char *end) {
    for (bool in_string = false; at < end;) {
        bool out_of_range = false;
        size_t length = in_string ? 0 : number_at(at, end, &out_of_range);
        if (in_string && *at == '\\')
            at++;
        else if (*at == '"')
            in_string = !in_string;
        if (out_of_range) {
            memset(at, ' ', length);
            memcpy(at, stand_in, sizeof stand_in - 1);
        }
        at += length ? length : 1;
    }
}

json_t *disco_json_load(disco_slice payload, json_error_t *reason) {
    json_t *value = json_loadb(payload.data, payload.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, reason);
    if (value || json_error_code(reason) != json_error_numeric_overflow) return value;
    char *copy = disco_copy_text(payload);
    if (!copy) return NULL;
    replace_numbers(copy, copy + payload.len);
    value = json_loadb(copy, payload.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, reason);
    free(copy);
    return value;
}
