/* Disco workers in C: the whole worker API.
 *
 * Most programs need a map and/or a reduce function and `disco_main`:
 *
 *     static int map(disco_task *task, disco_slice key, disco_slice line);
 *     static int reduce(disco_task *task, disco_slice key, disco_values *values);
 *     int main(void) { disco_job job = {.map = map, .reduce = reduce}; return disco_main(&job); }
 *
 * The layers below can be used alone, the same five ideas as in the other SDKs: errors, frame, message,
 * session (which never does input or output), worker. Strings are `disco_slice`s, bytes with a length; a slice
 * that is handed to you is good until the next call on the object it came from. What you allocate you free; what
 * a `..._new` returns its `..._free` frees. Functions return 0 or a positive number when they succeed and a
 * negative `disco_err` when they fail; decoders keep their first error and return it for ever. A zero in a field
 * of `disco_limits` or `disco_job` means its default. Nothing here is global; use an object from one thread. */
#ifndef DISCO_WORKER_H
#define DISCO_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DISCO_API __attribute__((visibility("default")))
#define DISCO_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define DISCO_API
#define DISCO_PRINTF(text, first)
#endif

#define DISCO_VERSION "1.0"                       /* of the worker protocol */
#define DISCO_MAX_NAME_BYTES 10                   /* of a frame's name */
#define DISCO_MAX_PAYLOAD_BYTES (100u << 20)      /* of a frame */
#define DISCO_MAX_LABEL INT32_MAX
#define DISCO_MAX_LOCATION_BYTES 4096
#define DISCO_MAX_HUNK_RAW_BYTES (1u << 30)
#define DISCO_ERROR_BYTES 1024                    /* of an error's text, with its NUL */

/* ---- errors: sorted by what has to happen next ---- */

typedef enum disco_err {
    DISCO_E_ELSEWHERE = -1, /* this attempt or this machine failed, another may succeed: say ERROR */
    DISCO_E_DATA = -2,      /* a replica cannot be read: try the next, report INPUT_ERR, then say ERROR */
    DISCO_E_FATAL = -3,     /* the job fails wherever it runs: say FATAL */
    DISCO_E_FRAME = -4,     /* what Disco sent is no frame: say ERROR and go */
    DISCO_E_MESSAGE = -5,   /* what Disco sent is no message that it may send now: say FATAL and go */
    DISCO_E_TURN = -6,      /* we tried to send what the session does not allow: a bug on our side, FATAL */
    DISCO_E_GONE = -7,      /* Disco closed the pipe or is silent: there is nobody to tell */
    DISCO_E_MEMORY = -8,    /* no memory: ERROR */
    DISCO_E_REFUSED = -9    /* a master or node refused a request of the client: see disco_client.h */
} disco_err;

typedef enum disco_remedy { DISCO_SAY_NOTHING, DISCO_SAY_ERROR, DISCO_SAY_FATAL } disco_remedy;

typedef struct disco_error {
    int code; /* 0 or a disco_err */
    int http_status; /* of the reply that caused it, or 0 */
    char text[DISCO_ERROR_BYTES];
} disco_error;

DISCO_API disco_remedy disco_err_remedy(int code);
DISCO_API const char *disco_err_name(int code);

/* ---- bytes ---- */

typedef struct disco_slice {
    const char *data;
    size_t len;
} disco_slice;

typedef struct disco_bytes { /* starts as {0}; grows; disco_bytes_free leaves it as {0} again */
    char *data;
    size_t len, capacity;
} disco_bytes;

DISCO_API int disco_bytes_append(disco_bytes *bytes, const void *data, size_t len);
DISCO_API void disco_bytes_free(disco_bytes *bytes);

static inline disco_slice disco_slice_of(const void *data, size_t len) {
    disco_slice slice;
    slice.data = (const char *)data;
    slice.len = len;
    return slice;
}
static inline disco_slice disco_text(const char *text) { return disco_slice_of(text, strlen(text)); }

/* Order by bytes, the shorter first when one begins the other. */
DISCO_API int disco_slice_compare(disco_slice one, disco_slice other);
/* Cuts the next word (ASCII white space around it) off `rest`: 1, or 0 when there is none. */
DISCO_API int disco_next_word(disco_slice *rest, disco_slice *word);
/* Decimal text, perhaps after a minus, to a number: 0, or DISCO_E_DATA when it is none or does not fit. */
DISCO_API int disco_slice_int(disco_slice text, int64_t *number);
/* The label of a key: crc32(key) mod labels, the same in every language. 0 when labels is 0. */
DISCO_API uint32_t disco_partition(disco_slice key, uint32_t labels);

