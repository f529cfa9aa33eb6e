/* The client against a small master of our own: what it asks, what it makes of the answers, and what of refusals. */
#include <unistd.h>

#include "server.h"
#include "support.h"

typedef struct exchange { /* one request that must come, and its answer */
    const char *method, *path, *body;
    int status;
    const char *reply;
} exchange;

typedef struct master {
    const exchange *script;
    size_t count, at;
    char wrong[512], authorization[256];
    server *web;
    disco_client *client;
    const char *file; /* served under /file/... */
    size_t file_len, file_cut;
} master;

static void answer(void *context, const server_request *request, server_reply *reply) {
    master *m = context;
    if (strncmp(request->path, "/file/", 6) == 0) {
        assert_int_equal(disco_bytes_append(&reply->body, m->file, m->file_len), 0);
        reply->is_cut = strcmp(request->path, "/file/cut") == 0;
        reply->cut_at = m->file_cut;
        return;
    }
    const exchange *wanted = m->at < m->count ? &m->script[m->at++] : NULL;
    if (!wanted || strcmp(request->method, wanted->method) != 0 || strcmp(request->path, wanted->path) != 0 ||
        (wanted->body &&
         (strlen(wanted->body) != request->body_len || memcmp(wanted->body, request->body, request->body_len) != 0))) {
        snprintf(m->wrong, sizeof m->wrong, "%s %.200s %.*s", request->method, request->path,
                 (int)(request->body_len % 200), request->body);
        reply->status = 400;
        return;
    }
    snprintf(m->authorization, sizeof m->authorization, "%s", request->authorization);
    reply->status = wanted->status;
    assert_int_equal(disco_bytes_append(&reply->body, wanted->reply, strlen(wanted->reply)), 0);
}

static master *start(const exchange *script, size_t count) {
    char url[64];
    master *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->script = script;
    m->count = count;
    m->web = server_start(answer, m);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server_port(m->web));
    m->client = disco_client_new(url, NULL);
    assert_non_null(m->client);
    return m;
}

static void stop(master *m) {
    server_stop(m->web);
    if (*m->wrong) fail_msg("the client asked: %s", m->wrong);
    assert_int_equal(m->at, m->count);
    disco_client_free(m->client);
    free(m);
}

#define START(script) start(script, sizeof script / sizeof *script)

static void tags_are_listed_read_and_changed(void **state) {
    (void)state;
    static const exchange script[] = {
        {"GET", "/ddfs/tags", NULL, 200, "[\"a:b\", \"c\"]"},
        {"GET", "/ddfs/tags/a%3F", NULL, 200, "[]"},
        {"GET", "/ddfs/tag/a:b", NULL, 200,
         "{\"version\": 1, \"id\": \"a:b$1\", \"last-modified\": \"now\", \"urls\": [[\"disco://h/x\", "
         "\"disco://i/x\"], [\"tag://c\"]], "
         "\"user-data\": {\"owner\": \"me\"}}"},
        {"POST", "/ddfs/tag/a:b?update=1", "[[\"disco://h/y\"]]", 200, "[]"},
        {"PUT", "/ddfs/tag/a:b", "[[\"disco://h/y\"]]", 200, "[]"},
        {"DELETE", "/ddfs/tag/a:b", NULL, 200, "\"deleted\""},
        {"PUT", "/ddfs/tag/a:b/k%20k", "\"v \\\"é\"", 200, "\"\""},
        {"GET", "/ddfs/tag/a:b/k%20k", NULL, 200, "\"v\""},
        {"DELETE", "/ddfs/tag/a:b/k%20k", NULL, 200, "\"deleted\""},
    };
    master *m = START(script);
    disco_list names = {0}, urls = {0};
    disco_blobs blobs = {&urls, 1};
    disco_bytes value = {0};
    disco_tag tag;
    assert_int_equal(disco_ddfs_list(m->client, NULL, &names), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0], "a:b");
    assert_int_equal(disco_ddfs_list(m->client, "a?", &names), 0);
    assert_int_equal(disco_ddfs_get(m->client, "a:b", &tag), 0);
    assert_string_equal(tag.id, "a:b$1");
    assert_int_equal(tag.blobs.count, 2);
    assert_string_equal(tag.blobs.items[0].items[1], "disco://i/x");
    assert_string_equal(tag.attributes[0].value, "me");
    disco_tag_clear(&tag);
    assert_int_equal(disco_list_add(&urls, "disco://h/y"), 0);
    assert_int_equal(disco_ddfs_tag(m->client, "a:b", &blobs, DISCO_TAG_UPDATE), 0);
    assert_int_equal(disco_ddfs_replace(m->client, "a:b", &blobs), 0);
    assert_int_equal(disco_ddfs_delete(m->client, "a:b"), 0);
    assert_int_equal(disco_ddfs_set_attribute(m->client, "a:b", "k k", "v \"é"), 0);
    assert_int_equal(disco_ddfs_get_attribute(m->client, "a:b", "k k", &value), 0);
    assert_bytes(&value, "v");
    assert_int_equal(disco_ddfs_delete_attribute(m->client, "a:b", "k k"), 0);
    disco_list_clear(&names);
    disco_list_clear(&urls);
    disco_bytes_free(&value);
    stop(m);
}

