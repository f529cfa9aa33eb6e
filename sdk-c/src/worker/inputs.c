/* Which inputs the task has: polling for them, each once, those that can be read while others are awaited. */
#include <stdlib.h>

#include "worker/worker.h"

static bool was_seen(const disco_seen *seen, int64_t id) {
    for (size_t i = 0; i < seen->count; i++)
        if (seen->ids[i] == id) return true;
    return false;
}

static int mark_seen(disco_task *task, int64_t id) {
    disco_seen *seen = &task->seen;
    if (seen->count == seen->capacity) {
        size_t capacity = seen->capacity ? 2 * seen->capacity : 16;
        int64_t *ids = realloc(seen->ids, capacity * sizeof *ids);
        if (!ids) return disco_no_memory(&task->error);
        seen->ids = ids;
        seen->capacity = capacity;
    }
    seen->ids[seen->count++] = id;
    return 0;
}

static int poll_again(disco_task *task) {
    disco_message request = {.kind = DISCO_INPUT_REQUEST};
    if (task->polled) {
        double pause_s = task->pause_s;
        if (task->found_new || pause_s <= 0) pause_s = task->worker->limits.first_pause_s;
        int status = disco_pause(task, pause_s);
        if (status < 0) return status;
        task->pause_s =
            pause_s * 2 < task->worker->limits.longest_pause_s ? pause_s * 2 : task->worker->limits.longest_pause_s;
    }
    if (task->seen.count) {
        request.as.input_request.select = DISCO_EXCLUDE;
        request.as.input_request.ids = task->seen.ids;
        request.as.input_request.count = task->seen.count;
    }
    disco_message_clear(&task->poll);
    task->poll_at = 0;
    task->waiting = task->found_new = false;
    task->polled = true;
    int status = disco_task_ask(task, &request, &task->poll);
    if (status == 0) task->waiting = task->poll.as.inputs.more;
    return status;
}

int disco_next_input(disco_task *task, disco_input **input) {
    disco_input_free(task->input);
    task->input = *input = NULL;
    for (;;) {
        int status = disco_task_status(task);
        if (status < 0) return status;
        while (task->polled && task->poll_at < task->poll.as.inputs.count) {
            const disco_input_entry *entry = &task->poll.as.inputs.entries[task->poll_at++];
            if (was_seen(&task->seen, entry->id)) continue;
            if (entry->status == DISCO_BUSY) {
                task->waiting = true;
                continue;
            }
            task->found_new = true;
            if (mark_seen(task, entry->id) < 0) return task->error.code;
            task->input = *input = disco_input_new(task, entry);
            return *input ? 1 : disco_no_memory(&task->error);
        }
        if (task->polled && !task->waiting) return 0;
        status = poll_again(task);
        if (status < 0) return status;
    }
}
