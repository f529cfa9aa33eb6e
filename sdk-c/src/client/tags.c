/* Tags: the names of DDFS and what can be asked of the master about them. */
#include <stdlib.h>

#include "client/ddfs.h"

int disco_ddfs_list(disco_client *client, const char *prefix, disco_list *names) {
    disco_bytes path = {0};
    json_t *value = NULL;
    disco_client_begin(client);
    disco_master master = disco_client_master(client, client->read_token);
    int status = disco_bytes_put(&path, prefix && *prefix ? "/ddfs/tags/" : "/ddfs/tags");
    if (status == 0) status = disco_bytes_put_quoted(&path, prefix ? prefix : "");
    if (status == 0) status = disco_bytes_append(&path, "", 1);
    if (status < 0)
        disco_no_memory(&client->error);
    else
        status = disco_master_ask(&master, "GET", path.data, NULL, &value, &client->error);
    if (status == 0) status = disco_list_from_json(value, names, &client->error);
    json_decref(value);
    disco_bytes_free(&path);
    return status;
}

/* Asks about a tag, or an attribute of it when `attribute` is given. */
static int ask_tag(disco_client *client, const char *method, const char *tag, const char *attribute, const json_t *body,
                   json_t **value) {
    disco_bytes path = {0};
    disco_client_begin(client);
    disco_master master =
        disco_client_master(client, strcmp(method, "GET") == 0 ? client->read_token : client->write_token);
    int status = disco_bytes_put(&path, "/ddfs/tag/");
    if (status == 0) status = disco_bytes_put_quoted(&path, tag);
    if (status == 0 && attribute) status = disco_bytes_put(&path, "/");
    if (status == 0 && attribute) status = disco_bytes_put_quoted(&path, attribute);
    if (status == 0) status = disco_bytes_append(&path, "", 1);
    if (status < 0)
        disco_no_memory(&client->error);
    else
        status = disco_master_ask(&master, method, path.data, body, value, &client->error);
    disco_bytes_free(&path);
    return status;
}

static int take_text(const json_t *value, const char *key, char **text) {
    const char *found = json_string_value(json_object_get(value, key));
    *text = disco_copy_text(disco_text(found ? found : ""));
    return *text ? 0 : DISCO_E_MEMORY;
}

static int take_blobs(const json_t *urls, disco_blobs *blobs, disco_error *error) {
    size_t index;
    json_t *replicas;
    if (!json_is_array(urls)) return disco_error_set(error, DISCO_E_DATA, "the tag has no list of urls");
    blobs->items = calloc(json_array_size(urls) + 1, sizeof *blobs->items);
    if (!blobs->items) return disco_no_memory(error);
    json_array_foreach((json_t *)(uintptr_t)urls, index, replicas) {
        int status = disco_list_from_json(replicas, &blobs->items[blobs->count++], error);
        if (status < 0) return status;
    }
    return 0;
}

static int take_attributes(json_t *data, disco_tag *tag, disco_error *error) {
    const char *name;
    json_t *value;
    tag->attributes = calloc(json_object_size(data) + 1, sizeof *tag->attributes);
    if (!tag->attributes) return disco_no_memory(error);
    json_object_foreach(data, name, value) {
        disco_attribute *attribute = &tag->attributes[tag->attribute_count++];
        attribute->name = disco_copy_text(disco_text(name));
        attribute->value = disco_copy_text(disco_text(json_is_string(value) ? json_string_value(value) : ""));
        if (!attribute->name || !attribute->value) return disco_no_memory(error);
    }
    return 0;
}

int disco_ddfs_get(disco_client *client, const char *tag, disco_tag *found) {
    json_t *value = NULL;
    memset(found, 0, sizeof *found);
    int status = ask_tag(client, "GET", tag, NULL, NULL, &value);
    if (status == 0 &&
        (take_text(value, "id", &found->id) < 0 || take_text(value, "last-modified", &found->last_modified) < 0))
        status = disco_no_memory(&client->error);
    if (status == 0) status = take_blobs(json_object_get(value, "urls"), &found->blobs, &client->error);
    if (status == 0) status = take_attributes(json_object_get(value, "user-data"), found, &client->error);
    json_decref(value);
    if (status < 0) disco_tag_clear(found);
    return status;
}

int disco_ddfs_tag(disco_client *client, const char *tag, const disco_blobs *blobs, int flags) {
    disco_client_begin(client);
    disco_master master = disco_client_master(client, client->write_token);
    return disco_ddfs_tag_at(&master, tag, blobs, flags, &client->error);
}

int disco_ddfs_store(disco_client *client, const char *path, const char *name, unsigned replicas, disco_list *urls) {
    const char *slash = strrchr(path, '/');
    disco_client_begin(client);
    disco_master master = disco_client_master(client, NULL);
    char *legal = disco_copy_text(disco_text(name ? name : slash ? slash + 1 : path));
    if (!legal) return disco_no_memory(&client->error);
    disco_ddfs_safe_name(legal);
    int status = disco_ddfs_store_at(&master, path, legal, replicas, urls, &client->error);
    free(legal);
    return status;
}

int disco_ddfs_push(disco_client *client, const char *tag, const char *const *paths, size_t count, unsigned replicas,
                    int flags) {
    disco_blobs blobs = {calloc(count + 1, sizeof(disco_list)), 0};
    int status = 0;
    disco_client_begin(client);
    if (!blobs.items) return disco_no_memory(&client->error);
    for (; blobs.count < count && status == 0; blobs.count++)
        status = disco_ddfs_store(client, paths[blobs.count], NULL, replicas, &blobs.items[blobs.count]);
    if (status == 0) status = disco_ddfs_tag(client, tag, &blobs, flags);
    disco_blobs_clear(&blobs);
    return status;
}

int disco_ddfs_get_attribute(disco_client *client, const char *tag, const char *name, disco_bytes *value) {
    json_t *found = NULL;
    int status = ask_tag(client, "GET", tag, name, NULL, &found);
    if (status == 0 && !json_is_string(found))
        status = disco_error_set(&client->error, DISCO_E_DATA, "the attribute is no text");
    if (status == 0 && disco_bytes_append(value, json_string_value(found), json_string_length(found) + 1) < 0)
        status = disco_no_memory(&client->error);
    if (status == 0) value->len--; /* the NUL is there, but does not count */
    json_decref(found);
    return status;
}

int disco_ddfs_set_attribute(disco_client *client, const char *tag, const char *name, const char *value) {
    json_t *text = json_string(value);
    disco_client_begin(client);
    if (!text) return disco_error_set(&client->error, DISCO_E_FATAL, "the value of an attribute must be UTF-8");
    int status = ask_tag(client, "PUT", tag, name, text, NULL);
    json_decref(text);
    return status;
}

int disco_ddfs_delete_attribute(disco_client *client, const char *tag, const char *name) {
    return ask_tag(client, "DELETE", tag, name, NULL, NULL);
}
