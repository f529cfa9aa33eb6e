#define _GNU_SOURCE
#include "support.h"

#include <dirent.h>
#include <ftw.h>
#include <unistd.h>

disco_bytes read_file(const char *path) {
    disco_bytes content = {0};
    char buffer[64 * 1024];
    size_t got;
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be read", path);
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        assert_int_equal(disco_bytes_append(&content, buffer, got), 0);
    fclose(file);
    assert_int_equal(disco_bytes_append(&content, "", 1), 0);
    content.len--;
    return content;
}

void write_file(const char *path, const void *data, size_t len) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

size_t for_each_vector(const char *folder, const char *suffix, vector_check check) {
    char path[1024];
    size_t count = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/%s", VECTORS, folder);
    DIR *listing = opendir(path);
    if (!listing) fail_msg("%s cannot be listed", path);
    while ((entry = readdir(listing))) {
        size_t len = strlen(entry->d_name), tail = strlen(suffix);
        if (len <= tail || strcmp(entry->d_name + len - tail, suffix) != 0) continue;
        snprintf(path, sizeof path, "%s/%s/%.*s", VECTORS, folder, (int)(len - tail), entry->d_name);
        check(path);
        count++;
    }
    closedir(listing);
    return count;
}

json_t *load_json(const char *stem, const char *suffix) {
    char path[1100];
    json_error_t reason;
    snprintf(path, sizeof path, "%s%s", stem, suffix);
    json_t *value = json_load_file(path, JSON_ALLOW_NUL, &reason);
    if (!value) fail_msg("%s: %s", path, reason.text);
    return value;
}

char *make_folder(void) {
    char *path = strdup("/tmp/disco-c-test-XXXXXX");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place) {
    (void)about, (void)kind, (void)place;
    return remove(path);
}

void remove_folder(char *path) {
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

disco_bytes decode_base64(const char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    disco_bytes bytes = {0};
    uint32_t bits = 0;
    int count = 0;
    for (; *text && *text != '='; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
        if ((count += 6) < 8) continue;
        count -= 8;
        char byte = (char)(unsigned char)(bits >> count);
        assert_int_equal(disco_bytes_append(&bytes, &byte, 1), 0);
    }
    return bytes;
}

void assert_bytes(const disco_bytes *found, const char *wanted) {
    char *text = disco_copy_text(disco_slice_of(found->data, found->len));
    assert_non_null(text);
    assert_string_equal(text, wanted);
    assert_int_equal(found->len, strlen(wanted));
    free(text);
}

ptrdiff_t read_source(void *from, void *buffer, size_t size) {
    source *bytes = from;
    size_t left = bytes->len - bytes->at;
    if (size > left) size = left;
    if (bytes->piece && size > bytes->piece) size = bytes->piece;
    if (size) memcpy(buffer, bytes->data + bytes->at, size);
    bytes->at += size;
    return (ptrdiff_t)size;
}

int write_bytes(void *to, const void *data, size_t len) { return disco_bytes_append(to, data, len); }
