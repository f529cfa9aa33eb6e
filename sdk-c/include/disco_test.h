/* A scripted Disco for the tests of your own worker: it runs one worker process and plays the other end.
 *
 *     disco_fake *fake = disco_fake_new("/tmp/job-home");
 *     disco_fake_input(fake, 0, "raw://the%20cat");
 *     disco_fake_run(fake, &job);                    or disco_fake_exec(fake, argv) for a program
 *     assert(disco_fake_outcome(fake) == DISCO_DONE);
 *     disco_fake_read_output(fake, 0, &content);
 *
 * Left alone it gives good answers: OK, the task, the inputs, RETRY with the spare replicas of an input and FAIL when
 * there are none. Functions return 0 or a positive number, or a negative disco_err. */
#ifndef DISCO_TEST_H
#define DISCO_TEST_H

#include "disco_worker.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct disco_fake disco_fake;

/* `folder` becomes the job home, and is made if it is not there. It gets a job file of one reduce. NULL on failure. */
DISCO_API disco_fake *disco_fake_new(const char *folder);
DISCO_API void disco_fake_free(disco_fake *fake);

/* ---- before the run ---- */

/* The first call sets the task (by default map 0 of "test"); each further one is a task that DONE is answered with. */
DISCO_API int disco_fake_task(disco_fake *fake, disco_mode mode, int64_t taskid, const char *jobname);
DISCO_API int disco_fake_reduces(disco_fake *fake, uint32_t reduces); /* 0: a job without reduce */
DISCO_API int disco_fake_master(disco_fake *fake, const char *url);
/* An input of every task; `urls` are its replicas, with a space between. */
DISCO_API int disco_fake_input(disco_fake *fake, int64_t id, const char *urls);
DISCO_API int disco_fake_spare(disco_fake *fake, int64_t id, const char *url);
/* The `nth` request of this kind (from 0) is answered with these bytes; with none, by closing the pipe. */
DISCO_API int disco_fake_answer(disco_fake *fake, disco_kind request, size_t nth, const char *bytes);
/* Answers are written in pieces of so many bytes; 0: whole. */
DISCO_API void disco_fake_chop(disco_fake *fake, size_t piece_bytes);

/* ---- the run: returns when the worker has exited ---- */

DISCO_API int disco_fake_run(disco_fake *fake, const disco_job *job); /* in a child process */
DISCO_API int disco_fake_exec(disco_fake *fake, const char *const *argv);

/* ---- afterwards ---- */

DISCO_API disco_kind disco_fake_outcome(const disco_fake *fake); /* DISCO_DONE, _ERROR, _FATAL; 0: it said none */
DISCO_API const char *disco_fake_text(const disco_fake *fake);   /* of ERROR or FATAL, else "" */
DISCO_API int disco_fake_exit_status(const disco_fake *fake);    /* or the negative number of a signal */
DISCO_API const disco_error *disco_fake_error(const disco_fake *fake); /* what the worker said wrong */
DISCO_API size_t disco_fake_requests(const disco_fake *fake, disco_kind kind);
DISCO_API size_t disco_fake_messages(const disco_fake *fake);
DISCO_API const char *disco_fake_message(const disco_fake *fake, size_t index);
DISCO_API size_t disco_fake_outputs(const disco_fake *fake);
DISCO_API const char *disco_fake_location(const disco_fake *fake, size_t index);
DISCO_API disco_output_type disco_fake_type(const disco_fake *fake, size_t index);
DISCO_API int32_t disco_fake_label(const disco_fake *fake, size_t index);
DISCO_API int disco_fake_read_output(const disco_fake *fake, size_t index, disco_bytes *content);
/* The records of a kv output as lines `key SP value LF`. */
DISCO_API int disco_fake_read_records(const disco_fake *fake, size_t index, disco_bytes *lines);

#ifdef __cplusplus
}
#endif
#endif
