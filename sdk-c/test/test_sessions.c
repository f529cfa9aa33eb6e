/* Both ends of a session against each other, in pieces of every size; and what the table does not allow. */
#include "support.h"

/* What one end says, through the wire in pieces of `piece` bytes, to the other end, which must hear it. */
static disco_message pass(disco_session *from, disco_session *to, const disco_message *message, size_t piece) {
    disco_bytes wire = {0};
    disco_message heard;
    disco_error error = {0};
    if (disco_session_send(from, message, &wire, &error) != 0) fail_msg("%s", error.text);
    for (size_t at = 0; at < wire.len; at += piece) {
        size_t len = wire.len - at < piece ? wire.len - at : piece;
        assert_int_equal(disco_session_feed(to, wire.data + at, len), 0);
        if (at + len < wire.len) assert_int_equal(disco_session_next(to, &heard), DISCO_NEED_DATA);
    }
    assert_int_equal(disco_session_next(to, &heard), DISCO_MESSAGE);
    assert_int_equal(heard.kind, message->kind);
    disco_bytes_free(&wire);
    return heard;
}

static void exchange(disco_session *worker, disco_session *disco, disco_message request, disco_message reply,
                     size_t piece) {
    disco_message heard = pass(worker, disco, &request, piece);
    disco_message_clear(&heard);
    assert_int_equal(disco_session_owed(worker), 1);
    heard = pass(disco, worker, &reply, piece);
    disco_message_clear(&heard);
    assert_int_equal(disco_session_owed(worker), 0);
    assert_int_equal(disco_session_owed(disco), 0);
    assert_int_equal(disco_session_state(worker), disco_session_state(disco));
}

static const disco_message ok = {.kind = DISCO_OK};

static disco_message announce(int reuse) {
    disco_message message = {.kind = DISCO_WORKER};
    message.as.worker.pid = 42;
    message.as.worker.reuse = reuse;
    return message;
}

static disco_message a_task(void) {
    disco_message message = {.kind = DISCO_TASK};
    message.as.task = (disco_task_info){"h", "http://m:1", "j", "/d", "/b", "/j", 3, DISCO_REDUCE, 1, 2};
    return message;
}

static void every_message_passes_in_pieces_of_every_size(void **state) {
    (void)state;
    const int64_t ids[] = {3, -4};
    const disco_replica replicas[] = {{7, "raw://é"}, {8, "http://h/p"}};
    const disco_input_entry entries[] = {
        {1, DISCO_READY, replicas, 2}, {2, DISCO_BUSY, NULL, 0}, {3, DISCO_FAILED, replicas, 1}};
    for (size_t piece = 1; piece < 70; piece++) {
        disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL),
                      *disco = disco_session_new(DISCO_ROLE_DISCO, NULL);
        assert_non_null(worker);
        assert_non_null(disco);
        exchange(worker, disco, announce(1), ok, piece);
        exchange(worker, disco, (disco_message){.kind = DISCO_TASK_REQUEST}, a_task(), piece);
        disco_message ask = {.kind = DISCO_INPUT_REQUEST}, list = {.kind = DISCO_INPUT};
        ask.as.input_request.select = DISCO_EXCLUDE;
        ask.as.input_request.ids = ids;
        ask.as.input_request.count = 2;
        list.as.inputs.more = 1;
        list.as.inputs.entries = entries;
        list.as.inputs.count = 3;
        exchange(worker, disco, ask, list, piece);
        disco_message report = {.kind = DISCO_INPUT_ERR}, retry = {.kind = DISCO_RETRY}, wait = {.kind = DISCO_WAIT};
        report.as.input_err.input_id = 1;
        report.as.input_err.ids = ids;
        report.as.input_err.count = 2;
        retry.as.retry.replicas = replicas;
        retry.as.retry.count = 2;
        wait.as.wait_s = 60;
        exchange(worker, disco, report, retry, piece);
        exchange(worker, disco, report, wait, piece);
        exchange(worker, disco, report, (disco_message){.kind = DISCO_FAIL}, piece);
        exchange(worker, disco, (disco_message){.kind = DISCO_MSG, .as.text = disco_text("hé\n")}, ok, piece);
        exchange(worker, disco, (disco_message){.kind = DISCO_PING}, ok, piece);
        disco_message output = {.kind = DISCO_OUTPUT};
        output.as.output.location = "a/b";
        output.as.output.type = DISCO_OUT_PART;
        output.as.output.label = DISCO_MAX_LABEL;
        exchange(worker, disco, output, ok, piece);
        exchange(worker, disco, (disco_message){.kind = DISCO_DONE}, a_task(), piece);
        assert_int_equal(disco_session_state(worker), DISCO_RUNNING);
        exchange(worker, disco, (disco_message){.kind = DISCO_DONE}, ok, piece);
        assert_int_equal(disco_session_state(worker), DISCO_SAID_DONE);
        disco_session_free(worker);
        disco_session_free(disco);
    }
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes wire = {0};
    disco_message heard, hello = announce(0), ask = {.kind = DISCO_TASK_REQUEST}, ping = {.kind = DISCO_PING};
    assert_int_equal(disco_session_send(worker, &hello, &wire, NULL), 0);
    assert_int_equal(disco_session_send(worker, &ask, &wire, NULL), 0);
    assert_int_equal(disco_session_send(worker, &ping, &wire, NULL), 0);
    assert_int_equal(disco_session_owed(worker), 3);
    disco_bytes replies = {0};
    disco_message task = a_task();
    assert_int_equal(disco_message_append(&replies, &ok, NULL), 0);
    assert_int_equal(disco_message_append(&replies, &task, NULL), 0);
    assert_int_equal(disco_message_append(&replies, &ok, NULL), 0);
    assert_int_equal(disco_session_feed(worker, replies.data, replies.len), 0);
    const disco_kind wanted[] = {DISCO_OK, DISCO_TASK, DISCO_OK};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(disco_session_next(worker, &heard), DISCO_MESSAGE);
        assert_int_equal(heard.kind, wanted[i]);
        disco_message_clear(&heard);
    }
    disco_bytes_free(&wire);
    disco_bytes_free(&replies);
    disco_session_free(worker);
}

