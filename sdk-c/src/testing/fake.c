#define _GNU_SOURCE
#include "testing/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/pack.h"

enum { FOLDER_MODE = 0777, FILE_MODE = 0666, NOT_STARTED = 127 };

static char *joined(const char *folder, const char *name) {
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    if (path) {
        strcpy(path, folder);
        strcat(path, "/");
        strcat(path, name);
    }
    return path;
}

disco_fake *disco_fake_new(const char *folder) {
    disco_fake *fake = calloc(1, sizeof *fake);
    if (!fake) return NULL;
    fake->requests_fd = fake->replies_fd = -1;
    if (mkdir(folder, FOLDER_MODE) == 0 || errno == EEXIST) fake->folder = realpath(folder, NULL);
    fake->master = disco_copy_text(disco_text("http://127.0.0.1:1"));
    if (fake->folder) {
        fake->disco_data = joined(fake->folder, "disco");
        fake->ddfs_data = joined(fake->folder, "ddfs");
        fake->jobfile = joined(fake->folder, "jobfile");
    }
    if (!fake->master || !fake->disco_data || !fake->ddfs_data || !fake->jobfile || disco_fake_reduces(fake, 1) < 0) {
        disco_fake_free(fake);
        return NULL;
    }
    return fake;
}

static void forget_run(disco_fake *fake) {
    disco_list_clear(&fake->messages);
    for (size_t i = 0; i < fake->output_count; i++) free(fake->outputs[i].location);
    free(fake->outputs);
    free(fake->text);
    disco_session_free(fake->session);
    fake->outputs = NULL;
    fake->output_count = fake->task_at = 0;
    fake->text = NULL;
    fake->session = NULL;
    fake->is_off_script = false;
    fake->outcome = (disco_kind)0;
    memset(fake->seen, 0, sizeof fake->seen);
    memset(&fake->error, 0, sizeof fake->error);
    for (size_t i = 0; i < fake->input_count; i++) {
        fake->inputs[i].spares_given = 0;
        fake->inputs[i].next_id = (int64_t)fake->inputs[i].count;
    }
}

void disco_fake_free(disco_fake *fake) {
    if (!fake) return;
    forget_run(fake);
    for (size_t i = 0; i < fake->task_count; i++) free(fake->tasks[i].jobname);
    for (size_t i = 0; i < fake->input_count; i++) {
        for (size_t j = 0; j < fake->inputs[i].count; j++) free((char *)(uintptr_t)fake->inputs[i].replicas[j].url);
        free(fake->inputs[i].replicas);
        disco_list_clear(&fake->inputs[i].spares);
    }
    for (size_t i = 0; i < fake->answer_count; i++) free(fake->answers[i].bytes);
    free(fake->tasks);
    free(fake->inputs);
    free(fake->answers);
    free(fake->folder);
    free(fake->master);
    free(fake->disco_data);
    free(fake->ddfs_data);
    free(fake->jobfile);
    free(fake);
}

/* ---- before the run ---- */

int disco_fake_task(disco_fake *fake, disco_mode mode, int64_t taskid, const char *jobname) {
    fake_task *tasks = realloc(fake->tasks, (fake->task_count + 1) * sizeof *tasks);
    if (!tasks) return DISCO_E_MEMORY;
    fake->tasks = tasks;
    tasks[fake->task_count] = (fake_task){mode, taskid, disco_copy_text(disco_text(jobname))};
    return tasks[fake->task_count++].jobname ? 0 : DISCO_E_MEMORY;
}

