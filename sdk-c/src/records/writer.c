/* Writing record streams: hunks of about 1 MiB raw, each whole in one write, kv encoded. */
#include <stdlib.h>
#include <zlib.h>

#include "records/codec.h"

enum { TARGET_RAW_BYTES = 1 << 20, RECORD_OVERHEAD_BYTES = 8 };

struct disco_writer {
    disco_write_fn write;
    void *to;
    int codec;
    size_t target_bytes;
    uint32_t records;
    disco_bytes raw, packed;
    disco_packer *packer;
    disco_error error;
};

disco_writer *disco_writer_new(disco_write_fn write, void *to, disco_codec codec, size_t target_bytes) {
    if (!disco_codec_available(codec)) return NULL;
    disco_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return NULL;
    writer->packer = disco_packer_new();
    if (!writer->packer) {
        free(writer);
        return NULL;
    }
    writer->write = write;
    writer->to = to;
    writer->codec = codec;
    writer->target_bytes = target_bytes ? target_bytes : TARGET_RAW_BYTES;
    return writer;
}

void disco_writer_free(disco_writer *writer) {
    if (!writer) return;
    disco_packer_free(writer->packer);
    disco_bytes_free(&writer->raw);
    disco_bytes_free(&writer->packed);
    free(writer);
}

const disco_error *disco_writer_error(const disco_writer *writer) { return &writer->error; }

int disco_writer_add(disco_writer *writer, disco_slice key, disco_slice value) {
    disco_bytes *raw = &writer->raw;
    if (writer->error.code) return writer->error.code;
    if (key.len > DISCO_MAX_HUNK_RAW_BYTES || value.len > DISCO_MAX_HUNK_RAW_BYTES - key.len ||
        key.len + value.len + RECORD_OVERHEAD_BYTES > DISCO_MAX_HUNK_RAW_BYTES)
        return disco_error_set(&writer->error, DISCO_E_FATAL,
                               "a record of %zu and %zu bytes is too big: a hunk has at most %u", key.len, value.len,
                               DISCO_MAX_HUNK_RAW_BYTES);
    size_t size = key.len + value.len + RECORD_OVERHEAD_BYTES;
    if (raw->len && raw->len + size > writer->target_bytes) {
        int status = disco_writer_flush(writer);
        if (status < 0) return status;
    }
    if (disco_bytes_reserve(raw, size) < 0) return disco_no_memory(&writer->error);
    char *at = raw->data + raw->len;
    disco_put_u32(at, (uint32_t)key.len);
    if (key.len) memcpy(at + 4, key.data, key.len);
    disco_put_u32(at + 4 + key.len, (uint32_t)value.len);
    if (value.len) memcpy(at + 8 + key.len, value.data, value.len);
    raw->len += size;
    writer->records++;
    return 0;
}

int disco_writer_flush(disco_writer *writer) {
    disco_bytes *packed = &writer->packed;
    char header[DISCO_HUNK_HEADER_BYTES] = {0};
    int codec = writer->codec;
    if (writer->error.code) return writer->error.code;
    if (writer->records == 0) return 0;
    packed->len = 0;
    int status = disco_bytes_append(packed, header, sizeof header);
    disco_slice raw = disco_slice_of(writer->raw.data, writer->raw.len);
    if (status == 0) status = disco_compress(writer->packer, codec, raw, packed);
    if (status == 0 && codec != DISCO_CODEC_NONE && packed->len - sizeof header >= raw.len) {
        codec = DISCO_CODEC_NONE;
        packed->len = sizeof header;
        status = disco_bytes_append(packed, raw.data, raw.len);
    }
    if (status < 0) return disco_no_memory(&writer->error);
    size_t stored = packed->len - sizeof header;
    unsigned char *head = (unsigned char *)packed->data;
    head[0] = DISCO_HUNK_MAGIC;
    head[1] = DISCO_ENCODING_KV;
    head[2] = (unsigned char)codec;
    disco_put_u32(head + 4, (uint32_t)raw.len);
    disco_put_u32(head + 8, (uint32_t)stored);
    disco_put_u32(head + 12, writer->records);
    disco_put_u32(head + 16, (uint32_t)crc32_z(0, head + sizeof header, stored));
    writer->raw.len = 0;
    writer->records = 0;
    status = writer->write(writer->to, packed->data, packed->len);
    if (status < 0) return disco_error_set(&writer->error, status, "writing a record stream failed");
    return 0;
}
