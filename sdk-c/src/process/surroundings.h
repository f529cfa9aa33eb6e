/* The surroundings of a task: see surroundings.c. */
#ifndef DISCO_SURROUNDINGS_H
#define DISCO_SURROUNDINGS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/base.h"

enum { DISCO_SIGNALS = 32 }; /* the classic ones; real-time signals do nothing by themselves */

typedef struct disco_surroundings { /* starts as {.home_fd = -1} */
    int home_fd;
    char **variables;
    mode_t mask;
    sigset_t blocked;
    struct sigaction signals[DISCO_SIGNALS];
    bool is_signal[DISCO_SIGNALS];
} disco_surroundings;

int disco_surroundings_keep(disco_surroundings *kept, disco_error *error);
int disco_surroundings_restore(const disco_surroundings *kept, disco_error *error);
void disco_surroundings_free(disco_surroundings *kept);

#endif
