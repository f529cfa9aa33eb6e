/* The least worker that there can be: WORKER, TASK, DONE. For measuring what a task itself costs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reads one reply, byte by byte up to its line feed; replies here hold no raw line feeds. */
static int skip_reply(void) {
    char byte;
    while (read(0, &byte, 1) == 1)
        if (byte == '\n')
            return 1;
    return 0;
}

static int say(const char *frame) {
    size_t length = strlen(frame);
    return write(2, frame, length) == (ssize_t)length && skip_reply();
}

int main(void) {
    char payload[64], frame[96];
    snprintf(payload, sizeof payload, "{\"version\":\"1.0\",\"pid\":%ld}", (long)getpid());
    snprintf(frame, sizeof frame, "WORKER %zu %s\n", strlen(payload), payload);
    return !(say(frame) && say("TASK 2 \"\"\n") && say("DONE 2 \"\"\n"));
}
