/* M431-M451, C22-C25: the external interface as a program sees it, over real pipes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

typedef struct outcome {
    disco_bytes out, err;
    int status;
} outcome;

static disco_bytes read_end(int fd) {
    disco_bytes bytes = {0};
    char buffer[4096];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        assert_int_equal(disco_bytes_append(&bytes, buffer, (size_t)got), 0);
    close(fd);
    return bytes;
}

/* The inputs here are small enough for a pipe, so nobody waits for anybody. */
static outcome run(const char *input, size_t len, const char *argument) {
    int in[2], out[2], err[2], status;
    outcome found;
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* die() ends a program as it stands */
        execl(PROGRAMS "/test/echo_external", "op", argument, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    assert_int_equal(write(in[1], input, len), (ssize_t)len);
    close(in[1]);
    found.out = read_end(out[0]);
    found.err = read_end(err[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    found.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return found;
}

static void forget(outcome *found) {
    disco_bytes_free(&found->out);
    disco_bytes_free(&found->err);
}

#define RUN(input, argument) run(input, sizeof input - 1, argument)

static void pairs_are_little_endian_and_answered(void **state) {
    (void)state;
    static const char input[] = "0\n"
                                "\3\0\0\0key"
                                "\5\0\0\0v\0lue"
                                "\0\0\0\0"
                                "\0\0\0\0"
                                "\1\0\0\0k"
                                "\0\0\0\0";
    static const char wanted[] = "\2\0\0\0"
                                 "\3\0\0\0key"
                                 "\5\0\0\0v\0lue"
                                 "\3\0\0\0key"
                                 "\3\0\0\0key"
                                 "\0\0\0\0"
                                 "\2\0\0\0"
                                 "\1\0\0\0k"
                                 "\0\0\0\0"
                                 "\1\0\0\0k"
                                 "\1\0\0\0k";
    outcome found = RUN(input, "map");
    assert_bytes(&found.err, "**<MSG> 2 pairs as map\n");
    assert_int_equal(found.status, 0);
    assert_int_equal(found.out.len, sizeof wanted - 1);
    assert_memory_equal(found.out.data, wanted, found.out.len);
    forget(&found);
}

static void parameters_are_netstrings(void **state) {
    (void)state;
    outcome found = RUN("29\n8 greeting 5 hello\n1 x 3 a\nb\n", "reduce");
    assert_bytes(&found.err, "**<MSG> hello of 5 bytes\n**<MSG> 0 pairs as reduce\n");
    assert_int_equal(found.status, 0);
    forget(&found);
}

static void die_is_one_line_and_status_1(void **state) {
    (void)state;
    outcome found = RUN("15\n3 die 6 reason\n", "map");
    assert_bytes(&found.err, "**<ERR> told to: reason second line\n");
    assert_int_equal(found.status, 1);
    forget(&found);
}

static void check_death(const char *input, size_t len, const char *reason) {
    outcome found = run(input, len, "map");
    assert_int_equal(found.status, 1);
    assert_int_equal(disco_bytes_append(&found.err, "", 1), 0);
    if (strncmp(found.err.data, "**<ERR> ", 8) != 0 || !strstr(found.err.data, reason)) fail_msg("%s", found.err.data);
    forget(&found);
}

#define CHECK_DEATH(input, reason) check_death(input, sizeof input - 1, reason)

static void broken_input_ends_the_program(void **state) {
    (void)state;
    CHECK_DEATH("", "netstrings");
    CHECK_DEATH("x\n", "netstrings");
    CHECK_DEATH("9\n3 die 6 reason\n", "not 9");
    CHECK_DEATH("15\n3 die 5 reason\n", "netstrings");
    CHECK_DEATH("0\n\3\0\0\0ke", "inside a key");
    CHECK_DEATH("0\n\3\0", "length of a key");
    CHECK_DEATH("0\n\3\0\0\0key", "between a key and its value");
    CHECK_DEATH("0\n\3\0\0\0key\1\0\0\0", "inside a value");
    CHECK_DEATH("0\n\1\0\0\x40", "too long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_little_endian_and_answered),
        cmocka_unit_test(parameters_are_netstrings),
        cmocka_unit_test(die_is_one_line_and_status_1),
        cmocka_unit_test(broken_input_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
