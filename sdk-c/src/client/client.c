/* A client of one master: its address, its tokens, its lists, and how it asks. */
#include <stdio.h>
#include <stdlib.h>

#include "client/ddfs.h"

enum { DEFAULT_PORT = 8989, PATH_ROOM = 64 };

/* ---- lists ---- */

void disco_list_clear(disco_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    free(list->items);
    memset(list, 0, sizeof *list);
}

int disco_list_add(disco_list *list, const char *text) {
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) return DISCO_E_MEMORY;
    list->items = items;
    items[list->count] = disco_copy_text(disco_text(text));
    if (!items[list->count]) return DISCO_E_MEMORY;
    list->count++;
    return 0;
}

void disco_blobs_clear(disco_blobs *blobs) {
    for (size_t i = 0; i < blobs->count; i++) disco_list_clear(&blobs->items[i]);
    free(blobs->items);
    memset(blobs, 0, sizeof *blobs);
}

void disco_tag_clear(disco_tag *tag) {
    free(tag->id);
    free(tag->last_modified);
    disco_blobs_clear(&tag->blobs);
    for (size_t i = 0; i < tag->attribute_count; i++) {
        free(tag->attributes[i].name);
        free(tag->attributes[i].value);
    }
    free(tag->attributes);
    memset(tag, 0, sizeof *tag);
}

int disco_list_from_json(const json_t *value, disco_list *list, disco_error *error) {
    size_t index;
    json_t *item;
    if (!json_is_array(value)) return disco_error_set(error, DISCO_E_DATA, "the reply has no list where one should be");
    json_array_foreach((json_t *)(uintptr_t)value, index, item) {
        if (!json_is_string(item))
            return disco_error_set(error, DISCO_E_DATA, "the reply's list holds something that is no text");
        if (disco_list_add(list, json_string_value(item)) < 0) return disco_no_memory(error);
    }
    return 0;
}

/* ---- the client ---- */

static char *master_url(const char *given) {
    disco_bytes url = {0};
    if (!given || !*given) given = getenv("DISCO_MASTER");
    if (!given || !*given) given = "http://localhost:8989";
    bool is_http = strncmp(given, "http://", 7) == 0 || strncmp(given, "https://", 8) == 0;
    const char *rest = strstr(given, "://");
    int status =
        is_http ? disco_bytes_append(&url, given, strlen(given) + 1) : disco_web_address(given, DEFAULT_PORT, &url);
    if (status < 0 || (rest && !is_http && strncmp(given, "disco://", 8) != 0)) {
        disco_bytes_free(&url);
        return NULL;
    }
    size_t len = strlen(url.data);
    while (len && url.data[len - 1] == '/') url.data[--len] = '\0';
    return url.data;
}

static int port_of(const char *url) {
    const char *host = strstr(url, "://") + 3, *colon = strchr(host, ':');
    int64_t port = 0;
    if (!colon) return DEFAULT_PORT;
    disco_slice digits = disco_slice_of(colon + 1, strcspn(colon + 1, "/"));
    return disco_slice_int(digits, &port) == 0 && port > 0 && port <= UINT16_MAX ? (int)port : DEFAULT_PORT;
}

disco_client *disco_client_new(const char *master, const disco_limits *limits) {
    disco_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->http = disco_http_new(limits);
    client->url = master_url(master);
    if (!client->http || !client->url || disco_client_set_tokens(client, NULL, NULL) < 0) {
        disco_client_free(client);
        return NULL;
    }
    client->disco_port = port_of(client->url);
    return client;
}

void disco_client_free(disco_client *client) {
    if (!client) return;
    disco_http_free(client->http);
    free(client->url);
    free(client->read_token);
    free(client->write_token);
    free(client);
}

const disco_error *disco_client_error(const disco_client *client) { return &client->error; }

int disco_client_set_tokens(disco_client *client, const char *read, const char *write) {
    if (!read) read = getenv("DDFS_READ_TOKEN");
    if (!write) write = getenv("DDFS_WRITE_TOKEN");
    char *read_copy = disco_copy_text(disco_text(read ? read : ""));
    char *write_copy = disco_copy_text(disco_text(write ? write : ""));
    if (!read_copy || !write_copy) {
        free(read_copy);
        free(write_copy);
        return DISCO_E_MEMORY;
    }
    free(client->read_token);
    free(client->write_token);
    client->read_token = read_copy;
    client->write_token = write_copy;
    return 0;
}

void disco_client_begin(disco_client *client) { memset(&client->error, 0, sizeof client->error); }

disco_master disco_client_master(disco_client *client, const char *token) {
    return (disco_master){client->http, client->url, token, client->disco_port};
}

/* ---- asking ---- */

int disco_master_send(const disco_master *master, const disco_request *request, json_t **value, disco_error *error) {
    disco_response response = {0};
    json_error_t reason;
    int status = disco_http_request(master->http, request, &response, error);
    disco_slice body = disco_slice_of(response.body.data ? response.body.data : "", response.body.len);
    if (status == 0 && (response.status < 200 || response.status > 299)) {
        if (error) error->http_status = (int)response.status;
        status = disco_error_set(error, DISCO_E_REFUSED, "%s %.300s: HTTP status %ld: %s", request->method,
                                 request->url, response.status, disco_quote(body).text);
    }
    if (status == 0 && value) {
        *value = json_loadb(body.data, body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
        if (!*value)
            status = disco_error_set(error, DISCO_E_DATA, "%.300s: the reply is no JSON: %s", request->url,
                                     disco_quote(body).text);
    }
    disco_bytes_free(&response.body);
    return status;
}

int disco_master_ask(const disco_master *master, const char *method, const char *path, const json_t *body,
                     json_t **value, disco_error *error) {
    disco_request request = {.method = method, .token = master->token, .file_bytes = -1};
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    size_t room = strlen(master->url) + strlen(path) + PATH_ROOM;
    char *url = malloc(room);
    int status;
    if (!url || (body && !text)) {
        status = disco_no_memory(error);
    } else {
        snprintf(url, room, "%s%s", master->url, path);
        request.url = url;
        if (text) request.body = disco_text(text);
        status = disco_master_send(master, &request, value, error);
    }
    free(text);
    free(url);
    return status;
}

int disco_bytes_put_quoted(disco_bytes *bytes, const char *text) {
    int status = 0;
    for (; *text && status == 0; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_-@:.~", c);
        status = plain ? disco_bytes_append(bytes, text, 1) : disco_bytes_format(bytes, "%%%02X", c);
    }
    return status;
}
