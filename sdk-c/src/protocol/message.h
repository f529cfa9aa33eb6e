/* What message, parse and session share. */
#ifndef DISCO_MESSAGE_H
#define DISCO_MESSAGE_H

#include <jansson.h>

#include "base/base.h"

enum { DISCO_MIN_WAIT_S = 1, DISCO_MAX_WAIT_S = 60, DISCO_MAX_PORT = 65535 };
enum { DISCO_KIND_COUNT = DISCO_FAIL + 1 };

/* What a parsed message points into. */
typedef struct disco_message_memory {
    json_t *value;
    disco_input_entry *entries;
    disco_replica *replicas;
    int64_t *ids;
} disco_message_memory;

static inline bool disco_is_request(disco_kind kind) { return kind >= DISCO_WORKER && kind <= DISCO_FATAL; }

/* NULL with a reason when it is not one JSON text. */
json_t *disco_json_load(disco_slice payload, json_error_t *reason);

#endif
