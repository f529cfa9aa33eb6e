/* An external map and reduce that says back what it reads; its parameters pick what else it does. */
#include <disco.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    const Pvoid_t parameters = read_parameters();
    p_entry *key = NULL, *val = NULL, *last = NULL;
    Word_t *found;
    int count = 0;
    JSLG(found, parameters, (const uint8_t *)"die");
    if (found) die("told to: %s\nsecond line", ((p_entry *)*found)->data);
    JSLG(found, parameters, (const uint8_t *)"greeting");
    if (found) msg("%s of %u bytes", ((p_entry *)*found)->data, (unsigned)((p_entry *)*found)->len);
    while (read_kv(&key, &val)) {
        if (key->len > key->size || key->size != key->sze || key->data[key->len] || val->data[val->len])
            die("a broken entry");
        copy_entry(&last, key);
        copy_entry(&last, last);
        write_num_prefix(key->len == 0 ? 0 : 2);
        if (key->len == 0) continue;
        write_kv(key, val);
        write_kv(last, key);
        count++;
    }
    free(dxmalloc(0));
    msg("%d pairs as %s", count, argc > 1 ? argv[1] : "nothing");
    return 0;
}
