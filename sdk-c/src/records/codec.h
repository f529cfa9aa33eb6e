/* Compression of hunks, bounded both ways. A `disco_packer` keeps the machines between hunks. */
#ifndef DISCO_CODEC_H
#define DISCO_CODEC_H

#include "base/base.h"

enum { DISCO_HUNK_MAGIC = 0xD1, DISCO_HUNK_HEADER_BYTES = 20, DISCO_MAX_GROWTH_BYTES = 1 << 20 };
enum { DISCO_ENCODING_PICKLE, DISCO_ENCODING_KV, DISCO_ENCODING_MARSHAL };
enum { DISCO_CODEC_LZ4 = 3 };

typedef struct disco_packer disco_packer;

disco_packer *disco_packer_new(void);
void disco_packer_free(disco_packer *packer);
/* Appends the packed bytes. */
int disco_compress(disco_packer *packer, int codec, disco_slice raw, disco_bytes *out);
/* Fills `out` with exactly `raw_len` bytes; memory is taken as they come out. DISCO_E_DATA with a reason. */
int disco_decompress(disco_packer *packer, int codec, disco_slice stored, size_t raw_len, disco_bytes *out,
                     disco_error *error);

static inline uint32_t disco_get_u32(const void *at) {
    const unsigned char *byte = at;
    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}
static inline void disco_put_u32(void *at, uint32_t number) {
    unsigned char *byte = at;
    for (int i = 0; i < 4; i++) byte[i] = (unsigned char)(number >> 8 * i);
}

#endif
