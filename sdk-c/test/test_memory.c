/* Every allocation of this library may fail: each scenario runs again and again, with the first allocation failing,
 * then the second, and so on until it succeeds. Nothing may crash, leak, or pretend that it went well. (The libraries
 * below have allocations of their own, which are left alone here.) */
#include "support.h"
#include "worker/worker.h"

#include "client/pack.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static long until_failure = -1; /* allocations that still succeed; negative: all do */
static bool has_failed;

static bool fails(void) {
    if (until_failure < 0) return false;
    if (until_failure-- > 0) return false;
    until_failure = -1; /* one alone, so that the code that handles it can go on */
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *memory, size_t size) { return fails() ? NULL : __real_realloc(memory, size); }

/* A scenario returns 0 when it went well, and a negative number when it was told that it did not. */
typedef int (*scenario)(const char *folder);

static void check(scenario one) {
    char *folder = make_folder();
    long failures = 0;
    for (int status = -1; status < 0; failures++) {
        has_failed = false;
        until_failure = failures;
        status = one(folder);
        until_failure = -1;
        if (status == 0 && has_failed) fail_msg("allocation %ld failed, and nobody noticed", failures);
        assert_true(status == 0 || has_failed);
    }
    assert_true(failures > 3);
    remove_folder(folder);
}

static int talk(const char *folder) {
    static const char *const replies[][2] = {
        {"OK", "\"ok\""},
        {"TASK",
         "{\"host\":\"h\",\"master\":\"http://m:1\",\"jobname\":\"j\",\"disco_data\":\"/d\",\"ddfs_data\":\"/b\","
         "\"jobfile\":\"/j\",\"taskid\":3,\"mode\":\"map\",\"disco_port\":1,\"put_port\":2}"},
        {"INPUT", "[\"done\",[[1,\"ok\",[[2,\"raw://a\\u0000b\"]]]]]"},
    };
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes out = {0}, in = {0};
    disco_message requests[3] = {{.kind = DISCO_WORKER}, {.kind = DISCO_TASK_REQUEST}, {.kind = DISCO_INPUT_REQUEST}},
                  heard;
    int status = worker ? 0 : -1;
    (void)folder;
    requests[0].as.worker.pid = 1;
    for (int i = 0; i < 3 && status == 0; i++) status = disco_session_send(worker, &requests[i], &out, NULL);
    for (int i = 0; i < 3 && status == 0; i++)
        status = disco_frame_append(&in, replies[i][0], disco_text(replies[i][1]));
    if (status == 0) status = disco_session_feed(worker, in.data, in.len);
    for (int i = 0; i < 3 && status == 0; i++) {
        int event = disco_session_next(worker, &heard);
        status = event < 0 ? event : event == DISCO_MESSAGE ? 0 : DISCO_E_TURN;
        if (event == DISCO_MESSAGE) disco_message_clear(&heard);
    }
    if (status == DISCO_E_TURN || status == DISCO_E_FRAME)
        fail_msg("the replies are not what they should be: %d", status);
    disco_session_free(worker);
    disco_bytes_free(&out);
    disco_bytes_free(&in);
    return status;
}

static int write_and_read(const char *folder) {
    disco_bytes stream = {0};
    disco_slice key, value;
    char text[16];
    disco_writer *writer = disco_writer_new(write_bytes, &stream, DISCO_CODEC_ZLIB, 300);
    int status = writer ? 0 : -1;
    (void)folder;
    for (int i = 0; i < 100 && status == 0; i++) {
        snprintf(text, sizeof text, "key %d", i);
        status = disco_writer_add(writer, disco_text(text), disco_text("a value that compresses"));
    }
    if (status == 0) status = disco_writer_flush(writer);
    source from = {stream.data, stream.len, 0, 0};
    disco_reader *reader = status == 0 ? disco_reader_new(read_source, &from, "u", NULL, NULL) : NULL;
    int count = 0;
    if (status == 0 && !reader) status = -1;
    while (status == 0 && (status = disco_reader_next(reader, &key, &value)) > 0) {
        status = 0;
        count++;
    }
    if (status == 0) assert_int_equal(count, 100);
    disco_reader_free(reader);
    disco_writer_free(writer);
    disco_bytes_free(&stream);
    return status;
}

static int sort(const char *folder) {
    disco_limits limits = {.memory_bytes = 600, .merge_width = 2};
    disco_sorter *sorter = disco_sorter_new(folder, &limits, NULL);
    disco_slice key, value;
    char text[16];
    int status = sorter ? 0 : -1, count = 0;
    for (int i = 0; i < 60 && status == 0; i++) {
        snprintf(text, sizeof text, "%d", i * 7 % 13);
        status = disco_sorter_add(sorter, disco_text(text), disco_text("v"));
    }
    while (status == 0 && (status = disco_sorter_next(sorter, &key, &value)) > 0) {
        status = 0;
        count++;
    }
    if (status == 0) assert_int_equal(count, 60);
    disco_sorter_free(sorter);
    return status;
}

static int keep_first(void *context, disco_slice key, disco_values *values) {
    disco_slice value;
    int status = disco_next_value(values, &value);
    return status < 0 ? status : disco_combiner_add(*(disco_combiner **)context, key, value);
}

static int drop(void *context, disco_slice key, disco_slice value) {
    (void)context, (void)key, (void)value;
    return 0;
}

static int combine(const char *folder) {
    disco_combiner *combiner = NULL;
    char text[16];
    (void)folder;
    combiner = disco_combiner_new(100000, keep_first, drop, &combiner);
    int status = combiner ? 0 : -1;
    for (int i = 0; i < 3000 && status == 0; i++) {
        snprintf(text, sizeof text, "%d", i % 700);
        status = disco_combiner_add(combiner, disco_text(text), disco_text("value"));
    }
    if (status == 0) status = disco_combiner_flush(combiner);
    disco_combiner_free(combiner);
    return status;
}

static int pack(const char *folder) {
    char worker[256];
    disco_bytes out = {0};
    long left = until_failure;
    until_failure = -1;
    snprintf(worker, sizeof worker, "%s/worker", folder);
    write_file(worker, "#!/bin/sh\n", 10);
    until_failure = left;
    static const char *const inputs[] = {"raw://a", "raw://b raw://c"}, *const envs[] = {"A=b"};
    disco_pack what = {
        .worker = worker, .inputs = inputs, .input_count = 2, .envs = envs, .env_count = 1, .map = 1, .max_cores = 3};
    int status = disco_pack_build(&what, &out, NULL);
    disco_bytes_free(&out);
    return status;
}

static void a_session_notices(void **state) {
    (void)state;
    check(talk);
}
static void record_streams_notice(void **state) {
    (void)state;
    check(write_and_read);
}
static void sorting_notices(void **state) {
    (void)state;
    check(sort);
}
static void combining_notices(void **state) {
    (void)state;
    check(combine);
}
static void packing_notices(void **state) {
    (void)state;
    check(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_notices), cmocka_unit_test(record_streams_notice), cmocka_unit_test(sorting_notices),
        cmocka_unit_test(combining_notices), cmocka_unit_test(packing_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
