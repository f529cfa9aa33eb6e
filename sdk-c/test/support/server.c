#define _GNU_SOURCE
#include "server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

struct server {
    int listening, port;
    pthread_t thread;
    server_handler handle;
    void *context;
    atomic_size_t requests;
    atomic_int is_over;
};

static char *header_value(char *head, const char *name) {
    size_t len = strlen(name);
    for (char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n'))
        if (strncasecmp(line + 1, name, len) == 0 && line[1 + len] == ':')
            return line + 2 + len + (line[2 + len] == ' ');
    return NULL;
}

/* The whole request into `in`: where its body begins, or 0 when the connection ended. */
static size_t read_request(int connection, disco_bytes *in) {
    size_t body_at = 0, wanted = 0;
    char buffer[16 * 1024];
    for (;;) {
        if (!body_at && in->len) {
            char *end = memmem(in->data, in->len, "\r\n\r\n", 4);
            if (end) {
                *end = '\0';
                body_at = (size_t)(end - in->data) + 4;
                char *length = header_value(in->data, "Content-Length");
                wanted = body_at + (length ? strtoul(length, NULL, 10) : 0);
            }
        }
        if (body_at && in->len >= wanted) return body_at;
        ssize_t got = read(connection, buffer, sizeof buffer);
        if (got <= 0 || disco_bytes_append(in, buffer, (size_t)got) < 0) return 0;
    }
}

static void write_whole(int connection, const char *data, size_t len) {
    while (len) {
        ssize_t written = send(connection, data, len, MSG_NOSIGNAL);
        if (written <= 0) return;
        data += written;
        len -= (size_t)written;
    }
}

static void answer(server *one, int connection, disco_bytes *in, size_t body_at) {
    server_request request = {.nth = one->requests++, .body = in->data + body_at, .body_len = in->len - body_at};
    server_reply reply = {.status = 200};
    char head[512];
    sscanf(in->data, "%7s %1023s", request.method, request.path);
    char *authorization = header_value(in->data, "Authorization");
    if (authorization)
        snprintf(request.authorization, sizeof request.authorization, "%.*s", (int)strcspn(authorization, "\r"),
                 authorization);
    one->handle(one->context, &request, &reply);
    int len = snprintf(
        head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\nConnection: close\r\n%s%s%s\r\n", reply.status,
        reply.body.len, *reply.location ? "Location: " : "", reply.location, *reply.location ? "\r\n" : "");
    write_whole(connection, head, (size_t)len);
    write_whole(connection, reply.body.data, reply.is_cut ? reply.cut_at : reply.body.len);
    disco_bytes_free(&reply.body);
}

static void *serve(void *context) {
    server *one = context;
    while (!one->is_over) {
        int connection = accept(one->listening, NULL, NULL);
        if (connection < 0) break;
        disco_bytes in = {0};
        size_t body_at = one->is_over ? 0 : read_request(connection, &in);
        if (body_at) answer(one, connection, &in, body_at);
        shutdown(connection, SHUT_WR);
        close(connection);
        disco_bytes_free(&in);
    }
    return NULL;
}

server *server_start(server_handler handle, void *context) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server *one = calloc(1, sizeof *one);
    assert_non_null(one);
    one->handle = handle;
    one->context = context;
    one->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(one->listening >= 0);
    assert_int_equal(bind(one->listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(one->listening, 64), 0);
    assert_int_equal(getsockname(one->listening, (struct sockaddr *)&address, &len), 0);
    one->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&one->thread, NULL, serve, one), 0);
    return one;
}

int server_port(const server *one) { return one->port; }
size_t server_requests(const server *one) { return one->requests; }

void server_stop(server *one) {
    one->is_over = 1;
    shutdown(one->listening, SHUT_RDWR);
    pthread_join(one->thread, NULL);
    close(one->listening);
    free(one);
}
