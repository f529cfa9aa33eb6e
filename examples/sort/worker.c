#include <disco_worker.h>

enum { KEY_BYTES = 10 };

static int by_key(disco_task *task, disco_slice key, disco_slice record) {
    size_t size = record.len < KEY_BYTES ? record.len : KEY_BYTES;
    (void)key;
    return disco_emit(task, disco_slice_of(record.data, size), disco_slice_of(record.data + size, record.len - size));
}

static int as_they_come(disco_task *task, disco_slice key, disco_values *rests) {
    disco_slice rest;
    while (disco_next_value(rests, &rest) > 0) disco_emit(task, key, rest);
    return 0;
}

int main(void) {
    disco_job job = {.map = by_key, .reduce = as_they_come};
    return disco_main(&job);
}
