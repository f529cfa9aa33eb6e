/* Record streams and partitions on the shared vectors; resuming, limits, and what a writer makes. */
#include <sys/resource.h>

#include "support.h"

static bool lacks_codec(const char *stem) { return strstr(stem, "lz4") || (strstr(stem, "zstd") && !HAS_ZSTD); }

static void check_record(const json_t *pair, disco_slice key, disco_slice value) {
    disco_bytes wanted_key = decode_base64(json_string_value(json_array_get(pair, 0)));
    disco_bytes wanted_value = decode_base64(json_string_value(json_array_get(pair, 1)));
    assert_int_equal(key.len, wanted_key.len);
    assert_int_equal(value.len, wanted_value.len);
    if (key.len) assert_memory_equal(key.data, wanted_key.data, key.len);
    if (value.len) assert_memory_equal(value.data, wanted_value.data, value.len);
    disco_bytes_free(&wanted_key);
    disco_bytes_free(&wanted_value);
}

/* Reads with `skip`, in pieces: the records from there on. */
static void check_reading(const disco_bytes *bytes, const json_t *records, size_t skip, size_t piece) {
    source from = {bytes->data, bytes->len, 0, piece};
    disco_slice key, value;
    disco_reader *reader = disco_reader_new(read_source, &from, "disco://h/x", NULL, NULL);
    assert_non_null(reader);
    disco_reader_skip(reader, skip);
    for (size_t i = skip; i < json_array_size(records); i++) {
        int status = disco_reader_next(reader, &key, &value);
        if (status != 1) fail_msg("%s", disco_reader_error(reader)->text);
        check_record(json_array_get(records, i), key, value);
    }
    assert_int_equal(disco_reader_next(reader, &key, &value), 0);
    disco_reader_free(reader);
}

static void check_valid(const char *stem) {
    char path[1100];
    snprintf(path, sizeof path, "%s.bin", stem);
    disco_bytes bytes = read_file(path);
    json_t *about = load_json(stem, ".json"), *records = json_object_get(about, "records");
    if (lacks_codec(stem)) {
        source from = {bytes.data, bytes.len, 0, 0};
        disco_slice key, value;
        disco_reader *reader = disco_reader_new(read_source, &from, "u", NULL, NULL);
        assert_int_equal(disco_reader_next(reader, &key, &value), DISCO_E_FATAL);
        assert_non_null(strstr(disco_reader_error(reader)->text, strstr(stem, "lz4") ? "lz4" : "zstd"));
        disco_reader_free(reader);
    } else {
        check_reading(&bytes, records, 0, 0);
        check_reading(&bytes, records, 0, 1);
        for (size_t skip = 1; skip <= json_array_size(records) && skip < 40; skip++)
            check_reading(&bytes, records, skip, 7);
    }
    json_decref(about);
    disco_bytes_free(&bytes);
}

static void check_invalid(const char *stem) {
    char path[1100];
    snprintf(path, sizeof path, "%s.bin", stem);
    disco_bytes bytes = read_file(path);
    for (size_t piece = 0; piece < 3; piece++) {
        source from = {bytes.data, bytes.len, 0, piece};
        disco_slice key, value;
        disco_reader *reader = disco_reader_new(read_source, &from, "disco://h/x", NULL, NULL);
        int status;
        while ((status = disco_reader_next(reader, &key, &value)) > 0) assert_non_null(key.data);
        if (status == 0) fail_msg("%s was read to its end", stem);
        assert_int_equal(disco_reader_next(reader, &key, &value), status);
        assert_non_null(strstr(disco_reader_error(reader)->text, "disco://h/x"));
        assert_non_null(strstr(disco_reader_error(reader)->text, "byte"));
        disco_reader_free(reader);
    }
    disco_bytes_free(&bytes);
}

static void valid_vectors_are_read(void **state) {
    (void)state;
    assert_true(for_each_vector("records/valid", ".bin", check_valid) >= 15);
}

static void invalid_vectors_are_refused_without_the_memory_they_claim(void **state) {
    (void)state;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    assert_true(for_each_vector("records/invalid", ".bin", check_invalid) >= 30);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024); /* KiB; a header there claims 4 GiB */
}

static void partition_vectors_agree(void **state) {
    (void)state;
    disco_bytes text = read_file(VECTORS "/partition/vectors.json");
    json_t *row;
    size_t index;
    /* Keys with half surrogates, which this JSON library does not take: only their canonical bytes are needed. */
    for (char *at = text.data; (at = strstr(at, "\\ud")) != NULL; at += 3) at[2] = '0';
    json_t *rows = json_loadb(text.data, text.len, 0, NULL);
    assert_true(json_array_size(rows) >= 80);
    json_array_foreach(rows, index, row) {
        disco_bytes key = decode_base64(json_string_value(json_object_get(row, "canonical")));
        uint32_t n = (uint32_t)json_integer_value(json_object_get(row, "n"));
        assert_int_equal(disco_partition(disco_slice_of(key.data, key.len), n),
                         json_integer_value(json_object_get(row, "partition")));
        disco_bytes_free(&key);
    }
    json_decref(rows);
    disco_bytes_free(&text);
}

