/* Programs: the README's word count, the conformance worker; prints, heartbeats, and a Disco that misbehaves. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "process/surroundings.h"

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

static void exec_program(bench *b, const char *program) {
    const char *const argv[] = {program, NULL};
    disco_fake_exec(b->fake, argv);
}

static void run(bench *b, int (*function)(disco_task *), double heartbeat_s) {
    disco_job job = {.run = function, .limits = {.heartbeat_s = heartbeat_s}};
    disco_fake_run(b->fake, &job);
}

static void the_word_count_of_the_readme_counts(void **state) {
    bench *b = *state;
    char url[600];
    disco_bytes content = {0}, stream = {0};
    disco_fake_input(b->fake, 0, "raw://the%20cat%0Athe%20hat");
    exec_program(b, PROGRAMS "/wordcount");
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_read_records(b->fake, 0, &content), 0);
    assert_bytes(&content, "the 2\ncat 1\nhat 1\n");
    snprintf(url, sizeof url, "file://%s/%s", b->folder, disco_fake_location(b->fake, 0));
    disco_fake *reduce = disco_fake_new(b->folder);
    disco_fake_task(reduce, DISCO_REDUCE, 0, "test");
    disco_fake_input(reduce, 0, url);
    disco_fake_input(reduce, 1, url);
    const char *const argv[] = {PROGRAMS "/wordcount", NULL};
    assert_int_equal(disco_fake_exec(reduce, argv), 0);
    assert_int_equal(disco_fake_read_output(reduce, 0, &stream), 0);
    assert_bytes(&stream, "cat 2\nhat 2\nthe 4\n");
    disco_fake_free(reduce);
    disco_bytes_free(&content);
    disco_bytes_free(&stream);
}

static void replies_in_single_bytes_are_understood(void **state) {
    bench *b = *state;
    disco_bytes content = {0};
    disco_fake_chop(b->fake, 1);
    disco_fake_task(b->fake, DISCO_MAP, 0, "echo");
    disco_fake_input(b->fake, 0, "raw://%00a");
    exec_program(b, PROGRAMS "/conformance_worker");
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_DONE);
    assert_int_equal(disco_fake_read_output(b->fake, 0, &content), 0);
    assert_int_equal(content.len, 2);
    assert_memory_equal(content.data, "\0a", 2);
    disco_bytes_free(&content);
}

/* Working directory, umask, environment and signals; in each task an output is still open when it is left. */
static void what_a_task_leaves_is_set_right(void **state) {
    bench *b = *state;
    disco_bytes content = {0};
    disco_fake_task(b->fake, DISCO_MAP, 0, "litter");
    disco_fake_task(b->fake, DISCO_MAP, 1, "litter");
    disco_fake_task(b->fake, DISCO_MAP, 2, "spawn-child");
    disco_fake_input(b->fake, 0, "raw://a");
    exec_program(b, PROGRAMS "/conformance_worker");
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_outputs(b->fake), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(disco_fake_read_output(b->fake, i, &content), 0);
        assert_bytes(&content, "a");
        content.len = 0;
    }
    disco_bytes_free(&content);
}

static void surroundings_come_back(void **state) {
    bench *b = *state;
    char before[4096], after[4096];
    disco_surroundings kept = {.home_fd = -1};
    disco_error error = {0};
    assert_int_equal(setenv("DISCO_TEST_KEPT", "kept", 1), 0);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(disco_surroundings_keep(&kept, &error), 0);
    mode_t mask = umask(0123);
    assert_int_equal(setenv("DISCO_TEST_KEPT", "changed", 1), 0);
    assert_int_equal(setenv("DISCO_TEST_NEW", "x=y", 1), 0);
    assert_int_equal(chdir(b->folder), 0);
    assert_true(signal(SIGTERM, SIG_IGN) != SIG_ERR);
    assert_int_equal(disco_surroundings_restore(&kept, &error), 0);
    assert_string_equal(getenv("DISCO_TEST_KEPT"), "kept");
    assert_null(getenv("DISCO_TEST_NEW"));
    assert_non_null(getcwd(after, sizeof after));
    assert_string_equal(before, after);
    assert_int_equal(umask(mask), mask);
    assert_true(signal(SIGTERM, SIG_DFL) == SIG_DFL);
    disco_surroundings_free(&kept);
}

static int print(disco_task *task) {
    printf("one line\nand DONE 2 \"\"");
    disco_ping(task);
    printf(" more\n\n  \n");
    if (system("echo from a child; echo to its stderr >&2; cat") != 0) return -1; /* cat ends: its input is empty */
    if (write(STDERR_FILENO, "\xff!", 2) != 2) return -1;
    return 0;
}

static void prints_become_messages(void **state) {
    bench *b = *state;
    static const char *const wanted[] = {"one line",     "and DONE 2 \"\"", " more",
                                         "from a child", "to its stderr",   "\\xff!"};
    run(b, print, 0);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_DONE);
    assert_int_equal(disco_fake_error(b->fake)->code, 0);
    assert_int_equal(disco_fake_messages(b->fake), sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(disco_fake_message(b->fake, i), wanted[i]);
}

