/* Outputs: files that take their name when they are whole and durable, and are reported then.
 *
 * Every attempt writes below a folder of its own. A task with many outputs holds few of them open: beyond
 * MAX_KEPT_OPEN a file is opened for each block that is appended to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/ddfs.h"
#include "worker/worker.h"

enum {
    BLOCK_BYTES = 128 * 1024,
    MIN_HUNK_BYTES = 16 * 1024,
    MAX_HUNK_BYTES = 1 << 20,
    MAX_KEPT_OPEN = 12,
    FOLDER_MODE = 0777,
    FILE_MODE = 0666
};

struct disco_output {
    disco_task *task;
    disco_output *next;
    disco_output_type type;
    int32_t label;
    char *path, *partial;
    int fd; /* -1: opened for each block */
    disco_bytes block;
    disco_writer *writer;
};

static int fail_on(disco_task *task, const char *what, const char *path) {
    return disco_fail(task, DISCO_E_ELSEWHERE, "%s %s: %s", what, path, strerror(errno));
}

int disco_task_folder(disco_task *task) {
    struct timespec now;
    char folder[160];
    if (task->folder) return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(folder, sizeof folder, ".disco/out/%s-%" PRId64 "-%ld-%lld%09ld",
             task->info->mode == DISCO_MAP ? "map" : "reduce", task->info->taskid, (long)getpid(),
             (long long)now.tv_sec, now.tv_nsec);
    for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST) return fail_on(task, "cannot make the folder", folder);
        *slash = '/';
    }
    if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST) return fail_on(task, "cannot make the folder", folder);
    task->folder = disco_copy_text(disco_text(folder));
    return task->folder ? 0 : disco_no_memory(&task->error);
}

static void free_output(disco_output *output) {
    if (output->fd >= 0) close(output->fd);
    disco_writer_free(output->writer);
    disco_bytes_free(&output->block);
    free(output->path);
    free(output->partial);
    free(output);
}

static int name_files(disco_output *output) {
    disco_task *task = output->task;
    char name[64];
    if (output->type == DISCO_OUT_PART)
        snprintf(name, sizeof name, "part-%" PRId32 "-%u", output->label, task->next_output++);
    else
        snprintf(name, sizeof name, "out-%u", task->next_output++);
    size_t room = strlen(task->folder) + strlen(name) + 16;
    output->path = malloc(room);
    output->partial = malloc(room);
    if (!output->path || !output->partial) return disco_no_memory(&task->error);
    snprintf(output->path, room, "%s/%s", task->folder, name);
    snprintf(output->partial, room, "%s.partial", output->path);
    return 0;
}

static int open_partial(disco_output *output, int more_flags) {
    int fd = open(output->partial, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | more_flags, FILE_MODE);
    if (fd < 0) fail_on(output->task, "cannot write", output->partial);
    return fd;
}

disco_output *disco_output_open(disco_task *task, disco_output_type type, int32_t label) {
    if (disco_task_status(task) < 0 || disco_task_folder(task) < 0) return NULL;
    if (type == DISCO_OUT_PART && label < 0) {
        disco_fail(task, DISCO_E_FATAL, "a label is from 0 to %d, not %" PRId32, DISCO_MAX_LABEL, label);
        return NULL;
    }
    disco_output *output = calloc(1, sizeof *output);
    if (!output) {
        disco_no_memory(&task->error);
        return NULL;
    }
    output->task = task;
    output->type = type;
    output->label = label;
    output->fd = -1;
    int fd = name_files(output) < 0 ? -1 : open_partial(output, O_EXCL);
    if (fd < 0) {
        free_output(output);
        return NULL;
    }
    if (task->open_outputs++ < MAX_KEPT_OPEN)
        output->fd = fd;
    else
        close(fd);
    output->next = task->outputs;
    task->outputs = output;
    return output;
}

static int write_all(disco_output *output, const char *data, size_t len) {
    int fd = output->fd >= 0 ? output->fd : open_partial(output, 0);
    if (fd < 0) return output->task->error.code;
    while (len) {
        ssize_t written = write(fd, data, len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            fail_on(output->task, "cannot write", output->partial);
            break;
        }
        data += written;
        len -= (size_t)written;
    }
    if (fd != output->fd) close(fd);
    return output->task->error.code;
}

static int write_block(disco_output *output) {
    size_t len = output->block.len;
    output->block.len = 0;
    return len ? write_all(output, output->block.data, len) : 0;
}

int disco_output_write(disco_output *output, const void *data, size_t len) {
    int status = disco_task_status(output->task);
    if (status < 0) return status;
    if (output->block.len + len > BLOCK_BYTES && (status = write_block(output)) < 0) return status;
    if (len >= BLOCK_BYTES) return write_all(output, data, len);
    return disco_bytes_append(&output->block, data, len) < 0 ? disco_no_memory(&output->task->error) : 0;
}

