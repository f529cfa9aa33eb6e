/* The label of a key: the CRC-32 (zlib's) of its bytes modulo the number of labels, the same in every process and
 * language. In C a key is its bytes; where another language has an integer key, its bytes are the decimal text. */
#include <zlib.h>

#include "base/base.h"

uint32_t disco_partition(disco_slice key, uint32_t labels) {
    if (labels <= 1) return 0;
    return (uint32_t)crc32_z(0, (const unsigned char *)(key.len ? key.data : ""), key.len) % labels;
}
