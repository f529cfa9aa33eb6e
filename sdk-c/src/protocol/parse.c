/* Frames to messages: the shape of every payload, checked word by word. What is wrong is said as exactly as it is
 * known: the message, the place in it, what was expected, what came. Keys that this version does not know are left
 * alone in objects (that is how versions grow); a list has exactly the elements of its form. */
#include <inttypes.h>
#include <stdlib.h>

#include "protocol/message.h"

typedef struct parsing {
    const char *name; /* of the frame */
    disco_message *message;
    disco_message_memory *memory;
    disco_error *error;
} parsing;

static int wrong(const parsing *p, const char *place, const char *expected, const json_t *came) {
    char *text = came ? json_dumps(came, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    disco_quoted quoted = disco_quote(disco_text(text ? text : came ? "what it is" : "nothing"));
    free(text);
    return disco_error_set(p->error, DISCO_E_MESSAGE, "Bad message %s: %s must be %s, not %s", p->name, place, expected,
                           quoted.text);
}

static int get_empty(const parsing *p, const json_t *value) {
    if (json_is_string(value) && json_string_length(value) == 0) return 0;
    return wrong(p, "the payload", "the empty string \"\"", value);
}

static int get_text(const parsing *p, const json_t *value, disco_slice *text) {
    if (!json_is_string(value)) return wrong(p, "the payload", "a string", value);
    *text = disco_slice_of(json_string_value(value), json_string_length(value));
    return 0;
}

/* Text that can stand in a URL, a path or an index line: not empty, no control characters. */
static int get_line(const parsing *p, const char *place, const json_t *value, const char **line) {
    const char *text = json_string_value(value);
    bool good = text && *text && strlen(text) == json_string_length(value);
    for (const char *at = text; good && *at; at++) good = (unsigned char)*at >= 0x20 && *at != 0x7f;
    if (!good) return wrong(p, place, "a string, not empty and without control characters", value);
    *line = text;
    return 0;
}

/* A URL may be any text: whoever opens it decides. C's strings end at a NUL, so one is percent-encoded. */
static int get_url(const parsing *p, json_t *value, const char **url) {
    disco_bytes escaped = {0};
    int status = 0;
    if (!json_is_string(value)) return wrong(p, "a replica's url", "a string", value);
    *url = json_string_value(value);
    if (strlen(*url) == json_string_length(value)) return 0;
    for (size_t i = 0; i < json_string_length(value) && status == 0; i++)
        status = (*url)[i] ? disco_bytes_append(&escaped, *url + i, 1) : disco_bytes_put(&escaped, "%00");
    if (status == 0 && json_string_setn_nocheck(value, escaped.data, escaped.len) < 0) status = DISCO_E_MEMORY;
    disco_bytes_free(&escaped);
    *url = json_string_value(value);
    return status < 0 ? disco_no_memory(p->error) : 0;
}

static int get_int(const parsing *p, const char *place, const json_t *value, int64_t low, int64_t high,
                   int64_t *number) {
    char expected[80];
    if (json_is_integer(value) && json_integer_value(value) >= low && json_integer_value(value) <= high) {
        *number = json_integer_value(value);
        return 0;
    }
    if (low == INT64_MIN)
        snprintf(expected, sizeof expected, "an integer");
    else
        snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, low, high);
    return wrong(p, place, expected, value);
}

/* The index of a word among `count` words, or a negative error. */
static int get_word(const parsing *p, const char *place, const json_t *value, const char *const *words, int count) {
    const char *text = json_string_value(value);
    for (int i = 0; text && i < count; i++)
        if (strcmp(text, words[i]) == 0 && strlen(text) == json_string_length(value)) return i;
    return wrong(p, place, "one of the words of this version", value);
}

static int get_ids(const parsing *p, const char *place, const json_t *value, const int64_t **ids, size_t *count) {
    if (!json_is_array(value)) return wrong(p, place, "a list of integers", value);
    *count = json_array_size(value);
    p->memory->ids = calloc(*count + 1, sizeof *p->memory->ids);
    if (!p->memory->ids) return disco_no_memory(p->error);
    for (size_t i = 0; i < *count; i++) {
        int status = get_int(p, place, json_array_get(value, i), INT64_MIN, INT64_MAX, &p->memory->ids[i]);
        if (status < 0) return status;
    }
    *ids = p->memory->ids;
    return 0;
}