typedef struct disco_limits {
    size_t max_payload_bytes;  /* of a frame that is read: 100 MiB */
    size_t max_hunk_raw_bytes; /* 1 GiB */
    size_t max_index_bytes;    /* of a dir:// index, unpacked: 256 MiB */
    size_t memory_bytes;       /* for sorting and for combining, each: 256 MiB */
    unsigned merge_width;      /* sorted runs read at once: 16 */
    double reply_timeout_s;    /* 600 */
    double heartbeat_s;        /* of silence before disco_heartbeat sends a PING: 10 */
    double first_pause_s, longest_pause_s; /* between two polls for inputs: 0.1 to 5 */
    double connect_timeout_s, silence_timeout_s; /* of HTTP: 10, 60 */
} disco_limits;

/* ---- frame: NAME SP LENGTH SP PAYLOAD LF ---- */

typedef enum disco_fault { /* which rule the first impossible byte broke */
    DISCO_FAULT_NONE,
    DISCO_FAULT_NAME,
    DISCO_FAULT_LENGTH,
    DISCO_FAULT_TOO_LARGE,
    DISCO_FAULT_TERMINATOR,
    DISCO_FAULT_TRUNCATED
} disco_fault;

typedef struct disco_frame {
    char name[DISCO_MAX_NAME_BYTES + 1];
    disco_slice payload; /* lies in the bytes that were parsed */
} disco_frame;

/* The frame at the start of `bytes`: its length in bytes, 0 when more bytes are needed, or DISCO_E_FRAME with
 * `fault` set. Never looks beyond `len`, nor twice at a payload. `max_payload_bytes` 0 is the default. */
DISCO_API ptrdiff_t disco_frame_parse(const char *bytes, size_t len, size_t max_payload_bytes, disco_frame *frame,
                                      disco_fault *fault);
DISCO_API const char *disco_fault_name(disco_fault fault);
/* Appends a frame. DISCO_E_TURN for a bad name or a payload over the limit, DISCO_E_MEMORY. */
DISCO_API int disco_frame_append(disco_bytes *out, const char *name, disco_slice payload);

/* ---- message: what the two sides may say ---- */

typedef enum disco_role { DISCO_ROLE_WORKER, DISCO_ROLE_DISCO } disco_role;

typedef enum disco_kind {
    /* requests of the worker */
    DISCO_WORKER = 1,
    DISCO_TASK_REQUEST,
    DISCO_INPUT_REQUEST,
    DISCO_INPUT_ERR,
    DISCO_MSG,
    DISCO_OUTPUT,
    DISCO_PING,
    DISCO_DONE,
    DISCO_ERROR,
    DISCO_FATAL,
    /* replies of Disco */
    DISCO_OK,
    DISCO_TASK,
    DISCO_INPUT,
    DISCO_RETRY,
    DISCO_WAIT,
    DISCO_FAIL
} disco_kind;

typedef enum disco_mode { DISCO_MAP, DISCO_REDUCE } disco_mode;
typedef enum disco_select { DISCO_ALL, DISCO_EXCLUDE, DISCO_INCLUDE } disco_select;
typedef enum disco_status { DISCO_READY, DISCO_BUSY, DISCO_FAILED } disco_status;
typedef enum disco_output_type { DISCO_OUT_DISCO, DISCO_OUT_PART, DISCO_OUT_TAG } disco_output_type;

typedef struct disco_task_info {
    const char *host, *master /* http://host:port */, *jobname, *disco_data, *ddfs_data, *jobfile;
    int64_t taskid;
    disco_mode mode;
    int disco_port, put_port;
} disco_task_info;

typedef struct disco_replica {
    int64_t id;
    const char *url;
} disco_replica;

typedef struct disco_input_entry {
    int64_t id;
    disco_status status;
    const disco_replica *replicas; /* best first */
    size_t replica_count;
} disco_input_entry;

typedef struct disco_message {
    disco_kind kind;
    union {
        struct { int64_t pid; int reuse; } worker;
        disco_task_info task;
        struct { disco_select select; const int64_t *ids; size_t count; } input_request;
        struct { int64_t input_id; const int64_t *ids; size_t count; } input_err;
        disco_slice text; /* MSG, ERROR, FATAL */
        struct { const char *location; disco_output_type type; int32_t label; } output;
        struct { int more; const disco_input_entry *entries; size_t count; } inputs;
        struct { const disco_replica *replicas; size_t count; } retry;
        int wait_s; /* 1 to 60 */
    } as;
    void *memory; /* of a parsed message; disco_message_clear frees it. NULL in one that you make */
} disco_message;

