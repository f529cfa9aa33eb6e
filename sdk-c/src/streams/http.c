/* HTTP by libcurl. Streams are pulled: the transfer is paused while enough bytes wait to be read, so a body of any
 * size takes little memory. Connections are kept for the next stream. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "streams/stream.h"

enum { ENOUGH_BYTES = 1 << 20, MAX_REDIRECTS = 5, POLL_MS = 1000, HTTP_OK = 200, HTTP_BUSY = 503 };
enum { MAX_ATTEMPTS = 10, MAX_UNREACHABLE = 3, MAX_BODY_BYTES = 256 << 20 };

struct disco_http {
    CURLM *multi;
    CURL *asking; /* for whole replies */
    disco_limits limits;
};

typedef struct http_stream {
    disco_stream base;
    disco_http *http;
    CURL *easy;
    disco_bytes received;
    size_t taken;
    bool paused, done;
    CURLcode result;
    char reason[CURL_ERROR_SIZE];
    char url[];
} http_stream;

disco_http *disco_http_new(const disco_limits *limits) {
    disco_http *http = calloc(1, sizeof *http);
    if (http) http->limits = disco_limits_with_defaults(limits);
    return http;
}

void disco_http_free(disco_http *http) {
    if (!http) return;
    if (http->asking) curl_easy_cleanup(http->asking);
    if (http->multi) curl_multi_cleanup(http->multi);
    free(http);
}

static void set_common(const disco_http *http, CURL *easy, const char *url, char *reason) {
    const char *trusted = getenv("SSL_CERT_FILE"); /* which libcurl leaves to programs */
    if (trusted && *trusted) curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "disco-worker-c");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(http->limits.connect_timeout_s * 1000));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(http->limits.silence_timeout_s + 0.999));
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static size_t receive(char *data, size_t one, size_t len, void *context) {
    http_stream *stream = context;
    (void)one;
    if (stream->received.len - stream->taken >= ENOUGH_BYTES) {
        stream->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (disco_bytes_append(&stream->received, data, len) < 0) return 0;
    return len;
}

/* Lets transfers go on until this stream has bytes or is over. */
static int pump(http_stream *stream) {
    CURLM *multi = stream->http->multi;
    while (!stream->done && stream->received.len == stream->taken) {
        int running = 0, left = 0;
        stream->received.len = stream->taken = 0;
        if (stream->paused) {
            stream->paused = false;
            curl_easy_pause(stream->easy, CURLPAUSE_CONT);
        }
        if (curl_multi_perform(multi, &running) != CURLM_OK) return disco_no_memory(&stream->base.error);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            http_stream *over = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&over);
            over->done = true;
            over->result = message->data.result;
        }
        if (!stream->done && stream->received.len == 0) curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    }
    return 0;
}

static ptrdiff_t read_http(disco_stream *base, void *buffer, size_t size) {
    http_stream *stream = (http_stream *)base;
    if (pump(stream) < 0) return base->error.code;
    size_t left = stream->received.len - stream->taken;
    if (left == 0) {
        if (stream->result == CURLE_OK) return 0;
        const char *reason = *stream->reason ? stream->reason : curl_easy_strerror(stream->result);
        return disco_error_set(&base->error, DISCO_E_DATA, "%.300s: %s", stream->url, reason);
    }
    if (size > left) size = left;
    memcpy(buffer, stream->received.data + stream->taken, size);
    stream->taken += size;
    return (ptrdiff_t)size;
}

static void close_http(disco_stream *base) {
    http_stream *stream = (http_stream *)base;
    if (stream->easy) {
        curl_multi_remove_handle(stream->http->multi, stream->easy);
        curl_easy_cleanup(stream->easy);
    }
    disco_bytes_free(&stream->received);
    free(stream);
}

static int start(http_stream *stream) {
    disco_error *error = &stream->base.error;
    if (!stream->http->multi) stream->http->multi = curl_multi_init();
    stream->easy = curl_easy_init();
    if (!stream->http->multi || !stream->easy) return disco_no_memory(error);
    set_common(stream->http, stream->easy, stream->url, stream->reason);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(stream->easy, CURLOPT_PRIVATE, stream);
    if (curl_multi_add_handle(stream->http->multi, stream->easy) != CURLM_OK) return disco_no_memory(error);
    if (pump(stream) < 0) return error->code;
    long status = 0;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
    error->http_status = (int)status;
    if (stream->done && stream->result != CURLE_OK && stream->received.len == 0)
        return disco_error_set(error, DISCO_E_DATA, "%.300s: %s", stream->url,
                               *stream->reason ? stream->reason : curl_easy_strerror(stream->result));
    if (status != HTTP_OK) return disco_error_set(error, DISCO_E_DATA, "%.300s: HTTP status %ld", stream->url, status);
    return 0;
}

