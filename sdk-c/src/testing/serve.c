/* The other end of a worker's pipes: takes its requests and answers them, as scripted or well. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "testing/fake.h"

enum { PATIENCE_MS = 120000, CLOSED = 1, PORT = 1 };

static int write_pieces(disco_fake *fake, const char *data, size_t len) {
    size_t piece = fake->piece_bytes ? fake->piece_bytes : len;
    while (len) {
        ssize_t written = write(fake->replies_fd, data, len < piece ? len : piece);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return 0; /* the worker is gone: its end of input says so */
        data += written;
        len -= (size_t)written;
    }
    return 0;
}

static int send_reply(disco_fake *fake, const disco_message *reply) {
    disco_bytes bytes = {0};
    int status = fake->is_off_script ? disco_message_append(&bytes, reply, &fake->error)
                                     : disco_session_send(fake->session, reply, &bytes, &fake->error);
    if (status == 0) status = write_pieces(fake, bytes.data, bytes.len);
    disco_bytes_free(&bytes);
    return status;
}

static int send_task(disco_fake *fake) {
    const fake_task *task = &fake->tasks[fake->task_at++];
    disco_message reply = {.kind = DISCO_TASK};
    reply.as.task = (disco_task_info){.host = "fake",
                                      .master = fake->master,
                                      .jobname = task->jobname,
                                      .disco_data = fake->disco_data,
                                      .ddfs_data = fake->ddfs_data,
                                      .jobfile = fake->jobfile,
                                      .taskid = task->taskid,
                                      .mode = task->mode,
                                      .disco_port = PORT,
                                      .put_port = PORT};
    return send_reply(fake, &reply);
}

static bool is_wanted(const disco_message *request, int64_t id) {
    bool is_named = false;
    for (size_t i = 0; i < request->as.input_request.count; i++)
        is_named = is_named || request->as.input_request.ids[i] == id;
    return request->as.input_request.select == DISCO_ALL ||
           is_named == (request->as.input_request.select == DISCO_INCLUDE);
}

static int send_inputs(disco_fake *fake, const disco_message *request) {
    disco_message reply = {.kind = DISCO_INPUT};
    disco_input_entry *entries = calloc(fake->input_count + 1, sizeof *entries);
    if (!entries) return disco_no_memory(&fake->error);
    for (size_t i = 0; i < fake->input_count; i++) {
        const fake_input *input = &fake->inputs[i];
        if (!is_wanted(request, input->id)) continue;
        entries[reply.as.inputs.count++] = (disco_input_entry){input->id, DISCO_READY, input->replicas, input->count};
    }
    reply.as.inputs.entries = entries;
    int status = send_reply(fake, &reply);
    free(entries);
    return status;
}

static int send_spare(disco_fake *fake, int64_t id) {
    disco_message reply = {.kind = DISCO_FAIL};
    disco_replica spare;
    for (size_t i = 0; i < fake->input_count; i++) {
        fake_input *input = &fake->inputs[i];
        if (input->id != id || input->spares_given == input->spares.count) continue;
        spare = (disco_replica){input->next_id++, input->spares.items[input->spares_given++]};
        reply.kind = DISCO_RETRY;
        reply.as.retry.replicas = &spare;
        reply.as.retry.count = 1;
    }
    return send_reply(fake, &reply);
}

static int note_output(disco_fake *fake, const disco_message *request) {
    fake_output *outputs = realloc(fake->outputs, (fake->output_count + 1) * sizeof *outputs);
    if (!outputs) return disco_no_memory(&fake->error);
    fake->outputs = outputs;
    outputs[fake->output_count] = (fake_output){disco_copy_text(disco_text(request->as.output.location)),
                                                request->as.output.type, request->as.output.label};
    return outputs[fake->output_count++].location ? 0 : disco_no_memory(&fake->error);
}

