#include "behaviours.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_COUNT = 3, BUFFER_BYTES = 64 * 1024 };

static long count_of(const char *argument) { return *argument ? strtol(argument, NULL, 10) : DEFAULT_COUNT; }

/* All inputs, one after the other, into `output`. */
static int copy_inputs(disco_task *task, disco_output *output) {
    static const size_t size = BUFFER_BYTES;
    disco_input *input;
    char buffer[BUFFER_BYTES];
    int status;
    while ((status = disco_next_input(task, &input)) > 0) {
        ptrdiff_t got;
        while ((got = disco_input_read(input, buffer, size)) > 0) disco_output_write(output, buffer, (size_t)got);
        if (got < 0) return (int)got;
    }
    return status;
}

static int echo_as(disco_task *task, disco_output_type type) {
    disco_output *output = disco_output_open(task, type, 0);
    int status = output ? copy_inputs(task, output) : -1;
    return status < 0 ? disco_task_error(task)->code : disco_output_close(output);
}

int echo(disco_task *task, const char *argument) {
    (void)argument;
    return echo_as(task, DISCO_OUT_DISCO);
}

static int save(disco_task *task, const char *argument) {
    (void)argument;
    return echo_as(task, DISCO_OUT_TAG);
}

static int say(disco_task *task, const char *argument) {
    long count = count_of(argument);
    for (long i = 0; i < count; i++) {
        int status = disco_msg(task, "line %ld — ünïcode", i);
        if (status < 0) return status;
    }
    return echo(task, "");
}

static int ping(disco_task *task, const char *argument) {
    long count = count_of(argument);
    for (long i = 0; i < count; i++) {
        int status = disco_ping(task);
        if (status < 0) return status;
    }
    return echo(task, "");
}

static int fail_error(disco_task *task, const char *argument) {
    (void)argument;
    return disco_fail(task, DISCO_E_ELSEWHERE, "told to fail: café");
}

static int fail_fatal(disco_task *task, const char *argument) {
    (void)argument;
    return disco_fail(task, DISCO_E_FATAL, "told to fail for good: café");
}

static int crash(disco_task *task, const char *argument) {
    (void)task, (void)argument;
    return kill(getpid(), SIGKILL);
}

/* Prints to both streams, as careless user code does, while it works and when its output is told. */
static int noisy(disco_task *task, const char *argument) {
    static const char warning[] = "a warning without end of line";
    (void)argument;
    disco_output *output = disco_output_open(task, DISCO_OUT_DISCO, 0);
    int status = output ? copy_inputs(task, output) : -1;
    if (status < 0) return disco_task_error(task)->code;
    printf("a print\nDONE 2 \"\"\n");
    status = disco_output_close(output);
    if (write(STDERR_FILENO, warning, sizeof warning - 1) < 0)
        return disco_fail(task, DISCO_E_ELSEWHERE, "no standard error");
    return status;
}

/* The bytes that HEX spells, as many times as the number after a `*` says. */
static int print(disco_task *task, const char *argument) {
    const char *star = strchr(argument, '*');
    size_t digits = star ? (size_t)(star - argument) : strlen(argument);
    for (long times = star ? strtol(star + 1, NULL, 10) : 1; times > 0; times--) {
        for (size_t at = 0; at + 1 < digits; at += 2) {
            char two[3] = {argument[at], argument[at + 1], '\0'}, byte = (char)strtol(two, NULL, 16);
            if (fwrite(&byte, 1, 1, stdout) != 1) return disco_fail(task, DISCO_E_ELSEWHERE, "no standard output");
        }
    }
    return echo(task, "");
}

/* Leaves its surroundings changed, as careless user code does; its output is still open then. */
static int litter(disco_task *task, const char *argument) {
    (void)argument;
    disco_output *output = disco_output_open(task, DISCO_OUT_DISCO, 0);
    int status = output ? copy_inputs(task, output) : -1;
    if (status < 0) return disco_task_error(task)->code;
    umask(077);
    if (setenv("LITTER", "left", 1) || signal(SIGTERM, SIG_IGN) == SIG_ERR || chdir("/"))
        return disco_fail(task, DISCO_E_ELSEWHERE, "nothing can be left behind");
    return 0;
}

static int slow(disco_task *task, const char *argument) {
    int status = disco_pause(task, *argument ? strtod(argument, NULL) : 1);
    return status < 0 ? status : echo(task, "");
}

/* A child that prints, and is awaited. */
static int spawn_child(disco_task *task, const char *argument) {
    (void)argument;
    int status = system("echo from the child; echo and its errors >&2");
    if (status) return disco_fail(task, DISCO_E_ELSEWHERE, "the child ended with status %d", status);
    return echo(task, "");
}

behaviour find_behaviour(const char *name, size_t len) {
    static const struct {
        const char *name;
        behaviour run;
    } all[] = {{"echo", echo},
               {"wordcount", wordcount},
               {"split", split},
               {"say", say},
               {"ping", ping},
               {"fail-error", fail_error},
               {"fail-fatal", fail_fatal},
               {"crash", crash},
               {"noisy", noisy},
               {"slow", slow},
               {"spawn-child", spawn_child},
               {"print", print},
               {"litter", litter},
               {"save", save}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].name) == len && memcmp(all[i].name, name, len) == 0) return all[i].run;
    return NULL;
}
