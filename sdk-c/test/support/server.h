/* A small HTTP server for tests, on a thread and a free port of the loopback interface. */
#ifndef SERVER_H
#define SERVER_H

#include <stddef.h>

#include "disco_worker.h"

typedef struct server server;

typedef struct server_request {
    char method[8], path[1024], authorization[256];
    const char *body;
    size_t body_len;
    size_t nth; /* of this server, from 0 */
} server_request;

typedef struct server_reply {
    int status;
    disco_bytes body;
    size_t cut_at; /* with is_cut: the connection ends after so many bytes of the body */
    int is_cut;
    char location[256]; /* of a redirect */
} server_reply;

typedef void (*server_handler)(void *context, const server_request *request, server_reply *reply);

server *server_start(server_handler handle, void *context);
int server_port(const server *one);
size_t server_requests(const server *one);
void server_stop(server *one);

#endif
