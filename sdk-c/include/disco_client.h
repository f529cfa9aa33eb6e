/* The client's side: jobs and DDFS, from C.
 *
 * A client speaks to one master over HTTP. Every call returns 0 or a positive number, or a negative `disco_err`;
 * `disco_client_error` then says what happened: DISCO_E_REFUSED with the HTTP status when the master said no,
 * DISCO_E_ELSEWHERE when it cannot be reached, DISCO_E_DATA when what came is not what it should be.
 * Not for several threads at once. Lists start as {0} and are freed by their `_clear`. */
#ifndef DISCO_CLIENT_H
#define DISCO_CLIENT_H

#include "disco_worker.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct disco_client disco_client;

typedef struct disco_list {
    char **items;
    size_t count;
} disco_list;

typedef struct disco_blobs { /* each blob is the list of its replicas' URLs */
    disco_list *items;
    size_t count;
} disco_blobs;

typedef struct disco_attribute {
    char *name, *value;
} disco_attribute;

typedef struct disco_tag {
    char *id, *last_modified;
    disco_blobs blobs; /* links to other tags are here too, as tag:// URLs */
    disco_attribute *attributes;
    size_t attribute_count;
} disco_tag;

enum { DISCO_TAG_UPDATE = 1 /* leave out what is there */, DISCO_TAG_DELAYED = 2 /* commit it with others */ };

/* `master` is http://host:port, or disco://host with port 8989; NULL: DISCO_MASTER, or http://localhost:8989.
 * NULL: no memory, or no such address. */
DISCO_API disco_client *disco_client_new(const char *master, const disco_limits *limits);
DISCO_API void disco_client_free(disco_client *client);
DISCO_API const disco_error *disco_client_error(const disco_client *client); /* of the last call */
/* Tokens for reading and for changing tags; NULL: DDFS_READ_TOKEN and DDFS_WRITE_TOKEN, or none. */
DISCO_API int disco_client_set_tokens(disco_client *client, const char *read, const char *write);

DISCO_API void disco_list_clear(disco_list *list);
DISCO_API int disco_list_add(disco_list *list, const char *text);
DISCO_API void disco_blobs_clear(disco_blobs *blobs);
DISCO_API void disco_tag_clear(disco_tag *tag);

/* ---- DDFS ---- */

DISCO_API int disco_ddfs_list(disco_client *client, const char *prefix, disco_list *names);
DISCO_API int disco_ddfs_get(disco_client *client, const char *tag, disco_tag *found);
/* Appends blobs to a tag and makes it if need be; `flags` of DISCO_TAG_... */
DISCO_API int disco_ddfs_tag(disco_client *client, const char *tag, const disco_blobs *blobs, int flags);
DISCO_API int disco_ddfs_replace(disco_client *client, const char *tag, const disco_blobs *blobs);
DISCO_API int disco_ddfs_delete(disco_client *client, const char *tag);
/* Stores a file as a blob on `replicas` nodes (0: as many as the master likes), without tagging it. A node that
 * fails is left out. `name` NULL: the file's own, made legal. */
DISCO_API int disco_ddfs_store(disco_client *client, const char *path, const char *name, unsigned replicas,
                               disco_list *urls);
/* Stores files and tags them. */
DISCO_API int disco_ddfs_push(disco_client *client, const char *tag, const char *const *paths, size_t count,
                              unsigned replicas, int flags);
DISCO_API int disco_ddfs_get_attribute(disco_client *client, const char *tag, const char *name, disco_bytes *value);
DISCO_API int disco_ddfs_set_attribute(disco_client *client, const char *tag, const char *name, const char *value);
DISCO_API int disco_ddfs_delete_attribute(disco_client *client, const char *tag, const char *name);
DISCO_API void disco_ddfs_safe_name(char *name); /* every illegal character becomes _ */

/* ---- jobs ---- */

typedef struct disco_pack {
    const char *worker; /* path of the program, which becomes the top of the job home */
    const char *prefix; /* of the job's name; NULL: from the worker's */
    const char *owner;
    const char *const *inputs; /* an item is a URL, or the URLs of its replicas with a space between */
    size_t input_count;
    const char *const *files; /* more files, each goes to the top of the job home under its own name */
    size_t file_count;
    const char *const *envs; /* NAME=VALUE */
    size_t env_count;
    int map, reduce; /* which phases there are */
    int64_t reduces; /* 0: one when there is a reduce */
    int64_t max_cores, max_failures; /* 0: unsaid */
    int force_local, force_remote;
    disco_slice data; /* for the worker, as it likes */
} disco_pack;

/* Appends the bytes of a job pack: the same content gives the same bytes, as the `jobpack` program makes them. */
DISCO_API int disco_pack_build(const disco_pack *pack, disco_bytes *out, disco_error *error);
/* Submits a pack; `name` gets the job's, NUL included. */
DISCO_API int disco_job_submit(disco_client *client, disco_slice pack, disco_bytes *name);
/* Waits: 1 when the job is ready, with its result URLs, 0 when it is still active after `timeout_s` (negative: for
 * ever), DISCO_E_FATAL when it is dead, with the reason, or unknown. */
DISCO_API int disco_job_wait(disco_client *client, const char *name, double timeout_s, disco_list *results);
DISCO_API int disco_job_kill(disco_client *client, const char *name);
DISCO_API int disco_job_clean(disco_client *client, const char *name);
DISCO_API int disco_job_purge(disco_client *client, const char *name);

/* ---- reading results and blobs ---- */

typedef struct disco_results_reader disco_results_reader;

/* `urls`: of results (dir:// indexes, tags, files), or replicas of one blob each with a space between. */
DISCO_API disco_results_reader *disco_results_open(disco_client *client, const disco_list *urls);
DISCO_API int disco_results_next(disco_results_reader *results, disco_slice *key, disco_slice *value); /* 1, 0: end */
/* Or the plain bytes, for results that are no record streams. */
DISCO_API ptrdiff_t disco_results_read(disco_results_reader *results, void *buffer, size_t size);
DISCO_API const disco_error *disco_results_error(const disco_results_reader *results);
DISCO_API void disco_results_free(disco_results_reader *results);

#ifdef __cplusplus
}
#endif
#endif
