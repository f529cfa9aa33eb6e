/* Reading one input, whatever happens to its replicas.
 *
 * Replicas are tried in order; when all that are listed have failed, Disco is asked for others. Bytes are counted
 * as they come in and records as they go out, and the next replica is read from there on. So `replicas` failing in
 * the middle is never noticed by who reads; one that was *made anew* need not be a copy, and is not read on. */
#include <inttypes.h>
#include <stdlib.h>

#include "worker/worker.h"

enum { BUFFER_BYTES = 256 * 1024, HUNK_MARK_BYTES = 4, SKIP_BYTES = 16 * 1024 };

struct disco_input {
    disco_task *task;
    int64_t id;
    disco_replica *replicas; /* with URLs of their own */
    size_t count, current;
    int64_t *failed;
    size_t failed_count, failed_capacity;
    bool made_anew;
    disco_stream *stream;
    disco_error reason; /* why the last replica failed */
    uint64_t bytes_in, records_out;
    char *buffer;
    size_t start, end;
    disco_bytes line;
    disco_reader *reader;
};

static void free_replicas(disco_input *input) {
    for (size_t i = 0; i < input->count; i++) free((char *)(uintptr_t)input->replicas[i].url);
    free(input->replicas);
    input->replicas = NULL;
    input->count = input->current = 0;
}

static int set_replicas(disco_input *input, const disco_replica *replicas, size_t count) {
    free_replicas(input);
    input->replicas = calloc(count + 1, sizeof *input->replicas);
    if (!input->replicas) return DISCO_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        char *url = disco_copy_text(disco_text(replicas[i].url));
        if (!url) return DISCO_E_MEMORY;
        input->replicas[i].id = replicas[i].id;
        input->replicas[i].url = url;
        input->count++;
    }
    return 0;
}

disco_input *disco_input_new(disco_task *task, const disco_input_entry *entry) {
    disco_input *input = calloc(1, sizeof *input);
    if (!input) return NULL;
    input->task = task;
    input->id = entry->id;
    input->buffer = malloc(BUFFER_BYTES);
    if (!input->buffer || set_replicas(input, entry->replicas, entry->replica_count) < 0) {
        disco_input_free(input);
        return NULL;
    }
    return input;
}

void disco_input_free(disco_input *input) {
    if (!input) return;
    disco_reader_free(input->reader);
    disco_stream_close(input->stream);
    free_replicas(input);
    free(input->failed);
    free(input->buffer);
    disco_bytes_free(&input->line);
    free(input);
}

const char *disco_input_url(const disco_input *input) {
    return input->current < input->count ? input->replicas[input->current].url : "";
}

static int note_failed(disco_input *input) {
    if (input->failed_count == input->failed_capacity) {
        size_t capacity = input->failed_capacity ? 2 * input->failed_capacity : 4;
        int64_t *failed = realloc(input->failed, capacity * sizeof *failed);
        if (!failed) return DISCO_E_MEMORY;
        input->failed = failed;
        input->failed_capacity = capacity;
    }
    input->failed[input->failed_count++] = input->replicas[input->current++].id;
    return 0;
}

static int is_lost(disco_input *input) {
    return disco_fail(input->task, DISCO_E_DATA, "Input %" PRId64 " cannot be read, no replica is left: %s", input->id,
                      input->reason.code ? input->reason.text : "Disco lists none");
}

