/* Word count: the map says each word, the reduce adds up. The same function combines on the map's side. */
#include <disco_worker.h>

static int map(disco_task *task, disco_slice key, disco_slice line) {
    disco_slice word;
    (void)key;
    while (disco_next_word(&line, &word)) disco_emit(task, word, disco_text("1"));
    return 0;
}

static int sum(disco_task *task, disco_slice word, disco_values *counts) {
    disco_slice count;
    int64_t number, total = 0;
    while (disco_next_value(counts, &count) > 0) {
        if (disco_slice_int(count, &number) < 0) return disco_fail(task, DISCO_E_FATAL, "a count is no number");
        total += number;
    }
    return disco_emit_int(task, word, total);
}

int main(void) {
    disco_job job = {.map = map, .combine = sum, .reduce = sum, .results = DISCO_WRITE_LINES};
    return disco_main(&job);
}
