/* The job pack, as far as C programs make and read it. */
#ifndef DISCO_PACK_H
#define DISCO_PACK_H

#include "base/base.h"
#include "disco_client.h"

enum { DISCO_PACK_MAGIC = 0xD5C0, DISCO_PACK_VERSION = 1, DISCO_PACK_HEADER_BYTES = 128, DISCO_PACK_SECTIONS = 4 };
enum { DISCO_PACK_MAX_BYTES = 1 << 30, DISCO_PACK_MAX_REDUCES = 1000000 };

typedef struct disco_pack_header {
    uint32_t offsets[DISCO_PACK_SECTIONS]; /* job dict, environment, home, data */
} disco_pack_header;

/* Errors name the field. */
int disco_pack_parse_header(disco_slice header, uint64_t size_bytes, disco_pack_header *found, disco_error *error);
/* Of a job dict: whether it has a reduce, and how many. */
int disco_pack_reduces(disco_slice dict, bool *has_reduce, int64_t *reduces, disco_error *error);

typedef struct disco_zip_entry {
    const char *name, *path;
    bool is_executable;
} disco_zip_entry;

/* Appends an archive with sorted entries, fixed time stamps and modes. */
int disco_zip_build(disco_zip_entry *entries, size_t count, disco_bytes *out, disco_error *error);

#endif
