/* What a task may change of its process and the next one must not find: the working directory, the environment, the
 * umask, and what signals do. They are kept when the worker starts and set right after each task. */
#define _GNU_SOURCE
#include "process/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static size_t count_variables(char *const *variables) {
    size_t count = 0;
    while (variables && variables[count]) count++;
    return count;
}

static void free_variables(char **variables) {
    for (size_t i = 0; variables && variables[i]; i++) free(variables[i]);
    free(variables);
}

static char **copy_variables(char *const *variables) {
    size_t count = count_variables(variables);
    char **copies = calloc(count + 1, sizeof *copies);
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = disco_copy_text(disco_text(variables[i]));
        if (!copies[i]) {
            free_variables(copies);
            return NULL;
        }
    }
    return copies;
}

int disco_surroundings_keep(disco_surroundings *kept, disco_error *error) {
    kept->variables = copy_variables(environ);
    if (!kept->variables) return disco_no_memory(error);
    kept->home_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (kept->home_fd < 0)
        return disco_error_set(error, DISCO_E_ELSEWHERE, "the job home cannot be opened: %s", strerror(errno));
    kept->mask = umask(0);
    umask(kept->mask);
    sigprocmask(SIG_SETMASK, NULL, &kept->blocked);
    for (int number = 1; number < DISCO_SIGNALS; number++)
        kept->is_signal[number] = sigaction(number, NULL, &kept->signals[number]) == 0;
    return 0;
}

static int same_variables(char *const *now, char *const *kept) {
    size_t count = count_variables(kept);
    if (count_variables(now) != count) return 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(now[i], kept[i]) != 0) return 0;
    return 1;
}

static int restore_variables(char *const *kept, disco_error *error) {
    if (same_variables(environ, kept)) return 0;
    int status = clearenv();
    for (size_t i = 0; kept[i] && status == 0; i++) {
        const char *equals = strchr(kept[i], '=');
        char *name = equals ? disco_copy_text(disco_slice_of(kept[i], (size_t)(equals - kept[i]))) : NULL;
        if (equals) status = name ? setenv(name, equals + 1, 1) : -1;
        free(name);
    }
    return status == 0 ? 0 : disco_no_memory(error);
}

int disco_surroundings_restore(const disco_surroundings *kept, disco_error *error) {
    if (fchdir(kept->home_fd) < 0)
        return disco_error_set(error, DISCO_E_ELSEWHERE, "there is no way back to the job home: %s", strerror(errno));
    umask(kept->mask);
    for (int number = 1; number < DISCO_SIGNALS; number++)
        if (kept->is_signal[number]) sigaction(number, &kept->signals[number], NULL); /* fails for KILL and STOP alone */
    sigprocmask(SIG_SETMASK, &kept->blocked, NULL);
    return restore_variables(kept->variables, error);
}

void disco_surroundings_free(disco_surroundings *kept) {
    if (kept->home_fd >= 0) close(kept->home_fd);
    free_variables(kept->variables);
    kept->home_fd = -1;
    kept->variables = NULL;
}
