/* Inputs through a whole worker: schemes, replicas that break anywhere, indexes, polling. */
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "server.h"
#include "support.h"

static int copy_bytes(disco_task *task, disco_input *input, disco_output *output) {
    char buffer[777];
    ptrdiff_t got;
    while ((got = disco_input_read(input, buffer, sizeof buffer)) > 0) disco_output_write(output, buffer, (size_t)got);
    return got < 0 ? disco_task_error(task)->code : 0;
}

static int copy_lines(disco_task *task, disco_input *input, disco_output *output) {
    disco_slice line;
    int status;
    while ((status = disco_input_line(input, &line)) > 0) {
        disco_output_write(output, "<", 1);
        disco_output_write(output, line.data, line.len);
        disco_output_write(output, ">", 1);
    }
    (void)task;
    return status;
}

static int copy_records(disco_task *task, disco_input *input, disco_output *output) {
    disco_slice key, value;
    int status;
    while ((status = disco_input_record(input, &key, &value)) > 0) {
        disco_output_write(output, key.data, key.len);
        disco_output_write(output, "=", 1);
        disco_output_write(output, value.data, value.len);
        disco_output_write(output, ";", 1);
    }
    (void)task;
    return status;
}

typedef int (*copier)(disco_task *task, disco_input *input, disco_output *output);

static int copy_all(disco_task *task) {
    copier copy = *(copier *)disco_user(task);
    disco_output *output = disco_output_open(task, DISCO_OUT_DISCO, 0);
    disco_input *input;
    int status = output ? 0 : -1;
    while (status >= 0 && (status = disco_next_input(task, &input)) > 0) status = copy(task, input, output);
    return status;
}

typedef struct bench { /* one test's fake, folder and server */
    char *folder;
    disco_fake *fake;
    server *web;
    disco_bytes big;
} bench;

static void answer_web(void *context, const server_request *request, server_reply *reply) {
    bench *b = context;
    const char *data = b->big.data;
    size_t len = b->big.len;
    if (strcmp(request->path, "/small") == 0) data = "small data", len = 10;
    if (strcmp(request->path, "/gone") == 0) reply->status = 404;
    if (strcmp(request->path, "/moved") == 0) {
        reply->status = 302;
        snprintf(reply->location, sizeof reply->location, "/small");
    }
    if (strncmp(request->path, "/cut/", 5) == 0) {
        reply->is_cut = 1;
        reply->cut_at = strtoul(request->path + 5, NULL, 10);
    }
    if (strcmp(request->path, "/less") == 0) len /= 2;
    assert_int_equal(disco_bytes_append(&reply->body, data, len), 0);
}

static int set_up(void **state) {
    bench *b = calloc(1, sizeof *b);
    b->folder = make_folder();
    b->fake = disco_fake_new(b->folder);
    assert_non_null(b->fake);
    b->web = server_start(answer_web, b);
    *state = b;
    return 0;
}

static int tear_down(void **state) {
    bench *b = *state;
    server_stop(b->web);
    disco_fake_free(b->fake);
    disco_bytes_free(&b->big);
    remove_folder(b->folder);
    free(b);
    return 0;
}

/* `$W` in `urls` stands for the server. */
static void add_input(bench *b, int64_t id, const char *urls) {
    char text[2048] = "", address[64];
    snprintf(address, sizeof address, "http://127.0.0.1:%d", server_port(b->web));
    for (size_t at = 0; *urls; urls++) {
        if (urls[0] == '$' && urls[1] == 'W') {
            at += (size_t)snprintf(text + at, sizeof text - at, "%s", address);
            urls++;
        } else {
            text[at++] = *urls;
            text[at] = '\0';
        }
    }
    assert_int_equal(disco_fake_input(b->fake, id, text), 0);
}

static void run(bench *b, copier copy) {
    disco_job job = {.run = copy_all, .user = &copy};
    if (disco_fake_run(b->fake, &job) != 0) fail_msg("%s", disco_fake_error(b->fake)->text);
}

static void check_output(bench *b, const char *wanted) {
    disco_bytes content = {0};
    if (disco_fake_outcome(b->fake) != DISCO_DONE) fail_msg("%s", disco_fake_text(b->fake));
    assert_int_equal(disco_fake_exit_status(b->fake), 0);
    assert_int_equal(disco_fake_outputs(b->fake), 1);
    assert_int_equal(disco_fake_read_output(b->fake, 0, &content), 0);
    assert_bytes(&content, wanted);
    disco_bytes_free(&content);
}

static void raw_is_percent_decoded(void **state) {
    bench *b = *state;
    add_input(b, 3, "raw://a%20b%0Ac%zz%4");
    add_input(b, 1, "raw://");
    run(b, copy_bytes);
    check_output(b, "a b\nc%zz%4");
}

static void http_is_fetched_and_redirected(void **state) {
    bench *b = *state;
    add_input(b, 0, "$W/small");
    add_input(b, 1, "$W/moved");
    run(b, copy_bytes);
    check_output(b, "small datasmall data");
}

