/* What a task takes from the job pack that it belongs to: how many reduces there are. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/pack.h"
#include "worker/worker.h"

static int read_at(int fd, int64_t offset, char *into, size_t size) {
    while (size) {
        ssize_t got = pread(fd, into, size, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        into += got;
        offset += got;
        size -= (size_t)got;
    }
    return 0;
}

static int read_dict(int fd, disco_bytes *dict, disco_error *error) {
    char header[DISCO_PACK_HEADER_BYTES];
    disco_pack_header found;
    int64_t size_bytes = lseek(fd, 0, SEEK_END);
    if (size_bytes < 0 || read_at(fd, 0, header, sizeof header) < 0)
        return disco_error_set(error, DISCO_E_ELSEWHERE, "the file is too short for a job pack");
    int status = disco_pack_parse_header(disco_slice_of(header, sizeof header), (uint64_t)size_bytes, &found, error);
    if (status < 0) return status;
    size_t len = found.offsets[1] - found.offsets[0];
    if (disco_bytes_reserve(dict, len + 1) < 0) return disco_no_memory(error);
    if (read_at(fd, found.offsets[0], dict->data, len) < 0)
        return disco_error_set(error, DISCO_E_ELSEWHERE, "the job dict cannot be read");
    dict->len = len;
    return 0;
}

int disco_read_jobfile(disco_task *task) {
    disco_worker *worker = task->worker;
    disco_error reason = {0};
    disco_bytes dict = {0};
    int64_t reduces = 0;
    if (worker->jobfile && strcmp(worker->jobfile, task->info->jobfile) == 0) return 0;
    int fd = open(task->info->jobfile, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return disco_fail(task, DISCO_E_ELSEWHERE, "the job file %s: %s", task->info->jobfile, strerror(errno));
    int status = read_dict(fd, &dict, &reason);
    if (status == 0)
        status = disco_pack_reduces(disco_slice_of(dict.data, dict.len), &worker->has_reduce, &reduces, &reason);
    close(fd);
    disco_bytes_free(&dict);
    if (status < 0) return disco_fail(task, status, "the job file %.300s: %.500s", task->info->jobfile, reason.text);
    worker->nr_reduces = reduces > 0 && reduces <= DISCO_MAX_LABEL ? (uint32_t)reduces : 1;
    free(worker->jobfile);
    worker->jobfile = disco_copy_text(disco_text(task->info->jobfile));
    return worker->jobfile ? 0 : disco_no_memory(&task->error);
}
