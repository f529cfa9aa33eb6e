/* Job packs: the shared vectors as far as a worker reads them, and what is built. */
#include <sys/stat.h>

#include "client/pack.h"
#include "support.h"

/* What a worker checks of a pack: its header and the job dict's reduces. */
static int check_pack(const disco_bytes *pack, disco_error *error) {
    disco_pack_header header;
    bool has_reduce;
    int64_t reduces;
    size_t head = pack->len < DISCO_PACK_HEADER_BYTES ? pack->len : DISCO_PACK_HEADER_BYTES;
    int status = disco_pack_parse_header(disco_slice_of(pack->data, head), pack->len, &header, error);
    if (status < 0) return status;
    return disco_pack_reduces(disco_slice_of(pack->data + header.offsets[0], header.offsets[1] - header.offsets[0]),
                              &has_reduce, &reduces, error);
}

static void check_valid(const char *stem) {
    char path[1100];
    disco_error error = {0};
    snprintf(path, sizeof path, "%s.pack", stem);
    disco_bytes pack = read_file(path);
    if (check_pack(&pack, &error) < 0) fail_msg("%s: %s", stem, error.text);
    disco_bytes_free(&pack);
}

static void check_invalid(const char *stem) {
    static const char *const judged[] = {"magic",          "version",         "header",          "offset",
                                         "jobdict-a-list", "jobdict-no-json", "jobdict-no-utf8", "jobdict-key-twice",
                                         "nr-reduces",     "empty-file"};
    const char *name = strrchr(stem, '/') + 1;
    bool is_ours = false;
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++)
        is_ours = is_ours || strncmp(name, judged[i], strlen(judged[i])) == 0;
    if (!is_ours) return; /* a worker does not look there: the master has */
    char path[1100];
    disco_error error = {0};
    snprintf(path, sizeof path, "%s.pack", stem);
    disco_bytes pack = read_file(path);
    if (check_pack(&pack, &error) != DISCO_E_FATAL) fail_msg("%s was taken", stem);
    assert_non_null(strchr(error.text, ':')); /* the text begins with the field */
    disco_bytes_free(&pack);
}

static void valid_vectors_are_read(void **state) {
    (void)state;
    assert_true(for_each_vector("jobpack/valid", ".pack", check_valid) >= 14);
}

static void invalid_vectors_are_refused(void **state) {
    (void)state;
    assert_true(for_each_vector("jobpack/invalid", ".pack", check_invalid) >= 30);
}

static void the_same_content_makes_the_same_bytes(void **state) {
    (void)state;
    char *folder = make_folder(), worker[256], data[256];
    disco_bytes one = {0}, other = {0};
    disco_error error = {0};
    snprintf(worker, sizeof worker, "%s/my-worker.bin", folder);
    snprintf(data, sizeof data, "%s/a data file", folder);
    write_file(worker, "#!/bin/sh\n", 10);
    write_file(data, "data", 4);
    const char *const inputs[] = {"raw://a", "http://h/x http://i/x"}, *const files[] = {data},
                      *const envs[] = {"A=b=c", "E="};
    disco_pack pack = {.worker = worker,
                       .inputs = inputs,
                       .input_count = 2,
                       .files = files,
                       .file_count = 1,
                       .envs = envs,
                       .env_count = 2,
                       .map = 1,
                       .reduce = 1,
                       .reduces = 4,
                       .max_cores = 2,
                       .data = disco_text("job data")};
    assert_int_equal(disco_pack_build(&pack, &one, &error), 0);
    chmod(data, 0600);
    assert_int_equal(disco_pack_build(&pack, &other, &error), 0);
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.data, other.data, one.len);
    disco_pack_header header;
    bool has_reduce;
    int64_t reduces;
    assert_int_equal(
        disco_pack_parse_header(disco_slice_of(one.data, DISCO_PACK_HEADER_BYTES), one.len, &header, &error), 0);
    disco_slice dict = disco_slice_of(one.data + header.offsets[0], header.offsets[1] - header.offsets[0]);
    assert_int_equal(disco_pack_reduces(dict, &has_reduce, &reduces, &error), 0);
    assert_int_equal(reduces, 4);
    assert_true(has_reduce);
    static const char wanted[] =
        "{\"input\":[\"raw://a\",[\"http://h/x\",\"http://i/x\"]],\"map?\":true,\"nr_reduces\":4,\"owner\":\"\","
        "\"prefix\":\"my_worker\",\"reduce?\":true,\"scheduler\":{\"max_cores\":2},\"worker\":\"my-worker.bin\"}";
    assert_int_equal(dict.len, sizeof wanted - 1);
    assert_memory_equal(dict.data, wanted, dict.len);
    assert_memory_equal(one.data + header.offsets[1], "{\"A\":\"b=c\",\"E\":\"\"}",
                        header.offsets[2] - header.offsets[1]);
    assert_memory_equal(one.data + header.offsets[3], "job data", one.len - header.offsets[3]);
    disco_bytes_free(&one);
    disco_bytes_free(&other);
    remove_folder(folder);
}

static int build_with(const char *worker, const char *file, const char *env, disco_error *error) {
    disco_bytes out = {0};
    const char *const files[] = {file}, *const envs[] = {env};
    disco_pack pack = {
        .worker = worker, .files = files, .file_count = file != NULL, .envs = envs, .env_count = env != NULL, .map = 1};
    memset(error, 0, sizeof *error);
    int status = disco_pack_build(&pack, &out, error);
    assert_int_equal(out.len == 0, status < 0);
    disco_bytes_free(&out);
    return status;
}

static void what_cannot_be_packed_is_named(void **state) {
    (void)state;
    char *folder = make_folder(), worker[256];
    disco_error error;
    snprintf(worker, sizeof worker, "%s/w", folder);
    write_file(worker, "x", 1);
    assert_int_equal(build_with(worker, NULL, NULL, &error), 0);
    assert_int_equal(build_with("/no/such/worker", NULL, NULL, &error), DISCO_E_FATAL);
    assert_non_null(strstr(error.text, "/no/such/worker"));
    assert_int_equal(build_with(worker, folder, NULL, &error), DISCO_E_FATAL);
    assert_int_equal(build_with(worker, worker, NULL, &error), DISCO_E_FATAL);
    assert_non_null(strstr(error.text, "two files"));
    assert_int_equal(build_with(worker, NULL, "NOEQUALS", &error), DISCO_E_FATAL);
    assert_int_equal(build_with(worker, NULL, "=x", &error), DISCO_E_FATAL);
    assert_non_null(strstr(error.text, "jobenvs"));
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors_are_read),
        cmocka_unit_test(invalid_vectors_are_refused),
        cmocka_unit_test(the_same_content_makes_the_same_bytes),
        cmocka_unit_test(what_cannot_be_packed_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