/* Polls for this input alone until its new replicas are there. */
static int wait_until_made(disco_input *input) {
    disco_task *task = input->task;
    disco_message request = {.kind = DISCO_INPUT_REQUEST}, reply;
    request.as.input_request.select = DISCO_INCLUDE;
    request.as.input_request.ids = &input->id;
    request.as.input_request.count = 1;
    for (double pause_s = task->worker->limits.first_pause_s;;) {
        int status = disco_task_ask(task, &request, &reply);
        if (status < 0) return status;
        bool listed = false, ready = false;
        for (size_t i = 0; i < reply.as.inputs.count && !ready; i++) {
            const disco_input_entry *entry = &reply.as.inputs.entries[i];
            if (entry->id != input->id) continue;
            listed = true;
            ready = entry->status != DISCO_BUSY;
            if (ready) status = set_replicas(input, entry->replicas, entry->replica_count);
        }
        bool more = reply.as.inputs.more;
        disco_message_clear(&reply);
        if (status < 0) return disco_no_memory(&task->error);
        if (ready) return 0;
        if (!listed && !more) return is_lost(input);
        status = disco_pause(task, pause_s);
        if (status < 0) return status;
        pause_s =
            pause_s * 2 < task->worker->limits.longest_pause_s ? pause_s * 2 : task->worker->limits.longest_pause_s;
    }
}

/* Every listed replica has failed: reports them and gets others. */
static int ask_for_others(disco_input *input) {
    disco_task *task = input->task;
    disco_message request = {.kind = DISCO_INPUT_ERR}, reply;
    request.as.input_err.input_id = input->id;
    request.as.input_err.ids = input->failed;
    request.as.input_err.count = input->failed_count;
    int status = disco_task_ask(task, &request, &reply);
    if (status < 0) return status;
    input->failed_count = 0;
    int wait_s = reply.kind == DISCO_WAIT ? reply.as.wait_s : 0;
    bool failed = reply.kind == DISCO_FAIL;
    if (reply.kind == DISCO_RETRY && set_replicas(input, reply.as.retry.replicas, reply.as.retry.count) < 0)
        status = disco_no_memory(&task->error);
    disco_message_clear(&reply);
    if (failed) return is_lost(input);
    if (status < 0 || !wait_s) return status;
    input->made_anew = true;
    status = disco_pause(task, wait_s);
    return status < 0 ? status : wait_until_made(input);
}

/* Goes from a broken replica to the next. The reason is in `reason`; what is no fault of a replica ends the task. */
static int give_up_replica(disco_input *input) {
    disco_stream_close(input->stream);
    input->stream = NULL;
    disco_reader_free(input->reader);
    input->reader = NULL;
    if (input->reason.code != DISCO_E_DATA && input->reason.code != DISCO_E_ELSEWHERE)
        return disco_task_fail_with(input->task, input->reason.code, &input->reason);
    return note_failed(input) < 0 ? disco_no_memory(&input->task->error) : 0;
}

/* Reads away what was delivered before; a replica that has less is broken. */
static bool skip_bytes(disco_input *input, uint64_t bytes) {
    char scratch[SKIP_BYTES];
    while (bytes) {
        size_t piece = bytes < sizeof scratch ? (size_t)bytes : sizeof scratch;
        ptrdiff_t got = input->stream->read(input->stream, scratch, piece);
        if (got <= 0) {
            if (got < 0) input->reason = input->stream->error;
            disco_error_set(&input->reason, DISCO_E_DATA, "%.300s is shorter than another replica",
                            disco_input_url(input));
            return false;
        }
        bytes -= (uint64_t)got;
    }
    return true;
}

static int open_replica(disco_input *input) {
    while (!input->stream) {
        int status = disco_task_status(input->task);
        if (status < 0) return status;
        if (input->current == input->count) {
            status = ask_for_others(input);
            if (status < 0) return status;
            if (input->made_anew && (input->bytes_in || input->records_out))
                return disco_fail(input->task, DISCO_E_DATA,
                                  "Input %" PRId64 " was lost after some of it had been read, and made again",
                                  input->id);
            if (input->current == input->count) continue;
        }
        memset(&input->reason, 0, sizeof input->reason);
        input->stream = disco_stream_open(&input->task->place, disco_input_url(input), &input->reason);
        bool is_good = input->stream && skip_bytes(input, input->bytes_in);
        if (!is_good && give_up_replica(input) < 0) return input->task->error.code;
    }
    return 0;
}

