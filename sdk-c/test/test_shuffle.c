/* Sorting with little memory, combining, and whole map and reduce tasks. */
#include "support.h"
#include "worker/worker.h"

/* Numbers that look random and are the same every time. */
static uint32_t chance(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void check_sorting(size_t memory_bytes, unsigned merge_width, size_t count, uint32_t keys, size_t least_runs) {
    char *folder = make_folder(), key[32], value[32];
    disco_limits limits = {.memory_bytes = memory_bytes, .merge_width = merge_width};
    disco_error error = {0};
    disco_sorter *sorter = disco_sorter_new(folder, &limits, &error);
    disco_slice found_key, found_value, last_key;
    disco_bytes last = {0};
    uint32_t seed = 7;
    int64_t last_value = -1, number;
    assert_non_null(sorter);
    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%u", chance(&seed) % keys);
        snprintf(value, sizeof value, "%zu", i);
        assert_int_equal(disco_sorter_add(sorter, disco_text(key), disco_text(value)), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(disco_sorter_next(sorter, &found_key, &found_value), 1);
        assert_int_equal(disco_slice_int(found_value, &number), 0);
        last_key = disco_slice_of(last.data, last.len);
        int order = i ? disco_slice_compare(last_key, found_key) : -1;
        assert_true(order <= 0);
        if (order == 0) assert_true(last_value < number); /* equal keys: in the order of adding */
        last_value = number;
        last.len = 0;
        assert_int_equal(disco_bytes_append(&last, found_key.data, found_key.len), 0);
    }
    assert_int_equal(disco_sorter_next(sorter, &found_key, &found_value), 0);
    assert_true(disco_sorter_runs(sorter) >= least_runs);
    disco_bytes_free(&last);
    disco_sorter_free(sorter);
    remove_folder(folder);
}

static void sorts_in_memory(void **state) {
    (void)state;
    check_sorting(1 << 20, 0, 0, 10, 0);
    check_sorting(1 << 20, 0, 1, 10, 0);
    check_sorting(1 << 20, 0, 10000, 500, 0);
}

static void sorts_with_many_runs_and_levels(void **state) {
    (void)state;
    check_sorting(4000, 0, 5000, 300, 16);
    check_sorting(2000, 2, 3000, 50, 60);
    check_sorting(3000, 3, 5000, 100000, 60);
}

static void a_record_larger_than_the_memory_is_sorted_too(void **state) {
    (void)state;
    char *folder = make_folder(), *large = calloc(1, 100000);
    disco_limits limits = {.memory_bytes = 1000};
    disco_sorter *sorter = disco_sorter_new(folder, &limits, NULL);
    disco_slice key, value;
    memset(large, 'm', 100000);
    assert_int_equal(disco_sorter_add(sorter, disco_text("z"), disco_text("last")), 0);
    assert_int_equal(disco_sorter_add(sorter, disco_slice_of(large, 100000), disco_slice_of(large, 100000)), 0);
    assert_int_equal(disco_sorter_add(sorter, disco_text("a"), disco_text("first")), 0);
    assert_int_equal(disco_sorter_next(sorter, &key, &value), 1);
    assert_int_equal(disco_slice_compare(key, disco_text("a")), 0);
    assert_int_equal(disco_sorter_next(sorter, &key, &value), 1);
    assert_int_equal(value.len, 100000);
    assert_int_equal(disco_sorter_next(sorter, &key, &value), 1);
    assert_int_equal(disco_slice_compare(value, disco_text("last")), 0);
    assert_int_equal(disco_sorter_next(sorter, &key, &value), 0);
    disco_sorter_free(sorter);
    free(large);
    remove_folder(folder);
}

static void a_folder_that_is_not_there_is_an_error(void **state) {
    (void)state;
    disco_limits limits = {.memory_bytes = 100};
    disco_sorter *sorter = disco_sorter_new("/no/such/folder", &limits, NULL);
    int status = 0;
    for (int i = 0; i < 100 && status == 0; i++)
        status = disco_sorter_add(sorter, disco_text("key"), disco_text("value"));
    assert_int_equal(status, DISCO_E_ELSEWHERE);
    assert_int_equal(disco_sorter_add(sorter, disco_text("key"), disco_text("value")), DISCO_E_ELSEWHERE);
    disco_sorter_free(sorter);
}

/* ---- map and reduce ---- */

static int map_words(disco_task *task, disco_slice key, disco_slice line) {
    disco_slice word;
    (void)key;
    while (disco_next_word(&line, &word)) disco_emit(task, word, disco_text("1"));
    return 0;
}

static int sum(disco_task *task, disco_slice key, disco_values *values) {
    disco_slice value;
    int64_t number, total = 0;
    while (disco_next_value(values, &value) > 0) {
        if (disco_slice_int(value, &number) < 0) return disco_fail(task, DISCO_E_FATAL, "no number");
        total += number;
    }
    return disco_emit_int(task, key, total);
}

static int first_only(disco_task *task, disco_slice key, disco_values *values) {
    disco_slice value;
    if (disco_next_value(values, &value) < 0) return -1;
    return disco_emit(task, key, value);
}

static int never_fewer(disco_task *task, disco_slice key, disco_values *values) {
    disco_slice value;
    while (disco_next_value(values, &value) > 0) disco_emit(task, key, value);
    return disco_emit(task, disco_text("also"), disco_text("0"));
}

static uint32_t all_to_two(disco_slice key, uint32_t labels) {
    (void)key, (void)labels;
    return 2;
}

typedef struct bench {
    char *folder;
    disco_fake *fake;
} bench;

static int set_up(void **state) {
    bench *b = calloc(1, sizeof *b);
    b->folder = make_folder();
    b->fake = disco_fake_new(b->folder);
    assert_non_null(b->fake);
    *state = b;
    return 0;
}

static int tear_down(void **state) {
    bench *b = *state;
    disco_fake_free(b->fake);
    remove_folder(b->folder);
    free(b);
    return 0;
}

static void run(bench *b, const disco_job *job) {
    if (disco_fake_run(b->fake, job) != 0) fail_msg("%s", disco_fake_error(b->fake)->text);
}

static void check_records(bench *b, size_t index, const char *wanted) {
    disco_bytes lines = {0};
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_true(index < disco_fake_outputs(b->fake));
    assert_int_equal(disco_fake_read_records(b->fake, index, &lines), 0);
    assert_bytes(&lines, wanted);
    disco_bytes_free(&lines);
}

static void a_map_makes_a_part_for_each_reduce(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .reduce = sum, .codec = DISCO_CODEC_ZLIB};
    disco_fake_reduces(b->fake, 3);
    disco_fake_input(b->fake, 0, "raw://alpha%20zeta%20gamma%0Aeta%20beta");
    run(b, &job);
    assert_int_equal(disco_fake_outputs(b->fake), 3);
    check_records(b, 0, "zeta 1\neta 1\n");
    check_records(b, 1, "alpha 1\nbeta 1\n");
    check_records(b, 2, "gamma 1\n");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(disco_fake_type(b->fake, i), DISCO_OUT_PART);
        assert_int_equal(disco_fake_label(b->fake, i), i);
    }
}

