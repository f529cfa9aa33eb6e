/* A worker process: WORKER, TASK, the task, DONE; with reuse, the reply to DONE may be the next task. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/worker.h"

enum { FIRST_OWN_FD = 10 }; /* above what programs use by number */

/* An ignored signal would stay ignored in children; a handler does not. The call that failed says what happened. */
static void let_the_call_fail(int number) { (void)number; }

static void catch_signals(void) {
    struct sigaction action = {0};
    action.sa_handler = let_the_call_fail;
    action.sa_flags = SA_RESTART;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

static void start_task(disco_task *task, disco_worker *worker, const disco_task_info *info) {
    memset(task, 0, sizeof *task);
    task->worker = worker;
    task->info = info;
    bool own_label = info->mode == DISCO_REDUCE && !worker->job->all_labels;
    task->place = (disco_place){.host = info->host,
                                .disco_data = info->disco_data,
                                .ddfs_data = info->ddfs_data,
                                .disco_port = info->disco_port,
                                .label = own_label ? info->taskid : DISCO_EVERY_LABEL,
                                .max_index_bytes = worker->limits.max_index_bytes,
                                .http = worker->http};
}

static void end_task(disco_task *task) {
    disco_shuffle_free(task);
    disco_forget_outputs(task);
    disco_input_free(task->input);
    disco_message_clear(&task->poll);
    free(task->seen.ids);
}

/* Before outputs are closed, which lie below the job home, and before the next task. */
static void set_right(disco_task *task) {
    const disco_surroundings *kept = &task->worker->surroundings;
    disco_error reason = {0};
    if (kept->home_fd >= 0 && disco_surroundings_restore(kept, &reason) < 0)
        disco_task_fail_with(task, reason.code, &reason);
}

static int carry_out(disco_task *task) {
    const disco_job *job = task->worker->job;
    bool is_map = task->info->mode == DISCO_MAP;
    int status;
    if (job->run)
        status = job->run(task);
    else if (is_map ? job->map != NULL : job->reduce != NULL)
        status = is_map ? disco_run_map(task) : disco_run_reduce(task);
    else
        return disco_fail(task, DISCO_E_FATAL, "this worker has no %s function", is_map ? "map" : "reduce");
    if (status < 0) disco_fail(task, status, "the task returned %d (%s)", status, disco_err_name(status));
    set_right(task);
    return disco_close_outputs(task);
}

/* ERROR or FATAL, unless the conversation itself is broken: that is told elsewhere. */
static void tell_failure(disco_worker *worker, const disco_error *error) {
    disco_remedy remedy = disco_err_remedy(error->code);
    if (worker->error.code || remedy == DISCO_SAY_NOTHING) return;
    disco_say(worker, remedy == DISCO_SAY_FATAL ? DISCO_FATAL : DISCO_ERROR, disco_text(error->text));
}

static int run_task(disco_worker *worker, const disco_task_info *info) {
    disco_task task;
    start_task(&task, worker, info);
    int status = carry_out(&task);
    if (status < 0) tell_failure(worker, &task.error);
    end_task(&task);
    return status;
}

static int converse(disco_worker *worker) {
    disco_message announcement = {.kind = DISCO_WORKER}, ask_task = {.kind = DISCO_TASK_REQUEST},
                  done = {.kind = DISCO_DONE}, reply;
    announcement.as.worker.pid = getpid();
    announcement.as.worker.reuse = !worker->job->no_reuse;
    int status = disco_tell(worker, &announcement);
    if (status == 0) status = disco_ask(worker, &ask_task, &reply);
    if (status < 0) return status;
    while (reply.kind == DISCO_TASK) {
        status = run_task(worker, &reply.as.task);
        disco_message_clear(&reply);
        if (status == 0) status = disco_ask(worker, &done, &reply);
        if (status < 0) return status;
    }
    disco_message_clear(&reply);
    return 0;
}

int disco_main_on(const disco_job *job, int replies_fd, int requests_fd, int keep_standard) {
    disco_worker worker = {.job = job,
                           .replies_fd = replies_fd,
                           .requests_fd = requests_fd,
                           .capture = {.fd = -1},
                           .surroundings = {.home_fd = -1}};
    int status = DISCO_E_MEMORY;
    worker.limits = disco_limits_with_defaults(&job->limits);
    worker.session = disco_session_new(DISCO_ROLE_WORKER, &worker.limits);
    worker.http = disco_http_new(&worker.limits);
    worker.last_said_s = disco_now_s();
    if (worker.session && worker.http) {
        status = keep_standard ? 0 : disco_capture_start(&worker.capture, &worker.error);
        if (status == 0 && !keep_standard) status = disco_surroundings_keep(&worker.surroundings, &worker.error);
        if (status == 0) status = converse(&worker);
        if (worker.error.code) disco_complain(&worker);
    }
    disco_capture_stop(&worker.capture);
    disco_surroundings_free(&worker.surroundings);
    disco_http_free(worker.http);
    disco_session_free(worker.session);
    disco_bytes_free(&worker.outgoing);
    free(worker.jobfile);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int disco_main(const disco_job *job) {
    int replies_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
    int requests_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
    int nothing = open("/dev/null", O_RDONLY);
    if (replies_fd < 0 || requests_fd < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) return EXIT_FAILURE;
    if (nothing != STDIN_FILENO) close(nothing);
    catch_signals();
    int status = disco_main_on(job, replies_fd, requests_fd, 0);
    close(replies_fd);
    close(requests_fd);
    return status;
}
