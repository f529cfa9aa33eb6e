/* The loops around a map and a reduce function. */
#include "worker/worker.h"

enum { RECORDS_A_HEARTBEAT = 1024 };

typedef struct group_values {
    disco_values base;
    disco_task *task;
    disco_sorter *sorter;
    disco_slice key;   /* of this group */
    disco_slice value; /* of the record read last */
    bool has_value;    /* which belongs to the group and was not given out */
    bool is_over;      /* the record read last begins the next group, or there is none */
    int status;        /* of the last read */
    disco_slice next_key;
    unsigned read;
} group_values;

static int beat(disco_task *task, unsigned *count) {
    return ++*count % RECORDS_A_HEARTBEAT == 0 ? disco_heartbeat(task) : 0;
}

/* A function that fails without saying why still ends the task. */
static int after_call(disco_task *task, int status, const char *function) {
    if (status < 0)
        disco_fail(task, status, "the %s function returned %d (%s)", function, status, disco_err_name(status));
    return disco_task_status(task);
}

static int map_input(disco_task *task, disco_input *input, unsigned *count) {
    const disco_job *job = task->worker->job;
    bool as_records =
        job->reading == DISCO_READ_RECORDS || (job->reading == DISCO_READ_AUTO && disco_input_holds_hunks(input));
    disco_slice key = {"", 0}, value;
    for (;;) {
        int status = as_records ? disco_input_record(input, &key, &value) : disco_input_line(input, &value);
        if (status <= 0) return status;
        status = after_call(task, job->map(task, key, value), "map");
        if (status == 0) status = beat(task, count);
        if (status < 0) return status;
    }
}

int disco_run_map(disco_task *task) {
    disco_input *input;
    unsigned count = 0;
    int status = disco_shuffle_start(task);
    while (status >= 0 && (status = disco_next_input(task, &input)) > 0) status = map_input(task, input, &count);
    return status < 0 ? status : disco_shuffle_finish(task);
}

int disco_next_value(disco_values *values, disco_slice *value) { return values->next(values, value); }

/* Reads the next record and sees whether it belongs to the group. */
static void read_ahead(group_values *values) {
    values->status = disco_sorter_next(values->sorter, &values->next_key, &values->value);
    if (values->status < 0) disco_task_fail_with(values->task, values->status, disco_sorter_error(values->sorter));
    if (values->status > 0) values->status = beat(values->task, &values->read) < 0 ? DISCO_E_ELSEWHERE : 1;
    values->has_value = values->status > 0 && disco_slice_compare(values->next_key, values->key) == 0;
    values->is_over = !values->has_value;
}

static int next_of_group(disco_values *base, disco_slice *value) {
    group_values *values = (group_values *)base;
    if (!values->has_value && !values->is_over) read_ahead(values);
    if (values->status < 0) return values->status;
    if (values->is_over) return 0;
    values->has_value = false;
    *value = values->value;
    return 1;
}

static int reduce_groups(disco_task *task, disco_sorter *sorter) {
    group_values values = {{next_of_group}, .task = task, .sorter = sorter};
    disco_bytes key = {0};
    disco_slice ignored;
    values.status = disco_sorter_next(sorter, &values.next_key, &values.value);
    while (values.status > 0) {
        key.len = 0;
        if (disco_bytes_append(&key, values.next_key.data, values.next_key.len) < 0) {
            values.status = disco_no_memory(&task->error);
            break;
        }
        values.key = disco_slice_of(key.data ? key.data : "", key.len);
        values.has_value = true;
        values.is_over = false;
        int status = after_call(task, task->worker->job->reduce(task, values.key, &values.base), "reduce");
        while (status >= 0 && (status = next_of_group(&values.base, &ignored)) > 0) {
        }
        if (status < 0) values.status = status;
    }
    disco_bytes_free(&key);
    if (disco_sorter_error(sorter)->code) return disco_task_fail_with(task, values.status, disco_sorter_error(sorter));
    return values.status;
}

static int sort_inputs(disco_task *task, disco_sorter *sorter) {
    disco_input *input;
    disco_slice key, value;
    unsigned count = 0;
    int status;
    while ((status = disco_next_input(task, &input)) > 0) {
        while ((status = disco_input_record(input, &key, &value)) > 0) {
            if (disco_sorter_add(sorter, key, value) < 0)
                return disco_task_fail_with(task, DISCO_E_ELSEWHERE, disco_sorter_error(sorter));
            if (beat(task, &count) < 0) return disco_task_status(task);
        }
        if (status < 0) return status;
    }
    return status;
}

int disco_run_reduce(disco_task *task) {
    disco_error reason = {0};
    int status = disco_shuffle_start(task);
    if (status == 0) status = disco_task_folder(task);
    if (status < 0) return status;
    disco_sorter *sorter = disco_sorter_new(task->folder, &task->worker->limits, &reason);
    if (!sorter) return disco_task_fail_with(task, reason.code, &reason);
    status = sort_inputs(task, sorter);
    if (status == 0) status = reduce_groups(task, sorter);
    if (status == 0) status = disco_shuffle_finish(task);
    disco_sorter_free(sorter);
    return status;
}