static void a_map_without_reduce_makes_one_result(void **state) {
    bench *b = *state;
    disco_bytes content = {0};
    disco_job job = {.map = map_words, .results = DISCO_WRITE_LINES};
    disco_fake_reduces(b->fake, 0);
    disco_fake_input(b->fake, 0, "raw://b%20a");
    run(b, &job);
    assert_int_equal(disco_fake_outputs(b->fake), 1);
    assert_int_equal(disco_fake_type(b->fake, 0), DISCO_OUT_DISCO);
    assert_int_equal(disco_fake_read_output(b->fake, 0, &content), 0);
    assert_bytes(&content, "b 1\na 1\n");
    disco_bytes_free(&content);
}

static void a_combiner_adds_up_on_the_map_s_side(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .reduce = sum, .combine = sum};
    char input[4096] = "raw://";
    for (int i = 0; i < 500; i++) strcat(input, i % 2 ? "a%20" : "b%0A");
    disco_fake_input(b->fake, 0, input);
    run(b, &job);
    check_records(b, 0, "b 250\na 250\n");
}

static void a_combiner_with_little_memory_lets_records_go_on(void **state) {
    bench *b = *state;
    disco_bytes lines = {0};
    disco_job job = {.map = map_words, .reduce = sum, .combine = sum, .limits = {.memory_bytes = 1000}};
    char input[8192] = "raw://", word[16];
    for (int i = 0; i < 900; i++) {
        snprintf(word, sizeof word, "w%d%%20", i % 45);
        strcat(input, word);
    }
    disco_fake_input(b->fake, 0, input);
    run(b, &job);
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_read_records(b->fake, 0, &lines), 0);
    size_t count = 0;
    int64_t total = 0, number;
    disco_slice rest = disco_slice_of(lines.data, lines.len), word_found;
    while (disco_next_word(&rest, &word_found) && disco_next_word(&rest, &word_found)) {
        assert_int_equal(disco_slice_int(word_found, &number), 0);
        total += number;
        count++;
    }
    assert_int_equal(total, 900);
    assert_true(count > 45); /* the same word several times */
    disco_bytes_free(&lines);
}

