/* Frames: `NAME SP LENGTH SP PAYLOAD LF`, and nothing else.
 *
 * The parser is a prefix machine without state: the first byte that cannot stand where it stands decides the
 * fault, so the same bytes give the same answer however they were split. It looks at a header again at each call
 * (at most 21 bytes) and at the bytes of a payload never, so reading a frame in small pieces costs no more than
 * its length. What a payload says is left to `message`. */
#include <stdio.h>

#include "base/base.h"

enum { MAX_LENGTH_DIGITS = 9 };

static ptrdiff_t broken(disco_fault *fault, disco_fault what) {
    if (fault) *fault = what;
    return DISCO_E_FRAME;
}

static bool is_name_byte(char byte) { return (byte >= 'A' && byte <= 'Z') || byte == '_'; }

/* The name and its space: bytes taken, 0 for more, or DISCO_E_FRAME. */
static ptrdiff_t parse_name(const char *bytes, size_t len, disco_frame *frame, disco_fault *fault) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == ' ' && i > 0) {
            frame->name[i] = '\0';
            return (ptrdiff_t)i + 1;
        }
        if (!is_name_byte(bytes[i]) || i == DISCO_MAX_NAME_BYTES) return broken(fault, DISCO_FAULT_NAME);
        frame->name[i] = bytes[i];
    }
    return 0;
}

static ptrdiff_t parse_length(const char *bytes, size_t len, size_t max_payload_bytes, size_t *length,
                              disco_fault *fault) {
    size_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == ' ' && i > 0) {
            *length = value;
            return (ptrdiff_t)i + 1;
        }
        if (bytes[i] < '0' || bytes[i] > '9') return broken(fault, DISCO_FAULT_LENGTH);
        if (i == 1 && bytes[0] == '0') return broken(fault, DISCO_FAULT_LENGTH);
        if (value > (SIZE_MAX - 9) / 10) return broken(fault, DISCO_FAULT_TOO_LARGE);
        value = value * 10 + (size_t)(bytes[i] - '0');
        if (value > max_payload_bytes) return broken(fault, DISCO_FAULT_TOO_LARGE);
    }
    return 0;
}

ptrdiff_t disco_frame_parse(const char *bytes, size_t len, size_t max_payload_bytes, disco_frame *frame,
                            disco_fault *fault) {
    size_t length = 0;
    if (fault) *fault = DISCO_FAULT_NONE;
    if (!max_payload_bytes) max_payload_bytes = DISCO_MAX_PAYLOAD_BYTES;
    ptrdiff_t name = parse_name(bytes, len, frame, fault);
    if (name <= 0) return name;
    size_t at = (size_t)name;
    ptrdiff_t digits = parse_length(bytes + at, len - at, max_payload_bytes, &length, fault);
    if (digits <= 0) return digits;
    at += (size_t)digits;
    if (len - at <= length) return 0;
    if (bytes[at + length] != '\n') return broken(fault, DISCO_FAULT_TERMINATOR);
    frame->payload = disco_slice_of(bytes + at, length);
    return (ptrdiff_t)(at + length + 1);
}

const char *disco_fault_name(disco_fault fault) {
    switch (fault) {
    case DISCO_FAULT_NAME: return "name";
    case DISCO_FAULT_LENGTH: return "length";
    case DISCO_FAULT_TOO_LARGE: return "payload-too-large";
    case DISCO_FAULT_TERMINATOR: return "terminator";
    case DISCO_FAULT_TRUNCATED: return "truncated";
    default: return "none";
    }
}

int disco_frame_append(disco_bytes *out, const char *name, disco_slice payload) {
    size_t name_bytes = strlen(name);
    if (name_bytes == 0 || name_bytes > DISCO_MAX_NAME_BYTES) return DISCO_E_TURN;
    for (size_t i = 0; i < name_bytes; i++)
        if (!is_name_byte(name[i])) return DISCO_E_TURN;
    if (payload.len > DISCO_MAX_PAYLOAD_BYTES) return DISCO_E_TURN;
    size_t before = out->len;
    int status = disco_bytes_reserve(out, name_bytes + MAX_LENGTH_DIGITS + payload.len + 3);
    if (status == 0) status = disco_bytes_append(out, name, name_bytes);
    if (status == 0) status = disco_bytes_format(out, " %zu ", payload.len);
    if (status == 0) status = disco_bytes_append(out, payload.data, payload.len);
    if (status == 0) status = disco_bytes_append(out, "\n", 1);
    if (status < 0) out->len = before;
    return status;
}
