/* Job packs: the one file that holds all that is needed to run a job.
 *
 *     magic u16 | version u16 | four offsets u32 | zeros to 128 bytes | job dict | environment | home | data
 *
 * All numbers are big-endian. A section ends where the next one begins, and the last with the file. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "client/pack.h"

enum { MAX_PREFIX_CHARS = 128 };
static const char *const section_names[DISCO_PACK_SECTIONS] = {"jobdict", "jobenvs", "jobhome", "jobdata"};

static uint32_t get_u32(const char *at) {
    const unsigned char *byte = (const unsigned char *)at;
    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

static void put_u32(char *at, uint32_t number) {
    for (int i = 0; i < 4; i++) at[i] = (char)(unsigned char)(number >> (24 - 8 * i));
}

int disco_pack_parse_header(disco_slice header, uint64_t size_bytes, disco_pack_header *found, disco_error *error) {
    uint32_t lowest = DISCO_PACK_HEADER_BYTES;
    if (size_bytes > DISCO_PACK_MAX_BYTES) return disco_error_set(error, DISCO_E_FATAL, "pack: more than 1 GiB");
    if (header.len >= 2 && get_u32(header.len >= 4 ? header.data : "\xd5\xc0\0\1") >> 16 != DISCO_PACK_MAGIC)
        return disco_error_set(error, DISCO_E_FATAL, "magic: the file does not start with d5c0, it is no job pack");
    if (header.len < DISCO_PACK_HEADER_BYTES || size_bytes < DISCO_PACK_HEADER_BYTES)
        return disco_error_set(error, DISCO_E_FATAL, "header: the file ends inside it");
    if ((get_u32(header.data) & 0xffff) != DISCO_PACK_VERSION)
        return disco_error_set(error, DISCO_E_FATAL, "version: only version 1 is supported");
    for (int i = 0; i < DISCO_PACK_SECTIONS; i++) {
        found->offsets[i] = get_u32(header.data + 4 + 4 * i);
        if (found->offsets[i] < lowest || found->offsets[i] > size_bytes)
            return disco_error_set(error, DISCO_E_FATAL, "%s_offset: %" PRIu32 " is not from %" PRIu32 " to %" PRIu64,
                                   section_names[i], found->offsets[i], lowest, size_bytes);
        lowest = found->offsets[i];
    }
    return 0;
}

int disco_pack_reduces(disco_slice dict, bool *has_reduce, int64_t *reduces, disco_error *error) {
    json_error_t reason;
    json_t *value = json_loadb(dict.data, dict.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &reason);
    int status = 0;
    const json_t *count = json_object_get(value, "nr_reduces"), *flag = json_object_get(value, "reduce?");
    if (!json_is_object(value))
        status = disco_error_set(error, DISCO_E_FATAL, "jobdict: no JSON object (%s)",
                                 value ? "it is something else" : reason.text);
    else if (!json_is_integer(count) || json_integer_value(count) < 0 ||
             json_integer_value(count) > DISCO_PACK_MAX_REDUCES)
        status = disco_error_set(error, DISCO_E_FATAL, "jobdict.nr_reduces: a whole number from 0 to %d is needed",
                                 DISCO_PACK_MAX_REDUCES);
    else if (flag && !json_is_boolean(flag))
        status = disco_error_set(error, DISCO_E_FATAL, "jobdict.reduce?: true or false is needed");
    if (status == 0) {
        *reduces = json_integer_value(count);
        *has_reduce = json_is_true(flag);
    }
    json_decref(value);
    return status;
}

/* ---- building ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Like json_object_set_new, but remembers in `is_good` that something could not be said. */
static void set_value(json_t *object, const char *key, json_t *value, bool *is_good) {
    if (json_object_set_new(object, key, value) < 0) *is_good = false;
}

static json_t *input_of(const char *text, bool *is_good) {
    disco_slice rest = disco_text(text), url;
    json_t *urls = json_array();
    while (disco_next_word(&rest, &url))
        if (json_array_append_new(urls, json_stringn(url.data, url.len)) < 0) *is_good = false;
    if (json_array_size(urls) != 1) return urls;
    json_t *only = json_incref(json_array_get(urls, 0));
    json_decref(urls);
    return only;
}

static json_t *inputs_of(const disco_pack *pack, bool *is_good) {
    json_t *inputs = json_array();
    for (size_t i = 0; i < pack->input_count; i++)
        if (json_array_append_new(inputs, input_of(pack->inputs[i], is_good)) < 0) *is_good = false;
    return inputs;
}

static json_t *scheduler_of(const disco_pack *pack, bool *is_good) {
    json_t *scheduler = json_object();
    if (pack->max_cores) set_value(scheduler, "max_cores", json_integer(pack->max_cores), is_good);
    if (pack->max_failures) set_value(scheduler, "max_failures", json_integer(pack->max_failures), is_good);
    if (pack->force_local) set_value(scheduler, "force_local", json_true(), is_good);
    if (pack->force_remote) set_value(scheduler, "force_remote", json_true(), is_good);
    return scheduler;
}