static void out_of_turn_changes_nothing(void **state) {
    (void)state;
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes wire = {0};
    disco_error error = {0};
    for (int kind = DISCO_TASK_REQUEST; kind <= DISCO_FAIL; kind++) {
        disco_message message = {.kind = (disco_kind)kind, .as.text = {"", 0}};
        assert_int_equal(disco_session_send(worker, &message, &wire, &error), DISCO_E_TURN);
    }
    assert_int_equal(wire.len, 0);
    assert_int_equal(disco_session_state(worker), DISCO_FRESH);
    disco_message hello = announce(0);
    assert_int_equal(disco_session_send(worker, &hello, &wire, NULL), 0);
    assert_int_equal(disco_session_send(worker, &hello, &wire, NULL), DISCO_E_TURN);
    disco_bytes_free(&wire);
    disco_session_free(worker);
}

/* What a worker session says to these bytes after WORKER; the answer is sticky. */
static int hear(const char *bytes, int reuse_and_done, disco_fault *fault) {
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes wire = {0};
    disco_message hello = announce(reuse_and_done == 2), ask = {.kind = DISCO_TASK_REQUEST},
                  done = {.kind = DISCO_DONE}, heard;
    assert_int_equal(disco_session_send(worker, &hello, &wire, NULL), 0);
    if (reuse_and_done) {
        disco_message task = a_task();
        disco_bytes replies = {0};
        assert_int_equal(disco_session_send(worker, &ask, &wire, NULL), 0);
        assert_int_equal(disco_session_send(worker, &done, &wire, NULL), 0);
        assert_int_equal(disco_message_append(&replies, &ok, NULL), 0);
        assert_int_equal(disco_message_append(&replies, &task, NULL), 0);
        assert_int_equal(disco_session_feed(worker, replies.data, replies.len), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(disco_session_next(worker, &heard), DISCO_MESSAGE);
            disco_message_clear(&heard);
        }
        disco_bytes_free(&replies);
    }
    assert_int_equal(disco_session_feed(worker, bytes, strlen(bytes)), 0);
    if (*bytes) assert_int_equal(disco_session_feed(worker, NULL, 0), 0);
    int status = disco_session_next(worker, &heard);
    if (status < 0) {
        assert_int_equal(disco_session_next(worker, &heard), status);
        assert_true(disco_session_error(worker)->text[0] != '\0');
    } else {
        disco_message_clear(&heard);
    }
    *fault = disco_session_fault(worker);
    disco_bytes_free(&wire);
    disco_session_free(worker);
    return status;
}

static void what_disco_must_not_say_is_sorted(void **state) {
    (void)state;
    disco_fault fault;
    assert_int_equal(hear("", 0, &fault), DISCO_END_OF_INPUT);
    assert_int_equal(hear("OK 4 \"ok\"\n", 0, &fault), DISCO_MESSAGE);
    assert_int_equal(hear("ok 4 \"ok\"\n", 0, &fault), DISCO_E_FRAME);
    assert_int_equal(fault, DISCO_FAULT_NAME);
    assert_int_equal(hear("OK 4 \"o", 0, &fault), DISCO_E_FRAME);
    assert_int_equal(fault, DISCO_FAULT_TRUNCATED);
    assert_int_equal(hear("FAIL 2 \"\"\n", 0, &fault), DISCO_E_MESSAGE);
    assert_int_equal(hear("HELLO 2 \"\"\n", 0, &fault), DISCO_E_MESSAGE);
    assert_int_equal(hear("OK 4 \"ok\n\n", 0, &fault), DISCO_E_MESSAGE);
    disco_bytes frame = {0};
    disco_message reply = a_task();
    assert_int_equal(disco_message_append(&frame, &reply, NULL), 0);
    assert_int_equal(disco_bytes_append(&frame, "", 1), 0);
    assert_int_equal(hear(frame.data, 1, &fault), DISCO_E_MESSAGE); /* TASK for DONE without reuse */
    assert_int_equal(hear(frame.data, 2, &fault), DISCO_MESSAGE);
    disco_bytes_free(&frame);
}

