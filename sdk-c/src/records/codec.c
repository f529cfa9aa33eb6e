#include "records/codec.h"

#include <stdlib.h>
#include <zlib.h>
#ifdef DISCO_WITH_ZSTD
#include <zstd.h>
#endif

enum { LEVEL = 1 }; /* a hunk is written and read once or twice */
enum { FIRST_OUTPUT_BYTES = 1 << 20 };

struct disco_packer {
    z_stream deflating, inflating;
    bool can_deflate, can_inflate;
#ifdef DISCO_WITH_ZSTD
    ZSTD_CCtx *compressing;
    ZSTD_DCtx *decompressing;
#endif
};

disco_packer *disco_packer_new(void) { return calloc(1, sizeof(disco_packer)); }

void disco_packer_free(disco_packer *packer) {
    if (!packer) return;
    if (packer->can_deflate) deflateEnd(&packer->deflating);
    if (packer->can_inflate) inflateEnd(&packer->inflating);
#ifdef DISCO_WITH_ZSTD
    ZSTD_freeCCtx(packer->compressing);
    ZSTD_freeDCtx(packer->decompressing);
#endif
    free(packer);
}

int disco_codec_available(disco_codec codec) {
#ifdef DISCO_WITH_ZSTD
    if (codec == DISCO_CODEC_ZSTD) return 1;
#endif
    return codec == DISCO_CODEC_NONE || codec == DISCO_CODEC_ZLIB;
}

static int pack_zlib(disco_packer *packer, disco_slice raw, disco_bytes *out) {
    z_stream *stream = &packer->deflating;
    if (packer->can_deflate)
        deflateReset(stream);
    else if (deflateInit(stream, LEVEL) != Z_OK)
        return DISCO_E_MEMORY;
    packer->can_deflate = true;
    uLong bound = deflateBound(stream, raw.len);
    if (disco_bytes_reserve(out, bound) < 0) return DISCO_E_MEMORY;
    stream->next_in = (Bytef *)(uintptr_t)raw.data;
    stream->avail_in = (uInt)raw.len;
    stream->next_out = (Bytef *)out->data + out->len;
    stream->avail_out = (uInt)bound;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) return DISCO_E_MEMORY;
    out->len += bound - stream->avail_out;
    return 0;
}

static int pack_zstd(disco_packer *packer, disco_slice raw, disco_bytes *out) {
#ifdef DISCO_WITH_ZSTD
    if (!packer->compressing && !(packer->compressing = ZSTD_createCCtx())) return DISCO_E_MEMORY;
    size_t bound = ZSTD_compressBound(raw.len);
    if (disco_bytes_reserve(out, bound) < 0) return DISCO_E_MEMORY;
    size_t len = ZSTD_compressCCtx(packer->compressing, out->data + out->len, bound, raw.data, raw.len, LEVEL);
    if (ZSTD_isError(len)) return DISCO_E_MEMORY;
    out->len += len;
    return 0;
#else
    (void)packer, (void)raw, (void)out;
    return DISCO_E_FATAL;
#endif
}

int disco_compress(disco_packer *packer, int codec, disco_slice raw, disco_bytes *out) {
    if (codec == DISCO_CODEC_ZLIB) return pack_zlib(packer, raw, out);
    if (codec == DISCO_CODEC_ZSTD) return pack_zstd(packer, raw, out);
    return disco_bytes_append(out, raw.data, raw.len);
}

/* Room for the next bytes of `raw_len`, and one more so that too much shows. */
static int make_room(disco_bytes *out, size_t raw_len) {
    size_t missing = raw_len + 1 - out->len;
    if (out->len < out->capacity) return 0;
    return disco_bytes_reserve(out, missing < FIRST_OUTPUT_BYTES ? missing : FIRST_OUTPUT_BYTES);
}

static size_t room_for(const disco_bytes *out, size_t raw_len) {
    size_t missing = raw_len + 1 - out->len, room = out->capacity - out->len;
    return room < missing ? room : missing;
}

