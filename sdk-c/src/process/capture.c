/* What a task prints never reaches the protocol's pipes: descriptors 1 and 2 lead to a file without a name, which
 * children inherit and which never blocks a writer. The worker reads what came into it and says it in messages. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/worker.h"

enum { MAX_TAKEN_BYTES = 64 * 1024, MAX_KEPT_BYTES = 1 << 20, FIRST_OWN_FD = 10 };

static int nameless_file(void) {
    int fd = memfd_create("disco-prints", MFD_CLOEXEC);
    if (fd >= 0) return fd;
    FILE *file = tmpfile();
    if (!file) return -1;
    fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, FIRST_OWN_FD);
    fclose(file);
    return fd;
}

int disco_capture_start(disco_capture *capture, disco_error *error) {
    int fd = nameless_file();
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    capture->told_bytes = 0;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_APPEND) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
        dup2(fd, STDERR_FILENO) < 0) {
        disco_error_set(error, DISCO_E_ELSEWHERE, "standard output cannot be moved away: %s", strerror(errno));
        if (fd >= 0) close(fd);
        return DISCO_E_ELSEWHERE;
    }
    capture->fd = fd;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return 0;
}

void disco_capture_stop(disco_capture *capture) {
    if (capture->fd >= 0) close(capture->fd);
    capture->fd = -1;
}

/* What lies before `end` takes no room any more. Writers append, so they are not disturbed. */
static void forget_before(const disco_capture *capture, int64_t end) {
    (void)fallocate(capture->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, end);
}

void disco_capture_trim(const disco_capture *capture) {
    struct stat about;
    if (capture->fd < 0 || fstat(capture->fd, &about) < 0) return;
    if (about.st_blocks * 512 > MAX_KEPT_BYTES) forget_before(capture, about.st_size - MAX_TAKEN_BYTES);
}

int disco_capture_take(disco_capture *capture, disco_bytes *printed) {
    struct stat about;
    if (capture->fd < 0) return 0;
    fflush(stdout);
    if (fstat(capture->fd, &about) < 0 || about.st_size <= capture->told_bytes) return 0;
    int64_t end = about.st_size, start = capture->told_bytes;
    capture->told_bytes = end;
    if (end - start > MAX_TAKEN_BYTES) {
        if (disco_bytes_format(printed, "... of %lld bytes of output, the end:\n", (long long)(end - start)) < 0)
            return DISCO_E_MEMORY;
        start = end - MAX_TAKEN_BYTES;
    }
    if (disco_bytes_reserve(printed, (size_t)(end - start)) < 0) return DISCO_E_MEMORY;
    ssize_t got = pread(capture->fd, printed->data + printed->len, (size_t)(end - start), start);
    if (got > 0) printed->len += (size_t)got;
    forget_before(capture, end);
    return 0;
}