static void broken_replicas_are_passed_over_then_reported(void **state) {
    bench *b = *state;
    add_input(b, 5, "$W/gone http://127.0.0.1:1/x file:///no/such/file gopher://x nonsense");
    assert_int_equal(disco_fake_spare(b->fake, 5, "raw://spare"), 0);
    run(b, copy_bytes);
    check_output(b, "spare");
    assert_int_equal(disco_fake_requests(b->fake, DISCO_INPUT_ERR), 1);
}

static void without_replicas_the_task_fails_and_names_the_input(void **state) {
    bench *b = *state;
    add_input(b, 5, "$W/gone");
    run(b, copy_bytes);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_ERROR);
    assert_non_null(strstr(disco_fake_text(b->fake), "Input 5"));
    assert_non_null(strstr(disco_fake_text(b->fake), "404"));
    assert_int_equal(disco_fake_exit_status(b->fake), 1);
    assert_int_equal(disco_fake_outputs(b->fake), 0);
}

static void bytes_go_on_where_a_replica_was_cut(void **state) {
    bench *b = *state;
    static const char letters[] = "0123456789";
    for (int i = 0; i < 300000; i++) assert_int_equal(disco_bytes_append(&b->big, letters + i % 7, 3), 0);
    add_input(b, 0, "$W/cut/0 $W/cut/1 $W/cut/299999 $W/cut/899000 $W/less $W/whole");
    run(b, copy_bytes);
    assert_int_equal(disco_bytes_append(&b->big, "", 1), 0);
    b->big.len--;
    check_output(b, b->big.data);
}

static void lines_of_any_length_are_whole(void **state) {
    bench *b = *state;
    disco_bytes wanted = {0};
    const size_t lengths[] = {0, 1, 262143, 262144, 262145, 3, 600000, 0, 70000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        disco_bytes_append(&wanted, "<", 1);
        for (size_t j = 0; j < lengths[i]; j++) {
            disco_bytes_append(&b->big, "x", 1);
            disco_bytes_append(&wanted, "x", 1);
        }
        if (i + 1 < sizeof lengths / sizeof *lengths) disco_bytes_append(&b->big, "\n", 1);
        disco_bytes_append(&wanted, ">", 1);
    }
    disco_bytes_append(&wanted, "", 1);
    add_input(b, 0, "$W/cut/262150 $W/whole");
    run(b, copy_lines);
    check_output(b, wanted.data);
    disco_bytes_free(&wanted);
}

/* The same records in other hunks: the replicas of a map's output need not be copies byte by byte. */
static disco_bytes hunks(size_t target_bytes, disco_bytes *wanted) {
    disco_bytes stream = {0};
    char key[24], value[24];
    disco_writer *writer = disco_writer_new(write_bytes, &stream, DISCO_CODEC_ZLIB, target_bytes);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i * 7);
        assert_int_equal(disco_writer_add(writer, disco_text(key), disco_text(value)), 0);
        if (wanted) {
            disco_bytes_append(wanted, key, strlen(key));
            disco_bytes_append(wanted, "=", 1);
            disco_bytes_append(wanted, value, strlen(value));
            disco_bytes_append(wanted, ";", 1);
        }
    }
    assert_int_equal(disco_writer_flush(writer), 0);
    disco_writer_free(writer);
    return stream;
}

static void records_go_on_after_the_last_one_delivered(void **state) {
    bench *b = *state;
    char path[512], urls[1024];
    disco_bytes wanted = {0}, damaged = hunks(700, NULL);
    b->big = hunks(3000, &wanted);
    disco_bytes_append(&wanted, "", 1);
    damaged.data[damaged.len / 2] ^= 1; /* somewhere in the middle */
    snprintf(path, sizeof path, "%s/damaged", b->folder);
    write_file(path, damaged.data, damaged.len);
    snprintf(urls, sizeof urls, "$W/cut/%zu file://%s $W/whole", b->big.len / 3, path);
    add_input(b, 0, urls);
    run(b, copy_records);
    check_output(b, wanted.data);
    disco_bytes_free(&wanted);
    disco_bytes_free(&damaged);
}

static void put_node_file(bench *b, const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/disco", b->folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/disco/%s", b->folder, name);
    write_file(path, text, strlen(text));
}

static void files_of_this_node_are_opened(void **state) {
    bench *b = *state;
    put_node_file(b, "p0", "local");
    add_input(b, 0, "disco://fake/disco/p0");
    run(b, copy_bytes);
    check_output(b, "local");
    assert_int_equal(server_requests(b->web), 0);
}

static void a_path_cannot_lead_out_of_the_node_s_data(void **state) {
    bench *b = *state;
    char secret[512];
    snprintf(secret, sizeof secret, "%s/secret", b->folder);
    write_file(secret, "secret", 6);
    put_node_file(b, "p0", "x");
    add_input(b, 0, "disco://fake/disco/../secret");
    run(b, copy_bytes);
    assert_int_equal(disco_fake_outcome(b->fake), DISCO_ERROR);
}