static int get_list(const parsing *p, const json_t *value, const char *form, size_t least, size_t most) {
    if (json_is_array(value) && json_array_size(value) >= least && json_array_size(value) <= most) return 0;
    return wrong(p, "the payload", form, value);
}

static int parse_worker(const parsing *p, json_t *value) {
    const json_t *version = json_object_get(value, "version"), *reuse = json_object_get(value, "reuse");
    if (!json_is_string(version)) return wrong(p, "version", "a string", version);
    if (strcmp(json_string_value(version), DISCO_VERSION) != 0)
        return disco_error_set(p->error, DISCO_E_MESSAGE,
                               "Bad message WORKER: the worker speaks protocol version %s, this Disco speaks %s",
                               disco_quote(disco_text(json_string_value(version))).text, DISCO_VERSION);
    if (reuse && !json_is_boolean(reuse)) return wrong(p, "reuse", "true or false", reuse);
    p->message->as.worker.reuse = json_is_true(reuse);
    return get_int(p, "pid", json_object_get(value, "pid"), 1, INT64_MAX, &p->message->as.worker.pid);
}

static int parse_input_request(const parsing *p, json_t *value) {
    static const char *const words[] = {"exclude", "include"};
    if (json_is_string(value)) return get_empty(p, value);
    int status = get_list(p, value, "\"\", [\"exclude\", [id, ...]] or [\"include\", [id, ...]]", 2, 2);
    if (status < 0) return status;
    int word = get_word(p, "the selection", json_array_get(value, 0), words, 2);
    if (word < 0) return word;
    p->message->as.input_request.select = word == 0 ? DISCO_EXCLUDE : DISCO_INCLUDE;
    return get_ids(p, "ids", json_array_get(value, 1), &p->message->as.input_request.ids,
                   &p->message->as.input_request.count);
}

static int parse_input_err(const parsing *p, json_t *value) {
    int status = get_list(p, value, "[input_id, [replica_id, ...]]", 2, 2);
    if (status == 0)
        status =
            get_int(p, "input_id", json_array_get(value, 0), INT64_MIN, INT64_MAX, &p->message->as.input_err.input_id);
    if (status < 0) return status;
    return get_ids(p, "replica_ids", json_array_get(value, 1), &p->message->as.input_err.ids,
                   &p->message->as.input_err.count);
}

/* A path below the job home: relative, without "..", naming something. */
static bool is_inside(const char *location) {
    bool names_something = false;
    if (*location == '/') return false;
    for (const char *at = location;;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.') return false;
        if (length > 1 || (length == 1 && at[0] != '.')) names_something = true;
        if (at[length] == '\0') return names_something;
        at += length + 1;
    }
}

static int get_label(const parsing *p, const json_t *value, int32_t *label) {
    const char *text = json_string_value(value);
    int64_t number = -1;
    if (text && text[0] >= '0' && text[0] <= '9' && !(text[0] == '0' && text[1])) {
        if (disco_slice_int(disco_slice_of(text, json_string_length(value)), &number) < 0) number = -1;
    } else if (json_is_integer(value)) {
        number = json_integer_value(value);
    }
    if (number < 0 || number > DISCO_MAX_LABEL)
        return wrong(p, "the label", "an integer from 0 to 2147483647, or its decimal text", value);
    *label = (int32_t)number;
    return 0;
}

static int parse_output(const parsing *p, json_t *value) {
    static const char *const words[] = {"disco", "part", "tag"};
    int status = get_list(p, value, "[location, type] or [location, type, label]", 2, 3);
    if (status == 0) status = get_line(p, "the location", json_array_get(value, 0), &p->message->as.output.location);
    if (status < 0) return status;
    const char *location = p->message->as.output.location;
    int word = get_word(p, "the type", json_array_get(value, 1), words, 3);
    if (word < 0) return word;
    p->message->as.output.type = (disco_output_type)word;
    if (strlen(location) > DISCO_MAX_LOCATION_BYTES)
        return wrong(p, "the location", "at most 4096 bytes long", json_array_get(value, 0));
    if (word != DISCO_OUT_TAG && !is_inside(location))
        return wrong(p, "the location", "a path relative to the job home, without '..'", json_array_get(value, 0));
    if (json_array_size(value) == 2) return 0;
    if (word != DISCO_OUT_PART) return wrong(p, "the label", "left out: only a part has one", json_array_get(value, 2));
    return get_label(p, json_array_get(value, 2), &p->message->as.output.label);
}

