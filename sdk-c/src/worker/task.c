/* What a task's functions may do besides reading and writing: say, fail, wait. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "worker/worker.h"

int disco_task_status(const disco_task *task) { return task->error.code ? task->error.code : task->worker->error.code; }

const disco_task_info *disco_about(const disco_task *task) { return task->info; }
void *disco_user(const disco_task *task) { return task->worker->job->user; }

const disco_error *disco_task_error(const disco_task *task) {
    return task->error.code ? &task->error : &task->worker->error;
}

int disco_task_fail_with(disco_task *task, int code, const disco_error *reason) {
    const char *text = reason && reason->code ? reason->text : disco_err_name(code);
    return disco_error_set(&task->error, reason && reason->code ? reason->code : code, "%s", text);
}

int disco_fail(disco_task *task, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    disco_error_vset(&task->error, code < 0 ? code : DISCO_E_ELSEWHERE, format, arguments);
    va_end(arguments);
    return task->error.code;
}

int disco_task_ask(disco_task *task, const disco_message *request, disco_message *reply) {
    int status = disco_task_status(task);
    return status < 0 ? status : disco_ask(task->worker, request, reply);
}

int disco_task_tell(disco_task *task, const disco_message *request) {
    int status = disco_task_status(task);
    return status < 0 ? status : disco_tell(task->worker, request);
}

int disco_msg(disco_task *task, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0) return disco_fail(task, DISCO_E_FATAL, "a message's format cannot be printed: %s", format);
    disco_message request = {.kind = DISCO_MSG, .as.text = disco_text(text)};
    if ((size_t)len < sizeof text) return disco_task_tell(task, &request);
    char *whole = malloc((size_t)len + 1);
    if (!whole) return disco_no_memory(&task->error);
    va_start(arguments, format);
    vsnprintf(whole, (size_t)len + 1, format, arguments);
    va_end(arguments);
    request.as.text = disco_slice_of(whole, (size_t)len);
    int status = disco_task_tell(task, &request);
    free(whole);
    return status;
}

int disco_ping(disco_task *task) {
    disco_message request = {.kind = DISCO_PING};
    return disco_task_tell(task, &request);
}

int disco_heartbeat(disco_task *task) {
    disco_worker *worker = task->worker;
    int status = disco_task_status(task);
    if (status < 0) return status;
    disco_capture_trim(&worker->capture);
    if (disco_now_s() - worker->last_said_s < worker->limits.heartbeat_s) return 0;
    return disco_ping(task); /* which tells what was printed, too */
}

int disco_pause(disco_task *task, double seconds) {
    while (seconds > 0) {
        double piece_s = seconds < task->worker->limits.heartbeat_s ? seconds : task->worker->limits.heartbeat_s;
        int status = disco_task_status(task);
        if (status == 0) status = disco_worker_pause(task->worker, piece_s);
        if (status == 0) status = disco_heartbeat(task);
        if (status < 0) return status;
        seconds -= piece_s;
    }
    return 0;
}

int disco_emit_int(disco_task *task, disco_slice key, int64_t number) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, number);
    return disco_emit(task, key, disco_slice_of(digits, (size_t)len));
}
