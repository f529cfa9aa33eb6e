/* What the blocking worker is made of. A `disco_worker` lives as long as its process and owns the conversation; a
 * `disco_task` is one task of it. Every failure ends in one place: the worker's error (the conversation is broken)
 * or the task's (it ends in ERROR or FATAL); the first one stays. */
#ifndef DISCO_WORKER_INTERNAL_H
#define DISCO_WORKER_INTERNAL_H

#include "base/base.h"
#include "streams/stream.h"
#include "process/surroundings.h"

/* ---- capture: what is printed, kept off the protocol's pipes ---- */

typedef struct disco_capture {
    int fd; /* -1: nothing is captured */
    int64_t told_bytes;
} disco_capture;

/* Points descriptors 1 and 2 to a file without a name. 0 or DISCO_E_ELSEWHERE. */
int disco_capture_start(disco_capture *capture, disco_error *error);
void disco_capture_stop(disco_capture *capture);
/* What came in since the last call, at most its newest part; empty when nothing did. */
int disco_capture_take(disco_capture *capture, disco_bytes *printed);
/* Keeps what nobody has taken from growing: only its newest part would be told. */
void disco_capture_trim(const disco_capture *capture);

/* ---- the conversation ---- */

typedef struct disco_worker {
    const disco_job *job;
    disco_limits limits;
    int replies_fd, requests_fd;
    disco_session *session;
    disco_bytes outgoing;
    disco_capture capture;
    disco_surroundings surroundings; /* kept when home_fd is not negative: the process is ours */
    bool telling_prints;
    double last_said_s;
    disco_http *http;
    disco_error error; /* sticky: the conversation is over */
    /* what the job file said, and which one that was */
    char *jobfile;
    uint32_t nr_reduces;
    bool has_reduce;
} disco_worker;

/* Sends a request and waits for its reply. 0, or the worker's sticky error. The caller clears the reply. */
int disco_ask(disco_worker *worker, const disco_message *request, disco_message *reply);
/* The same where the reply is OK and says nothing. */
int disco_tell(disco_worker *worker, const disco_message *request);
int disco_say(disco_worker *worker, disco_kind kind, disco_slice text);
int disco_tell_prints(disco_worker *worker);
/* Tells Disco that it sent something wrong, if that can be said. */
void disco_complain(disco_worker *worker);
/* Sleeps, but notices at once when Disco closes the pipe. */
int disco_worker_pause(disco_worker *worker, double seconds);

/* ---- a task ---- */

typedef struct disco_shuffle disco_shuffle;

typedef struct disco_seen {
    int64_t *ids;
    size_t count, capacity;
} disco_seen;

struct disco_task {
    disco_worker *worker;
    const disco_task_info *info;
    disco_place place;
    disco_error error; /* sticky */
    /* inputs */
    disco_message poll; /* the last list of inputs */
    size_t poll_at;
    bool polled, waiting, found_new;
    double pause_s;
    disco_seen seen;
    disco_input *input;
    /* outputs */
    disco_output *outputs;
    size_t open_outputs;
    char *folder; /* relative to the job home; NULL until something is written */
    unsigned next_output;
    disco_shuffle *shuffle;
};

/* Sets the task's error from a lower layer's. */
int disco_task_fail_with(disco_task *task, int code, const disco_error *reason);
/* DISCO_E_... when the task or its conversation has failed before. */
int disco_task_status(const disco_task *task);
int disco_task_ask(disco_task *task, const disco_message *request, disco_message *reply);
int disco_task_tell(disco_task *task, const disco_message *request);

void disco_input_free(disco_input *input);
/* Takes over entry `entry` of the poll. */
disco_input *disco_input_new(disco_task *task, const disco_input_entry *entry);
bool disco_input_holds_hunks(disco_input *input);

int disco_task_folder(disco_task *task);
int disco_close_outputs(disco_task *task);
void disco_forget_outputs(disco_task *task);

/* Reads `nr_reduces` and `reduce?` of the task's job file into the worker, once. */
int disco_read_jobfile(disco_task *task);

/* ---- from emitted records to outputs ---- */

int disco_shuffle_start(disco_task *task);
int disco_shuffle_finish(disco_task *task);
void disco_shuffle_free(disco_task *task);

struct disco_values {
    int (*next)(disco_values *values, disco_slice *value);
};

/* ---- sorting with bounded memory ---- */

typedef struct disco_sorter disco_sorter;

/* Runs that do not fit into `memory_bytes` go to nameless files in `folder`. */
disco_sorter *disco_sorter_new(const char *folder, const disco_limits *limits, disco_error *error);
void disco_sorter_free(disco_sorter *sorter);
int disco_sorter_add(disco_sorter *sorter, disco_slice key, disco_slice value);
/* After the last add: 1 with the next record in order of keys, equal keys in the order of adding; 0 at the end. */
int disco_sorter_next(disco_sorter *sorter, disco_slice *key, disco_slice *value);
const disco_error *disco_sorter_error(const disco_sorter *sorter);
size_t disco_sorter_runs(const disco_sorter *sorter);

/* ---- combining before the shuffle ---- */

typedef struct disco_combiner disco_combiner;
typedef int (*disco_pair_fn)(void *context, disco_slice key, disco_slice value);
typedef int (*disco_combine_fn)(void *context, disco_slice key, disco_values *values);

/* `combine` is called for some values of a key and answers by disco_combiner_add; `flush` takes what is left. */
disco_combiner *disco_combiner_new(size_t memory_bytes, disco_combine_fn combine, disco_pair_fn flush, void *context);
void disco_combiner_free(disco_combiner *combiner);
int disco_combiner_add(disco_combiner *combiner, disco_slice key, disco_slice value);
int disco_combiner_flush(disco_combiner *combiner);

int disco_run_map(disco_task *task);
int disco_run_reduce(disco_task *task);

#endif