static void a_combiner_may_say_other_keys_and_as_much(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .reduce = sum, .combine = never_fewer};
    char input[1024] = "raw://";
    disco_bytes lines = {0};
    for (int i = 0; i < 70; i++) strcat(input, "a%20");
    disco_fake_input(b->fake, 0, input);
    run(b, &job);
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_read_records(b->fake, 0, &lines), 0);
    size_t said = 0;
    for (size_t at = 0; at + 4 <= lines.len; at++) said += memcmp(lines.data + at, "a 1\n", 4) == 0;
    assert_int_equal(said, 70);
    disco_bytes_free(&lines);
}

static void an_own_partition_is_asked_and_checked(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .reduce = sum, .partition = all_to_two};
    disco_fake_input(b->fake, 0, "raw://a%20b");
    disco_fake_reduces(b->fake, 3);
    run(b, &job);
    assert_int_equal(disco_fake_outputs(b->fake), 1);
    assert_int_equal(disco_fake_label(b->fake, 0), 2);
    disco_fake_reduces(b->fake, 2);
    run(b, &job);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_FATAL);
}

/* Puts a record stream for a reduce to read, and returns its URL. */
static void add_stream(bench *b, int64_t id, const char *words) {
    char path[512], url[600];
    disco_bytes stream = {0};
    disco_slice rest = disco_text(words), key, value;
    disco_writer *writer = disco_writer_new(write_bytes, &stream, DISCO_CODEC_ZLIB, 100);
    while (disco_next_word(&rest, &key) && disco_next_word(&rest, &value)) disco_writer_add(writer, key, value);
    assert_int_equal(disco_writer_flush(writer), 0);
    disco_writer_free(writer);
    snprintf(path, sizeof path, "%s/stream-%d", b->folder, (int)id);
    write_file(path, stream.data, stream.len);
    snprintf(url, sizeof url, "file://%s", path);
    disco_fake_input(b->fake, id, url);
    disco_bytes_free(&stream);
}

static void a_reduce_groups_sorted_keys(void **state) {
    bench *b = *state;
    disco_job job = {.reduce = sum};
    add_stream(b, 0, "b 1 a 2 ab 3 b 10");
    add_stream(b, 1, "a 20 c 5");
    disco_fake_task(b->fake, DISCO_REDUCE, 0, "test");
    run(b, &job);
    check_records(b, 0, "a 22\nab 3\nb 11\nc 5\n");
    assert_int_equal(disco_fake_type(b->fake, 0), DISCO_OUT_DISCO);
}

static void values_that_are_not_read_are_passed_over(void **state) {
    bench *b = *state;
    disco_job job = {.reduce = first_only, .limits = {.memory_bytes = 64, .merge_width = 2}};
    add_stream(b, 0, "b 1 a 2 a 3 b 10 a 4 c 1");
    disco_fake_task(b->fake, DISCO_REDUCE, 0, "test");
    run(b, &job);
    check_records(b, 0, "a 2\nb 1\nc 1\n");
}

static void a_reduce_without_records_has_an_empty_result(void **state) {
    bench *b = *state;
    disco_job job = {.reduce = sum};
    disco_fake_task(b->fake, DISCO_REDUCE, 0, "test");
    run(b, &job);
    check_records(b, 0, "");
}

static void a_map_reads_hunks_as_well_as_lines(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .labels = 1};
    add_stream(b, 0, "k x k y");
    disco_fake_input(b->fake, 1, "raw://z");
    run(b, &job);
    check_records(b, 0, "x 1\ny 1\nz 1\n");
}

static void a_worker_without_the_function_says_so(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words};
    disco_fake_task(b->fake, DISCO_REDUCE, 0, "test");
    run(b, &job);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_FATAL);
    assert_non_null(strstr(disco_fake_text(b->fake), "reduce"));
}