static void tokens_are_sent_and_refusals_told(void **state) {
    (void)state;
    static const exchange script[] = {
        {"GET", "/ddfs/tag/t", NULL, 401, "\"wrong token\""},
        {"DELETE", "/ddfs/tag/t", NULL, 200, "\"deleted\""},
        {"GET", "/ddfs/tag/t", NULL, 200, "no json"},
        {"GET", "/ddfs/tag/t", NULL, 200, "{\"urls\": 7}"},
    };
    master *m = START(script);
    disco_tag tag;
    assert_int_equal(disco_client_set_tokens(m->client, "reader", "writer"), 0);
    assert_int_equal(disco_ddfs_get(m->client, "t", &tag), DISCO_E_REFUSED);
    assert_int_equal(disco_client_error(m->client)->http_status, 401);
    assert_non_null(strstr(disco_client_error(m->client)->text, "wrong token"));
    assert_string_equal(m->authorization, "Basic dG9rZW46cmVhZGVy");
    assert_int_equal(disco_ddfs_delete(m->client, "t"), 0);
    assert_int_equal(disco_client_error(m->client)->code, 0);
    assert_string_equal(m->authorization, "Basic dG9rZW46d3JpdGVy");
    assert_int_equal(disco_ddfs_get(m->client, "t", &tag), DISCO_E_DATA);
    assert_int_equal(disco_ddfs_get(m->client, "t", &tag), DISCO_E_DATA);
    stop(m);
}

static void a_busy_master_is_asked_again(void **state) {
    (void)state;
    static const exchange script[] = {
        {"GET", "/ddfs/tags", NULL, 503, ""},
        {"GET", "/ddfs/tags", NULL, 503, ""},
        {"GET", "/ddfs/tags", NULL, 200, "[]"},
    };
    master *m = START(script);
    disco_list names = {0};
    assert_int_equal(disco_ddfs_list(m->client, NULL, &names), 0);
    stop(m);
}

static void an_unreachable_master_is_told(void **state) {
    (void)state;
    disco_client *client = disco_client_new("http://127.0.0.1:1", NULL);
    disco_list names = {0};
    assert_int_equal(disco_ddfs_list(client, NULL, &names), DISCO_E_ELSEWHERE);
    assert_non_null(strstr(disco_client_error(client)->text, "127.0.0.1"));
    disco_client_free(client);
    assert_null(disco_client_new("gopher://x", NULL));
}

static void a_job_is_submitted_and_awaited(void **state) {
    (void)state;
    static const exchange script[] = {
        {"POST", "/disco/job/new", "pack", 200, "[\"ok\", \"j@1:2:3\"]"},
        {"POST", "/disco/job/new", "bad", 200, "[\"error\", \"no good\"]"},
        {"POST", "/disco/ctrl/get_results", "[0,[\"j@1:2:3\"]]", 200, "[[\"j@1:2:3\", [\"active\", []]]]"},
        {"POST", "/disco/ctrl/get_results", "[10000,[\"j@1:2:3\"]]", 200, "[[\"j@1:2:3\", [\"active\", []]]]"},
        {"POST", "/disco/ctrl/get_results", "[10000,[\"j@1:2:3\"]]", 200,
         "[[\"j@1:2:3\", [\"ready\", [\"dir://h/x\"]]]]"},
        {"POST", "/disco/ctrl/get_results", "[0,[\"dead\"]]", 200, "[[\"dead\", [\"dead\", []]]]"},
        {"GET", "/disco/ctrl/jobinfo?name=dead", NULL, 200, "{\"failure\": \"a worker said so\"}"},
        {"POST", "/disco/ctrl/kill_job", "\"j@1:2:3\"", 200, "\"\""},
        {"POST", "/disco/ctrl/clean_job", "\"j@1:2:3\"", 200, "\"\""},
        {"POST", "/disco/ctrl/purge_job", "\"j@1:2:3\"", 200, "\"\""},
    };
    master *m = START(script);
    disco_bytes name = {0};
    disco_list results = {0};
    assert_int_equal(disco_job_submit(m->client, disco_text("pack"), &name), 0);
    assert_string_equal(name.data, "j@1:2:3");
    assert_int_equal(disco_job_submit(m->client, disco_text("bad"), &name), DISCO_E_REFUSED);
    assert_string_equal(disco_client_error(m->client)->text, "no good");
    assert_int_equal(disco_job_wait(m->client, name.data, 0, &results), 0);
    assert_int_equal(disco_job_wait(m->client, name.data, -1, &results), 1);
    assert_string_equal(results.items[0], "dir://h/x");
    assert_int_equal(disco_job_wait(m->client, "dead", 0, &results), DISCO_E_FATAL);
    assert_non_null(strstr(disco_client_error(m->client)->text, "a worker said so"));
    assert_int_equal(disco_job_kill(m->client, name.data), 0);
    assert_int_equal(disco_job_clean(m->client, name.data), 0);
    assert_int_equal(disco_job_purge(m->client, name.data), 0);
    disco_bytes_free(&name);
    disco_list_clear(&results);
    stop(m);
}

