/* A task of the C SDK that does nothing: what the SDK and reuse of processes cost. */
#include <disco_worker.h>

static int nothing(disco_task *task) {
    (void)task;
    return 0;
}

int main(void) {
    disco_job job = {.run = nothing};
    return disco_main(&job);
}