/* A job pack with a job dict and no home: all that a task reads of it. */
int disco_fake_reduces(disco_fake *fake, uint32_t reduces) {
    char pack[DISCO_PACK_HEADER_BYTES + 256] = {'\xd5', '\xc0', 0, DISCO_PACK_VERSION};
    int len = snprintf(
        pack + DISCO_PACK_HEADER_BYTES, 256,
        "{\"prefix\":\"test\",\"input\":[],\"worker\":\"worker\",\"owner\":\"\",\"nr_reduces\":%u,\"scheduler\":{},"
        "\"map?\":true,\"reduce?\":%s}",
        reduces, reduces ? "true" : "false");
    size_t size = DISCO_PACK_HEADER_BYTES + (size_t)len;
    for (int i = 0; i < DISCO_PACK_SECTIONS; i++) {
        size_t offset = i == 0 ? DISCO_PACK_HEADER_BYTES : size;
        pack[4 + 4 * i + 2] = (char)(offset >> 8);
        pack[4 + 4 * i + 3] = (char)(offset & 0xff);
    }
    int fd = open(fake->jobfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    ssize_t written = fd < 0 ? -1 : write(fd, pack, size);
    if (fd >= 0) close(fd);
    return written == (ssize_t)size ? 0 : DISCO_E_ELSEWHERE;
}

int disco_fake_master(disco_fake *fake, const char *url) {
    char *master = disco_copy_text(disco_text(url));
    if (!master) return DISCO_E_MEMORY;
    free(fake->master);
    fake->master = master;
    return 0;
}

int disco_fake_input(disco_fake *fake, int64_t id, const char *urls) {
    disco_slice rest = disco_text(urls), url;
    fake_input *inputs = realloc(fake->inputs, (fake->input_count + 1) * sizeof *inputs);
    if (!inputs) return DISCO_E_MEMORY;
    fake->inputs = inputs;
    fake_input *input = &inputs[fake->input_count++];
    *input = (fake_input){.id = id};
    while (disco_next_word(&rest, &url)) {
        disco_replica *replicas = realloc(input->replicas, (input->count + 1) * sizeof *replicas);
        char *copy = replicas ? disco_copy_text(url) : NULL;
        if (replicas) input->replicas = replicas;
        if (!copy) return DISCO_E_MEMORY;
        input->replicas[input->count] = (disco_replica){(int64_t)input->count, copy};
        input->count++;
    }
    return 0;
}

int disco_fake_spare(disco_fake *fake, int64_t id, const char *url) {
    for (size_t i = 0; i < fake->input_count; i++)
        if (fake->inputs[i].id == id) return disco_list_add(&fake->inputs[i].spares, url);
    return DISCO_E_FATAL;
}

int disco_fake_answer(disco_fake *fake, disco_kind request, size_t nth, const char *bytes) {
    fake_answer *answers = realloc(fake->answers, (fake->answer_count + 1) * sizeof *answers);
    if (!answers) return DISCO_E_MEMORY;
    fake->answers = answers;
    char *copy = bytes ? disco_copy_text(disco_text(bytes)) : NULL;
    if (bytes && !copy) return DISCO_E_MEMORY;
    answers[fake->answer_count++] = (fake_answer){request, nth, copy};
    return 0;
}

void disco_fake_chop(disco_fake *fake, size_t piece_bytes) { fake->piece_bytes = piece_bytes; }

/* ---- the run ---- */

static _Noreturn void be_worker(const disco_fake *fake, int replies_fd, int requests_fd, const disco_job *job,
                                const char *const *argv) {
    int status = NOT_STARTED;
    if (dup2(replies_fd, STDIN_FILENO) >= 0 && dup2(requests_fd, STDERR_FILENO) >= 0 &&
        dup2(requests_fd, STDOUT_FILENO) >= 0 && chdir(fake->folder) == 0) {
        if (job)
            status = disco_main(job);
        else
            execv(argv[0], (char *const *)(uintptr_t)argv);
    }
    _exit(status);
}

static void wait_for_exit(disco_fake *fake) {
    int status = 0;
    while (waitpid(fake->pid, &status, 0) < 0 && errno == EINTR) {
    }
    fake->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int start(disco_fake *fake, const disco_job *job, const char *const *argv) {
    int requests[2], replies[2];
    if (pipe2(requests, O_CLOEXEC) < 0)
        return disco_error_set(&fake->error, DISCO_E_ELSEWHERE, "no pipe: %s", strerror(errno));
    if (pipe2(replies, O_CLOEXEC) < 0) {
        close(requests[0]);
        close(requests[1]);
        return disco_error_set(&fake->error, DISCO_E_ELSEWHERE, "no pipe: %s", strerror(errno));
    }
    fflush(NULL);
    fake->pid = fork();
    if (fake->pid == 0) {
        close(requests[0]);
        close(replies[1]);
        be_worker(fake, replies[0], requests[1], job, argv);
    }
    close(requests[1]);
    close(replies[0]);
    fake->requests_fd = requests[0];
    fake->replies_fd = replies[1];
    return fake->pid > 0 ? 0 : disco_error_set(&fake->error, DISCO_E_ELSEWHERE, "no process: %s", strerror(errno));
}

static int run(disco_fake *fake, const disco_job *job, const char *const *argv) {
    struct sigaction ignore = {0}, before;
    forget_run(fake);
    if (fake->task_count == 0 && disco_fake_task(fake, DISCO_MAP, 0, "test") < 0) return DISCO_E_MEMORY;
    fake->session = disco_session_new(DISCO_ROLE_DISCO, NULL);
    if (!fake->session) return disco_no_memory(&fake->error);
    ignore.sa_handler = SIG_IGN;
    int status = start(fake, job, argv);
    sigaction(SIGPIPE, &ignore, &before); /* only after the worker was started: it has its own idea */
    if (status == 0) status = disco_fake_serve(fake);
    sigaction(SIGPIPE, &before, NULL);
    if (fake->pid > 0) {
        if (status < 0) kill(fake->pid, SIGKILL);
        wait_for_exit(fake);
    }
    if (fake->requests_fd >= 0) close(fake->requests_fd);
    if (fake->replies_fd >= 0) close(fake->replies_fd);
    fake->requests_fd = fake->replies_fd = -1;
    return status;
}

int disco_fake_run(disco_fake *fake, const disco_job *job) { return run(fake, job, NULL); }
int disco_fake_exec(disco_fake *fake, const char *const *argv) { return run(fake, NULL, argv); }

/* ---- afterwards ---- */

disco_kind disco_fake_outcome(const disco_fake *fake) { return fake->outcome; }
const char *disco_fake_text(const disco_fake *fake) { return fake->text ? fake->text : ""; }
int disco_fake_exit_status(const disco_fake *fake) { return fake->exit_status; }
const disco_error *disco_fake_error(const disco_fake *fake) { return &fake->error; }
size_t disco_fake_requests(const disco_fake *fake, disco_kind kind) { return fake->seen[kind]; }
size_t disco_fake_messages(const disco_fake *fake) { return fake->messages.count; }
const char *disco_fake_message(const disco_fake *fake, size_t index) { return fake->messages.items[index]; }
size_t disco_fake_outputs(const disco_fake *fake) { return fake->output_count; }
const char *disco_fake_location(const disco_fake *fake, size_t index) { return fake->outputs[index].location; }
disco_output_type disco_fake_type(const disco_fake *fake, size_t index) { return fake->outputs[index].type; }
int32_t disco_fake_label(const disco_fake *fake, size_t index) { return fake->outputs[index].label; }

static ptrdiff_t read_fd(void *from, void *buffer, size_t size) {
    ssize_t got;
    while ((got = read(*(int *)from, buffer, size)) < 0 && errno == EINTR) {
    }
    return got < 0 ? DISCO_E_ELSEWHERE : got;
}

static int open_output(const disco_fake *fake, size_t index) {
    char *path = index < fake->output_count ? joined(fake->folder, fake->outputs[index].location) : NULL;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    return fd;
}

int disco_fake_read_output(const disco_fake *fake, size_t index, disco_bytes *content) {
    char buffer[16 * 1024];
    ptrdiff_t got;
    int fd = open_output(fake, index);
    if (fd < 0) return DISCO_E_ELSEWHERE;
    while ((got = read_fd(&fd, buffer, sizeof buffer)) > 0)
        if (disco_bytes_append(content, buffer, (size_t)got) < 0) got = DISCO_E_MEMORY;
    close(fd);
    return (int)got;
}

int disco_fake_read_records(const disco_fake *fake, size_t index, disco_bytes *lines) {
    disco_slice key, value;
    int fd = open_output(fake, index);
    if (fd < 0) return DISCO_E_ELSEWHERE;
    disco_reader *reader = disco_reader_new(read_fd, &fd, fake->outputs[index].location, NULL, NULL);
    int status = reader ? 1 : DISCO_E_MEMORY;
    while (status > 0 && (status = disco_reader_next(reader, &key, &value)) > 0)
        if (disco_bytes_append(lines, key.data, key.len) < 0 || disco_bytes_put(lines, " ") < 0 ||
            disco_bytes_append(lines, value.data, value.len) < 0 || disco_bytes_put(lines, "\n") < 0)
            status = DISCO_E_MEMORY;
    disco_reader_free(reader);
    close(fd);
    return status;
}
