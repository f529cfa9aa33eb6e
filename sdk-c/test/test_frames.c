/* The frame parser on the shared vectors: whole, byte by byte, with a tail, and against the end of readable memory. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

/* Bytes whose end is the end of what may be read: one more is a crash. */
typedef struct guarded {
    char *pages, *bytes;
    size_t mapped;
} guarded;

static guarded guard(const void *data, size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (len / page + 1) * page;
    guarded g = {.mapped = room + page};
    g.pages = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.pages != MAP_FAILED);
    assert_int_equal(mprotect(g.pages + room, page, PROT_NONE), 0);
    g.bytes = g.pages + room - len;
    if (len) memcpy(g.bytes, data, len);
    return g;
}

static void unguard(guarded g) { munmap(g.pages, g.mapped); }

/* Parses all frames of `bytes`, of which only the first `len` are there; compares with the vector's list. */
static size_t check_frames(const char *bytes, size_t len, const json_t *frames) {
    size_t at = 0, count = 0;
    for (;;) {
        disco_frame frame;
        disco_fault fault;
        ptrdiff_t taken = disco_frame_parse(bytes + at, len - at, 0, &frame, &fault);
        if (taken == 0) return count;
        assert_true(taken > 0);
        const json_t *wanted = json_array_get(frames, count++);
        const json_t *payload = json_object_get(wanted, "payload");
        assert_string_equal(frame.name, json_string_value(json_object_get(wanted, "name")));
        assert_int_equal(frame.payload.len, json_string_length(payload));
        assert_memory_equal(frame.payload.data, json_string_value(payload), frame.payload.len);
        at += (size_t)taken;
    }
}

static void check_valid(const char *stem) {
    char path[1100];
    snprintf(path, sizeof path, "%s.bin", stem);
    disco_bytes bytes = read_file(path);
    json_t *frames = load_json(stem, ".json");
    for (size_t len = 0; len <= bytes.len; len++) { /* truncated everywhere, and whole */
        guarded g = guard(bytes.data, len);
        size_t count = check_frames(g.bytes, len, frames);
        if (len == bytes.len) assert_int_equal(count, json_array_size(frames));
        unguard(g);
    }
    assert_int_equal(disco_bytes_append(&bytes, "OK 4 \"o", 7), 0); /* a tail */
    assert_int_equal(check_frames(bytes.data, bytes.len, frames), json_array_size(frames));
    disco_bytes_free(&bytes);
    json_decref(frames);
}

/* The fault of a run of frames, when its first `len` bytes are there: NONE while more are needed. */
static disco_fault fault_of(const char *bytes, size_t len, bool at_end) {
    size_t at = 0;
    for (;;) {
        disco_frame frame;
        disco_fault fault;
        ptrdiff_t taken = disco_frame_parse(bytes + at, len - at, 0, &frame, &fault);
        if (taken < 0) return fault;
        if (taken == 0) return at_end && len > at ? DISCO_FAULT_TRUNCATED : DISCO_FAULT_NONE;
        at += (size_t)taken;
    }
}

static void check_invalid(const char *stem) {
    char path[1100];
    snprintf(path, sizeof path, "%s.bin", stem);
    disco_bytes bytes = read_file(path);
    json_t *about = load_json(stem, ".json");
    const char *wanted = json_string_value(json_object_get(about, "fault"));
    disco_fault found = DISCO_FAULT_NONE;
    for (size_t len = 0; len <= bytes.len && found == DISCO_FAULT_NONE; len++) {
        guarded g = guard(bytes.data, len);
        found = fault_of(g.bytes, len, len == bytes.len);
        unguard(g);
    }
    if (strcmp(disco_fault_name(found), wanted) != 0) fail_msg("%s: %s, not %s", stem, disco_fault_name(found), wanted);
    assert_int_equal(fault_of(bytes.data, bytes.len, true), found); /* whole as in pieces */
    disco_bytes_free(&bytes);
    json_decref(about);
}

static void valid_vectors_are_read(void **state) {
    (void)state;
    assert_true(for_each_vector("frames/valid", ".bin", check_valid) >= 15);
}

static void invalid_vectors_are_refused_alike_however_split(void **state) {
    (void)state;
    assert_true(for_each_vector("frames/invalid", ".bin", check_invalid) >= 40);
}

static void the_limit_is_100_mib_inclusive(void **state) {
    (void)state;
    assert_int_equal(fault_of("OK 104857600 ", 13, false), DISCO_FAULT_NONE);
    assert_int_equal(fault_of("OK 104857601", 12, false), DISCO_FAULT_TOO_LARGE);
    disco_frame frame;
    disco_fault fault;
    assert_int_equal(disco_frame_parse("OK 4 \"ok\"\n", 10, 4, &frame, &fault), 10);
    assert_int_equal(disco_frame_parse("OK 5 ", 5, 4, &frame, &fault), DISCO_E_FRAME);
}

static void what_is_appended_can_be_parsed(void **state) {
    (void)state;
    disco_bytes out = {0};
    disco_frame frame;
    assert_int_equal(disco_frame_append(&out, "MSG", disco_text("\"é\"")), 0);
    assert_int_equal(disco_frame_parse(out.data, out.len, 0, &frame, NULL), (ptrdiff_t)out.len);
    assert_memory_equal(out.data, "MSG 4 \"é\"\n", out.len);
    assert_int_equal(disco_frame_append(&out, "msg", disco_text("\"\"")), DISCO_E_TURN);
    assert_int_equal(disco_frame_append(&out, "", disco_text("\"\"")), DISCO_E_TURN);
    assert_int_equal(disco_frame_append(&out, "ABCDEFGHIJK", disco_text("\"\"")), DISCO_E_TURN);
    assert_int_equal(out.len, 11);
    disco_bytes_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors_are_read),
        cmocka_unit_test(invalid_vectors_are_refused_alike_however_split),
        cmocka_unit_test(the_limit_is_100_mib_inclusive),
        cmocka_unit_test(what_is_appended_can_be_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