disco_stream *disco_http_open(disco_http *http, const char *url, disco_error *error) {
    http_stream *stream = calloc(1, sizeof *stream + strlen(url) + 1);
    if (!stream) {
        disco_no_memory(error);
        return NULL;
    }
    strcpy(stream->url, url);
    stream->http = http;
    stream->base.read = read_http;
    stream->base.close = close_http;
    if (start(stream) == 0) return &stream->base;
    if (error && error->code == 0) *error = stream->base.error;
    close_http(&stream->base);
    return NULL;
}

static size_t receive_whole(char *data, size_t one, size_t len, void *context) {
    disco_bytes *body = context;
    (void)one;
    if (body->len + len > MAX_BODY_BYTES || disco_bytes_append(body, data, len) < 0) return 0;
    return len;
}

static size_t send_file(char *buffer, size_t one, size_t room, void *context) {
    (void)one;
    ssize_t got = read(*(const int *)context, buffer, room);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int rewind_file(void *context, curl_off_t offset, int origin) {
    return lseek(*(const int *)context, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static void set_body(CURL *easy, const disco_request *request) {
    if (request->file_bytes >= 0) {
        lseek(request->file, 0, SEEK_SET);
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, send_file);
        curl_easy_setopt(easy, CURLOPT_READDATA, &request->file);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_file);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, &request->file);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->file_bytes);
    } else if (request->body.data) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static CURLcode attempt(disco_http *http, const disco_request *request, disco_response *response, char *reason) {
    CURL *easy = http->asking;
    char type[128];
    curl_easy_reset(easy);
    set_common(http, easy, request->url, reason);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_whole);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &response->body);
    if (request->patience_s > 0)
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(request->patience_s + http->limits.silence_timeout_s));
    snprintf(type, sizeof type, "Content-Type: %s", request->content_type ? request->content_type : "application/json");
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    struct curl_slist *more = headers ? curl_slist_append(headers, type) : NULL;
    if (!more) {
        curl_slist_free_all(headers);
        return CURLE_OUT_OF_MEMORY;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, more);
    if (request->token && *request->token) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, "token");
        curl_easy_setopt(easy, CURLOPT_PASSWORD, request->token);
    }
    set_body(easy, request);
    CURLcode result = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
    curl_slist_free_all(more);
    return result;
}

static void wait_before_next(int failures) {
    double pause_s = 0.1 * (double)(1 << (failures < 5 ? failures : 5));
    struct timespec pause = {(time_t)pause_s, (long)((pause_s - (double)(time_t)pause_s) * 1e9)};
    nanosleep(&pause, NULL);
}

int disco_http_request(disco_http *http, const disco_request *request, disco_response *response, disco_error *error) {
    char reason[CURL_ERROR_SIZE] = "";
    if (!http->asking) http->asking = curl_easy_init();
    if (!http->asking) return disco_no_memory(error);
    bool repeatable = strcmp(request->method, "POST") != 0;
    for (int failures = 0, unreachable = 0;; failures++) {
        response->body.len = 0;
        CURLcode result = attempt(http, request, response, reason);
        bool refused = result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST;
        bool busy = result == CURLE_OK && response->status == HTTP_BUSY;
        if (result == CURLE_OK && !busy) return 0;
        unreachable += refused;
        bool tired = failures + 1 >= MAX_ATTEMPTS || unreachable >= MAX_UNREACHABLE;
        if (tired || !(refused || busy || repeatable)) {
            if (error) error->http_status = busy ? HTTP_BUSY : 0;
            return disco_error_set(error, DISCO_E_ELSEWHERE, "%s %.300s: %s", request->method, request->url,
                                   busy      ? "HTTP status 503"
                                   : *reason ? reason
                                             : curl_easy_strerror(result));
        }
        wait_before_next(failures);
    }
}
