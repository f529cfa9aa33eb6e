/* Jobs on the client: submit, wait, kill, clean, purge. */
#include <stdio.h>
#include <stdlib.h>

#include "client/ddfs.h"

enum { MAX_POLL_MS = 10000 };
static const double POLL_MARGIN_S = 5;

int disco_job_submit(disco_client *client, disco_slice pack, disco_bytes *name) {
    char url[1024];
    json_t *value = NULL;
    disco_client_begin(client);
    disco_master master = disco_client_master(client, NULL);
    snprintf(url, sizeof url, "%.900s/disco/job/new", client->url);
    disco_request request = {
        .method = "POST", .url = url, .content_type = "application/octet-stream", .body = pack, .file_bytes = -1};
    int status = disco_master_send(&master, &request, &value, &client->error);
    if (status < 0) return status;
    const char *word = json_string_value(json_array_get(value, 0)),
               *answer = json_string_value(json_array_get(value, 1));
    if (!word || !answer)
        status = disco_error_set(&client->error, DISCO_E_DATA, "%s answered as no Disco master does", client->url);
    else if (strcmp(word, "ok") != 0)
        status = disco_error_set(&client->error, DISCO_E_REFUSED, "%.900s", answer);
    else if (disco_bytes_append(name, answer, strlen(answer) + 1) < 0)
        status = disco_no_memory(&client->error);
    json_decref(value);
    return status;
}

/* Why a job is not ready: what the master knows of it. */
static int tell_failure(disco_client *client, const char *name, const char *state) {
    disco_bytes path = {0};
    json_t *info = NULL;
    disco_error ignored = {0};
    disco_master master = disco_client_master(client, NULL);
    if (disco_bytes_put(&path, "/disco/ctrl/jobinfo?name=") == 0 && disco_bytes_put_quoted(&path, name) == 0 &&
        disco_bytes_append(&path, "", 1) == 0)
        disco_master_ask(&master, "GET", path.data, NULL, &info, &ignored);
    const char *failure = json_string_value(json_object_get(info, "failure"));
    int status = disco_error_set(&client->error, DISCO_E_FATAL, "job %.200s: %.700s", name, failure ? failure : state);
    json_decref(info);
    disco_bytes_free(&path);
    return status;
}

/* One look of at most `wait_ms`: as disco_job_wait. */
static int look(disco_client *client, const char *name, int wait_ms, disco_list *results) {
    json_t *value = NULL, *question = json_pack("[i,[s]]", wait_ms, name);
    char url[1024];
    disco_master master = disco_client_master(client, NULL);
    snprintf(url, sizeof url, "%.900s/disco/ctrl/get_results", client->url);
    char *body = question ? json_dumps(question, JSON_COMPACT) : NULL;
    json_decref(question);
    if (!body)
        return disco_error_set(&client->error, DISCO_E_FATAL, "%s is no job's name",
                               disco_quote(disco_text(name)).text);
    disco_request request = {.method = "POST",
                             .url = url,
                             .body = disco_text(body),
                             .file_bytes = -1,
                             .patience_s = wait_ms / 1000.0 + POLL_MARGIN_S};
    int status = disco_master_send(&master, &request, &value, &client->error);
    free(body);
    if (status < 0) return status;
    const json_t *answer = json_array_get(json_array_get(json_array_get(value, 0), 1), 0);
    const char *state = json_string_value(answer);
    if (!state)
        status = disco_error_set(&client->error, DISCO_E_DATA, "%s answered as no Disco master does", client->url);
    else if (strcmp(state, "ready") == 0)
        status = disco_list_from_json(json_array_get(json_array_get(json_array_get(value, 0), 1), 1), results,
                                      &client->error) < 0
                     ? client->error.code
                     : 1;
    else if (strcmp(state, "active") != 0)
        status = tell_failure(client, name, state);
    json_decref(value);
    return status;
}

int disco_job_wait(disco_client *client, const char *name, double timeout_s, disco_list *results) {
    double until_s = disco_now_s() + timeout_s;
    disco_client_begin(client);
    for (;;) {
        double left_ms = timeout_s < 0 ? MAX_POLL_MS : (until_s - disco_now_s()) * 1000;
        int wait_ms = left_ms < 0 ? 0 : left_ms > MAX_POLL_MS ? MAX_POLL_MS : (int)left_ms;
        int status = look(client, name, wait_ms, results);
        if (status != 0) return status;
        if (timeout_s >= 0 && disco_now_s() >= until_s) return 0;
    }
}

static int tell(disco_client *client, const char *path, const char *name) {
    json_t *text = json_string(name);
    disco_client_begin(client);
    disco_master master = disco_client_master(client, NULL);
    if (!text)
        return disco_error_set(&client->error, DISCO_E_FATAL, "%s is no job's name",
                               disco_quote(disco_text(name)).text);
    int status = disco_master_ask(&master, "POST", path, text, NULL, &client->error);
    json_decref(text);
    return status;
}

int disco_job_kill(disco_client *client, const char *name) { return tell(client, "/disco/ctrl/kill_job", name); }
int disco_job_clean(disco_client *client, const char *name) { return tell(client, "/disco/ctrl/clean_job", name); }
int disco_job_purge(disco_client *client, const char *name) { return tell(client, "/disco/ctrl/purge_job", name); }
