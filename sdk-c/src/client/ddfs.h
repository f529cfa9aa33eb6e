/* DDFS for the worker and the client alike: a master, and how to speak to it. */
#ifndef DISCO_DDFS_H
#define DISCO_DDFS_H

#include <jansson.h>

#include "disco_client.h"
#include "streams/stream.h"

typedef struct disco_master {
    disco_http *http;
    const char *url; /* http://host:port */
    const char *token;
    int disco_port;
} disco_master;

struct disco_client {
    disco_http *http;
    char *url, *read_token, *write_token;
    int disco_port;
    disco_error error;
};

/* A request to a path of the master, with a JSON body (NULL: none). The reply's JSON is in `value` when that is
 * wanted; a status that is not 2xx is DISCO_E_REFUSED. */
int disco_master_ask(const disco_master *master, const char *method, const char *path, const json_t *body,
                     json_t **value, disco_error *error);
int disco_master_send(const disco_master *master, const disco_request *request, json_t **value, disco_error *error);
int disco_ddfs_store_at(const disco_master *master, const char *path, const char *name, unsigned replicas,
                        disco_list *urls, disco_error *error);
int disco_ddfs_tag_at(const disco_master *master, const char *tag, const disco_blobs *blobs, int flags,
                      disco_error *error);
/* For a worker's results: stored, and added to the tag unless they are there. */
int disco_ddfs_store_and_tag(const disco_master *master, const char *tag, const char *path, const char *name,
                             disco_error *error);

disco_master disco_client_master(disco_client *client, const char *token);
/* Forgets the last call's error. */
void disco_client_begin(disco_client *client);

/* A path's piece, percent-encoded but for the characters of names. */
int disco_bytes_put_quoted(disco_bytes *bytes, const char *text);
/* Takes a JSON list of strings. */
int disco_list_from_json(const json_t *value, disco_list *list, disco_error *error);

#endif
