#include <disco_worker.h>

static int words(disco_task *task, disco_slice key, disco_slice line) {
    disco_slice word;
    (void)key;
    while (disco_next_word(&line, &word)) disco_emit(task, word, disco_text("1"));
    return 0;
}

static int total(disco_task *task, disco_slice word, disco_values *counts) {
    disco_slice count;
    int64_t number, sum = 0;
    while (disco_next_value(counts, &count) > 0) {
        if (disco_slice_int(count, &number) < 0) return disco_fail(task, DISCO_E_FATAL, "a count is no number");
        sum += number;
    }
    return disco_emit_int(task, word, sum);
}

int main(void) {
    disco_job job = {.map = words, .combine = total, .reduce = total};
    return disco_main(&job);
}
