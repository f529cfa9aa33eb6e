/* Any bytes, in any pieces, into both ends of a session: what comes of them does not depend on how they were cut, and
 * what can be parsed can be written and parsed again. The first byte of the input picks the pieces. */
#include <stdlib.h>

#include "disco_worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_true) {
    if (!is_true) abort();
}

/* Writes a message anew and parses that. */
static void pass_on(const disco_message *message, disco_role sender) {
    disco_bytes out = {0};
    disco_frame frame;
    disco_message again;
    check(disco_message_append(&out, message, NULL) == 0);
    check(disco_frame_parse(out.data, out.len, 0, &frame, NULL) == (ptrdiff_t)out.len);
    check(disco_message_parse(&frame, sender, &again, NULL) == 0);
    check(again.kind == message->kind);
    disco_message_clear(&again);
    disco_bytes_free(&out);
}

/* The number of frames before the end or the first fault, and that fault. */
static size_t frames_of(const char *bytes, size_t len, disco_fault *fault) {
    size_t at = 0, count = 0;
    disco_frame frame;
    for (;; count++) {
        ptrdiff_t taken = disco_frame_parse(bytes + at, len - at, 0, &frame, fault);
        if (taken <= 0) return count;
        check((size_t)taken <= len - at && frame.payload.data + frame.payload.len < bytes + len);
        for (int role = DISCO_ROLE_WORKER; role <= DISCO_ROLE_DISCO; role++) {
            disco_message message;
            if (disco_message_parse(&frame, (disco_role)role, &message, NULL) == 0) {
                pass_on(&message, (disco_role)role);
                disco_message_clear(&message);
            }
        }
        at += (size_t)taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t piece = (size_t)data[0] % 16 + 1, at = 0;
    const char *bytes = (const char *)data + 1;
    disco_fault whole, in_pieces;
    size_t count = frames_of(bytes, size - 1, &whole), seen = 0;
    char *copy = malloc(size);
    disco_session *disco = disco_session_new(DISCO_ROLE_DISCO, NULL);
    check(copy && disco);
    memcpy(copy, bytes, size - 1);
    while (at < size - 1) {
        size_t len = size - 1 - at < piece ? size - 1 - at : piece;
        disco_message message;
        check(disco_session_feed(disco, copy + at, len) == 0);
        while (disco_session_next(disco, &message) == DISCO_MESSAGE) {
            seen++;
            disco_message_clear(&message);
        }
        at += len;
    }
    in_pieces = disco_session_fault(disco);
    check(seen <= count);
    if (in_pieces != DISCO_FAULT_NONE) check(in_pieces == whole && seen == count);
    disco_session_free(disco);
    free(copy);
    return 0;
}
