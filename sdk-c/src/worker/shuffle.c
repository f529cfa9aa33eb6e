/* From emitted records to outputs. The map of a job with a reduce makes a part for each label; the last phase makes
 * one result, of records or of lines. */
#include <stdlib.h>

#include "worker/worker.h"

struct disco_shuffle {
    disco_task *task;
    uint32_t labels; /* 0: one result */
    bool as_lines;
    disco_output **outputs; /* by label; made when they are needed */
    disco_combiner *combiner;
};

static int open_result(disco_shuffle *shuffle, uint32_t label) {
    disco_task *task = shuffle->task;
    disco_output_type type = shuffle->labels           ? DISCO_OUT_PART
                             : task->worker->job->save ? DISCO_OUT_TAG
                                                       : DISCO_OUT_DISCO;
    shuffle->outputs[label] = disco_output_open(task, type, (int32_t)label);
    return shuffle->outputs[label] ? 0 : disco_task_status(task);
}

static int write_line(disco_output *output, disco_slice key, disco_slice value) {
    int status = disco_output_write(output, key.data, key.len);
    if (status == 0) status = disco_output_write(output, " ", 1);
    if (status == 0) status = disco_output_write(output, value.data, value.len);
    return status == 0 ? disco_output_write(output, "\n", 1) : status;
}

static int put(void *context, disco_slice key, disco_slice value) {
    disco_shuffle *shuffle = context;
    const disco_job *job = shuffle->task->worker->job;
    uint32_t label = 0;
    if (shuffle->labels > 1) {
        label = job->partition ? job->partition(key, shuffle->labels) : disco_partition(key, shuffle->labels);
        if (label >= shuffle->labels)
            return disco_fail(shuffle->task, DISCO_E_FATAL, "the partition function said %u of %u labels", label,
                              shuffle->labels);
    }
    if (!shuffle->outputs[label] && open_result(shuffle, label) < 0) return disco_task_status(shuffle->task);
    if (shuffle->as_lines) return write_line(shuffle->outputs[label], key, value);
    return disco_output_record(shuffle->outputs[label], key, value);
}

static int combine(void *context, disco_slice key, disco_values *values) {
    disco_shuffle *shuffle = context;
    int status = shuffle->task->worker->job->combine(shuffle->task, key, values);
    if (status < 0)
        disco_fail(shuffle->task, status, "the combine function returned %d (%s)", status, disco_err_name(status));
    return disco_task_status(shuffle->task);
}

/* 0 for the last phase, else how many parts a map makes. */
static int count_labels(disco_task *task, uint32_t *labels) {
    const disco_job *job = task->worker->job;
    *labels = 0;
    if (task->info->mode == DISCO_REDUCE) return 0;
    *labels = job->labels;
    if (job->labels || !job->reduce) return 0;
    int status = disco_read_jobfile(task);
    if (status == 0 && task->worker->has_reduce) *labels = task->worker->nr_reduces;
    return status;
}

int disco_shuffle_start(disco_task *task) {
    const disco_job *job = task->worker->job;
    disco_shuffle *shuffle = calloc(1, sizeof *shuffle);
    if (!shuffle) return disco_no_memory(&task->error);
    task->shuffle = shuffle;
    shuffle->task = task;
    int status = count_labels(task, &shuffle->labels);
    if (status < 0) return status;
    shuffle->as_lines = shuffle->labels == 0 && job->results == DISCO_WRITE_LINES;
    shuffle->outputs = calloc(shuffle->labels ? shuffle->labels : 1, sizeof(disco_output *));
    if (!shuffle->outputs) return disco_no_memory(&task->error);
    if (job->combine && task->info->mode == DISCO_MAP) {
        shuffle->combiner = disco_combiner_new(task->worker->limits.memory_bytes, combine, put, shuffle);
        if (!shuffle->combiner) return disco_no_memory(&task->error);
    }
    return 0;
}

int disco_emit(disco_task *task, disco_slice key, disco_slice value) {
    disco_shuffle *shuffle = task->shuffle;
    int status = disco_task_status(task);
    if (status < 0) return status;
    if (!shuffle)
        return disco_fail(task, DISCO_E_FATAL, "disco_emit is for map and reduce functions; `run` writes outputs");
    status = shuffle->combiner ? disco_combiner_add(shuffle->combiner, key, value) : put(shuffle, key, value);
    if (status == DISCO_E_MEMORY) disco_no_memory(&task->error);
    return status < 0 ? disco_task_status(task) : 0;
}

int disco_shuffle_finish(disco_task *task) {
    disco_shuffle *shuffle = task->shuffle;
    int status = disco_task_status(task);
    if (status == 0 && shuffle->combiner) {
        status = disco_combiner_flush(shuffle->combiner);
        if (status == DISCO_E_MEMORY) disco_no_memory(&task->error);
    }
    if (status == 0 && shuffle->labels == 0 && !shuffle->outputs[0])
        status = open_result(shuffle, 0); /* an empty result is one */
    for (uint32_t label = 0; status == 0 && label < (shuffle->labels ? shuffle->labels : 1); label++)
        if (shuffle->outputs[label]) status = disco_output_close(shuffle->outputs[label]);
    return status;
}

void disco_shuffle_free(disco_task *task) {
    if (!task->shuffle) return;
    disco_combiner_free(task->shuffle->combiner);
    free(task->shuffle->outputs);
    free(task->shuffle);
    task->shuffle = NULL;
}