static void nothing_of_a_task_is_left_in_the_next(void **state) {
    bench *b = *state;
    disco_job job = {.map = map_words, .reduce = sum, .combine = sum};
    disco_fake_task(b->fake, DISCO_MAP, 0, "test");
    disco_fake_task(b->fake, DISCO_MAP, 1, "test");
    disco_fake_task(b->fake, DISCO_MAP, 2, "test");
    disco_fake_input(b->fake, 0, "raw://a%20a");
    run(b, &job);
    assert_int_equal(disco_fake_outputs(b->fake), 3);
    for (size_t i = 0; i < 3; i++) check_records(b, i, "a 2\n");
    assert_int_equal(disco_fake_requests(b->fake, DISCO_WORKER), 1);
    assert_int_equal(disco_fake_requests(b->fake, DISCO_DONE), 3);
}

/* ---- what a sort takes ---- */

enum { SORTED_BYTES = 64 << 20, SORT_BYTES = 4 << 20, MOST_TAKEN_KIB = 32 << 10 };

static int write_to_file(void *to, const void *data, size_t len) { return fwrite(data, 1, len, to) == len ? 0 : -1; }

/* The peak of this process in KiB, as a number after "VmHWM:"; 0 where the system does not tell. */
static long peak_kib(void) {
    char line[256];
    long found = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && !found && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0) found = strtol(line + 6, NULL, 10);
    if (status) fclose(status);
    return found;
}

static int tell_peak_at_the_end(disco_task *task, disco_slice key, disco_values *values) {
    (void)values;
    return key.data[0] == '~' ? disco_msg(task, "%ld", peak_kib()) : 0;
}

/* In a process of its own: 64 MiB of records with 4 MiB of memory. The limit leaves room for one hunk of each run. */
static void a_sort_keeps_to_its_memory(void **state) {
    bench *b = *state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* its shadow counts too */
#endif
    if (getenv("DISCO_TEST_SLOW_TOOL")) skip();
    char path[300], url[320], key[16], value[100];
    uint32_t seed = 3;
    disco_job job = {.reduce = tell_peak_at_the_end, .limits = {.memory_bytes = SORT_BYTES}};
    memset(value, 'v', sizeof value);
    snprintf(path, sizeof path, "%s/large", b->folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    disco_writer *writer = disco_writer_new(write_to_file, file, DISCO_CODEC_NONE, 0);
    assert_non_null(writer);
    for (size_t written = 0; written < SORTED_BYTES; written += sizeof value + 12) {
        snprintf(key, sizeof key, "%06u", chance(&seed) % 1000000u);
        assert_int_equal(disco_writer_add(writer, disco_text(key), disco_slice_of(value, sizeof value)), 0);
    }
    assert_int_equal(disco_writer_add(writer, disco_text("~"), disco_text("")), 0);
    assert_int_equal(disco_writer_flush(writer), 0);
    disco_writer_free(writer);
    assert_int_equal(fclose(file), 0);
    snprintf(url, sizeof url, "file://%s", path);
    disco_fake_input(b->fake, 0, url);
    disco_fake_task(b->fake, DISCO_REDUCE, 0, "test");
    run(b, &job);
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_messages(b->fake), 1);
    long taken = strtol(disco_fake_message(b->fake, 0), NULL, 10);
    assert_true(taken > 0);
    if (taken > MOST_TAKEN_KIB) fail_msg("the worker took %ld KiB", taken);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_in_memory),
        cmocka_unit_test(sorts_with_many_runs_and_levels),
        cmocka_unit_test(a_record_larger_than_the_memory_is_sorted_too),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
        TEST(a_map_makes_a_part_for_each_reduce),
        TEST(a_map_without_reduce_makes_one_result),
        TEST(a_combiner_adds_up_on_the_map_s_side),
        TEST(a_combiner_with_little_memory_lets_records_go_on),
        TEST(a_combiner_may_say_other_keys_and_as_much),
        TEST(an_own_partition_is_asked_and_checked),
        TEST(a_reduce_groups_sorted_keys),
        TEST(values_that_are_not_read_are_passed_over),
        TEST(a_reduce_without_records_has_an_empty_result),
        TEST(a_map_reads_hunks_as_well_as_lines),
        TEST(a_worker_without_the_function_says_so),
        TEST(nothing_of_a_task_is_left_in_the_next),
        TEST(a_sort_keeps_to_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
