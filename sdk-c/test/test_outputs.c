/* Outputs: whole and durable before they are told, many at once, none of a task that fails; and tag outputs. */
#include <sys/resource.h>
#include <unistd.h>

#include "server.h"
#include "support.h"

static int write_one(disco_task *task) {
    disco_output *output = disco_output_open(task, DISCO_OUT_DISCO, 0);
    if (!output) return disco_task_error(task)->code;
    disco_output_write(output, "he", 2);
    disco_output_write(output, "llo", 3);
    return 0; /* left open: closed at the end of a good task */
}

static int write_many(disco_task *task) {
    disco_output *outputs[100];
    for (int label = 0; label < 100; label++) {
        outputs[label] = disco_output_open(task, DISCO_OUT_PART, label);
        if (!outputs[label]) return disco_task_error(task)->code;
    }
    for (int round = 0; round < 3; round++)
        for (int label = 0; label < 100; label++) {
            char block[70000];
            memset(block, 'a' + round, sizeof block);
            disco_output_write(outputs[label], block, sizeof block);
        }
    return 0;
}

static int write_and_fail(disco_task *task) {
    write_one(task);
    return disco_fail(task, DISCO_E_FATAL, "on purpose: %d", 7);
}

static int write_too_much(disco_task *task) {
    struct rlimit limit = {100000, 100000};
    char block[50000] = {0};
    setrlimit(RLIMIT_FSIZE, &limit);
    disco_output *output = disco_output_open(task, DISCO_OUT_DISCO, 0);
    for (int i = 0; output && i < 5; i++) disco_output_write(output, block, sizeof block);
    return 0; /* errors are kept by the task: nobody needs to look */
}

static int bad_label(disco_task *task) {
    disco_output_open(task, DISCO_OUT_PART, -1);
    return 0;
}

typedef struct bench {
    char *folder;
    disco_fake *fake;
} bench;

static int set_up(void **state) {
    bench *b = calloc(1, sizeof *b);
    b->folder = make_folder();
    b->fake = disco_fake_new(b->folder);
    assert_non_null(b->fake);
    *state = b;
    return 0;
}

static int tear_down(void **state) {
    bench *b = *state;
    disco_fake_free(b->fake);
    remove_folder(b->folder);
    free(b);
    return 0;
}

static void run(bench *b, int (*function)(disco_task *)) {
    disco_job job = {.run = function};
    if (disco_fake_run(b->fake, &job) != 0) fail_msg("%s", disco_fake_error(b->fake)->text);
}

static void an_open_output_is_closed_and_told(void **state) {
    bench *b = *state;
    disco_bytes content = {0};
    run(b, write_one);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_DONE);
    assert_int_equal(disco_fake_outputs(b->fake), 1);
    assert_int_equal(disco_fake_type(b->fake, 0), DISCO_OUT_DISCO);
    assert_true(disco_fake_location(b->fake, 0)[0] != '/');
    assert_int_equal(disco_fake_read_output(b->fake, 0, &content), 0);
    assert_bytes(&content, "hello");
    disco_bytes_free(&content);
}

static void two_attempts_write_different_files(void **state) {
    bench *b = *state;
    run(b, write_one);
    char *first = disco_copy_text(disco_text(disco_fake_location(b->fake, 0)));
    run(b, write_one);
    assert_string_not_equal(first, disco_fake_location(b->fake, 0));
    free(first);
}

static void a_hundred_labels_come_in_their_order_and_whole(void **state) {
    bench *b = *state;
    run(b, write_many);
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_outputs(b->fake), 100);
    for (size_t i = 0; i < 100; i++) {
        disco_bytes content = {0};
        assert_int_equal(disco_fake_type(b->fake, i), DISCO_OUT_PART);
        assert_int_equal(disco_fake_label(b->fake, i), i);
        assert_int_equal(disco_fake_read_output(b->fake, i, &content), 0);
        assert_int_equal(content.len, 210000);
        assert_int_equal(content.data[0], 'a');
        assert_int_equal(content.data[209999], 'c');
        disco_bytes_free(&content);
    }
}

