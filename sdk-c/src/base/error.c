#include <stdio.h>
#include <time.h>

#include "base.h"

disco_remedy disco_err_remedy(int code) {
    switch (code) {
    case DISCO_E_FATAL:
    case DISCO_E_MESSAGE:
    case DISCO_E_TURN: return DISCO_SAY_FATAL;
    case DISCO_E_GONE: return DISCO_SAY_NOTHING;
    default: return code < 0 ? DISCO_SAY_ERROR : DISCO_SAY_NOTHING;
    }
}

const char *disco_err_name(int code) {
    switch (code) {
    case DISCO_E_ELSEWHERE: return "failed here";
    case DISCO_E_DATA: return "unreadable data";
    case DISCO_E_FATAL: return "fatal";
    case DISCO_E_FRAME: return "not a frame";
    case DISCO_E_MESSAGE: return "bad message";
    case DISCO_E_TURN: return "out of turn";
    case DISCO_E_GONE: return "Disco is gone";
    case DISCO_E_MEMORY: return "no memory";
    case DISCO_E_REFUSED: return "refused";
    default: return code < 0 ? "unknown error" : "no error";
    }
}

int disco_error_vset(disco_error *error, int code, const char *format, va_list arguments) {
    if (error && error->code == 0) {
        error->code = code;
        if (vsnprintf(error->text, sizeof error->text, format, arguments) < 0) error->text[0] = '\0';
    }
    return code;
}

int disco_error_set(disco_error *error, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    disco_error_vset(error, code, format, arguments);
    va_end(arguments);
    return code;
}

int disco_no_memory(disco_error *error) {
    return disco_error_set(error, DISCO_E_MEMORY, "no memory left on this machine");
}

disco_quoted disco_quote(disco_slice bytes) {
    disco_quoted quoted;
    size_t at = 0;
    quoted.text[at++] = '"';
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (at + 10 > sizeof quoted.text) {
            memcpy(quoted.text + at, "...", 3);
            at += 3;
            break;
        }
        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
            quoted.text[at++] = (char)byte;
        else
            at += (size_t)snprintf(quoted.text + at, 5, "\\x%02x", byte);
    }
    quoted.text[at++] = '"';
    quoted.text[at] = '\0';
    return quoted;
}

disco_limits disco_limits_with_defaults(const disco_limits *given) {
    disco_limits limits = {0};
    if (given) limits = *given;
    if (!limits.max_payload_bytes) limits.max_payload_bytes = DISCO_MAX_PAYLOAD_BYTES;
    if (!limits.max_hunk_raw_bytes) limits.max_hunk_raw_bytes = DISCO_MAX_HUNK_RAW_BYTES;
    if (!limits.max_index_bytes) limits.max_index_bytes = (size_t)256 << 20;
    if (!limits.memory_bytes) limits.memory_bytes = (size_t)256 << 20;
    if (limits.merge_width < 2) limits.merge_width = 16;
    if (limits.reply_timeout_s <= 0) limits.reply_timeout_s = 600;
    if (limits.heartbeat_s <= 0) limits.heartbeat_s = 10;
    if (limits.first_pause_s <= 0) limits.first_pause_s = 0.1;
    if (limits.longest_pause_s <= 0) limits.longest_pause_s = 5;
    if (limits.connect_timeout_s <= 0) limits.connect_timeout_s = 10;
    if (limits.silence_timeout_s <= 0) limits.silence_timeout_s = 60;
    return limits;
}

double disco_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