static int print_much(disco_task *task) {
    (void)task;
    for (int i = 0; i < 100000; i++) printf("line %d of very many lines\n", i);
    return 0;
}

static void of_very_much_the_end_is_told(void **state) {
    bench *b = *state;
    run(b, print_much, 0);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_DONE);
    assert_int_equal(disco_fake_messages(b->fake), 101);
    assert_string_equal(disco_fake_message(b->fake, 100), "line 99999 of very many lines");
}

static int say_long(disco_task *task) {
    char *text = malloc(300001);
    memset(text, 'x', 300000);
    text[300000] = '\0';
    int status = disco_msg(task, "%s|%d", text, 5);
    free(text);
    return status;
}

static void a_message_of_any_length_is_whole(void **state) {
    bench *b = *state;
    run(b, say_long, 0);
    assert_int_equal(disco_fake_messages(b->fake), 1);
    assert_int_equal(strlen(disco_fake_message(b->fake, 0)), 300002);
}

static int work_long(disco_task *task) {
    for (int i = 0; i < 20; i++)
        if (disco_pause(task, 0.02) < 0 || disco_heartbeat(task) < 0) return -1;
    return 0;
}

static void long_work_pings(void **state) {
    bench *b = *state;
    run(b, work_long, 0.1);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_DONE);
    assert_in_range(disco_fake_requests(b->fake, DISCO_PING), 2, 5);
    run(b, work_long, 100);
    assert_int_equal(disco_fake_requests(b->fake, DISCO_PING), 0);
}

static int nothing(disco_task *task) {
    (void)task;
    return 0;
}

static int fail_quietly(disco_task *task) {
    (void)task;
    return DISCO_E_ELSEWHERE;
}

static int use_emit(disco_task *task) { return disco_emit(task, disco_text("k"), disco_text("v")); }

static void a_failure_without_reason_is_still_told(void **state) {
    bench *b = *state;
    run(b, fail_quietly, 0);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_ERROR);
    assert_non_null(strstr(disco_fake_text(b->fake), "failed here"));
    run(b, use_emit, 0);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_FATAL);
}

static void check_answer(bench *b, disco_kind request, const char *bytes, disco_kind outcome) {
    disco_fake *fake = disco_fake_new(b->folder);
    disco_job job = {.run = nothing};
    disco_fake_answer(fake, request, 0, bytes);
    disco_fake_run(fake, &job);
    assert_int_equal(disco_fake_outcome(fake), outcome);
    assert_int_equal(disco_fake_exit_status(fake), 1);
    disco_fake_free(fake);
}

static void a_disco_that_misbehaves_is_told_and_left(void **state) {
    bench *b = *state;
    check_answer(b, DISCO_WORKER, "nonsense\n", DISCO_ERROR);
    check_answer(b, DISCO_WORKER, "FAIL 2 \"\"\n", DISCO_FATAL);
    check_answer(b, DISCO_WORKER, NULL, (disco_kind)0);
    check_answer(b, DISCO_TASK_REQUEST, "OK 4 \"ok\"\n", DISCO_FATAL);
    check_answer(b, DISCO_TASK_REQUEST, "TASK 2 {}\n", DISCO_FATAL);
    check_answer(b, DISCO_DONE, NULL, DISCO_DONE);
}

static int wait_for_ever(disco_task *task) { return disco_pause(task, 1000); }

static void a_pause_ends_when_disco_goes(void **state) {
    bench *b = *state;
    disco_job job = {.run = wait_for_ever, .limits = {.heartbeat_s = 0.1}};
    disco_fake_answer(b->fake, DISCO_PING, 0, NULL);
    double before_s = disco_now_s();
    disco_fake_run(b->fake, &job);
    assert_true(disco_now_s() - before_s < 60);
    assert_int_equal(disco_fake_exit_status(b->fake), 1);
}

static void a_silent_disco_is_given_up(void **state) {
    bench *b = *state;
    disco_job job = {.run = nothing, .limits = {.reply_timeout_s = 0.2}};
    disco_fake_answer(b->fake, DISCO_DONE, 0, "");
    disco_fake_run(b->fake, &job);
    assert_int_equal(disco_fake_exit_status(b->fake), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_word_count_of_the_readme_counts),
        TEST(replies_in_single_bytes_are_understood),
        TEST(what_a_task_leaves_is_set_right),
        TEST(surroundings_come_back),
        TEST(prints_become_messages),
        TEST(of_very_much_the_end_is_told),
        TEST(a_message_of_any_length_is_whole),
        TEST(long_work_pings),
        TEST(a_failure_without_reason_is_still_told),
        TEST(a_disco_that_misbehaves_is_told_and_left),
        TEST(a_pause_ends_when_disco_goes),
        TEST(a_silent_disco_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