static void a_task_that_fails_leaves_no_output(void **state) {
    bench *b = *state;
    run(b, write_and_fail);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_FATAL);
    assert_string_equal(disco_fake_text(b->fake), "on purpose: 7");
    assert_int_equal(disco_fake_outputs(b->fake), 0);
    assert_int_equal(disco_fake_exit_status(b->fake), 1);
}

static void a_full_disk_is_an_error(void **state) {
    bench *b = *state;
    run(b, write_too_much);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_ERROR);
    assert_non_null(strstr(disco_fake_text(b->fake), "cannot write"));
    assert_int_equal(disco_fake_outputs(b->fake), 0);
}

static void a_bad_label_is_fatal(void **state) {
    bench *b = *state;
    run(b, bad_label);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_FATAL);
}

/* ---- DDFS at the other end of a tag output ---- */

typedef struct ddfs {
    int port, puts, refuse_first;
    char tagged[1024], tag_path[512], authorization[256];
    char stored[64];
} ddfs;

static void answer_ddfs(void *context, const server_request *request, server_reply *reply) {
    ddfs *d = context;
    char text[512] = "[]";
    if (strncmp(request->path, "/ddfs/new_blob/", 15) == 0) {
        snprintf(text, sizeof text, "[\"http://127.0.0.1:%d/ddfs/put%s\"]", d->port,
                 strstr(request->path, "exclude=127.0.0.1") ? "/second" : "");
    } else if (strcmp(request->method, "PUT") == 0) {
        reply->status = d->puts++ == 0 && d->refuse_first ? 500 : 201;
        snprintf(d->stored, sizeof d->stored, "%.*s", (int)request->body_len, request->body);
        snprintf(text, sizeof text, "\"disco://node/ddfs/vol0/blob/x\"");
    } else if (strncmp(request->path, "/ddfs/tag/", 10) == 0) {
        snprintf(d->tag_path, sizeof d->tag_path, "%.500s", request->path);
        snprintf(d->tagged, sizeof d->tagged, "%.*s", (int)request->body_len, request->body);
        snprintf(d->authorization, sizeof d->authorization, "%.255s", request->authorization);
    } else {
        reply->status = 404;
    }
    assert_int_equal(disco_bytes_append(&reply->body, text, strlen(text)), 0);
}

static int save_one(disco_task *task) {
    disco_output *output = disco_output_open(task, DISCO_OUT_TAG, 0);
    if (!output) return disco_task_error(task)->code;
    disco_output_write(output, "kept", 4);
    return disco_output_close(output);
}

static void check_saving(bench *b, int refuse_first) {
    char master[64];
    ddfs d = {.refuse_first = refuse_first};
    disco_job job = {.run = save_one, .token = "secret"};
    server *web = server_start(answer_ddfs, &d);
    d.port = server_port(web);
    snprintf(master, sizeof master, "http://127.0.0.1:%d", d.port);
    disco_fake_master(b->fake, master);
    disco_fake_task(b->fake, DISCO_REDUCE, 4, "job@1");
    assert_int_equal(disco_fake_run(b->fake, &job), 0);
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    server_stop(web);
    assert_int_equal(disco_fake_outputs(b->fake), 1);
    assert_int_equal(disco_fake_type(b->fake, 0), DISCO_OUT_TAG);
    assert_string_equal(disco_fake_location(b->fake, 0), "disco:job:results:job@1");
    assert_string_equal(d.stored, "kept");
    assert_string_equal(d.tagged, "[[\"disco://node/ddfs/vol0/blob/x\"]]");
    assert_string_equal(d.tag_path, "/ddfs/tag/disco:job:results:job@1?delayed=1&update=1");
    assert_string_equal(d.authorization, "Basic dG9rZW46c2VjcmV0");
}

static void a_tag_output_is_stored_and_tagged(void **state) { check_saving(*state, 0); }
static void another_node_is_asked_for_when_one_fails(void **state) { check_saving(*state, 1); }

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_open_output_is_closed_and_told),
        TEST(two_attempts_write_different_files),
        TEST(a_hundred_labels_come_in_their_order_and_whole),
        TEST(a_task_that_fails_leaves_no_output),
        TEST(a_full_disk_is_an_error),
        TEST(a_bad_label_is_fatal),
        TEST(a_tag_output_is_stored_and_tagged),
        TEST(another_node_is_asked_for_when_one_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
