/* Reading results and blobs on the client: every URL in its turn, and of a blob the replica that can be read. */
#include <stdlib.h>

#include "client/ddfs.h"

enum { MAX_LINKS = 1000000 };

struct disco_results_reader {
    disco_client *client;
    disco_place place;
    disco_list urls; /* an item: replicas with a space between */
    size_t at;
    disco_slice replicas; /* of the current item that were not tried */
    disco_stream *stream;
    disco_reader *reader;
    uint64_t bytes_read, records_read;
    disco_error reason, error;
};

/* A tag stands for its blobs; what it links to comes after them. */
static int add_tag(disco_results_reader *results, const char *name) {
    disco_tag tag;
    int status = disco_ddfs_get(results->client, name, &tag);
    if (status < 0) {
        results->error = *disco_client_error(results->client);
        return status;
    }
    for (size_t i = 0; i < tag.blobs.count && status == 0; i++) {
        disco_bytes item = {0};
        for (size_t j = 0; j < tag.blobs.items[i].count && status == 0; j++) {
            status = disco_bytes_put(&item, tag.blobs.items[i].items[j]);
            if (status == 0) status = disco_bytes_put(&item, " ");
        }
        if (status == 0) status = disco_bytes_append(&item, "", 1);
        if (status == 0) status = disco_list_add(&results->urls, item.data);
        disco_bytes_free(&item);
    }
    if (status == 0 && results->urls.count > MAX_LINKS)
        status = disco_error_set(&results->error, DISCO_E_DATA,
                                 "tag %.300s leads to too many blobs: does it link to itself?", name);
    disco_tag_clear(&tag);
    return status < 0 && !results->error.code ? disco_no_memory(&results->error) : status;
}

disco_results_reader *disco_results_open(disco_client *client, const disco_list *urls) {
    disco_results_reader *results = calloc(1, sizeof *results);
    if (!results) return NULL;
    results->client = client;
    results->place = (disco_place){.disco_port = client->disco_port,
                                   .label = DISCO_EVERY_LABEL,
                                   .max_index_bytes = disco_limits_with_defaults(NULL).max_index_bytes,
                                   .http = client->http};
    for (size_t i = 0; i < urls->count; i++)
        if (disco_list_add(&results->urls, urls->items[i]) < 0) {
            disco_results_free(results);
            return NULL;
        }
    return results;
}

const disco_error *disco_results_error(const disco_results_reader *results) { return &results->error; }

static void close_stream(disco_results_reader *results) {
    disco_reader_free(results->reader);
    disco_stream_close(results->stream);
    results->reader = NULL;
    results->stream = NULL;
}

void disco_results_free(disco_results_reader *results) {
    if (!results) return;
    close_stream(results);
    disco_list_clear(&results->urls);
    free(results);
}

/* The next replica of the current item, or the next item: 1 when a stream is open, 0 when all are read. */
static int open_next(disco_results_reader *results) {
    disco_slice url;
    while (!results->stream) {
        if (!disco_next_word(&results->replicas, &url)) {
            if (results->reason.code)
                return disco_error_set(&results->error, results->reason.code, "%s", results->reason.text);
            if (results->at == results->urls.count) return 0;
            const char *item = results->urls.items[results->at++];
            results->bytes_read = results->records_read = 0;
            if (strncmp(item, "tag://", 6) == 0) {
                disco_slice rest = disco_text(item + 6), name;
                disco_next_word(&rest, &name);
                char *tag = disco_copy_text(name);
                int status = tag ? add_tag(results, tag) : disco_no_memory(&results->error);
                free(tag);
                if (status < 0) return status;
            } else {
                results->replicas = disco_text(item);
            }
            continue;
        }
        char *text = disco_copy_text(url);
        if (!text) return disco_no_memory(&results->error);
        memset(&results->reason, 0, sizeof results->reason);
        results->stream = disco_stream_open(&results->place, text, &results->reason);
        free(text);
    }
    return 1;
}

/* Skips what a broken replica has given already. */
static int skip_bytes(disco_results_reader *results) {
    char scratch[4096];
    for (uint64_t left = results->bytes_read; left;) {
        ptrdiff_t got =
            results->stream->read(results->stream, scratch, left < sizeof scratch ? (size_t)left : sizeof scratch);
        if (got <= 0) return DISCO_E_DATA;
        left -= (uint64_t)got;
    }
    return 0;
}

ptrdiff_t disco_results_read(disco_results_reader *results, void *buffer, size_t size) {
    if (results->error.code) return results->error.code;
    for (;;) {
        bool is_new = !results->stream;
        int status = open_next(results);
        if (status <= 0) return status;
        ptrdiff_t got =
            is_new && skip_bytes(results) < 0 ? DISCO_E_DATA : results->stream->read(results->stream, buffer, size);
        if (got > 0) {
            results->bytes_read += (uint64_t)got;
            return got;
        }
        if (got < 0) {
            results->reason = results->stream->error;
            disco_error_set(&results->reason, DISCO_E_DATA, "a replica is shorter than another");
        } else {
            results->replicas = disco_slice_of("", 0);
        }
        close_stream(results);
    }
}

static ptrdiff_t read_stream(void *from, void *buffer, size_t size) {
    disco_results_reader *results = from;
    ptrdiff_t got = results->stream->read(results->stream, buffer, size);
    if (got < 0) results->reason = results->stream->error;
    return got;
}

int disco_results_next(disco_results_reader *results, disco_slice *key, disco_slice *value) {
    if (results->error.code) return results->error.code;
    for (;;) {
        int status = open_next(results);
        if (status <= 0) return status;
        if (!results->reader) {
            results->reader =
                disco_reader_new(read_stream, results, results->urls.items[results->at - 1], NULL, &results->reason);
            if (!results->reader) return disco_no_memory(&results->error);
            disco_reader_skip(results->reader, results->records_read);
        }
        status = disco_reader_next(results->reader, key, value);
        if (status > 0) {
            results->records_read++;
            return 1;
        }
        if (status < 0)
            results->reason = *disco_reader_error(results->reader);
        else
            results->replicas = disco_slice_of("", 0);
        close_stream(results);
    }
}
