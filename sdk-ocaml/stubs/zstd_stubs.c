/* Two functions on libzstd. Compression cannot fail but for memory, and raises Out_of_memory then; decompression
 * gives Ok bytes or Error reason. Output grows by doubling, so that no header can make us take memory. */
#define CAML_NAME_SPACE
#include <caml/alloc.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { FIRST_BYTES = 128 * 1024 };

static value result(int tag, value content)
{
    CAMLparam1(content);
    CAMLlocal1(block);
    block = caml_alloc(1, tag);
    Store_field(block, 0, content);
    CAMLreturn(block);
}

CAMLprim value disco_zstd_compress(value source, value level)
{
    CAMLparam2(source, level);
    CAMLlocal1(out);
    size_t size = caml_string_length(source), bound = ZSTD_compressBound(size);
    char *buffer = malloc(bound);
    if (buffer == NULL)
        caml_raise_out_of_memory();
    size_t written = ZSTD_compress(buffer, bound, String_val(source), size, Int_val(level));
    if (ZSTD_isError(written)) {
        free(buffer);
        caml_raise_out_of_memory();
    }
    out = caml_alloc_initialized_string(written, buffer);
    free(buffer);
    CAMLreturn(out);
}

/* Why the frame in [in] does not end well, or NULL; *out is what came of it, at most [limit] bytes. */
static const char *read_frame(ZSTD_DCtx *context, ZSTD_inBuffer *in, ZSTD_outBuffer *out, size_t limit)
{
    for (;;) {
        if (out->pos == out->size) {
            if (out->size >= limit)
                return NULL;
            size_t larger = out->size * 2 < limit ? out->size * 2 : limit;
            void *grown = realloc(out->dst, larger);
            if (grown == NULL)
                return "out of memory";
            out->dst = grown;
            out->size = larger;
        }
        size_t before = out->pos;
        size_t left = ZSTD_decompressStream(context, out, in);
        if (ZSTD_isError(left))
            return ZSTD_getErrorName(left);
        if (left == 0)
            return in->pos == in->size ? NULL : "bytes follow the compressed data";
        if (in->pos == in->size && out->pos == before && out->pos < out->size)
            return "the compressed data is cut short";
    }
}

CAMLprim value disco_zstd_decompress(value source, value limit)
{
    CAMLparam2(source, limit);
    CAMLlocal1(text);
    size_t most = (size_t)Long_val(limit), first = most < FIRST_BYTES ? most : FIRST_BYTES;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {String_val(source), caml_string_length(source), 0};
    ZSTD_outBuffer out = {malloc(first), first, 0};
    const char *fault = context == NULL || out.dst == NULL ? "out of memory" : NULL;
    if (fault == NULL)
        fault = read_frame(context, &in, &out, most);
    ZSTD_freeDCtx(context);
    text = fault != NULL ? caml_copy_string(fault) : caml_alloc_initialized_string(out.pos, out.dst);
    free(out.dst);
    CAMLreturn(result(fault != NULL, text));
}