static int get_absolute(const parsing *p, const char *place, const json_t *value, const char **path) {
    int status = get_line(p, place, value, path);
    return status == 0 && **path != '/' ? wrong(p, place, "an absolute path", value) : status;
}

static int parse_task(const parsing *p, json_t *value) {
    static const char *const words[] = {"map", "reduce"};
    disco_task_info *task = &p->message->as.task;
    int64_t disco_port = 0, put_port = 0;
    if (!json_is_object(value)) return wrong(p, "the payload", "an object", value);
    int status = get_line(p, "master", json_object_get(value, "master"), &task->master);
    if (status == 0 && strncmp(task->master, "http://", 7) != 0 && strncmp(task->master, "https://", 8) != 0)
        status = wrong(p, "master", "a URL, http://host:port", json_object_get(value, "master"));
    if (status == 0) status = get_line(p, "host", json_object_get(value, "host"), &task->host);
    if (status == 0) status = get_line(p, "jobname", json_object_get(value, "jobname"), &task->jobname);
    if (status == 0) status = get_int(p, "taskid", json_object_get(value, "taskid"), 0, INT64_MAX, &task->taskid);
    if (status == 0)
        status = get_int(p, "disco_port", json_object_get(value, "disco_port"), 0, DISCO_MAX_PORT, &disco_port);
    if (status == 0) status = get_int(p, "put_port", json_object_get(value, "put_port"), 0, DISCO_MAX_PORT, &put_port);
    if (status == 0) status = get_absolute(p, "disco_data", json_object_get(value, "disco_data"), &task->disco_data);
    if (status == 0) status = get_absolute(p, "ddfs_data", json_object_get(value, "ddfs_data"), &task->ddfs_data);
    if (status == 0) status = get_absolute(p, "jobfile", json_object_get(value, "jobfile"), &task->jobfile);
    if (status < 0) return status;
    task->disco_port = (int)disco_port;
    task->put_port = (int)put_port;
    int mode = get_word(p, "mode", json_object_get(value, "mode"), words, 2);
    task->mode = mode == 1 ? DISCO_REDUCE : DISCO_MAP;
    return mode < 0 ? mode : 0;
}

/* Replicas are written from `next` on, where there is room for all of the message. */
static int get_replicas(const parsing *p, const json_t *value, disco_replica **next) {
    size_t index;
    json_t *pair;
    json_array_foreach(value, index, pair) {
        if (!json_is_array(pair) || json_array_size(pair) != 2) return wrong(p, "a replica", "[replica_id, url]", pair);
        int status = get_int(p, "a replica's id", json_array_get(pair, 0), INT64_MIN, INT64_MAX, &(*next)->id);
        if (status == 0) status = get_url(p, json_array_get(pair, 1), &(*next)->url);
        if (status < 0) return status;
        ++*next;
    }
    return 0;
}

static int parse_entry(const parsing *p, json_t *entry, disco_input_entry *into, disco_replica **next) {
    static const char *const words[] = {"ok", "busy", "failed"};
    int status = get_int(p, "an input's id", json_array_get(entry, 0), INT64_MIN, INT64_MAX, &into->id);
    if (status < 0) return status;
    int word = get_word(p, "an input's status", json_array_get(entry, 1), words, 3);
    if (word < 0) return word;
    into->status = (disco_status)word;
    into->replicas = *next;
    into->replica_count = json_array_size(json_array_get(entry, 2));
    return get_replicas(p, json_array_get(entry, 2), next);
}

