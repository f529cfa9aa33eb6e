/* Storing blobs: from a file here to K nodes.
 *
 * A blob is sent to all the nodes that the master names, or counts as not stored: when one of them fails, the master
 * is asked again without it, for a new name, since replicas of one blob carry one name. What was already sent under
 * the old name belongs to no tag, and garbage collection takes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ddfs.h"

enum { MAX_FAILED_NODES = 10 };

void disco_ddfs_safe_name(char *name) {
    for (; *name; name++) {
        char c = *name;
        bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!legal && !strchr("_-@:", c)) *name = '_';
    }
}

static int targets_of(const disco_master *master, const char *name, unsigned replicas, const disco_bytes *exclude,
                      disco_list *targets, disco_error *error) {
    disco_bytes path = {0};
    json_t *value = NULL;
    int status = disco_bytes_put(&path, "/ddfs/new_blob/");
    if (status == 0) status = disco_bytes_put_quoted(&path, name);
    if (status == 0 && replicas) status = disco_bytes_format(&path, "?replicas=%u", replicas);
    if (status == 0 && exclude->len) {
        status = disco_bytes_put(&path, replicas ? "&exclude=" : "?exclude=");
        if (status == 0) status = disco_bytes_append(&path, exclude->data, exclude->len);
    }
    if (status == 0) status = disco_bytes_append(&path, "", 1);
    if (status < 0)
        disco_no_memory(error);
    else
        status = disco_master_ask(master, "GET", path.data, NULL, &value, error);
    if (status == 0) status = disco_list_from_json(value, targets, error);
    if (status == 0 && targets->count == 0)
        status = disco_error_set(error, DISCO_E_REFUSED, "the master names no node for a new blob");
    json_decref(value);
    disco_bytes_free(&path);
    return status;
}

/* Sends the file to one node; its answer is the URL of the replica. */
static int put_replica(const disco_master *master, const char *target, int file, int64_t size_bytes, disco_list *urls,
                       disco_error *error) {
    json_t *value = NULL;
    disco_request request = {.method = "PUT",
                             .url = target,
                             .content_type = "application/octet-stream",
                             .file = file,
                             .file_bytes = size_bytes};
    int status = disco_master_send(master, &request, &value, error);
    if (status == 0 && !json_is_string(value))
        status = disco_error_set(error, DISCO_E_DATA, "%.300s did not say where the blob is", target);
    if (status == 0 && disco_list_add(urls, json_string_value(value)) < 0) status = disco_no_memory(error);
    json_decref(value);
    return status;
}

static int note_failed(disco_bytes *exclude, const char *target) {
    const char *host = strstr(target, "://");
    host = host ? host + 3 : target;
    if (exclude->len && disco_bytes_put(exclude, ",") < 0) return DISCO_E_MEMORY;
    return disco_bytes_append(exclude, host, strcspn(host, ":/"));
}

static int store_file(const disco_master *master, int file, int64_t size_bytes, const char *name, unsigned replicas,
                      disco_list *urls, disco_error *error) {
    disco_bytes exclude = {0};
    disco_error reason = {0};
    int status = -1;
    for (unsigned failed = 0; status < 0 && failed <= MAX_FAILED_NODES; failed++) {
        disco_list targets = {0};
        disco_error refused = {0};
        status = targets_of(master, name, replicas, &exclude, &targets, &refused);
        if (status < 0) { /* no other node: what the last one said is the better reason */
            disco_list_clear(&targets);
            if (!reason.code) reason = refused;
            break;
        }
        for (size_t i = 0; i < targets.count && status == 0; i++) {
            memset(&reason, 0, sizeof reason);
            status = put_replica(master, targets.items[i], file, size_bytes, urls, &reason);
            if (status < 0 && note_failed(&exclude, targets.items[i]) < 0) failed = MAX_FAILED_NODES;
        }
        if (status < 0) disco_list_clear(urls);
        disco_list_clear(&targets);
    }
    disco_bytes_free(&exclude);
    if (status < 0 && error && error->code == 0) *error = reason;
    return status;
}

int disco_ddfs_store_at(const disco_master *master, const char *path, const char *name, unsigned replicas,
                        disco_list *urls, disco_error *error) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) < 0) {
        if (file >= 0) close(file);
        return disco_error_set(error, DISCO_E_FATAL, "%.300s cannot be stored: %s", path, strerror(errno));
    }
    int status = store_file(master, file, about.st_size, name, replicas, urls, error);
    close(file);
    return status;
}

/* NULL when there is no memory, or a URL is not UTF-8. */
static json_t *blobs_to_json(const disco_blobs *blobs) {
    json_t *list = json_array();
    bool is_good = list != NULL;
    for (size_t i = 0; i < blobs->count && is_good; i++) {
        json_t *urls = json_array();
        is_good = json_array_append_new(list, urls) == 0;
        for (size_t j = 0; j < blobs->items[i].count && is_good; j++)
            is_good = json_array_append_new(urls, json_string(blobs->items[i].items[j])) == 0;
    }
    if (is_good) return list;
    json_decref(list);
    return NULL;
}

static int change_tag(const disco_master *master, const char *method, const char *tag, const char *query,
                      const disco_blobs *blobs, disco_error *error) {
    disco_bytes path = {0};
    json_t *body = blobs ? blobs_to_json(blobs) : NULL;
    if (blobs && !body)
        return disco_error_set(error, DISCO_E_FATAL, "the URLs for tag %.200s are not UTF-8, or there is no memory",
                               tag);
    int status = disco_bytes_put(&path, "/ddfs/tag/");
    if (status == 0) status = disco_bytes_put_quoted(&path, tag);
    if (status == 0) status = disco_bytes_append(&path, query, strlen(query) + 1);
    if (status < 0)
        disco_no_memory(error);
    else
        status = disco_master_ask(master, method, path.data, body, NULL, error);
    json_decref(body);
    disco_bytes_free(&path);
    return status;
}

int disco_ddfs_tag_at(const disco_master *master, const char *tag, const disco_blobs *blobs, int flags,
                      disco_error *error) {
    static const char *const queries[] = {"", "?update=1", "?delayed=1", "?delayed=1&update=1"};
    return change_tag(master, "POST", tag, queries[flags & (DISCO_TAG_UPDATE | DISCO_TAG_DELAYED)], blobs, error);
}

int disco_ddfs_store_and_tag(const disco_master *master, const char *tag, const char *path, const char *name,
                             disco_error *error) {
    disco_list urls = {0};
    disco_blobs blobs = {&urls, 1};
    int status = disco_ddfs_store_at(master, path, name, 0, &urls, error);
    if (status == 0) status = disco_ddfs_tag_at(master, tag, &blobs, DISCO_TAG_UPDATE | DISCO_TAG_DELAYED, error);
    disco_list_clear(&urls);
    return status;
}

int disco_ddfs_replace(disco_client *client, const char *tag, const disco_blobs *blobs) {
    disco_client_begin(client);
    disco_master master = disco_client_master(client, client->write_token);
    return change_tag(&master, "PUT", tag, "", blobs, &client->error);
}

int disco_ddfs_delete(disco_client *client, const char *tag) {
    disco_client_begin(client);
    disco_master master = disco_client_master(client, client->write_token);
    return change_tag(&master, "DELETE", tag, "", NULL, &client->error);
}
