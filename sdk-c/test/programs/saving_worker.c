/* A word count whose results are kept in DDFS, as records. */
#include <disco_worker.h>

static int map(disco_task *task, disco_slice key, disco_slice line) {
    disco_slice word;
    (void)key;
    while (disco_next_word(&line, &word)) disco_emit(task, word, disco_text("1"));
    return 0;
}

static int count(disco_task *task, disco_slice word, disco_values *values) {
    disco_slice value;
    int64_t total = 0;
    while (disco_next_value(values, &value) > 0) total++;
    return disco_emit_int(task, word, total);
}

int main(void) {
    disco_job job = {.map = map, .reduce = count, .save = 1, .codec = DISCO_CODEC_ZLIB};
    return disco_main(&job);
}
