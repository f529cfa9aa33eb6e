/* Reading record streams: hunk after hunk, with no end mark.
 *
 * A hunk's sizes are checked before memory is taken for it, its checksum before anything looks inside, and all of
 * its records before the first is given out: what a hunk holds comes out whole or not at all. `skip` makes a reader
 * go on where another replica broke off: it counts records, so replicas need not be cut into hunks alike. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "records/codec.h"

enum { PIECE_BYTES = 1 << 20, URL_BYTES = 300 };

typedef struct hunk {
    unsigned encoding, codec, reserved;
    uint32_t raw_len, stored_len, records, crc32;
} hunk;

struct disco_reader {
    disco_read_fn read;
    void *from;
    const disco_error *read_error;
    size_t max_raw_bytes;
    uint64_t offset, skip;
    uint32_t records_left; /* in this hunk */
    size_t at;             /* in `raw` */
    disco_bytes stored, raw;
    disco_packer *packer;
    disco_error error;
    char url[URL_BYTES];
};

disco_reader *disco_reader_new(disco_read_fn read, void *from, const char *url, const disco_limits *limits,
                               const disco_error *read_error) {
    disco_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->packer = disco_packer_new();
    if (!reader->packer) {
        free(reader);
        return NULL;
    }
    reader->read = read;
    reader->from = from;
    reader->read_error = read_error;
    reader->max_raw_bytes = disco_limits_with_defaults(limits).max_hunk_raw_bytes;
    snprintf(reader->url, sizeof reader->url, "%s", url ? url : "a record stream");
    return reader;
}

void disco_reader_free(disco_reader *reader) {
    if (!reader) return;
    disco_packer_free(reader->packer);
    disco_bytes_free(&reader->stored);
    disco_bytes_free(&reader->raw);
    free(reader);
}

const disco_error *disco_reader_error(const disco_reader *reader) { return &reader->error; }
void disco_reader_skip(disco_reader *reader, uint64_t records) { reader->skip += records; }

static int damaged(disco_reader *reader, uint64_t start, int code, const char *reason) {
    return disco_error_set(&reader->error, code, "%s: damaged between bytes %" PRIu64 " and %" PRIu64 ": %s",
                           reader->url, start, reader->offset, reason);
}

/* Exactly `size` bytes: 1; 0 when the stream ends before the first, an error when it ends later. */
static int take(disco_reader *reader, char *into, size_t size) {
    size_t done = 0;
    while (done < size) {
        ptrdiff_t got = reader->read(reader->from, into + done, size - done);
        if (got < 0) {
            bool told = reader->read_error && reader->read_error->code;
            return disco_error_set(&reader->error, (int)got, "%s", told ? reader->read_error->text : "reading failed");
        }
        if (got == 0) {
            if (done == 0) return 0;
            return disco_error_set(&reader->error, DISCO_E_DATA, "%s: truncated at byte %" PRIu64 ": %zu more expected",
                                   reader->url, reader->offset, size - done);
        }
        done += (size_t)got;
        reader->offset += (uint64_t)got;
    }
    return 1;
}

/* `size` bytes into `stored`, a piece at a time; of a hunk that is passed over only the last piece stays. */
static int take_stored(disco_reader *reader, size_t size, bool keep) {
    disco_bytes *stored = &reader->stored;
    stored->len = 0;
    while (size) {
        size_t piece = size < PIECE_BYTES ? size : PIECE_BYTES;
        if (!keep) stored->len = 0;
        if (disco_bytes_reserve(stored, piece) < 0) return disco_no_memory(&reader->error);
        int status = take(reader, stored->data + stored->len, piece);
        if (status == 0)
            status =
                disco_error_set(&reader->error, DISCO_E_DATA, "%s: truncated at byte %" PRIu64 ": %zu more expected",
                                reader->url, reader->offset, size);
        if (status < 0) return status;
        stored->len += piece;
        size -= piece;
    }
    return 0;
}