/* It has begun a task all the same. */
static void fatal_can_be_said_of_a_bad_task_after_done(void **state) {
    (void)state;
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes wire = {0};
    disco_message hello = announce(1), ask = {.kind = DISCO_TASK_REQUEST}, done = {.kind = DISCO_DONE},
                  fatal = {.kind = DISCO_FATAL, .as.text = {"", 0}}, task = a_task(), heard;
    const disco_message *requests[] = {&hello, &ask, &done};
    for (size_t i = 0; i < 3; i++) assert_int_equal(disco_session_send(worker, requests[i], &wire, NULL), 0);
    wire.len = 0;
    assert_int_equal(disco_message_append(&wire, &ok, NULL), 0);
    assert_int_equal(disco_message_append(&wire, &task, NULL), 0);
    assert_int_equal(disco_bytes_append(&wire, "TASK 2 {}\n", 10), 0);
    assert_int_equal(disco_session_feed(worker, wire.data, wire.len), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(disco_session_next(worker, &heard), DISCO_MESSAGE);
        disco_message_clear(&heard);
    }
    assert_int_equal(disco_session_send(worker, &fatal, &wire, NULL), DISCO_E_TURN);
    assert_int_equal(disco_session_next(worker, &heard), DISCO_E_MESSAGE);
    assert_int_equal(disco_session_send(worker, &fatal, &wire, NULL), 0);
    disco_bytes_free(&wire);
    disco_session_free(worker);
}

static void last_words_are_kept_up_to_100_kib(void **state) {
    (void)state;
    disco_session *disco = disco_session_new(DISCO_ROLE_DISCO, NULL);
    disco_message heard;
    char print[4096];
    memset(print, 'x', sizeof print);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(disco_session_feed(disco, print, sizeof print), 0);
        assert_int_equal(disco_session_next(disco, &heard), DISCO_E_FRAME);
    }
    assert_int_equal(disco_session_last_words(disco).len, 100 * 1024);
    disco_session_free(disco);
}

static void remedies_follow_from_errors(void **state) {
    (void)state;
    assert_int_equal(disco_err_remedy(DISCO_E_ELSEWHERE), DISCO_SAY_ERROR);
    assert_int_equal(disco_err_remedy(DISCO_E_DATA), DISCO_SAY_ERROR);
    assert_int_equal(disco_err_remedy(DISCO_E_MEMORY), DISCO_SAY_ERROR);
    assert_int_equal(disco_err_remedy(DISCO_E_FRAME), DISCO_SAY_ERROR);
    assert_int_equal(disco_err_remedy(DISCO_E_FATAL), DISCO_SAY_FATAL);
    assert_int_equal(disco_err_remedy(DISCO_E_MESSAGE), DISCO_SAY_FATAL);
    assert_int_equal(disco_err_remedy(DISCO_E_TURN), DISCO_SAY_FATAL);
    assert_int_equal(disco_err_remedy(DISCO_E_GONE), DISCO_SAY_NOTHING);
    assert_int_equal(disco_err_remedy(0), DISCO_SAY_NOTHING);
}

static void a_worker_may_be_1024_answers_ahead(void **state) {
    (void)state;
    disco_session *worker = disco_session_new(DISCO_ROLE_WORKER, NULL);
    disco_bytes wire = {0};
    disco_message hello = announce(0), ping = {.kind = DISCO_PING};
    assert_int_equal(disco_session_send(worker, &hello, &wire, NULL), 0);
    for (int i = 1; i < 1024; i++) assert_int_equal(disco_session_send(worker, &ping, &wire, NULL), 0);
    assert_int_equal(disco_session_send(worker, &ping, &wire, NULL), DISCO_E_TURN);
    disco_bytes_free(&wire);
    disco_session_free(worker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_passes_in_pieces_of_every_size),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(out_of_turn_changes_nothing),
        cmocka_unit_test(what_disco_must_not_say_is_sorted),
        cmocka_unit_test(fatal_can_be_said_of_a_bad_task_after_done),
        cmocka_unit_test(last_words_are_kept_up_to_100_kib),
        cmocka_unit_test(a_worker_may_be_1024_answers_ahead),
        cmocka_unit_test(remedies_follow_from_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