static int write_hunk(void *to, const void *data, size_t len) { return disco_output_write(to, data, len); }

/* Small where there are many outputs: each holds a hunk in memory. */
static size_t hunk_bytes(const disco_task *task) {
    size_t share = task->worker->limits.memory_bytes / 8 / (task->open_outputs ? task->open_outputs : 1);
    return share < MIN_HUNK_BYTES ? MIN_HUNK_BYTES : share > MAX_HUNK_BYTES ? MAX_HUNK_BYTES : share;
}

int disco_output_record(disco_output *output, disco_slice key, disco_slice value) {
    disco_task *task = output->task;
    if (!output->writer) {
        disco_codec codec = task->worker->job->codec;
        if (!disco_codec_available(codec))
            return disco_fail(task, DISCO_E_FATAL, "codec %d is not in this build", (int)codec);
        output->writer = disco_writer_new(write_hunk, output, codec, hunk_bytes(task));
        if (!output->writer) return disco_no_memory(&task->error);
    }
    int status = disco_writer_add(output->writer, key, value);
    return status < 0 ? disco_task_fail_with(task, status, disco_writer_error(output->writer)) : 0;
}

/* The file is whole, durable and under its name. */
static int finish_file(disco_output *output) {
    disco_task *task = output->task;
    if (output->writer && disco_writer_flush(output->writer) < 0)
        return disco_task_fail_with(task, DISCO_E_ELSEWHERE, disco_writer_error(output->writer));
    if (write_block(output) < 0) return task->error.code;
    int fd = output->fd >= 0 ? output->fd : open_partial(output, 0);
    if (fd < 0) return task->error.code;
    output->fd = -1;
    bool is_safe = task->worker->job->no_sync || fsync(fd) == 0;
    if (close(fd) < 0 || !is_safe) return fail_on(task, "cannot make durable", output->partial);
    if (rename(output->partial, output->path) < 0) return fail_on(task, "cannot rename", output->partial);
    return 0;
}

/* Stores the file in DDFS, named by task and not by attempt: a second attempt adds nothing. */
static int save_file(disco_output *output, char *tag, size_t tag_size) {
    disco_task *task = output->task;
    char blob[512];
    const char *token = task->worker->job->token ? task->worker->job->token : getenv("DDFS_WRITE_TOKEN");
    snprintf(tag, tag_size, "disco:job:results:%s", task->info->jobname);
    int len =
        snprintf(blob, sizeof blob, "disco:blob:%s:%s-%" PRId64 "-%s", task->info->jobname,
                 task->info->mode == DISCO_MAP ? "map" : "reduce", task->info->taskid, strrchr(output->path, '/') + 1);
    if (len < 0 || (size_t)len >= sizeof blob)
        return disco_fail(task, DISCO_E_FATAL, "the job's name is too long for a blob's");
    disco_ddfs_safe_name(blob);
    disco_error reason = {0};
    disco_master master = {task->worker->http, task->info->master, token, task->info->disco_port};
    int status = disco_ddfs_store_and_tag(&master, tag, output->path, blob, &reason);
    return status < 0 ? disco_fail(task, DISCO_E_ELSEWHERE, "saving in DDFS failed: %.900s", reason.text) : 0;
}

static void unlink_from_task(disco_output *output) {
    disco_output **at = &output->task->outputs;
    while (*at && *at != output) at = &(*at)->next;
    if (*at) *at = output->next;
}

int disco_output_close(disco_output *output) {
    disco_task *task = output->task;
    char tag[512];
    int status = disco_task_status(task);
    if (status < 0) return status; /* forgotten with the others when the task ends */
    if (finish_file(output) < 0) return task->error.code;
    disco_message request = {.kind = DISCO_OUTPUT};
    request.as.output.location = output->path;
    request.as.output.type = output->type;
    request.as.output.label = output->label;
    if (output->type == DISCO_OUT_TAG) {
        if (save_file(output, tag, sizeof tag) < 0) return task->error.code;
        request.as.output.location = tag;
    }
    status = disco_task_tell(task, &request);
    unlink_from_task(output);
    free_output(output);
    return status;
}

int disco_close_outputs(disco_task *task) {
    disco_output *first = NULL; /* in the order of opening */
    for (disco_output *output = task->outputs, *next; output; output = next) {
        next = output->next;
        output->next = first;
        first = output;
    }
    task->outputs = first;
    int status = disco_task_status(task);
    while (task->outputs && status == 0) status = disco_output_close(task->outputs);
    return status;
}

void disco_forget_outputs(disco_task *task) {
    while (task->outputs) {
        disco_output *output = task->outputs;
        task->outputs = output->next;
        unlink(output->partial);
        free_output(output);
    }
    free(task->folder);
    task->folder = NULL;
}
