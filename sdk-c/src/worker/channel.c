/* The worker's line to Disco: one request, then its reply, over two pipes. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "worker/worker.h"

enum { READ_BYTES = 64 * 1024, MAX_LINE_BYTES = 16000, MAX_PRINTED_LINES = 100 };
static const double LINGER_S = 5; /* for the answer to a complaint */

static int write_all(disco_worker *worker) {
    disco_bytes *out = &worker->outgoing;
    for (size_t done = 0; done < out->len;) {
        ssize_t written = write(worker->requests_fd, out->data + done, out->len - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0)
            return disco_error_set(&worker->error, DISCO_E_GONE, "Disco does not read any more: %s", strerror(errno));
        done += (size_t)written;
    }
    out->len = 0;
    worker->last_said_s = disco_now_s();
    return 0;
}

/* Waits until there is something to read: 1, 0 when the time is over, or the worker's error. */
static int wait_readable(disco_worker *worker, double seconds) {
    double until_s = disco_now_s() + seconds;
    for (;;) {
        struct pollfd waiting = {worker->replies_fd, POLLIN, 0};
        double left_s = until_s - disco_now_s();
        if (left_s < 0) left_s = 0;
        int ready = poll(&waiting, 1, left_s > 1e6 ? 1000000000 : (int)(left_s * 1000 + 0.999));
        if (ready > 0) return 1;
        if (ready == 0) return 0;
        if (errno != EINTR)
            return disco_error_set(&worker->error, DISCO_E_GONE, "waiting for Disco failed: %s", strerror(errno));
    }
}

/* What is there to read, into the session. 0 at the end of input. */
static int read_some(disco_worker *worker) {
    char buffer[READ_BYTES];
    ssize_t got;
    while ((got = read(worker->replies_fd, buffer, sizeof buffer)) < 0 && errno == EINTR) {
    }
    if (got < 0) return disco_error_set(&worker->error, DISCO_E_GONE, "reading from Disco failed: %s", strerror(errno));
    int status = disco_session_feed(worker->session, buffer, (size_t)got);
    if (status < 0) return disco_no_memory(&worker->error);
    return got > 0;
}

static int receive(disco_worker *worker, disco_message *reply) {
    for (;;) {
        int event = disco_session_next(worker->session, reply);
        if (event == DISCO_MESSAGE) return 0;
        if (event < 0) {
            worker->error = *disco_session_error(worker->session);
            return event;
        }
        if (event == DISCO_END_OF_INPUT) return disco_error_set(&worker->error, DISCO_E_GONE, "Disco closed the pipe");
        int ready = wait_readable(worker, worker->limits.reply_timeout_s);
        if (ready == 0)
            return disco_error_set(&worker->error, DISCO_E_GONE, "Disco has not answered for %.0f seconds",
                                   worker->limits.reply_timeout_s);
        if (ready < 0 || read_some(worker) < 0) return worker->error.code;
    }
}

int disco_ask(disco_worker *worker, const disco_message *request, disco_message *reply) {
    if (worker->error.code) return worker->error.code;
    if (!worker->telling_prints && disco_tell_prints(worker) < 0) return worker->error.code;
    int status = disco_session_send(worker->session, request, &worker->outgoing, &worker->error);
    if (status == 0) status = write_all(worker);
    return status == 0 ? receive(worker, reply) : status;
}

int disco_tell(disco_worker *worker, const disco_message *request) {
    disco_message reply;
    int status = disco_ask(worker, request, &reply);
    if (status == 0) disco_message_clear(&reply);
    return status;
}

int disco_say(disco_worker *worker, disco_kind kind, disco_slice text) {
    disco_message request = {.kind = kind, .as.text = text};
    return disco_tell(worker, &request);
}

static int tell_line(disco_worker *worker, disco_slice line) {
    disco_slice rest = line, word;
    int status = 0;
    if (!disco_next_word(&rest, &word)) return 0;
    while (line.len && status == 0) {
        size_t piece = line.len < MAX_LINE_BYTES ? line.len : MAX_LINE_BYTES;
        status = disco_say(worker, DISCO_MSG, disco_slice_of(line.data, piece));
        line = disco_slice_of(line.data + piece, line.len - piece);
    }
    return status;
}

/* Where the last `lines` lines of a text begin. */
static const char *last_lines(const disco_bytes *text, int lines) {
    const char *at = text->data + text->len;
    while (at > text->data && (at[-1] != '\n' || at == text->data + text->len || lines-- > 1)) at--;
    return at;
}

int disco_tell_prints(disco_worker *worker) {
    disco_bytes printed = {0};
    int status = 0;
    if (disco_capture_take(&worker->capture, &printed) < 0) status = disco_no_memory(&worker->error);
    if (status == 0 && printed.len) {
        const char *end = printed.data + printed.len, *at = last_lines(&printed, MAX_PRINTED_LINES);
        worker->telling_prints = true;
        if (at > printed.data)
            status = disco_say(worker, DISCO_MSG, disco_text("... more lines were printed; the last:"));
        while (at < end && status == 0) {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            if (!line_end) line_end = end;
            status = tell_line(worker, disco_slice_of(at, (size_t)(line_end - at)));
            at = line_end + 1;
        }
        worker->telling_prints = false;
    }
    disco_bytes_free(&printed);
    return status;
}

void disco_complain(disco_worker *worker) {
    disco_remedy remedy = disco_err_remedy(worker->error.code);
    disco_message complaint = {.kind = remedy == DISCO_SAY_FATAL ? DISCO_FATAL : DISCO_ERROR,
                               .as.text = disco_text(worker->error.text)};
    disco_error ignored = {0};
    if (remedy == DISCO_SAY_NOTHING) return;
    worker->outgoing.len = 0;
    if (disco_session_send(worker->session, &complaint, &worker->outgoing, &ignored) < 0) return;
    if (write_all(worker) < 0) return;
    /* After a bad message the stream is still one of frames, and Disco will answer. */
    if (remedy == DISCO_SAY_FATAL) (void)wait_readable(worker, LINGER_S);
}

int disco_worker_pause(disco_worker *worker, double seconds) {
    double until_s = disco_now_s() + seconds;
    if (worker->error.code) return worker->error.code;
    for (double left_s = seconds; left_s > 0; left_s = until_s - disco_now_s()) {
        int ready = wait_readable(worker, left_s);
        if (ready < 0) return ready;
        if (ready == 0) return 0;
        int got = read_some(worker); /* a reply before its request is judged when that is made */
        if (got < 0) return got;
        if (got == 0) return disco_error_set(&worker->error, DISCO_E_GONE, "Disco closed the pipe");
    }
    return 0;
}
