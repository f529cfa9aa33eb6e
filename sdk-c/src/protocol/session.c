/* The order of messages: what each end may say next, for both ends, as one table.
 *
 * A conversation is pulled by the worker: it asks, Disco answers each request once, in order. So there are two
 * states, and each end keeps both. The *worker's* state says what it may ask next; it moves when a request is sent
 * (at the worker's end) or received (at Disco's end), so a worker may pipeline. *Disco's* state is the list of
 * requests it owes an answer to; the oldest says which replies are legal. A reply moves the worker's state in one
 * case alone: TASK as the answer to DONE, which a worker that announced reuse takes as its next task.
 *
 * Invariant: both ends, having seen the same bytes, agree on the worker's state and on what is owed. The first
 * error in what was received is final; sending goes on by the table, so that a worker can still say why it goes. */
#include <stdlib.h>

#include "protocol/message.h"

enum { STAYS = -1, NEVER = -2, STATE_COUNT = DISCO_SAID_FATAL + 1 };
enum { MAX_LAST_WORDS_BYTES = 100 * 1024, MAX_OWED = 1024, KEPT_CAPACITY = 1 << 20 };

#define REQUEST(kind) [(kind)-DISCO_WORKER]
enum { REQUEST_COUNT = DISCO_FATAL - DISCO_WORKER + 1 };

/* One table a version: the state after a request in a state, STAYS, or NEVER where it is out of order. */
static const signed char requests[STATE_COUNT][REQUEST_COUNT] = {
    [DISCO_FRESH] = {REQUEST(DISCO_WORKER) = DISCO_ANNOUNCED, REQUEST(DISCO_TASK_REQUEST) = NEVER,
                     REQUEST(DISCO_INPUT_REQUEST) = NEVER, REQUEST(DISCO_INPUT_ERR) = NEVER, REQUEST(DISCO_MSG) = NEVER,
                     REQUEST(DISCO_OUTPUT) = NEVER, REQUEST(DISCO_PING) = NEVER, REQUEST(DISCO_DONE) = NEVER,
                     REQUEST(DISCO_ERROR) = NEVER, REQUEST(DISCO_FATAL) = NEVER},
    [DISCO_ANNOUNCED] = {REQUEST(DISCO_WORKER) = NEVER, REQUEST(DISCO_TASK_REQUEST) = DISCO_RUNNING,
                         REQUEST(DISCO_INPUT_REQUEST) = NEVER, REQUEST(DISCO_INPUT_ERR) = NEVER,
                         REQUEST(DISCO_MSG) = STAYS, REQUEST(DISCO_OUTPUT) = NEVER, REQUEST(DISCO_PING) = STAYS,
                         REQUEST(DISCO_DONE) = NEVER, REQUEST(DISCO_ERROR) = DISCO_SAID_ERROR,
                         REQUEST(DISCO_FATAL) = DISCO_SAID_FATAL},
    [DISCO_RUNNING] = {REQUEST(DISCO_WORKER) = NEVER, REQUEST(DISCO_TASK_REQUEST) = STAYS,
                       REQUEST(DISCO_INPUT_REQUEST) = STAYS, REQUEST(DISCO_INPUT_ERR) = STAYS,
                       REQUEST(DISCO_MSG) = STAYS, REQUEST(DISCO_OUTPUT) = STAYS, REQUEST(DISCO_PING) = STAYS,
                       REQUEST(DISCO_DONE) = DISCO_SAID_DONE, REQUEST(DISCO_ERROR) = DISCO_SAID_ERROR,
                       REQUEST(DISCO_FATAL) = DISCO_SAID_FATAL},
    [DISCO_SAID_DONE] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [DISCO_SAID_ERROR] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [DISCO_SAID_FATAL] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
};

/* Which replies answer a request, as bits; TASK for DONE only with reuse. */
#define REPLY(kind) (1u << ((kind)-DISCO_OK))
static const unsigned char replies[REQUEST_COUNT] = {
    REQUEST(DISCO_WORKER) = REPLY(DISCO_OK),
    REQUEST(DISCO_TASK_REQUEST) = REPLY(DISCO_TASK),
    REQUEST(DISCO_INPUT_REQUEST) = REPLY(DISCO_INPUT),
    REQUEST(DISCO_INPUT_ERR) = REPLY(DISCO_RETRY) | REPLY(DISCO_WAIT) | REPLY(DISCO_FAIL),
    REQUEST(DISCO_MSG) = REPLY(DISCO_OK),
    REQUEST(DISCO_OUTPUT) = REPLY(DISCO_OK),
    REQUEST(DISCO_PING) = REPLY(DISCO_OK),
    REQUEST(DISCO_DONE) = REPLY(DISCO_OK) | REPLY(DISCO_TASK),
    REQUEST(DISCO_ERROR) = REPLY(DISCO_OK),
    REQUEST(DISCO_FATAL) = REPLY(DISCO_OK),
};

struct disco_session {
    disco_role role;
    disco_state state;
    bool reuse, at_end;
    size_t max_payload_bytes;
    disco_bytes received;
    size_t start; /* of the frame being read */
    disco_fault fault;
    disco_error error;
    size_t owed_first, owed_count;
    unsigned char owed[MAX_OWED]; /* a ring of requests, as indexes */
};

disco_session *disco_session_new(disco_role role, const disco_limits *limits) {
    disco_session *session = calloc(1, sizeof *session);
    if (session) {
        session->role = role;
        session->max_payload_bytes = disco_limits_with_defaults(limits).max_payload_bytes;
    }
    return session;
}

void disco_session_free(disco_session *session) {
    if (!session) return;
    disco_bytes_free(&session->received);
    free(session);
}