static int parse_inputs(const parsing *p, json_t *value) {
    static const char *const words[] = {"done", "more"};
    size_t index, replica_count = 0;
    json_t *entry;
    int status = get_list(p, value, "[\"more\" or \"done\", [input, ...]]", 2, 2);
    if (status < 0) return status;
    int more = get_word(p, "the flag", json_array_get(value, 0), words, 2);
    if (more < 0) return more;
    json_t *list = json_array_get(value, 1);
    if (!json_is_array(list)) return wrong(p, "inputs", "a list", list);
    json_array_foreach(list, index, entry) {
        if (!json_is_array(entry) || json_array_size(entry) != 3 || !json_is_array(json_array_get(entry, 2)))
            return wrong(p, "an input", "[input_id, status, [replica, ...]]", entry);
        replica_count += json_array_size(json_array_get(entry, 2));
    }
    p->memory->entries = calloc(json_array_size(list) + 1, sizeof *p->memory->entries);
    p->memory->replicas = calloc(replica_count + 1, sizeof *p->memory->replicas);
    if (!p->memory->entries || !p->memory->replicas) return disco_no_memory(p->error);
    disco_replica *next = p->memory->replicas;
    json_array_foreach(list, index, entry) {
        status = parse_entry(p, entry, &p->memory->entries[index], &next);
        if (status < 0) return status;
    }
    p->message->as.inputs.more = more;
    p->message->as.inputs.entries = p->memory->entries;
    p->message->as.inputs.count = json_array_size(list);
    return 0;
}

static int parse_retry(const parsing *p, json_t *value) {
    if (!json_is_array(value) || json_array_size(value) == 0)
        return wrong(p, "the payload", "a list of at least one [replica_id, url]", value);
    p->memory->replicas = calloc(json_array_size(value), sizeof *p->memory->replicas);
    if (!p->memory->replicas) return disco_no_memory(p->error);
    disco_replica *next = p->memory->replicas;
    p->message->as.retry.replicas = p->memory->replicas;
    p->message->as.retry.count = json_array_size(value);
    return get_replicas(p, value, &next);
}

static int parse_wait(const parsing *p, json_t *value) {
    int64_t seconds = 0;
    int status = get_int(p, "the payload", value, DISCO_MIN_WAIT_S, DISCO_MAX_WAIT_S, &seconds);
    p->message->as.wait_s = (int)seconds;
    return status;
}

static int parse_kind(const parsing *p, json_t *value) {
    switch (p->message->kind) {
    case DISCO_WORKER: return parse_worker(p, value);
    case DISCO_INPUT_REQUEST: return parse_input_request(p, value);
    case DISCO_INPUT_ERR: return parse_input_err(p, value);
    case DISCO_OUTPUT: return parse_output(p, value);
    case DISCO_MSG:
    case DISCO_ERROR:
    case DISCO_FATAL: return get_text(p, value, &p->message->as.text);
    case DISCO_OK: return 0; /* any payload says it */
    case DISCO_TASK: return parse_task(p, value);
    case DISCO_INPUT: return parse_inputs(p, value);
    case DISCO_RETRY: return parse_retry(p, value);
    case DISCO_WAIT: return parse_wait(p, value);
    default: return get_empty(p, value);
    }
}

int disco_message_parse(const disco_frame *frame, disco_role sender, disco_message *message, disco_error *error) {
    int first = sender == DISCO_ROLE_WORKER ? DISCO_WORKER : DISCO_OK, kind = first;
    int last = sender == DISCO_ROLE_WORKER ? DISCO_FATAL : DISCO_FAIL;
    json_error_t reason;
    memset(message, 0, sizeof *message);
    while (kind <= last && strcmp(disco_kind_name((disco_kind)kind), frame->name) != 0) kind++;
    if (kind > last)
        return disco_error_set(error, DISCO_E_MESSAGE, "Bad message %s: %s does not say that; its payload was %s",
                               frame->name, first == DISCO_OK ? "Disco" : "a worker", disco_quote(frame->payload).text);
    parsing p = {frame->name, message, calloc(1, sizeof *p.memory), error};
    if (!p.memory) return disco_no_memory(error);
    message->kind = (disco_kind)kind;
    message->memory = p.memory;
    p.memory->value = disco_json_load(frame->payload, &reason);
    int status = p.memory->value ? parse_kind(&p, p.memory->value)
                                 : disco_error_set(error, DISCO_E_MESSAGE,
                                                   "Bad message %s: the payload is not one JSON text (%s): %s",
                                                   frame->name, reason.text, disco_quote(frame->payload).text);
    if (status < 0) disco_message_clear(message);
    return status;
}