/* `sender` decides what INPUT and TASK mean. 0, DISCO_E_MESSAGE or DISCO_E_MEMORY. */
DISCO_API int disco_message_parse(const disco_frame *frame, disco_role sender, disco_message *message,
                                  disco_error *error);
/* Appends the message's frame. Text that is not UTF-8 has its odd bytes written as \xNN. */
DISCO_API int disco_message_append(disco_bytes *out, const disco_message *message, disco_error *error);
DISCO_API void disco_message_clear(disco_message *message);
DISCO_API const char *disco_kind_name(disco_kind kind); /* as in the frame */

/* ---- session: the order of messages, for either end; bytes in, messages out ---- */

typedef struct disco_session disco_session;
typedef enum disco_state {
    DISCO_FRESH, DISCO_ANNOUNCED, DISCO_RUNNING, DISCO_SAID_DONE, DISCO_SAID_ERROR, DISCO_SAID_FATAL
} disco_state;
typedef enum disco_event { DISCO_NEED_DATA = 0, DISCO_MESSAGE = 1, DISCO_END_OF_INPUT = 2 } disco_event;

DISCO_API disco_session *disco_session_new(disco_role role, const disco_limits *limits); /* NULL: no memory */
DISCO_API void disco_session_free(disco_session *session);
/* Appends what to write. DISCO_E_TURN, which changes nothing, when the message is not allowed now. */
DISCO_API int disco_session_send(disco_session *session, const disco_message *message, disco_bytes *out,
                                 disco_error *error);
/* What was read; len 0 is the end of input. */
DISCO_API int disco_session_feed(disco_session *session, const void *data, size_t len);
/* A disco_event, or the sticky error. The message is good until you clear it. */
DISCO_API int disco_session_next(disco_session *session, disco_message *message);
DISCO_API const disco_error *disco_session_error(const disco_session *session);
DISCO_API disco_fault disco_session_fault(const disco_session *session);
DISCO_API disco_slice disco_session_last_words(const disco_session *session); /* after a fault: what came */
DISCO_API disco_state disco_session_state(const disco_session *session);
DISCO_API size_t disco_session_owed(const disco_session *session); /* requests without an answer */

/* ---- record streams: runs of kv hunks ---- */

typedef enum disco_codec { DISCO_CODEC_NONE, DISCO_CODEC_ZLIB, DISCO_CODEC_ZSTD } disco_codec;
typedef int (*disco_write_fn)(void *to, const void *data, size_t len);      /* all of it: 0, or < 0 */
typedef ptrdiff_t (*disco_read_fn)(void *from, void *buffer, size_t size);  /* > 0, 0 at the end, or < 0 */
typedef struct disco_writer disco_writer;
typedef struct disco_reader disco_reader;

DISCO_API int disco_codec_available(disco_codec codec);
/* NULL: no memory, or a codec that this build lacks. A hunk is cut at about `target_bytes`, 0: 1 MiB. */
DISCO_API disco_writer *disco_writer_new(disco_write_fn write, void *to, disco_codec codec, size_t target_bytes);
DISCO_API int disco_writer_add(disco_writer *writer, disco_slice key, disco_slice value);
DISCO_API int disco_writer_flush(disco_writer *writer); /* there is no end mark: this is all that closing is */
DISCO_API const disco_error *disco_writer_error(const disco_writer *writer);
DISCO_API void disco_writer_free(disco_writer *writer);

/* `url` is for error texts. Errors of `read` are taken to be described by `read_error`, which may be NULL. */
DISCO_API disco_reader *disco_reader_new(disco_read_fn read, void *from, const char *url, const disco_limits *limits,
                                         const disco_error *read_error);
DISCO_API void disco_reader_skip(disco_reader *reader, uint64_t records); /* ahead: whole hunks stay packed */
DISCO_API int disco_reader_next(disco_reader *reader, disco_slice *key, disco_slice *value); /* 1, 0: end */
DISCO_API const disco_error *disco_reader_error(const disco_reader *reader);
DISCO_API void disco_reader_free(disco_reader *reader);

/* ---- worker: a task, its inputs and outputs ---- */

typedef struct disco_task disco_task;
typedef struct disco_values disco_values;
typedef struct disco_input disco_input;
typedef struct disco_output disco_output;

typedef enum disco_reading { DISCO_READ_AUTO, DISCO_READ_LINES, DISCO_READ_RECORDS } disco_reading;
typedef enum disco_results { DISCO_WRITE_RECORDS, DISCO_WRITE_LINES /* key SP value LF */ } disco_results;

