/* Messages to bytes. Every message is one frame; a message without content carries the JSON string "". Shapes are
 * checked where they come from outside (`parse`), their order in `session`. */
#include <inttypes.h>
#include <stdlib.h>

#include "protocol/message.h"

static const char *const names[DISCO_KIND_COUNT] = {
    [DISCO_WORKER] = "WORKER",
    [DISCO_TASK_REQUEST] = "TASK",
    [DISCO_INPUT_REQUEST] = "INPUT",
    [DISCO_INPUT_ERR] = "INPUT_ERR",
    [DISCO_MSG] = "MSG",
    [DISCO_OUTPUT] = "OUTPUT",
    [DISCO_PING] = "PING",
    [DISCO_DONE] = "DONE",
    [DISCO_ERROR] = "ERROR",
    [DISCO_FATAL] = "FATAL",
    [DISCO_OK] = "OK",
    [DISCO_TASK] = "TASK",
    [DISCO_INPUT] = "INPUT",
    [DISCO_RETRY] = "RETRY",
    [DISCO_WAIT] = "WAIT",
    [DISCO_FAIL] = "FAIL",
};
static const char *const status_words[] = {"ok", "busy", "failed"};
static const char *const type_words[] = {"disco", "part", "tag"};

const char *disco_kind_name(disco_kind kind) {
    return (int)kind > 0 && (int)kind < DISCO_KIND_COUNT ? names[kind] : "?";
}

/* The pieces of a payload; the first failure stays in `status`. */
typedef struct payload {
    disco_bytes bytes;
    int status;
} payload;

static void put(payload *p, const char *text) {
    if (p->status == 0) p->status = disco_bytes_put(&p->bytes, text);
}

static void put_int(payload *p, int64_t number) {
    if (p->status == 0) p->status = disco_bytes_format(&p->bytes, "%" PRId64, number);
}

static void put_slice(payload *p, disco_slice text) {
    if (p->status == 0) p->status = disco_bytes_json_string(&p->bytes, text);
}

static void put_text(payload *p, const char *text) { put_slice(p, disco_text(text ? text : "")); }

static void put_ids(payload *p, const int64_t *ids, size_t count) {
    put(p, "[");
    for (size_t i = 0; i < count; i++) {
        if (i) put(p, ",");
        put_int(p, ids[i]);
    }
    put(p, "]");
}

static void put_replicas(payload *p, const disco_replica *replicas, size_t count) {
    put(p, "[");
    for (size_t i = 0; i < count; i++) {
        put(p, i ? ",[" : "[");
        put_int(p, replicas[i].id);
        put(p, ",");
        put_text(p, replicas[i].url);
        put(p, "]");
    }
    put(p, "]");
}

static void put_task(payload *p, const disco_task_info *task) {
    const char *const keys[] = {"host", "master", "jobname", "disco_data", "ddfs_data", "jobfile"};
    const char *const values[] = {task->host,       task->master,    task->jobname,
                                  task->disco_data, task->ddfs_data, task->jobfile};
    put(p, "{");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put_text(p, keys[i]);
        put(p, ":");
        put_text(p, values[i]);
        put(p, ",");
    }
    put(p, "\"taskid\":");
    put_int(p, task->taskid);
    put(p, task->mode == DISCO_MAP ? ",\"mode\":\"map\",\"disco_port\":" : ",\"mode\":\"reduce\",\"disco_port\":");
    put_int(p, task->disco_port);
    put(p, ",\"put_port\":");
    put_int(p, task->put_port);
    put(p, "}");
}

static void put_inputs(payload *p, const disco_message *message) {
    put(p, message->as.inputs.more ? "[\"more\",[" : "[\"done\",[");
    for (size_t i = 0; i < message->as.inputs.count; i++) {
        const disco_input_entry *entry = &message->as.inputs.entries[i];
        put(p, i ? ",[" : "[");
        put_int(p, entry->id);
        put(p, ",");
        put_text(p, status_words[entry->status]);
        put(p, ",");
        put_replicas(p, entry->replicas, entry->replica_count);
        put(p, "]");
    }
    put(p, "]]");
}

static void put_output(payload *p, const disco_message *message) {
    put(p, "[");
    put_text(p, message->as.output.location);
    put(p, ",");
    put_text(p, type_words[message->as.output.type]);
    if (message->as.output.type == DISCO_OUT_PART) {
        put(p, ",");
        put_int(p, message->as.output.label);
    }
    put(p, "]");
}

static void put_request(payload *p, const disco_message *message) {
    switch (message->kind) {
    case DISCO_WORKER:
        put(p, "{\"version\":\"" DISCO_VERSION "\",\"pid\":");
        put_int(p, message->as.worker.pid);
        put(p, message->as.worker.reuse ? ",\"reuse\":true}" : "}");
        break;
    case DISCO_INPUT_REQUEST:
        if (message->as.input_request.select == DISCO_ALL) {
            put(p, "\"\"");
            break;
        }
        put(p, message->as.input_request.select == DISCO_EXCLUDE ? "[\"exclude\"," : "[\"include\",");
        put_ids(p, message->as.input_request.ids, message->as.input_request.count);
        put(p, "]");
        break;
    case DISCO_INPUT_ERR:
        put(p, "[");
        put_int(p, message->as.input_err.input_id);
        put(p, ",");
        put_ids(p, message->as.input_err.ids, message->as.input_err.count);
        put(p, "]");
        break;
    case DISCO_MSG:
    case DISCO_ERROR:
    case DISCO_FATAL: put_slice(p, message->as.text); break;
    case DISCO_OUTPUT: put_output(p, message); break;
    default: put(p, "\"\"");
    }
}

static void put_reply(payload *p, const disco_message *message) {
    switch (message->kind) {
    case DISCO_OK: put(p, "\"ok\""); break;
    case DISCO_TASK: put_task(p, &message->as.task); break;
    case DISCO_INPUT: put_inputs(p, message); break;
    case DISCO_RETRY: put_replicas(p, message->as.retry.replicas, message->as.retry.count); break;
    case DISCO_WAIT: put_int(p, message->as.wait_s); break;
    default: put(p, "\"\"");
    }
}

int disco_message_append(disco_bytes *out, const disco_message *message, disco_error *error) {
    payload p = {{0}, 0};
    if ((int)message->kind < 1 || (int)message->kind >= DISCO_KIND_COUNT)
        return disco_error_set(error, DISCO_E_TURN, "there is no message of kind %d", (int)message->kind);
    if (disco_is_request(message->kind))
        put_request(&p, message);
    else
        put_reply(&p, message);
    if (p.status == 0)
        p.status = disco_frame_append(out, names[message->kind], disco_slice_of(p.bytes.data, p.bytes.len));
    if (p.status == DISCO_E_TURN)
        disco_error_set(error, DISCO_E_TURN, "%s of %zu bytes cannot be sent: a payload has at most %u",
                        names[message->kind], p.bytes.len, DISCO_MAX_PAYLOAD_BYTES);
    else if (p.status < 0)
        disco_no_memory(error);
    disco_bytes_free(&p.bytes);
    return p.status;
}

void disco_message_clear(disco_message *message) {
    disco_message_memory *memory = message->memory;
    if (memory) {
        json_decref(memory->value);
        free(memory->entries);
        free(memory->replicas);
        free(memory->ids);
        free(memory);
    }
    memset(message, 0, sizeof *message);
}
