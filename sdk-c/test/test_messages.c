/* Messages on the shared vectors: parsed, written again, and compared with their canonical JSON. */
#include "support.h"

static disco_role role_of(const json_t *about) {
    return strcmp(json_string_value(json_object_get(about, "from")), "worker") == 0 ? DISCO_ROLE_WORKER
                                                                                    : DISCO_ROLE_DISCO;
}

static disco_bytes frame_of(const json_t *about) {
    const json_t *text = json_object_get(about, "frame");
    disco_bytes bytes = {0};
    if (!text) return decode_base64(json_string_value(json_object_get(about, "frame_base64")));
    assert_int_equal(disco_bytes_append(&bytes, json_string_value(text), json_string_length(text)), 0);
    return bytes;
}

static void check_valid(const char *stem) {
    json_t *about = load_json(stem, ".json");
    disco_bytes bytes = frame_of(about), again = {0};
    disco_frame frame;
    disco_message message;
    disco_error error = {0};
    json_error_t reason;
    assert_int_equal(disco_frame_parse(bytes.data, bytes.len, 0, &frame, NULL), (ptrdiff_t)bytes.len);
    if (disco_message_parse(&frame, role_of(about), &message, &error) != 0) fail_msg("%s: %s", stem, error.text);
    assert_int_equal(disco_message_append(&again, &message, &error), 0);
    assert_int_equal(disco_frame_parse(again.data, again.len, 0, &frame, NULL), (ptrdiff_t)again.len);
    json_t *said = json_loadb(frame.payload.data, frame.payload.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
    if (!json_equal(said, json_object_get(about, "payload")))
        fail_msg("%s: written again as %.*s", stem, (int)frame.payload.len, frame.payload.data);
    json_decref(said);
    json_decref(about);
    disco_message_clear(&message);
    disco_bytes_free(&bytes);
    disco_bytes_free(&again);
}

static void check_invalid(const char *stem) {
    json_t *about = load_json(stem, ".json");
    disco_bytes bytes = frame_of(about);
    disco_frame frame;
    disco_message message;
    disco_error error = {0};
    assert_int_equal(disco_frame_parse(bytes.data, bytes.len, 0, &frame, NULL), (ptrdiff_t)bytes.len);
    if (disco_message_parse(&frame, role_of(about), &message, &error) != DISCO_E_MESSAGE)
        fail_msg("%s was taken", stem);
    assert_non_null(strstr(error.text, frame.name)); /* the text names the frame */
    assert_null(message.memory);
    if (strstr(stem, "worker-version-unknown")) {
        assert_non_null(strstr(error.text, "1.0"));
        assert_non_null(strstr(error.text, "speaks protocol version"));
    }
    json_decref(about);
    disco_bytes_free(&bytes);
}

static void valid_vectors_mean_what_they_say(void **state) {
    (void)state;
    assert_true(for_each_vector("messages/valid", ".json", check_valid) >= 30);
}

static void invalid_vectors_are_refused(void **state) {
    (void)state;
    assert_true(for_each_vector("messages/invalid", ".json", check_invalid) >= 80);
}

static void text_that_is_no_utf8_is_shown(void **state) {
    (void)state;
    disco_bytes out = {0};
    disco_message message = {.kind = DISCO_MSG, .as.text = disco_text("a\xff\x01\"\\\n\xed\xa0\x80é")};
    assert_int_equal(disco_message_append(&out, &message, NULL), 0);
    const char wanted[] = "MSG 37 \"a\\\\xff\\u0001\\\"\\\\\\n\\\\xed\\\\xa0\\\\x80é\"\n";
    assert_int_equal(out.len, sizeof wanted - 1);
    assert_memory_equal(out.data, wanted, out.len);
    disco_bytes_free(&out);
}

static int parse_text(const char *name, const char *payload, disco_message *message) {
    disco_frame frame = {.payload = disco_text(payload)};
    snprintf(frame.name, sizeof frame.name, "%s", name);
    return disco_message_parse(&frame, DISCO_ROLE_DISCO, message, NULL);
}

static void numbers_that_c_cannot_hold_are_left_alone_where_they_are_not_needed(void **state) {
    (void)state;
    static const char task[] =
        "{\"host\":\"h\",\"master\":\"http://m:1\",\"jobname\":\"j \\\" 1e999 \",\"taskid\":%s,\"mode\":\"map\","
        "\"disco_port\":1,\"put_port\":1,\"disco_data\":\"/d\",\"ddfs_data\":\"/b\",\"jobfile\":\"/j\",\"x\":%s}";
    char text[512];
    disco_message message;
    snprintf(text, sizeof text, task, "7", "[123456789012345678901234567890, -1e999, 1.5, 1E-400]");
    assert_int_equal(parse_text("TASK", text, &message), 0);
    assert_int_equal(message.as.task.taskid, 7);
    assert_string_equal(message.as.task.jobname, "j \" 1e999 ");
    disco_message_clear(&message);
    snprintf(text, sizeof text, task, "123456789012345678901234567890", "1");
    assert_int_equal(parse_text("TASK", text, &message), DISCO_E_MESSAGE);
    snprintf(text, sizeof text, task, "7", "01e999");
    assert_int_equal(parse_text("TASK", text, &message), DISCO_E_MESSAGE);
}

static void a_nul_in_a_url_is_percent_encoded(void **state) {
    (void)state;
    disco_message message;
    assert_int_equal(parse_text("RETRY", "[[1,\"raw://a\\u0000b\"]]", &message), 0);
    assert_string_equal(message.as.retry.replicas[0].url, "raw://a%00b");
    disco_message_clear(&message);
}

static void a_wait_is_1_to_60_seconds(void **state) {
    (void)state;
    disco_message message;
    for (int seconds = 0; seconds <= 61; seconds++) {
        char text[8];
        snprintf(text, sizeof text, "%d", seconds);
        int status = parse_text("WAIT", text, &message);
        assert_int_equal(status, seconds >= 1 && seconds <= 60 ? 0 : DISCO_E_MESSAGE);
        if (status == 0) disco_message_clear(&message);
    }
}

static int parse_location(size_t len) {
    char payload[DISCO_MAX_LOCATION_BYTES + 64];
    disco_message message;
    disco_frame frame = {.name = "OUTPUT"};
    memset(payload, 'x', sizeof payload);
    memcpy(payload, "[\"", 2);
    snprintf(payload + 2 + len, 16, "\",\"disco\"]");
    frame.payload = disco_text(payload);
    int status = disco_message_parse(&frame, DISCO_ROLE_WORKER, &message, NULL);
    if (status == 0) disco_message_clear(&message);
    return status;
}

static void a_location_has_at_most_4096_bytes(void **state) {
    (void)state;
    assert_int_equal(parse_location(4096), 0);
    assert_int_equal(parse_location(4097), DISCO_E_MESSAGE);
}

static void numbers_are_read_to_the_last_that_fits(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", "-", "+1", " 1", "1 ", "1x", "9223372036854775808", "-9223372036854775809", "99999999999999999999"};
    int64_t number = 0;
    assert_int_equal(disco_slice_int(disco_text("9223372036854775807"), &number), 0);
    assert_true(number == INT64_MAX);
    assert_int_equal(disco_slice_int(disco_text("-9223372036854775808"), &number), 0);
    assert_true(number == INT64_MIN);
    assert_int_equal(disco_slice_int(disco_text("-0012"), &number), 0);
    assert_int_equal(number, -12);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(disco_slice_int(disco_text(bad[i]), &number), DISCO_E_DATA);
    assert_int_equal(number, -12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors_mean_what_they_say),
        cmocka_unit_test(invalid_vectors_are_refused),
        cmocka_unit_test(text_that_is_no_utf8_is_shown),
        cmocka_unit_test(numbers_that_c_cannot_hold_are_left_alone_where_they_are_not_needed),
        cmocka_unit_test(a_nul_in_a_url_is_percent_encoded),
        cmocka_unit_test(a_wait_is_1_to_60_seconds),
        cmocka_unit_test(a_location_has_at_most_4096_bytes),
        cmocka_unit_test(numbers_are_read_to_the_last_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
