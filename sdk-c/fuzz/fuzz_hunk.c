/* Any bytes as a record stream. The checksum would stop nearly all of them, so it is made right where there is a
 * header: what lies behind it is to be tried too. */
#include <stdlib.h>
#include <zlib.h>

#include "disco_worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct source {
    const uint8_t *data;
    size_t size, at, piece;
} source;

static ptrdiff_t read_source(void *from, void *buffer, size_t size) {
    source *bytes = from;
    size_t left = bytes->size - bytes->at;
    if (size > left) size = left;
    if (size > bytes->piece) size = bytes->piece;
    if (size) memcpy(buffer, bytes->data + bytes->at, size);
    bytes->at += size;
    return (ptrdiff_t)size;
}

/* Records read. `sum` is of all their bytes, so that the sanitizers see each of them read. */
static size_t read_all(const uint8_t *data, size_t size, size_t piece, uint64_t skip, int *end, uLong *sum) {
    source from = {data, size, 0, piece};
    disco_limits limits = {.max_hunk_raw_bytes = 1 << 20};
    disco_slice key, value;
    size_t count = 0;
    disco_reader *reader = disco_reader_new(read_source, &from, "fuzz", &limits, NULL);
    if (!reader) abort();
    disco_reader_skip(reader, skip);
    while ((*end = disco_reader_next(reader, &key, &value)) > 0) {
        *sum = crc32_z(crc32_z(*sum, (const uint8_t *)key.data, key.len), (const uint8_t *)value.data, value.len);
        count++;
    }
    if (*end < 0 && disco_reader_next(reader, &key, &value) != *end) abort();
    disco_reader_free(reader);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { HEADER = 20, STORED_AT = 8, CRC_AT = 16 };
    int end, end_in_pieces, end_skipped;
    uint8_t *copy = malloc(size + 1);
    if (!copy) abort();
    memcpy(copy, data, size);
    if (size > HEADER) {
        uint32_t stored = (uint32_t)copy[STORED_AT] | (uint32_t)copy[STORED_AT + 1] << 8;
        if (stored > size - HEADER) stored = (uint32_t)(size - HEADER);
        copy[0] = 0xD1;
        copy[3] = copy[STORED_AT + 2] = copy[STORED_AT + 3] = 0;
        uint32_t crc = (uint32_t)crc32_z(0, copy + HEADER, stored);
        for (int i = 0; i < 4; i++) copy[CRC_AT + i] = (uint8_t)(crc >> 8 * i);
    }
    uLong sum = 0, sum_in_pieces = 0, ignored = 0;
    size_t count = read_all(copy, size, size + 1, 0, &end, &sum);
    if (read_all(copy, size, 3, 0, &end_in_pieces, &sum_in_pieces) != count || end_in_pieces != end ||
        sum_in_pieces != sum)
        abort();
    if (end == 0 && count &&
        (read_all(copy, size, 7, count / 2, &end_skipped, &ignored) != count - count / 2 || end_skipped != 0))
        abort();
    free(copy);
    return 0;
}
