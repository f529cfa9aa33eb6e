/* The external interface: map and reduce of a classic Python job as programs of their own.
 *
 * The program is started with the argument "map" or "reduce". It reads parameters and then key-value pairs from
 * standard input, and writes result lists to standard output. A map answers each pair with one list (of no pairs,
 * perhaps) before it reads the next; a reduce writes lists when it likes and must read all of its input. Numbers on
 * the pipes are 32 bits, little-endian. Every function ends the program with die() when it cannot go on. */
#ifndef DISCO_H
#define DISCO_H

#include <Judy.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct p_entry {
    uint32_t len; /* of the string in `data` */
    union {       /* bytes that `data` can hold beside its final zero: len <= size. Two names of one field */
        uint32_t size;
        uint32_t sze;
    };
    char data[]; /* `len` bytes, then a zero byte */
} p_entry;

/* The parameters of the job, a JudySL array from names to p_entry pointers; NULL when there are none. To be called
 * before the first read_kv. */
Pvoid_t read_parameters(void);

/* The next pair, into entries that are reused, grown or allocated: start with NULL. 0 at the end of the input. */
int read_kv(p_entry **key, p_entry **val);

/* Begins a result list: `num` calls of write_kv must follow. */
void write_num_prefix(int num);
void write_kv(const p_entry *key, const p_entry *val);

/* Copies `src` into `*dst`, which is grown, or allocated when it is NULL. */
void copy_entry(p_entry **dst, const p_entry *src);

/* `size` bytes, or the end of the program. */
void *dxmalloc(unsigned int size);

/* A line for the pages and the log; printf style. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void msg(const char *format, ...);

/* Ends the job with this text; printf style. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2), noreturn))
#endif
void die(const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