const disco_error *disco_session_error(const disco_session *session) { return &session->error; }
disco_fault disco_session_fault(const disco_session *session) { return session->fault; }
disco_state disco_session_state(const disco_session *session) { return session->state; }
size_t disco_session_owed(const disco_session *session) { return session->owed_count; }

disco_slice disco_session_last_words(const disco_session *session) {
    size_t len = session->received.len - session->start;
    return disco_slice_of(session->received.data ? session->received.data + session->start : "",
                          len < MAX_LAST_WORDS_BYTES ? len : MAX_LAST_WORDS_BYTES);
}

/* Why `sender` cannot say `kind` now; NULL when it can. */
static const char *why_not(const disco_session *session, disco_role sender, disco_kind kind) {
    if (disco_is_request(kind) != (sender == DISCO_ROLE_WORKER)) return "this end never says that";
    if (sender == DISCO_ROLE_WORKER) {
        if (requests[session->state][kind - DISCO_WORKER] == NEVER)
            return session->state == DISCO_FRESH       ? "the worker says WORKER first"
                   : session->state == DISCO_ANNOUNCED ? "the worker asks for its TASK first, and says WORKER once"
                   : session->state == DISCO_RUNNING   ? "the worker says WORKER once"
                                                       : "the worker has said its last word";
        return session->owed_count == MAX_OWED ? "too many requests are waiting for their answers" : NULL;
    }
    if (session->owed_count == 0) return "no request is waiting for an answer";
    unsigned char asked = session->owed[session->owed_first];
    if (!(replies[asked] & REPLY(kind))) return "it is no answer to the request that is waiting";
    if (kind == DISCO_TASK && asked == DISCO_DONE - DISCO_WORKER && !session->reuse)
        return "the worker did not announce reuse, so the answer to DONE is OK";
    return NULL;
}

static void move(disco_session *session, disco_role sender, const disco_message *message) {
    if (sender == DISCO_ROLE_WORKER) {
        unsigned char request = (unsigned char)(message->kind - DISCO_WORKER);
        signed char target = requests[session->state][request];
        session->owed[(session->owed_first + session->owed_count++) % MAX_OWED] = request;
        if (message->kind == DISCO_WORKER) session->reuse = message->as.worker.reuse;
        if (target != STAYS) session->state = (disco_state)target;
        return;
    }
    unsigned char asked = session->owed[session->owed_first];
    session->owed_first = (session->owed_first + 1) % MAX_OWED;
    session->owed_count--;
    if (asked == DISCO_DONE - DISCO_WORKER && message->kind == DISCO_TASK) session->state = DISCO_RUNNING;
}

int disco_session_send(disco_session *session, const disco_message *message, disco_bytes *out, disco_error *error) {
    const char *reason = why_not(session, session->role, message->kind);
    if (reason)
        return disco_error_set(error, DISCO_E_TURN, "Cannot send %s: %s", disco_kind_name(message->kind), reason);
    int status = disco_message_append(out, message, error);
    if (status == 0) move(session, session->role, message);
    return status;
}

/* Gives back the room of frames that were read. */
static void forget_frames_read(disco_session *session) {
    disco_bytes *received = &session->received;
    if (!session->start) return;
    received->len -= session->start;
    memmove(received->data, received->data + session->start, received->len);
    session->start = 0;
    if (received->len == 0 && received->capacity > KEPT_CAPACITY) disco_bytes_free(received);
}

int disco_session_feed(disco_session *session, const void *data, size_t len) {
    if (len == 0) session->at_end = true;
    forget_frames_read(session);
    if (session->error.code) { /* only last words are kept now */
        size_t room = session->received.len < MAX_LAST_WORDS_BYTES ? MAX_LAST_WORDS_BYTES - session->received.len : 0;
        if (len > room) len = room;
    }
    if (disco_bytes_append(&session->received, data, len) < 0) return disco_no_memory(&session->error);
    return 0;
}

static int broken(disco_session *session, disco_fault fault) {
    session->fault = fault;
    return disco_error_set(&session->error, DISCO_E_FRAME, "Not a frame (%s): received %s", disco_fault_name(fault),
                           disco_quote(disco_session_last_words(session)).text);
}

int disco_session_next(disco_session *session, disco_message *message) {
    disco_frame frame;
    disco_fault fault;
    disco_role sender = session->role == DISCO_ROLE_WORKER ? DISCO_ROLE_DISCO : DISCO_ROLE_WORKER;
    memset(message, 0, sizeof *message);
    if (session->error.code) return session->error.code;
    size_t len = session->received.len - session->start;
    const char *bytes = len ? session->received.data + session->start : "";
    ptrdiff_t taken = disco_frame_parse(bytes, len, session->max_payload_bytes, &frame, &fault);
    if (taken < 0) return broken(session, fault);
    if (taken == 0) {
        if (!session->at_end) return DISCO_NEED_DATA;
        return len ? broken(session, DISCO_FAULT_TRUNCATED) : DISCO_END_OF_INPUT;
    }
    session->start += (size_t)taken;
    int status = disco_message_parse(&frame, sender, message, &session->error);
    if (status < 0) {
        /* A bad TASK in answer to DONE has begun a task all the same: FATAL can be said of it. */
        bool is_task = sender == DISCO_ROLE_DISCO && strcmp(frame.name, "TASK") == 0;
        if (is_task && session->state == DISCO_SAID_DONE && session->reuse) session->state = DISCO_RUNNING;
        return status;
    }
    const char *reason = why_not(session, sender, message->kind);
    if (reason) {
        disco_message_clear(message);
        return disco_error_set(&session->error, DISCO_E_MESSAGE, "Bad message %s: out of order: %s", frame.name,
                               reason);
    }
    move(session, sender, message);
    return DISCO_MESSAGE;
}
