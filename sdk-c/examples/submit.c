/* Runs a worker over files, from C: pushes them into DDFS, submits a job, waits, and prints its results.
 *
 *     submit MASTER WORKER TAG FILE...        the worker must have a map and a reduce and write lines */
#include <disco_client.h>
#include <stdio.h>

static int fail(const disco_error *error) {
    fprintf(stderr, "submit: %s\n", error->text);
    return 1;
}

static int print_results(disco_client *client, const disco_list *urls) {
    char buffer[16 * 1024];
    ptrdiff_t got;
    disco_results_reader *results = disco_results_open(client, urls);
    if (!results) return 1;
    while ((got = disco_results_read(results, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, (size_t)got, stdout);
    int status = got < 0 ? fail(disco_results_error(results)) : 0;
    disco_results_free(results);
    return status;
}

/* The replicas of a blob become one input: its URLs with a space between. */
static int add_inputs(const disco_tag *tag, disco_list *inputs) {
    for (size_t i = 0; i < tag->blobs.count; i++) {
        disco_bytes urls = {0};
        for (size_t j = 0; j < tag->blobs.items[i].count; j++) {
            const char *url = tag->blobs.items[i].items[j];
            if (disco_bytes_append(&urls, url, strlen(url)) < 0 || disco_bytes_append(&urls, " ", 1) < 0) return -1;
        }
        if (disco_bytes_append(&urls, "", 1) < 0 || disco_list_add(inputs, urls.data) < 0) return -1;
        disco_bytes_free(&urls);
    }
    return 0;
}

static int run(disco_client *client, const char *worker, const disco_list *inputs) {
    disco_error error = {0};
    disco_bytes bytes = {0}, name = {0};
    disco_list results = {0};
    disco_pack pack = {.worker = worker, .map = 1, .reduce = 1, .reduces = 2};
    pack.inputs = (const char *const *)inputs->items;
    pack.input_count = inputs->count;
    int status = disco_pack_build(&pack, &bytes, &error) < 0 ? fail(&error) : 0;
    if (!status && disco_job_submit(client, disco_slice_of(bytes.data, bytes.len), &name) < 0)
        status = fail(disco_client_error(client));
    if (!status) fprintf(stderr, "%s\n", name.data);
    if (!status && disco_job_wait(client, name.data, 60, &results) <= 0) status = fail(disco_client_error(client));
    if (!status) status = print_results(client, &results);
    if (!status) disco_job_purge(client, name.data);
    disco_bytes_free(&bytes);
    disco_bytes_free(&name);
    disco_list_clear(&results);
    return status;
}

int main(int argc, char **argv) {
    disco_tag tag = {0};
    disco_list inputs = {0};
    if (argc < 5) {
        fprintf(stderr, "usage: submit MASTER WORKER TAG FILE...\n");
        return 2;
    }
    disco_client *client = disco_client_new(argv[1], NULL);
    if (!client) return 1;
    int status = disco_ddfs_push(client, argv[3], (const char *const *)argv + 4, (size_t)argc - 4, 0, 0);
    if (status == 0) status = disco_ddfs_get(client, argv[3], &tag);
    if (status < 0)
        status = fail(disco_client_error(client));
    else
        status = add_inputs(&tag, &inputs) < 0 ? 1 : run(client, argv[2], &inputs);
    disco_tag_clear(&tag);
    disco_list_clear(&inputs);
    disco_client_free(client);
    return status;
}
