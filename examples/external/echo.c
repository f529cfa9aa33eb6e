/* An external map that says back every pair it is given, unless it is told to say something else. */
#include <disco.h>

enum { PAIRS_A_MESSAGE = 10000 };

int main(void) {
    const Pvoid_t params = read_parameters();
    p_entry *key = NULL, *value = NULL;
    long count = 0;
    Word_t *found;
    JSLG(found, params, (const uint8_t *)"greeting");
    if (!found) die("the parameter \"greeting\" is missing: give it in ext_params");
    msg("%s", ((const p_entry *)*found)->data);
    while (read_kv(&key, &value)) {
        if (count++ % PAIRS_A_MESSAGE == 0) msg("got key <%s> value <%s>", key->data, value->data);
        write_num_prefix(1);
        write_kv(key, value);
    }
    msg("%ld pairs read", count);
    return 0;
}