static disco_bytes write_stream(disco_codec codec, size_t count, size_t target_bytes) {
    disco_bytes out = {0};
    char key[32], value[64];
    disco_writer *writer = disco_writer_new(write_bytes, &out, codec, target_bytes);
    assert_non_null(writer);
    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key %zu", i);
        snprintf(value, sizeof value, "value of record %zu, which is text", i);
        assert_int_equal(disco_writer_add(writer, disco_text(key), disco_text(value)), 0);
    }
    assert_int_equal(disco_writer_flush(writer), 0);
    disco_writer_free(writer);
    return out;
}

static void read_back(const disco_bytes *stream, size_t skip, size_t count) {
    source from = {stream->data, stream->len, 0, 0};
    disco_slice key, value;
    char wanted[32];
    disco_reader *reader = disco_reader_new(read_source, &from, "u", NULL, NULL);
    disco_reader_skip(reader, skip);
    for (size_t i = skip; i < count; i++) {
        assert_int_equal(disco_reader_next(reader, &key, &value), 1);
        snprintf(wanted, sizeof wanted, "key %zu", i);
        assert_int_equal(disco_slice_compare(key, disco_text(wanted)), 0);
    }
    assert_int_equal(disco_reader_next(reader, &key, &value), 0);
    disco_reader_free(reader);
}

static void what_is_written_is_read_and_resumed_anywhere(void **state) {
    (void)state;
    const disco_codec codecs[] = {DISCO_CODEC_NONE, DISCO_CODEC_ZLIB, DISCO_CODEC_ZSTD};
    for (size_t c = 0; c < 3; c++) {
        if (!disco_codec_available(codecs[c])) continue;
        disco_bytes stream = write_stream(codecs[c], 5000, 10000);
        assert_int_equal((unsigned char)stream.data[2], codecs[c]);
        read_back(&stream, 0, 5000);
        for (size_t skip = 1; skip <= 5000; skip += 311) read_back(&stream, skip, 5000);
        read_back(&stream, 5000, 5000);
        disco_bytes_free(&stream);
    }
}

static void a_replica_with_fewer_records_is_broken(void **state) {
    (void)state;
    disco_bytes stream = write_stream(DISCO_CODEC_ZLIB, 10, 0);
    source from = {stream.data, stream.len, 0, 0};
    disco_slice key, value;
    disco_reader *reader = disco_reader_new(read_source, &from, "u", NULL, NULL);
    disco_reader_skip(reader, 11);
    assert_int_equal(disco_reader_next(reader, &key, &value), DISCO_E_DATA);
    disco_reader_free(reader);
    disco_bytes_free(&stream);
}

static void what_does_not_shrink_is_stored(void **state) {
    (void)state;
    disco_bytes out = {0};
    disco_writer *writer = disco_writer_new(write_bytes, &out, DISCO_CODEC_ZLIB, 0);
    assert_int_equal(disco_writer_add(writer, disco_text("k"), disco_text("v")), 0);
    assert_int_equal(disco_writer_flush(writer), 0);
    assert_int_equal(out.data[2], DISCO_CODEC_NONE);
    disco_writer_free(writer);
    disco_bytes_free(&out);
}

static void a_hunk_over_the_reader_s_limit_is_refused(void **state) {
    (void)state;
    disco_bytes stream = write_stream(DISCO_CODEC_NONE, 100, 0);
    size_t raw = stream.len - 20;
    for (size_t limit = raw - 1; limit <= raw; limit++) {
        disco_limits limits = {.max_hunk_raw_bytes = limit};
        source from = {stream.data, stream.len, 0, 0};
        disco_slice key, value;
        disco_reader *reader = disco_reader_new(read_source, &from, "u", &limits, NULL);
        assert_int_equal(disco_reader_next(reader, &key, &value), limit == raw ? 1 : DISCO_E_DATA);
        disco_reader_free(reader);
    }
    disco_bytes_free(&stream);
}

static void pickles_are_refused_and_named(void **state) {
    (void)state;
    disco_bytes stream = write_stream(DISCO_CODEC_NONE, 1, 0);
    source from = {stream.data, stream.len, 0, 0};
    disco_slice key, value;
    stream.data[1] = 0;
    disco_reader *reader = disco_reader_new(read_source, &from, "u", NULL, NULL);
    assert_int_equal(disco_reader_next(reader, &key, &value), DISCO_E_FATAL);
    assert_non_null(strstr(disco_reader_error(reader)->text, "pickle"));
    disco_reader_free(reader);
    disco_bytes_free(&stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors_are_read),
        cmocka_unit_test(invalid_vectors_are_refused_without_the_memory_they_claim),
        cmocka_unit_test(partition_vectors_agree),
        cmocka_unit_test(what_is_written_is_read_and_resumed_anywhere),
        cmocka_unit_test(a_replica_with_fewer_records_is_broken),
        cmocka_unit_test(what_does_not_shrink_is_stored),
        cmocka_unit_test(a_hunk_over_the_reader_s_limit_is_refused),
        cmocka_unit_test(pickles_are_refused_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
