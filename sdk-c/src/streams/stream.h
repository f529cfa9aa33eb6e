/* Streams of bytes by URL. What a URL means depends on the place: the node that a task runs on, or a client. */
#ifndef DISCO_STREAM_H
#define DISCO_STREAM_H

#include "base/base.h"

typedef struct disco_http disco_http;
typedef struct disco_stream disco_stream;

typedef struct disco_place {
    const char *host; /* this node; NULL on a client */
    const char *disco_data, *ddfs_data;
    int disco_port; /* of every node's web server */
    int64_t label;  /* the lines to read of an index; DISCO_EVERY_LABEL */
    size_t max_index_bytes;
    disco_http *http;
} disco_place;

#define DISCO_EVERY_LABEL (-1)

struct disco_stream {
    ptrdiff_t (*read)(disco_stream *stream, void *buffer, size_t size); /* > 0, 0: end, < 0 with `error` */
    void (*close)(disco_stream *stream);
    disco_error error;
};

/* NULL with a DISCO_E_DATA when it cannot be read from here. */
disco_stream *disco_stream_open(const disco_place *place, const char *url, disco_error *error);
static inline void disco_stream_close(disco_stream *stream) {
    if (stream) stream->close(stream);
}

/* The pieces that disco_stream_open is made of. */
disco_stream *disco_file_open(const char *path, const char *url, disco_error *error);
disco_stream *disco_memory_open(const char *percent_encoded, disco_error *error);
disco_stream *disco_http_open(disco_http *http, const char *url, disco_error *error);
disco_stream *disco_index_open(const disco_place *place, const char *url, disco_error *error);
disco_stream *disco_node_open(const disco_place *place, const char *url, disco_error *error);

/* The URLs of an index, as texts with a NUL after each. */
int disco_index_read(const disco_place *place, const char *url, disco_bytes *urls, disco_error *error);
/* The web address of a disco:// or dir:// URL. */
int disco_web_address(const char *url, int disco_port, disco_bytes *address);

disco_http *disco_http_new(const disco_limits *limits);
void disco_http_free(disco_http *http);

typedef struct disco_response {
    long status;
    disco_bytes body;
} disco_response;

typedef struct disco_request {
    const char *method, *url, *token;
    const char *content_type; /* of the body; NULL: application/json */
    disco_slice body;         /* or: */
    int file;                 /* from its start, when file_bytes is set */
    int64_t file_bytes;       /* -1: no file */
    double patience_s;        /* for the whole of a reply; 0: the limits' silence */
} disco_request;

/* A whole reply of any status; tried again while the server cannot be reached or says 503. */
int disco_http_request(disco_http *http, const disco_request *request, disco_response *response, disco_error *error);

#endif