static int unpack_zlib(disco_packer *packer, disco_slice stored, size_t raw_len, disco_bytes *out, disco_error *error) {
    z_stream *stream = &packer->inflating;
    if (packer->can_inflate)
        inflateReset(stream);
    else if (inflateInit(stream) != Z_OK)
        return disco_no_memory(error);
    packer->can_inflate = true;
    stream->next_in = (Bytef *)(uintptr_t)stored.data;
    stream->avail_in = (uInt)stored.len;
    for (int result = Z_OK; result != Z_STREAM_END;) {
        if (out->len > raw_len) return 0; /* the caller sees that it is too much */
        if (make_room(out, raw_len) < 0) return disco_no_memory(error);
        size_t room = room_for(out, raw_len);
        stream->next_out = (Bytef *)out->data + out->len;
        stream->avail_out = (uInt)room;
        result = inflate(stream, Z_NO_FLUSH);
        out->len += room - stream->avail_out;
        if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_in == 0 && stream->avail_out))
            return disco_error_set(error, DISCO_E_DATA, "zlib: the compressed data is cut short");
        if (result != Z_OK && result != Z_STREAM_END)
            return disco_error_set(error, DISCO_E_DATA, "zlib: %s", stream->msg ? stream->msg : "damaged data");
    }
    if (stream->avail_in)
        return disco_error_set(error, DISCO_E_DATA, "zlib: %u bytes follow the compressed data", stream->avail_in);
    return 0;
}

static int unpack_zstd(disco_packer *packer, disco_slice stored, size_t raw_len, disco_bytes *out, disco_error *error) {
#ifdef DISCO_WITH_ZSTD
    if (!packer->decompressing && !(packer->decompressing = ZSTD_createDCtx())) return disco_no_memory(error);
    ZSTD_DCtx_reset(packer->decompressing, ZSTD_reset_session_only);
    ZSTD_inBuffer input = {stored.data, stored.len, 0};
    for (size_t left = 1; left;) {
        if (out->len > raw_len) return 0;
        if (make_room(out, raw_len) < 0) return disco_no_memory(error);
        ZSTD_outBuffer output = {out->data + out->len, room_for(out, raw_len), 0};
        left = ZSTD_decompressStream(packer->decompressing, &output, &input);
        out->len += output.pos;
        if (ZSTD_isError(left)) return disco_error_set(error, DISCO_E_DATA, "zstd: %s", ZSTD_getErrorName(left));
        if (left && input.pos == input.size && output.pos < output.size)
            return disco_error_set(error, DISCO_E_DATA, "zstd: the compressed data is cut short");
    }
    if (input.pos < input.size)
        return disco_error_set(error, DISCO_E_DATA, "zstd: %zu bytes follow the compressed data",
                               input.size - input.pos);
    return 0;
#else
    (void)packer, (void)stored, (void)raw_len, (void)out;
    return disco_error_set(error, DISCO_E_FATAL,
                           "codec zstd is not in this build: build it with libzstd, or write zlib");
#endif
}

int disco_decompress(disco_packer *packer, int codec, disco_slice stored, size_t raw_len, disco_bytes *out,
                     disco_error *error) {
    int status = 0;
    out->len = 0;
    if (codec == DISCO_CODEC_ZLIB)
        status = unpack_zlib(packer, stored, raw_len, out, error);
    else if (codec == DISCO_CODEC_ZSTD)
        status = unpack_zstd(packer, stored, raw_len, out, error);
    else if (codec == DISCO_CODEC_LZ4)
        return disco_error_set(error, DISCO_E_FATAL, "codec lz4 is not in this library: write zlib or zstd");
    else if (stored.len == raw_len)
        status = disco_bytes_append(out, stored.data, stored.len) < 0 ? disco_no_memory(error) : 0;
    else
        return disco_error_set(error, DISCO_E_DATA, "%zu stored bytes where the header says %zu", stored.len, raw_len);
    if (status == 0 && out->len != raw_len)
        return disco_error_set(error, DISCO_E_DATA, "%s%zu bytes where the header says %zu",
                               out->len > raw_len ? "more than " : "", out->len > raw_len ? raw_len : out->len,
                               raw_len);
    return status;
}
