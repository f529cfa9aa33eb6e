/* From a URL to its stream: which scheme, and whether the file lies on this very node. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "streams/stream.h"

typedef struct file_stream {
    disco_stream base;
    int fd;
} file_stream;

static ptrdiff_t read_file(disco_stream *base, void *buffer, size_t size) {
    file_stream *stream = (file_stream *)base;
    for (;;) {
        ssize_t got = read(stream->fd, buffer, size);
        if (got >= 0) return got;
        if (errno != EINTR)
            return disco_error_set(&base->error, DISCO_E_DATA, "reading a file failed: %s", strerror(errno));
    }
}

static void close_file(disco_stream *base) {
    close(((file_stream *)base)->fd);
    free(base);
}

disco_stream *disco_file_open(const char *path, const char *url, disco_error *error) {
    file_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        disco_no_memory(error);
        return NULL;
    }
    stream->base.read = read_file;
    stream->base.close = close_file;
    stream->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (stream->fd < 0) {
        disco_error_set(error, DISCO_E_DATA, "%s: %s (%s)", url, strerror(errno), path);
        free(stream);
        return NULL;
    }
    return &stream->base;
}

typedef struct memory_stream {
    disco_stream base;
    size_t at, len;
    char data[];
} memory_stream;

static ptrdiff_t read_memory(disco_stream *base, void *buffer, size_t size) {
    memory_stream *stream = (memory_stream *)base;
    size_t left = stream->len - stream->at;
    if (size > left) size = left;
    memcpy(buffer, stream->data + stream->at, size);
    stream->at += size;
    return (ptrdiff_t)size;
}

static void close_memory(disco_stream *base) { free(base); }

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

disco_stream *disco_memory_open(const char *text, disco_error *error) {
    size_t len = strlen(text);
    memory_stream *stream = calloc(1, sizeof *stream + len + 1);
    if (!stream) {
        disco_no_memory(error);
        return NULL;
    }
    stream->base.read = read_memory;
    stream->base.close = close_memory;
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        stream->data[stream->len++] = low >= 0 ? (char)(high << 4 | low) : text[i];
        if (low >= 0) i += 2;
    }
    return &stream->base;
}

/* What follows `scheme://`, or NULL when the URL has another scheme. */
static const char *after_scheme(const char *url, const char *scheme) {
    size_t len = strlen(scheme);
    return strncasecmp(url, scheme, len) == 0 && strncmp(url + len, "://", 3) == 0 ? url + len + 3 : NULL;
}

static bool climbs(const char *path) {
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0')) return true;
    return false;
}

/* The file behind HOST/PATH when it lies on this node. NULL when it is another node's, or no memory. */
static char *local_path(const disco_place *place, const char *rest) {
    size_t host_len = strcspn(rest, "/");
    size_t name_len = strcspn(rest, "/:");
    const char *path = rest + host_len;
    if (!place->host || *path != '/') return NULL;
    bool is_here = (strlen(place->host) == name_len && strncasecmp(rest, place->host, name_len) == 0) ||
                   (strlen(place->host) == host_len && strncasecmp(rest, place->host, host_len) == 0);
    if (!is_here || climbs(path)) return NULL;
    const char *root = strncmp(path, "/disco/", 7) == 0  ? place->disco_data
                       : strncmp(path, "/ddfs/", 6) == 0 ? place->ddfs_data
                                                         : NULL;
    if (!root) return NULL;
    path += path[2] == 'i' ? 7 : 6;
    char *joined = malloc(strlen(root) + strlen(path) + 2);
    if (joined) {
        strcpy(joined, root);
        strcat(joined, "/");
        strcat(joined, path);
    }
    return joined;
}

int disco_web_address(const char *url, int disco_port, disco_bytes *address) {
    const char *rest = strstr(url, "://");
    rest = rest ? rest + 3 : url;
    size_t host_len = strcspn(rest, "/");
    bool has_port = memchr(rest, ':', host_len) != NULL;
    int status = disco_bytes_put(address, "http://");
    if (status == 0) status = disco_bytes_append(address, rest, host_len);
    if (status == 0 && !has_port) status = disco_bytes_format(address, ":%d", disco_port);
    return status == 0 ? disco_bytes_append(address, rest + host_len, strlen(rest + host_len) + 1) : status;
}

disco_stream *disco_node_open(const disco_place *place, const char *url, disco_error *error) {
    const char *rest = strstr(url, "://") + 3;
    char *path = local_path(place, rest);
    if (path) {
        disco_error ignored = {0};
        disco_stream *stream = disco_file_open(path, url, &ignored);
        free(path);
        if (stream) return stream; /* one that is missing may still be served: it is asked for below */
    }
    disco_bytes address = {0};
    disco_stream *stream = NULL;
    if (disco_web_address(url, place->disco_port, &address) < 0)
        disco_no_memory(error);
    else
        stream = disco_http_open(place->http, address.data, error);
    disco_bytes_free(&address);
    return stream;
}

disco_stream *disco_stream_open(const disco_place *place, const char *url, disco_error *error) {
    const char *rest;
    if ((rest = after_scheme(url, "raw"))) return disco_memory_open(rest, error);
    if (after_scheme(url, "http") || after_scheme(url, "https")) return disco_http_open(place->http, url, error);
    if (after_scheme(url, "disco")) return disco_node_open(place, url, error);
    if (after_scheme(url, "dir")) return disco_index_open(place, url, error);
    if ((rest = after_scheme(url, "file"))) {
        if (strncmp(rest, "localhost/", 10) == 0) rest += 9;
        return disco_file_open(rest, url, error);
    }
    if (url[0] == '/') return disco_file_open(url, url, error);
    disco_error_set(error, DISCO_E_DATA, "%s: no scheme that this worker can open (raw, file, http, https, disco, dir)",
                    disco_quote(disco_text(url)).text);
    return NULL;
}