static void gzip_to(const char *path, const char *text) {
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static void a_reduce_reads_its_label_of_an_index(void **state) {
    bench *b = *state;
    char path[512];
    put_node_file(b, "index", "0 raw://zero\n1 raw://one\n1 disco://fake/disco/p1\n12 raw://twelve\n");
    put_node_file(b, "p1", " and more");
    snprintf(path, sizeof path, "%s/disco/index.gz", b->folder);
    gzip_to(path, "1 raw://!\n2 raw://?\n");
    add_input(b, 0, "dir://fake/disco/index");
    add_input(b, 1, "dir://fake/disco/index.gz");
    disco_fake_task(b->fake, DISCO_REDUCE, 1, "test");
    run(b, copy_bytes);
    check_output(b, "one and more!");
}

static void a_map_reads_the_whole_index(void **state) {
    bench *b = *state;
    put_node_file(b, "index", "0 raw://zero\n1 raw://one\n");
    add_input(b, 0, "dir://fake/disco/index");
    run(b, copy_bytes);
    check_output(b, "zeroone");
}

static void damaged_indexes_are_broken_replicas(void **state) {
    bench *b = *state;
    put_node_file(b, "index", "0 raw://zero\nnonsense\n");
    put_node_file(b, "not.gz", "0 raw://zero\n");
    put_node_file(b, "loop", "0 dir://fake/disco/loop\n");
    add_input(b, 0, "dir://fake/disco/index dir://fake/disco/not.gz dir://fake/disco/loop raw://good");
    run(b, copy_bytes);
    check_output(b, "good");
}

static disco_kind run_with_index_limit(bench *b, size_t max_index_bytes) {
    copier copy = copy_bytes;
    disco_job job = {.run = copy_all, .user = &copy, .limits = {.max_index_bytes = max_index_bytes}};
    assert_int_equal(disco_fake_run(b->fake, &job), 0);
    return disco_fake_outcome(b->fake);
}

static void an_index_over_the_limit_is_refused(void **state) {
    bench *b = *state;
    char path[512];
    static const char index[] = "0 raw://zero\n0 raw://one\n";
    put_node_file(b, "index", index);
    snprintf(path, sizeof path, "%s/disco/index.gz", b->folder);
    gzip_to(path, "0 raw://zero\n0 raw://zero\n0 raw://zero\n0 raw://zero\n0 raw://zero\n0 raw://zero\n");
    add_input(b, 0, "dir://fake/disco/index");
    assert_int_equal(run_with_index_limit(b, sizeof index - 1), DISCO_DONE);
    assert_int_equal(run_with_index_limit(b, sizeof index - 2), DISCO_ERROR);
    add_input(b, 1, "dir://fake/disco/index.gz");
    assert_int_equal(run_with_index_limit(b, 78), DISCO_DONE);
    assert_int_equal(run_with_index_limit(b, 77), DISCO_ERROR);
}

static void script_inputs(bench *b, size_t nth, const char *payload) {
    disco_bytes frame = {0};
    assert_int_equal(disco_frame_append(&frame, "INPUT", disco_text(payload)), 0);
    assert_int_equal(disco_bytes_append(&frame, "", 1), 0);
    assert_int_equal(disco_fake_answer(b->fake, DISCO_INPUT_REQUEST, nth, frame.data), 0);
    disco_bytes_free(&frame);
}

static void busy_inputs_are_asked_for_again(void **state) {
    bench *b = *state;
    script_inputs(b, 0, "[\"more\", [[7, \"busy\", []], [3, \"ok\", [[0, \"raw://a\"]]]]]");
    add_input(b, 3, "raw://never read again");
    add_input(b, 7, "raw://b");
    run(b, copy_bytes);
    check_output(b, "ab");
    assert_int_equal(disco_fake_requests(b->fake, DISCO_INPUT_REQUEST), 2);
}

static void wait_is_kept_and_only_that_input_asked_for(void **state) {
    bench *b = *state;
    add_input(b, 4, "file:///no/such/file");
    disco_fake_answer(b->fake, DISCO_INPUT_ERR, 0, "WAIT 1 1\n");
    script_inputs(b, 1, "[\"done\", [[4, \"ok\", [[2, \"raw://made\"]]]]]");
    double before_s = disco_now_s();
    run(b, copy_bytes);
    check_output(b, "made");
    assert_true(disco_now_s() - before_s >= 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(raw_is_percent_decoded),
        TEST(http_is_fetched_and_redirected),
        TEST(broken_replicas_are_passed_over_then_reported),
        TEST(without_replicas_the_task_fails_and_names_the_input),
        TEST(bytes_go_on_where_a_replica_was_cut),
        TEST(lines_of_any_length_are_whole),
        TEST(records_go_on_after_the_last_one_delivered),
        TEST(files_of_this_node_are_opened),
        TEST(a_path_cannot_lead_out_of_the_node_s_data),
        TEST(a_reduce_reads_its_label_of_an_index),
        TEST(a_map_reads_the_whole_index),
        TEST(damaged_indexes_are_broken_replicas),
        TEST(an_index_over_the_limit_is_refused),
        TEST(busy_inputs_are_asked_for_again),
        TEST(wait_is_kept_and_only_that_input_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
