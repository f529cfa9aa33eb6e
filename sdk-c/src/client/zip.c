/* ZIP archives of a job home, reproducible: sorted, one time stamp, two modes, deflated by zlib's level 6. Byte for
 * byte what the `jobpack` program makes of the same files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "client/pack.h"
#include "records/codec.h"

enum { LEVEL = 6, MEMORY_LEVEL = 8, RAW_WINDOW = -15, FIRST_DAY = 1 << 5 | 1, UNIX = 3, VERSION_NEEDED = 20 };
enum { DEFLATED = 8, STORED = 0, UTF8_NAME = 0x800, LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22 };
enum { MAX_RATIO = 200, RATIO_FREE_BYTES = 16 << 20 };

typedef struct member {
    uint32_t crc32, stored, size, offset;
    uint16_t flags, method;
} member;

static void put_u16(unsigned char *at, unsigned number) {
    at[0] = (unsigned char)number;
    at[1] = (unsigned char)(number >> 8);
}

static int read_file(const char *path, disco_bytes *content, disco_error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        if (disco_bytes_reserve(content, 1 << 16) < 0) {
            close(fd);
            return disco_no_memory(error);
        }
        got = read(fd, content->data + content->len, 1 << 16);
        if (got > 0) content->len += (size_t)got;
        if (content->len > DISCO_PACK_MAX_BYTES) {
            close(fd);
            return disco_error_set(error, DISCO_E_FATAL, "jobhome: %s is larger than a job pack may be", path);
        }
    }
    int reason = errno;
    if (fd >= 0) close(fd);
    if (got < 0) return disco_error_set(error, DISCO_E_FATAL, "jobhome: %s cannot be read: %s", path, strerror(reason));
    return 0;
}

static int deflate_whole(disco_slice content, disco_bytes *out) {
    z_stream stream = {0};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return DISCO_E_MEMORY;
    uLong bound = deflateBound(&stream, content.len);
    int status = disco_bytes_reserve(out, bound);
    if (status == 0) {
        stream.next_in = (Bytef *)(uintptr_t)content.data;
        stream.avail_in = (uInt)content.len;
        stream.next_out = (Bytef *)out->data + out->len;
        stream.avail_out = (uInt)bound;
        if (deflate(&stream, Z_FINISH) != Z_STREAM_END) status = DISCO_E_MEMORY;
        out->len += bound - stream.avail_out;
    }
    deflateEnd(&stream);
    return status;
}

/* The fields that local and central headers have in common, from the version on. */
static void put_common(unsigned char *at, const member *m, const char *name) {
    put_u16(at, VERSION_NEEDED);
    put_u16(at + 2, m->flags);
    put_u16(at + 4, m->method);
    put_u16(at + 6, 0);
    put_u16(at + 8, FIRST_DAY);
    disco_put_u32(at + 10, m->crc32);
    disco_put_u32(at + 14, m->stored);
    disco_put_u32(at + 18, m->size);
    put_u16(at + 22, (unsigned)strlen(name));
    put_u16(at + 24, 0);
}

static int put_member(const disco_zip_entry *entry, member *m, disco_bytes *out, size_t start, disco_error *error) {
    unsigned char head[LOCAL_BYTES] = "PK\3\4";
    disco_bytes content = {0}, packed = {0};
    int status = read_file(entry->path, &content, error);
    if (status == 0 && m->method == DEFLATED && deflate_whole(disco_slice_of(content.data, content.len), &packed) < 0)
        status = disco_no_memory(error);
    if (status == 0) {
        const disco_bytes *stored = m->method == DEFLATED ? &packed : &content;
        m->crc32 = (uint32_t)crc32_z(0, (const unsigned char *)content.data, content.len);
        m->size = (uint32_t)content.len;
        m->stored = (uint32_t)stored->len;
        m->offset = (uint32_t)(out->len - start);
        for (const char *at = entry->name; *at; at++)
            if ((unsigned char)*at >= 0x80) m->flags = UTF8_NAME;
        put_common(head + 4, m, entry->name);
        if (disco_bytes_append(out, head, sizeof head) < 0 || disco_bytes_put(out, entry->name) < 0 ||
            disco_bytes_append(out, stored->data, stored->len) < 0)
            status = disco_no_memory(error);
    }
    disco_bytes_free(&content);
    disco_bytes_free(&packed);
    return status;
}

static int put_directory(const disco_zip_entry *entries, const member *members, size_t count, disco_bytes *out,
                         size_t start) {
    unsigned char end[END_BYTES] = "PK\5\6";
    size_t directory = out->len;
    for (size_t i = 0; i < count; i++) {
        unsigned char head[CENTRAL_BYTES] = "PK\1\2";
        uint32_t mode = S_IFREG | (entries[i].is_executable ? 0755 : 0644);
        put_u16(head + 4, VERSION_NEEDED | UNIX << 8);
        put_common(head + 6, &members[i], entries[i].name);
        disco_put_u32(head + 38, mode << 16);
        disco_put_u32(head + 42, members[i].offset);
        if (disco_bytes_append(out, head, sizeof head) < 0 || disco_bytes_put(out, entries[i].name) < 0)
            return DISCO_E_MEMORY;
    }
    put_u16(end + 8, (unsigned)count);
    put_u16(end + 10, (unsigned)count);
    disco_put_u32(end + 12, (uint32_t)(out->len - directory));
    disco_put_u32(end + 16, (uint32_t)(directory - start));
    return disco_bytes_append(out, end, sizeof end);
}

static int compare_names(const void *one, const void *other) {
    return strcmp(((const disco_zip_entry *)one)->name, ((const disco_zip_entry *)other)->name);
}

static int build(const disco_zip_entry *entries, member *members, size_t count, uint16_t method, disco_bytes *out,
                 disco_error *error) {
    size_t start = out->len;
    for (size_t i = 0; i < count; i++) {
        members[i] = (member){.method = method};
        int status = put_member(&entries[i], &members[i], out, start, error);
        if (status < 0) return status;
        if (out->len - start > DISCO_PACK_MAX_BYTES)
            return disco_error_set(error, DISCO_E_FATAL, "jobhome: the files are larger than a job pack may be");
    }
    return put_directory(entries, members, count, out, start) < 0 ? disco_no_memory(error) : 0;
}

int disco_zip_build(disco_zip_entry *entries, size_t count, disco_bytes *out, disco_error *error) {
    size_t start = out->len, raw = 0;
    member *members = calloc(count ? count : 1, sizeof *members);
    if (!members) return disco_no_memory(error);
    qsort(entries, count, sizeof *entries, compare_names);
    int status = count > UINT16_MAX ? disco_error_set(error, DISCO_E_FATAL, "jobhome: more than %d files", UINT16_MAX)
                                    : build(entries, members, count, DEFLATED, out, error);
    for (size_t i = 0; i < count; i++) raw += members[i].size;
    size_t archive = out->len - start;
    if (status == 0 && raw > RATIO_FREE_BYTES && raw > archive * MAX_RATIO) {
        out->len = start; /* so regular that a node would take it for a bomb */
        status = build(entries, members, count, STORED, out, error);
    }
    free(members);
    return status;
}
