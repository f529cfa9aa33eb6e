/* The conformance worker of the C SDK: the job's name, `behaviour` or `behaviour@argument`, picks what it does. */
#include "behaviours.h"

static int run(disco_task *task) {
    const char *name = disco_about(task)->jobname;
    size_t len = strcspn(name, "@");
    behaviour found = find_behaviour(name, len);
    if (!found) return disco_fail(task, DISCO_E_FATAL, "this worker has no behaviour %.100s", name);
    return found(task, name[len] ? name + len + 1 : "");
}

int main(void) {
    disco_job job = {.run = run};
    return disco_main(&job);
}
