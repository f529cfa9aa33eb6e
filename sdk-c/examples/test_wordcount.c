/* How to test a worker of your own: test_wordcount WORKER FOLDER */
#include <disco_test.h>
#include <stdio.h>

static int check(int is_true, const char *what) {
    if (!is_true) fprintf(stderr, "test_wordcount: %s\n", what);
    return is_true;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    static const char wanted[] = "the 2\ncat 1\nhat 1\n";
    const char *const worker[] = {argv[1], NULL};
    disco_bytes lines = {0};
    disco_fake *fake = disco_fake_new(argv[2]);
    int is_good = check(fake != NULL, "the folder cannot be used") &&
                  disco_fake_input(fake, 0, "raw://the%20cat") == 0 &&
                  disco_fake_input(fake, 1, "raw://the%20hat") == 0 && disco_fake_exec(fake, worker) == 0;
    is_good =
        is_good && check(disco_fake_outcome(fake) == DISCO_DONE, disco_fake_text(fake)) &&
        check(disco_fake_read_records(fake, 0, &lines) == 0, "the output is no record stream") &&
        check(lines.len == strlen(wanted) && memcmp(lines.data, wanted, lines.len) == 0, "other counts than expected");
    disco_bytes_free(&lines);
    disco_fake_free(fake);
    return !is_good;
}
