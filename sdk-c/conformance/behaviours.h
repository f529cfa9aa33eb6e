/* What the conformance worker can do, by the first part of the job's name. */
#ifndef BEHAVIOURS_H
#define BEHAVIOURS_H

#include <disco_worker.h>

/* `argument` is the part of the job's name behind the @, or "". */
typedef int (*behaviour)(disco_task *task, const char *argument);
behaviour find_behaviour(const char *name, size_t len);

int echo(disco_task *task, const char *argument);
int wordcount(disco_task *task, const char *argument);
int split(disco_task *task, const char *argument);

#endif
