#define _GNU_SOURCE /* memmem */
#include <disco_worker.h>
#include <stdlib.h>

static int matching(disco_task *task, disco_slice key, disco_slice line) {
    const disco_slice *pattern = disco_user(task);
    (void)key;
    if (memmem(line.data, line.len, pattern->data, pattern->len)) disco_emit(task, *pattern, line);
    return 0;
}

int main(void) {
    const char *text = getenv("PATTERN");
    disco_slice pattern = disco_text(text ? text : "");
    disco_job job = {.map = matching, .user = &pattern};
    return disco_main(&job);
}
