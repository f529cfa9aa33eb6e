/* `dir://HOST/...`: an index of outputs, lines of `label SP url LF`, gzip when its name ends in .gz.
 *
 * Read as a stream it is the bytes of its outputs one after the other. Only the index itself is held in memory, and
 * of it only the lines that are wanted once it is read. */
#include <stdlib.h>
#include <zlib.h>

#include "streams/stream.h"

enum { PIECE_BYTES = 64 * 1024, GZIP_WINDOW = 15 + 16 };

typedef struct index_stream {
    disco_stream base;
    disco_place place;
    disco_bytes urls; /* each with its NUL */
    size_t at;
    disco_stream *current;
} index_stream;

static int read_all(disco_stream *stream, size_t max_bytes, disco_bytes *content) {
    for (;;) {
        if (content->len > max_bytes)
            return disco_error_set(&stream->error, DISCO_E_DATA, "the index has more than %zu bytes", max_bytes);
        if (disco_bytes_reserve(content, PIECE_BYTES) < 0) return disco_no_memory(&stream->error);
        ptrdiff_t got = stream->read(stream, content->data + content->len, PIECE_BYTES);
        if (got <= 0) return (int)got;
        content->len += (size_t)got;
    }
}

static int inflate_all(z_stream *machine, size_t max_bytes, disco_bytes *plain, disco_error *error) {
    for (int result = Z_OK; result != Z_STREAM_END;) {
        if (disco_bytes_reserve(plain, PIECE_BYTES) < 0) return disco_no_memory(error);
        machine->next_out = (Bytef *)plain->data + plain->len;
        machine->avail_out = PIECE_BYTES;
        result = inflate(machine, Z_NO_FLUSH);
        plain->len += PIECE_BYTES - machine->avail_out;
        if (plain->len > max_bytes)
            return disco_error_set(error, DISCO_E_DATA, "the index has more than %zu bytes", max_bytes);
        if (result != Z_STREAM_END && (result != Z_OK || (machine->avail_in == 0 && machine->avail_out)))
            return disco_error_set(error, DISCO_E_DATA, "the index is no gzip data, or is cut off");
    }
    return 0;
}

static int gunzip(const disco_bytes *packed, size_t max_bytes, disco_bytes *plain, disco_error *error) {
    z_stream machine = {0};
    if (packed->len > max_bytes) return disco_error_set(error, DISCO_E_DATA, "the index is too large");
    if (inflateInit2(&machine, GZIP_WINDOW) != Z_OK) return disco_no_memory(error);
    machine.next_in = (Bytef *)packed->data;
    machine.avail_in = (uInt)packed->len;
    int status = inflate_all(&machine, max_bytes, plain, error);
    inflateEnd(&machine);
    return status;
}

static bool is_gzip(const char *url) {
    size_t len = strcspn(url, "?#");
    return len > 3 && memcmp(url + len - 3, ".gz", 3) == 0;
}

static int pick_lines(const disco_place *place, const disco_bytes *content, disco_bytes *urls, disco_error *error) {
    const char *at = content->data, *end = at + content->len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        disco_slice line = disco_slice_of(at, (size_t)(line_end - at));
        const char *space = memchr(line.data, ' ', line.len);
        int64_t label;
        if (!space || disco_slice_int(disco_slice_of(at, (size_t)(space - at)), &label) < 0 ||
            memchr(line.data, '\0', line.len))
            return disco_error_set(error, DISCO_E_DATA, "a line of the index is not `label url`: %s",
                                   disco_quote(line).text);
        if (place->label == DISCO_EVERY_LABEL || place->label == label) {
            int status = disco_bytes_append(urls, space + 1, (size_t)(line_end - space - 1));
            if (status == 0) status = disco_bytes_append(urls, "", 1);
            if (status < 0) return disco_no_memory(error);
        }
        at = line_end + 1;
    }
    return 0;
}

int disco_index_read(const disco_place *place, const char *url, disco_bytes *urls, disco_error *error) {
    disco_bytes content = {0}, plain = {0};
    disco_error reason = {0};
    disco_stream *stream = disco_node_open(place, url, error);
    if (!stream) return error->code;
    int status = read_all(stream, place->max_index_bytes, &content);
    if (status < 0) reason = stream->error;
    disco_stream_close(stream);
    if (status == 0 && is_gzip(url)) status = gunzip(&content, place->max_index_bytes, &plain, &reason);
    if (status == 0) status = pick_lines(place, is_gzip(url) ? &plain : &content, urls, &reason);
    if (status < 0) disco_error_set(error, status, "%.300s: %.600s", url, reason.text);
    disco_bytes_free(&content);
    disco_bytes_free(&plain);
    return status;
}

static ptrdiff_t read_index(disco_stream *base, void *buffer, size_t size) {
    index_stream *stream = (index_stream *)base;
    for (;;) {
        if (!stream->current) {
            if (stream->at == stream->urls.len) return 0;
            const char *url = stream->urls.data + stream->at;
            if (strncmp(url, "dir://", 6) == 0)
                return disco_error_set(&base->error, DISCO_E_DATA, "an index leads to another index: %.300s", url);
            stream->current = disco_stream_open(&stream->place, url, &base->error);
            if (!stream->current) return base->error.code;
            stream->at += strlen(url) + 1;
        }
        ptrdiff_t got = stream->current->read(stream->current, buffer, size);
        if (got < 0) base->error = stream->current->error;
        if (got != 0) return got;
        disco_stream_close(stream->current);
        stream->current = NULL;
    }
}

static void close_index(disco_stream *base) {
    index_stream *stream = (index_stream *)base;
    disco_stream_close(stream->current);
    disco_bytes_free(&stream->urls);
    free(stream);
}

disco_stream *disco_index_open(const disco_place *place, const char *url, disco_error *error) {
    index_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        disco_no_memory(error);
        return NULL;
    }
    stream->base.read = read_index;
    stream->base.close = close_index;
    stream->place = *place;
    if (disco_index_read(place, url, &stream->urls, error) < 0) {
        close_index(&stream->base);
        return NULL;
    }
    return &stream->base;
}