static int check_header(disco_reader *reader, uint64_t start, const hunk *h) {
    char reason[120];
    if (h->reserved) return damaged(reader, start, DISCO_E_DATA, "byte 3 of the header is not 0");
    if (h->encoding > DISCO_ENCODING_MARSHAL) return damaged(reader, start, DISCO_E_DATA, "its encoding is unknown");
    if (h->codec > DISCO_CODEC_LZ4) return damaged(reader, start, DISCO_E_DATA, "its codec is unknown");
    if (h->raw_len > reader->max_raw_bytes) {
        snprintf(reason, sizeof reason, "a hunk has at most %zu raw bytes, the header says %" PRIu32,
                 reader->max_raw_bytes, h->raw_len);
        return damaged(reader, start, DISCO_E_DATA, reason);
    }
    if (h->stored_len > (uint64_t)h->raw_len + DISCO_MAX_GROWTH_BYTES)
        return damaged(reader, start, DISCO_E_DATA, "more stored bytes than its raw ones can need");
    if (h->records > h->raw_len) return damaged(reader, start, DISCO_E_DATA, "more records than bytes");
    if (h->encoding != DISCO_ENCODING_KV)
        return damaged(reader, start, DISCO_E_FATAL,
                       h->encoding == DISCO_ENCODING_PICKLE
                           ? "it holds Python pickles, which only Python reads: write kv records"
                           : "it holds marshalled Python values, which only Python reads: write kv records");
    return 0;
}

static int read_header(disco_reader *reader, hunk *h) {
    unsigned char head[DISCO_HUNK_HEADER_BYTES];
    uint64_t start = reader->offset;
    int status = take(reader, (char *)head, 1);
    if (status <= 0) return status;
    if (head[0] != DISCO_HUNK_MAGIC) return damaged(reader, start, DISCO_E_DATA, "a hunk begins with byte 0xD1");
    status = take(reader, (char *)head + 1, sizeof head - 1);
    if (status == 0)
        return disco_error_set(&reader->error, DISCO_E_DATA,
                               "%s: truncated at byte %" PRIu64 ": a header ends after 1 byte", reader->url,
                               reader->offset);
    if (status < 0) return status;
    *h = (hunk){.encoding = head[1],
                .codec = head[2],
                .reserved = head[3],
                .raw_len = disco_get_u32(head + 4),
                .stored_len = disco_get_u32(head + 8),
                .records = disco_get_u32(head + 12),
                .crc32 = disco_get_u32(head + 16)};
    status = check_header(reader, start, h);
    return status < 0 ? status : 1;
}

/* Whether `raw` is just that many records. */
static bool holds_records(const disco_bytes *raw, uint32_t records) {
    size_t at = 0, found = 0;
    while (at < raw->len) {
        for (int part = 0; part < 2; part++) {
            if (raw->len - at < 4) return false;
            size_t len = disco_get_u32(raw->data + at);
            at += 4;
            if (len > raw->len - at) return false;
            at += len;
        }
        found++;
    }
    return found == records;
}

/* The next hunk that has records to give: 1, 0 at the end, or an error. */
static int read_hunk(disco_reader *reader) {
    hunk h = {0};
    for (;;) {
        uint64_t start = reader->offset;
        disco_error reason = {0};
        int status = read_header(reader, &h);
        if (status <= 0) return status;
        bool passed_over = h.records <= reader->skip && reader->skip;
        status = take_stored(reader, h.stored_len, !passed_over);
        if (status < 0) return status;
        if (passed_over) {
            reader->skip -= h.records;
            continue;
        }
        disco_slice stored = disco_slice_of(reader->stored.data, reader->stored.len);
        if (crc32_z(0, (const unsigned char *)stored.data, stored.len) != h.crc32)
            return damaged(reader, start, DISCO_E_DATA, "the checksum does not match");
        status = disco_decompress(reader->packer, (int)h.codec, stored, h.raw_len, &reader->raw, &reason);
        if (status < 0) return damaged(reader, start, status, reason.text);
        if (!holds_records(&reader->raw, h.records))
            return damaged(reader, start, DISCO_E_DATA, "its records do not fill it as the header says");
        reader->at = 0;
        reader->records_left = h.records;
        if (h.records) return 1;
    }
}

int disco_reader_next(disco_reader *reader, disco_slice *key, disco_slice *value) {
    if (reader->error.code) return reader->error.code;
    for (;;) {
        while (reader->records_left == 0) {
            int status = read_hunk(reader);
            if (status == 0 && reader->skip)
                return disco_error_set(&reader->error, DISCO_E_DATA,
                                       "%s: %" PRIu64 " records fewer than another replica gave", reader->url,
                                       reader->skip);
            if (status <= 0) return status;
        }
        const char *at = reader->raw.data + reader->at;
        *key = disco_slice_of(at + 4, disco_get_u32(at));
        at = key->data + key->len;
        *value = disco_slice_of(at + 4, disco_get_u32(at));
        reader->at = (size_t)(value->data + value->len - reader->raw.data);
        reader->records_left--;
        if (reader->skip == 0) return 1;
        reader->skip--;
    }
}
