/* make_pack OUT WORKER FILE: the pack that test/e2e.py compares with the packer's. */
#include <disco_client.h>
#include <stdio.h>

int main(int argc, char **argv) {
    static const char *const inputs[] = {"raw://a", "http://h/x http://i/x"}, *const envs[] = {"A=b"};
    disco_bytes out = {0};
    disco_error error = {0};
    if (argc != 4) return 2;
    const char *const files[] = {argv[3]};
    disco_pack pack = {.worker = argv[2],
                       .owner = "me",
                       .inputs = inputs,
                       .input_count = 2,
                       .files = files,
                       .file_count = 1,
                       .envs = envs,
                       .env_count = 1,
                       .map = 1,
                       .reduce = 1,
                       .reduces = 3,
                       .max_cores = 2,
                       .data = disco_text("job data")};
    if (disco_pack_build(&pack, &out, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    FILE *file = fopen(argv[1], "wb");
    int is_good = file && fwrite(out.data, 1, out.len, file) == out.len;
    if (file && fclose(file) != 0) is_good = 0;
    disco_bytes_free(&out);
    return !is_good;
}