/* More bytes into the buffer, behind what is there: 1, 0 at the end, or an error. */
static int fill(disco_input *input) {
    if (input->start) {
        memmove(input->buffer, input->buffer + input->start, input->end - input->start);
        input->end -= input->start;
        input->start = 0;
    }
    for (;;) {
        int status = open_replica(input);
        if (status < 0) return status;
        ptrdiff_t got = input->stream->read(input->stream, input->buffer + input->end, BUFFER_BYTES - input->end);
        if (got >= 0) {
            input->end += (size_t)got;
            input->bytes_in += (uint64_t)got;
            return got > 0;
        }
        input->reason = input->stream->error;
        if (give_up_replica(input) < 0) return input->task->error.code;
    }
}

ptrdiff_t disco_input_read(disco_input *input, void *buffer, size_t size) {
    if (input->start == input->end) {
        int status = fill(input);
        if (status <= 0) return status;
    }
    size_t left = input->end - input->start;
    if (size > left) size = left;
    memcpy(buffer, input->buffer + input->start, size);
    input->start += size;
    return (ptrdiff_t)size;
}

int disco_input_line(disco_input *input, disco_slice *line) {
    input->line.len = 0;
    for (;;) {
        const char *at = input->buffer + input->start;
        size_t left = input->end - input->start;
        const char *line_end = left ? memchr(at, '\n', left) : NULL;
        size_t taken = line_end ? (size_t)(line_end - at) : left;
        input->start += taken + (line_end != NULL);
        if (line_end && input->line.len == 0) {
            *line = disco_slice_of(at, taken);
            return 1;
        }
        /* It goes on in the next buffer, or ends there. */
        if (disco_bytes_append(&input->line, at, taken) < 0) return disco_no_memory(&input->task->error);
        int status = line_end ? 0 : fill(input);
        if (status < 0) return status;
        if (status == 0) {
            *line = disco_slice_of(input->line.data, input->line.len);
            return line_end || input->line.len > 0;
        }
    }
}

/* What the record reader reads: first what was looked at ahead, then the replica. */
static ptrdiff_t read_for_records(void *from, void *buffer, size_t size) {
    disco_input *input = from;
    size_t left = input->end - input->start;
    if (left == 0) {
        if (size >= BUFFER_BYTES) {
            ptrdiff_t got = input->stream->read(input->stream, buffer, size);
            if (got < 0) input->reason = input->stream->error;
            return got;
        }
        input->start = input->end = 0;
        ptrdiff_t got = input->stream->read(input->stream, input->buffer, BUFFER_BYTES);
        if (got < 0) input->reason = input->stream->error;
        if (got <= 0) return got;
        left = input->end = (size_t)got;
    }
    if (size > left) size = left;
    memcpy(buffer, input->buffer + input->start, size);
    input->start += size;
    return (ptrdiff_t)size;
}

int disco_input_record(disco_input *input, disco_slice *key, disco_slice *value) {
    for (;;) {
        if (!input->reader) {
            int status = open_replica(input);
            if (status < 0) return status;
            input->bytes_in = 0; /* from here on records are counted */
            input->reader = disco_reader_new(read_for_records, input, disco_input_url(input),
                                             &input->task->worker->limits, &input->reason);
            if (!input->reader) return disco_no_memory(&input->task->error);
            disco_reader_skip(input->reader, input->records_out);
        }
        int status = disco_reader_next(input->reader, key, value);
        if (status > 0) input->records_out++;
        if (status >= 0) return status;
        input->reason = *disco_reader_error(input->reader);
        input->start = input->end = 0;
        if (give_up_replica(input) < 0) return input->task->error.code;
    }
}

bool disco_input_holds_hunks(disco_input *input) {
    while (input->end - input->start < HUNK_MARK_BYTES)
        if (fill(input) <= 0) return false;
    const unsigned char *at = (const unsigned char *)input->buffer + input->start;
    return at[0] == 0xD1 && at[1] <= 2 && at[2] <= 3 && at[3] == 0;
}
