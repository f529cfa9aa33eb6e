#ifndef DISCO_FAKE_H
#define DISCO_FAKE_H

#include <sys/types.h>

#include "base/base.h"
#include "disco_client.h"
#include "disco_test.h"

enum { DISCO_FAKE_KINDS = DISCO_FAIL + 1 };

typedef struct fake_task {
    disco_mode mode;
    int64_t taskid;
    char *jobname;
} fake_task;

typedef struct fake_input {
    int64_t id, next_id;
    disco_replica *replicas;
    size_t count;
    disco_list spares;
    size_t spares_given;
} fake_input;

typedef struct fake_answer {
    disco_kind request;
    size_t nth;
    char *bytes; /* NULL: close */
} fake_answer;

typedef struct fake_output {
    char *location;
    disco_output_type type;
    int32_t label;
} fake_output;

struct disco_fake {
    char *folder, *master, *disco_data, *ddfs_data, *jobfile;
    fake_task *tasks;
    size_t task_count, task_at;
    fake_input *inputs;
    size_t input_count;
    fake_answer *answers;
    size_t answer_count, piece_bytes;
    /* of the run */
    disco_session *session;
    bool is_off_script;
    int requests_fd, replies_fd;
    pid_t pid;
    size_t seen[DISCO_FAKE_KINDS];
    disco_kind outcome;
    char *text;
    int exit_status;
    disco_list messages;
    fake_output *outputs;
    size_t output_count;
    disco_error error;
};

/* Plays Disco until the worker closes its end. */
int disco_fake_serve(disco_fake *fake);

#endif