typedef struct disco_job {
    /* Called for each line (the key is empty, the LF is cut off) or record of the task's inputs. */
    int (*map)(disco_task *task, disco_slice key, disco_slice value);
    /* Called for each key, in the order of bytes, with all its values. */
    int (*reduce)(disco_task *task, disco_slice key, disco_values *values);
    /* Called on the map's side for some of the values of a key; what it emits replaces them. */
    int (*combine)(disco_task *task, disco_slice key, disco_values *values);
    uint32_t (*partition)(disco_slice key, uint32_t labels); /* disco_partition */
    /* Instead of all of these: the whole task by hand. */
    int (*run)(disco_task *task);
    disco_reading reading; /* of map inputs; AUTO tells lines from hunks by their first bytes */
    disco_results results; /* of the last phase; between map and reduce flow records */
    disco_codec codec;     /* of records: none is the fastest on one machine */
    uint32_t labels;       /* outputs of a map: as many as the job has reduces, from its job file */
    int all_labels;        /* a reduce reads every label of its indexes, not only its own */
    int save;              /* keep the results in DDFS: tag disco:job:results:JOBNAME */
    const char *token;     /* for that; NULL: the environment's DDFS_WRITE_TOKEN */
    int no_reuse;          /* one task a process */
    int no_sync;           /* do not fsync outputs before they are reported */
    void *user;            /* yours: disco_user */
    disco_limits limits;
} disco_job;

/* Be a worker process: carries out the tasks that Disco has. Returns the exit status for main. Standard input
 * becomes /dev/null; what is printed to standard output and error, by children too, becomes messages. */
DISCO_API int disco_main(const disco_job *job);
/* The same on other descriptors, and leaving the standard ones alone when `keep_standard` is set: for tests. */
DISCO_API int disco_main_on(const disco_job *job, int replies_fd, int requests_fd, int keep_standard);

/* All of these keep the task's first error; a function may ignore it, the task ends with it all the same. */
DISCO_API const disco_task_info *disco_about(const disco_task *task);
DISCO_API void *disco_user(const disco_task *task);
DISCO_API int disco_emit(disco_task *task, disco_slice key, disco_slice value);
DISCO_API int disco_emit_int(disco_task *task, disco_slice key, int64_t number); /* as decimal text */
DISCO_API int disco_next_value(disco_values *values, disco_slice *value); /* 1, 0: no more, < 0 */
DISCO_API int disco_msg(disco_task *task, const char *format, ...) DISCO_PRINTF(2, 3);
/* Ends the task with `code` (DISCO_E_ELSEWHERE, DISCO_E_FATAL, ...) and this reason; returns the code. */
DISCO_API int disco_fail(disco_task *task, int code, const char *format, ...) DISCO_PRINTF(3, 4);
DISCO_API const disco_error *disco_task_error(const disco_task *task);
DISCO_API int disco_ping(disco_task *task);
/* Call it now and then in long work: sends what was printed, and a PING when nothing was said for long. */
DISCO_API int disco_heartbeat(disco_task *task);
DISCO_API int disco_pause(disco_task *task, double seconds); /* sleeps; DISCO_E_GONE at once when Disco goes */

/* The next input: 1 with `input`, which is good until the next call, 0 when all are read. Each of the three ways
 * to read goes on at the next replica where the last one broke; use one of them for an input. */
DISCO_API int disco_next_input(disco_task *task, disco_input **input);
DISCO_API const char *disco_input_url(const disco_input *input);
DISCO_API ptrdiff_t disco_input_read(disco_input *input, void *buffer, size_t size); /* > 0, 0: end */
DISCO_API int disco_input_line(disco_input *input, disco_slice *line);               /* 1, 0: end */
DISCO_API int disco_input_record(disco_input *input, disco_slice *key, disco_slice *value);

/* A new output, NULL on failure. Its label counts for DISCO_OUT_PART only. Closing makes the file durable under
 * its name and tells Disco (a tag output is stored in DDFS first); outputs still open when the task ends well
 * are closed then, those of a task that fails are forgotten. */
DISCO_API disco_output *disco_output_open(disco_task *task, disco_output_type type, int32_t label);
DISCO_API int disco_output_write(disco_output *output, const void *data, size_t len);
DISCO_API int disco_output_record(disco_output *output, disco_slice key, disco_slice value);
DISCO_API int disco_output_close(disco_output *output);

#ifdef __cplusplus
}
#endif
#endif