static void default_prefix(const char *worker, char *prefix, size_t size) {
    size_t len = strcspn(worker, ".");
    if (len >= size) len = size - 1;
    for (size_t i = 0; i < len; i++) {
        char c = worker[i];
        bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        prefix[i] = legal ? c : '_';
    }
    prefix[len] = '\0';
    if (len == 0) snprintf(prefix, size, "job");
}

static json_t *dict_of(const disco_pack *pack, bool *is_good) {
    char prefix[MAX_PREFIX_CHARS + 1];
    default_prefix(base_name(pack->worker), prefix, sizeof prefix);
    json_t *dict = json_object();
    set_value(dict, "prefix", json_string(pack->prefix ? pack->prefix : prefix), is_good);
    set_value(dict, "input", inputs_of(pack, is_good), is_good);
    set_value(dict, "worker", json_string(base_name(pack->worker)), is_good);
    set_value(dict, "owner", json_string(pack->owner ? pack->owner : ""), is_good);
    set_value(dict, "nr_reduces", json_integer(pack->reduces ? pack->reduces : 1), is_good);
    set_value(dict, "scheduler", scheduler_of(pack, is_good), is_good);
    set_value(dict, "map?", json_boolean(pack->map), is_good);
    set_value(dict, "reduce?", json_boolean(pack->reduce), is_good);
    return dict;
}

static json_t *envs_of(const disco_pack *pack, disco_error *error) {
    json_t *envs = json_object();
    for (size_t i = 0; i < pack->env_count; i++) {
        size_t len = strcspn(pack->envs[i], "=");
        char *name = disco_copy_text(disco_slice_of(pack->envs[i], len));
        if (!pack->envs[i][len] || len == 0 || !name ||
            json_object_set_new(envs, name, json_string(pack->envs[i] + len + 1)) < 0) {
            disco_error_set(error, DISCO_E_FATAL, "jobenvs: %s is not NAME=VALUE in UTF-8",
                            disco_quote(disco_text(pack->envs[i])).text);
            json_decref(envs);
            envs = NULL;
        }
        free(name);
        if (!envs) return NULL;
    }
    return envs;
}

static int put_json(disco_bytes *out, const json_t *value, bool is_good, disco_error *error) {
    char *text = is_good ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) : NULL;
    if (!text) return disco_error_set(error, DISCO_E_FATAL, "jobdict: its texts are not UTF-8, or there is no memory");
    int status = disco_bytes_put(out, text);
    free(text);
    return status < 0 ? disco_no_memory(error) : 0;
}

static int put_home(const disco_pack *pack, disco_bytes *out, disco_error *error) {
    disco_zip_entry *entries = calloc(pack->file_count + 1, sizeof *entries);
    if (!entries) return disco_no_memory(error);
    int status = 0;
    for (size_t i = 0; i <= pack->file_count && status == 0; i++) {
        struct stat about;
        const char *path = i < pack->file_count ? pack->files[i] : pack->worker;
        entries[i] = (disco_zip_entry){base_name(path), path, false};
        if (stat(path, &about) < 0 || !S_ISREG(about.st_mode))
            status = disco_error_set(error, DISCO_E_FATAL, "jobhome: %s is no file", path);
        else
            entries[i].is_executable = i == pack->file_count || (about.st_mode & 0111);
        for (size_t j = 0; j < i && status == 0; j++)
            if (strcmp(entries[j].name, entries[i].name) == 0)
                status = disco_error_set(error, DISCO_E_FATAL, "jobhome: two files would be %s; rename one of them",
                                         entries[i].name);
    }
    if (status == 0) status = disco_zip_build(entries, pack->file_count + 1, out, error);
    free(entries);
    return status;
}

int disco_pack_build(const disco_pack *pack, disco_bytes *out, disco_error *error) {
    char header[DISCO_PACK_HEADER_BYTES] = {'\xd5', '\xc0', 0, DISCO_PACK_VERSION};
    size_t start = out->len, offsets[DISCO_PACK_SECTIONS];
    bool is_good = true;
    json_t *dict = dict_of(pack, &is_good), *envs = envs_of(pack, error);
    int status = envs ? 0 : DISCO_E_FATAL;
    if (status == 0 && disco_bytes_append(out, header, sizeof header) < 0) status = disco_no_memory(error);
    offsets[0] = out->len - start;
    if (status == 0) status = put_json(out, dict, is_good, error);
    offsets[1] = out->len - start;
    if (status == 0) status = put_json(out, envs, true, error);
    offsets[2] = out->len - start;
    if (status == 0) status = put_home(pack, out, error);
    offsets[3] = out->len - start;
    if (status == 0 && disco_bytes_append(out, pack->data.data, pack->data.len) < 0) status = disco_no_memory(error);
    if (status == 0 && out->len - start > DISCO_PACK_MAX_BYTES)
        status = disco_error_set(error, DISCO_E_FATAL,
                                 "pack: %zu bytes are more than 1 GiB; put data into inputs or DDFS", out->len - start);
    for (int i = 0; i < DISCO_PACK_SECTIONS && status == 0; i++)
        put_u32(out->data + start + 4 + 4 * i, (uint32_t)offsets[i]);
    if (status < 0) out->len = start;
    json_decref(dict);
    json_decref(envs);
    return status;
}