static void results_are_read_over_replicas_and_tags(void **state) {
    (void)state;
    static const exchange script[] = {
        {"GET", "/ddfs/tag/t", NULL, 200,
         "{\"id\": \"t\", \"last-modified\": \"\", \"urls\": [[\"http://127.0.0.1:1/x\", \"raw://\"]], \"user-data\": "
         "{}}"},
    };
    master *m = START(script);
    char cut_and_whole[256], wanted[32];
    disco_bytes stream = {0};
    disco_list urls = {0};
    disco_slice key, value;
    disco_writer *writer = disco_writer_new(write_bytes, &stream, DISCO_CODEC_ZLIB, 500);
    for (int i = 0; i < 500; i++) {
        snprintf(wanted, sizeof wanted, "%d", i);
        assert_int_equal(disco_writer_add(writer, disco_text(wanted), disco_text("value")), 0);
    }
    assert_int_equal(disco_writer_flush(writer), 0);
    disco_writer_free(writer);
    m->file = stream.data;
    m->file_len = stream.len;
    m->file_cut = stream.len / 2;
    snprintf(cut_and_whole, sizeof cut_and_whole, "http://127.0.0.1:%d/file/cut http://127.0.0.1:%d/file/whole",
             server_port(m->web), server_port(m->web));
    assert_int_equal(disco_list_add(&urls, cut_and_whole), 0);
    assert_int_equal(disco_list_add(&urls, "tag://t"), 0);
    disco_results_reader *results = disco_results_open(m->client, &urls);
    for (int i = 0; i < 500; i++) {
        snprintf(wanted, sizeof wanted, "%d", i);
        if (disco_results_next(results, &key, &value) != 1) fail_msg("%s", disco_results_error(results)->text);
        assert_int_equal(disco_slice_compare(key, disco_text(wanted)), 0);
    }
    assert_int_equal(disco_results_next(results, &key, &value), 0);
    disco_results_free(results);
    disco_list_clear(&urls);
    disco_bytes_free(&stream);
    stop(m);
}

static void results_that_are_lost_are_an_error(void **state) {
    (void)state;
    master *m = start(NULL, 0);
    disco_list urls = {0};
    char buffer[16];
    assert_int_equal(disco_list_add(&urls, "raw://plain%20text http://127.0.0.1:1/never"), 0);
    assert_int_equal(disco_list_add(&urls, "http://127.0.0.1:1/x"), 0);
    disco_results_reader *results = disco_results_open(m->client, &urls);
    assert_int_equal(disco_results_read(results, buffer, sizeof buffer), 10);
    assert_memory_equal(buffer, "plain text", 10);
    assert_int_equal(disco_results_read(results, buffer, sizeof buffer), DISCO_E_DATA);
    assert_int_equal(disco_results_read(results, buffer, sizeof buffer), DISCO_E_DATA);
    disco_results_free(results);
    disco_list_clear(&urls);
    stop(m);
}

static void files_are_pushed_and_tagged(void **state) {
    (void)state;
    char *folder = make_folder(), path[512], put[128], answered[256];
    master *m = start(NULL, 0);
    snprintf(path, sizeof path, "%s/some file.txt", folder);
    write_file(path, "content", 7);
    snprintf(put, sizeof put, "/ddfs/vol0/x");
    snprintf(answered, sizeof answered, "[\"http://127.0.0.1:%d%s\"]", server_port(m->web), put);
    const exchange script[] = {
        {"GET", "/ddfs/new_blob/some_file_txt?replicas=1", NULL, 200, answered},
        {"PUT", put, "content", 201, "\"disco://h/x\""},
        {"POST", "/ddfs/tag/t?delayed=1", "[[\"disco://h/x\"]]", 200, "[]"},
    };
    m->script = script;
    m->count = 3;
    const char *const paths[] = {path};
    int status = disco_ddfs_push(m->client, "t", paths, 1, 1, DISCO_TAG_DELAYED);
    if (status != 0) fail_msg("%s", disco_client_error(m->client)->text);
    const char *const missing[] = {"/no/such/file"};
    assert_int_equal(disco_ddfs_push(m->client, "t", missing, 1, 1, 0), DISCO_E_FATAL);
    stop(m);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_listed_read_and_changed),   cmocka_unit_test(tokens_are_sent_and_refusals_told),
        cmocka_unit_test(a_busy_master_is_asked_again),       cmocka_unit_test(an_unreachable_master_is_told),
        cmocka_unit_test(a_job_is_submitted_and_awaited),     cmocka_unit_test(results_are_read_over_replicas_and_tags),
        cmocka_unit_test(results_that_are_lost_are_an_error), cmocka_unit_test(files_are_pushed_and_tagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