/* What the request tells, before it is answered. */
static int note(disco_fake *fake, const disco_message *request) {
    if (request->kind == DISCO_OUTPUT) return note_output(fake, request);
    if (request->kind == DISCO_DONE) fake->outcome = DISCO_DONE;
    if (request->kind != DISCO_MSG && request->kind != DISCO_ERROR && request->kind != DISCO_FATAL) return 0;
    char *text = disco_copy_text(request->as.text);
    int status = text ? 0 : DISCO_E_MEMORY;
    if (text && request->kind == DISCO_MSG) {
        status = disco_list_add(&fake->messages, text);
        free(text);
    } else if (text) {
        free(fake->text);
        fake->text = text;
        fake->outcome = request->kind;
    }
    return status < 0 ? disco_no_memory(&fake->error) : 0;
}

static const fake_answer *scripted(const disco_fake *fake, disco_kind kind, size_t nth) {
    for (size_t i = 0; i < fake->answer_count; i++)
        if (fake->answers[i].request == kind && fake->answers[i].nth == nth) return &fake->answers[i];
    return NULL;
}

static void close_replies(disco_fake *fake) {
    if (fake->replies_fd >= 0) close(fake->replies_fd);
    fake->replies_fd = -1;
}

/* Scripted bytes are shown to our session as if it had said them. After some that it may not say, it knows no more
 * what is owed, and is not asked. */
static int play(disco_fake *fake, const fake_answer *answer) {
    disco_frame frame;
    disco_message said;
    disco_error ignored = {0};
    disco_bytes unused = {0};
    if (!answer->bytes) {
        close_replies(fake);
        return 0;
    }
    size_t len = strlen(answer->bytes);
    int status = DISCO_E_TURN;
    if (disco_frame_parse(answer->bytes, len, 0, &frame, NULL) > 0 &&
        disco_message_parse(&frame, DISCO_ROLE_DISCO, &said, &ignored) == 0) {
        status = disco_session_send(fake->session, &said, &unused, &ignored);
        disco_message_clear(&said);
    }
    if (status < 0) fake->is_off_script = true;
    disco_bytes_free(&unused);
    return write_pieces(fake, answer->bytes, len);
}

static int answer(disco_fake *fake, const disco_message *request) {
    disco_message ok = {.kind = DISCO_OK};
    const fake_answer *script = scripted(fake, request->kind, fake->seen[request->kind]++);
    if (fake->replies_fd < 0) return 0;
    if (script) return play(fake, script);
    switch (request->kind) {
    case DISCO_TASK_REQUEST: return send_task(fake);
    case DISCO_INPUT_REQUEST: return send_inputs(fake, request);
    case DISCO_INPUT_ERR: return send_spare(fake, request->as.input_err.input_id);
    case DISCO_DONE:
        if (fake->task_at < fake->task_count) return send_task(fake);
        return send_reply(fake, &ok);
    default: return send_reply(fake, &ok);
    }
}

static int take_requests(disco_fake *fake) {
    disco_message request;
    for (;;) {
        int event = disco_session_next(fake->session, &request);
        if (event < 0) {
            if (!fake->error.code) fake->error = *disco_session_error(fake->session);
            return event;
        }
        if (event != DISCO_MESSAGE) return event == DISCO_END_OF_INPUT ? CLOSED : 0;
        int status = note(fake, &request);
        if (status == 0) status = answer(fake, &request);
        disco_message_clear(&request);
        if (status < 0) return status;
    }
}

int disco_fake_serve(disco_fake *fake) {
    char buffer[64 * 1024];
    int status = 0;
    while (status == 0) {
        struct pollfd waiting = {fake->requests_fd, POLLIN, 0};
        int ready = poll(&waiting, 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR) continue;
        ssize_t got = ready > 0 ? read(fake->requests_fd, buffer, sizeof buffer) : -1;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return disco_error_set(&fake->error, DISCO_E_GONE, "the worker said nothing for %d seconds",
                                   PATIENCE_MS / 1000);
        if (disco_session_feed(fake->session, buffer, (size_t)got) < 0) return disco_no_memory(&fake->error);
        status = take_requests(fake);
        if (got == 0) break;
    }
    close_replies(fake);
    return status < 0 ? status : 0;
}
