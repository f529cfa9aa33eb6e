/* Combining on the map's side: a table of keys, each with the values that are not combined yet.
 *
 * When a key has many values they are combined to fewer at once, so a frequent key takes no more room than a rare
 * one. When the table has used its memory everything in it goes on, and it starts anew: a key may go on several
 * times, which the reduce sums up. A combiner that does not make fewer is asked ever more seldom. */
#include <stdlib.h>

#include "records/codec.h"
#include "worker/worker.h"

enum {
    FIRST_SLOTS = 1024,
    COMBINE_AT = 16,
    FIRST_VALUE_BYTES = 32,
    MAX_COMBINE_AT = 1 << 30,
    INSIDE_BYTES = 16,
    MAX_VALUE_BYTES = 1 << 30
};

typedef struct group {
    uint64_t hash;
    uint32_t key_len, count, combine_at;
    uint32_t len, capacity; /* of `values` */
    char *values;           /* u32 length, bytes; `count` times */
    union {
        char inside[INSIDE_BYTES]; /* a short key costs no look elsewhere */
        char *outside;
    } key;
} group;

/* Most slots that hold another key are told by their tag, without a look at the group. */
typedef struct slot {
    uint32_t tag, number; /* of the group, from 1; 0: free */
} slot;

typedef struct listed_values {
    disco_values base;
    const char *at;
    uint32_t left;
} listed_values;

struct disco_combiner {
    size_t memory_bytes, used;
    disco_combine_fn combine;
    disco_pair_fn flush;
    void *context;
    group *groups;
    size_t group_count, group_capacity;
    slot *slots;
    size_t slot_count;
    group *combining; /* whose values are with the function now */
    disco_bytes scratch;
};

disco_combiner *disco_combiner_new(size_t memory_bytes, disco_combine_fn combine, disco_pair_fn flush, void *context) {
    disco_combiner *combiner = calloc(1, sizeof *combiner);
    if (!combiner) return NULL;
    combiner->slots = calloc(FIRST_SLOTS, sizeof *combiner->slots);
    if (!combiner->slots) {
        free(combiner);
        return NULL;
    }
    combiner->slot_count = FIRST_SLOTS;
    combiner->memory_bytes = memory_bytes;
    combiner->combine = combine;
    combiner->flush = flush;
    combiner->context = context;
    return combiner;
}

static void forget_groups(disco_combiner *combiner) {
    for (size_t i = 0; i < combiner->group_count; i++) {
        if (combiner->groups[i].key_len > INSIDE_BYTES) free(combiner->groups[i].key.outside);
        free(combiner->groups[i].values);
    }
    combiner->group_count = combiner->used = 0;
    memset(combiner->slots, 0, combiner->slot_count * sizeof *combiner->slots);
}

void disco_combiner_free(disco_combiner *combiner) {
    if (!combiner) return;
    forget_groups(combiner);
    free(combiner->groups);
    free(combiner->slots);
    disco_bytes_free(&combiner->scratch);
    free(combiner);
}

static uint64_t load(const char *at, size_t len) {
    uint64_t eight = 0;
    uint32_t four = 0;
    if (len == 8) {
        memcpy(&eight, at, 8);
        return eight;
    }
    memcpy(&four, at, 4);
    return four;
}

/* The last bytes, fewer than 8 of them or overlapping what was seen before: no byte is copied alone. */
static uint64_t load_end(disco_slice key) {
    if (key.len >= 8) return load(key.data + key.len - 8, 8);
    if (key.len >= 4) return load(key.data, 4) << 32 | load(key.data + key.len - 4, 4);
    if (key.len == 0) return 0;
    const unsigned char *bytes = (const unsigned char *)key.data;
    return (uint64_t)bytes[0] << 16 | (uint64_t)bytes[key.len / 2] << 8 | bytes[key.len - 1];
}

static uint64_t hash_of(disco_slice key) {
    const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t hash = key.len * odd;
    for (size_t at = 0; key.len - at > 8; at += 8) {
        hash = (hash ^ load(key.data + at, 8)) * odd;
        hash ^= hash >> 29;
    }
    hash = (hash ^ load_end(key)) * odd;
    hash ^= hash >> 32;
    return hash * odd ^ hash >> 29;
}

static disco_slice key_of(const group *one) {
    return disco_slice_of(one->key_len > INSIDE_BYTES ? one->key.outside : one->key.inside, one->key_len);
}

static bool has_key(const group *one, disco_slice key) {
    return one->key_len == key.len && (key.len == 0 || memcmp(key_of(one).data, key.data, key.len) == 0);
}

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 32); }

static int grow_slots(disco_combiner *combiner) {
    size_t slot_count = 2 * combiner->slot_count;
    slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots) return DISCO_E_MEMORY;
    for (size_t i = 0; i < combiner->group_count; i++) {
        uint64_t hash = combiner->groups[i].hash;
        size_t at = hash & (slot_count - 1);
        while (slots[at].number) at = (at + 1) & (slot_count - 1);
        slots[at] = (slot){tag_of(hash), (uint32_t)i + 1};
    }
    free(combiner->slots);
    combiner->slots = slots;
    combiner->slot_count = slot_count;
    return 0;
}

static group *new_group(disco_combiner *combiner, uint64_t hash, disco_slice key) {
    if (combiner->group_count == combiner->group_capacity) {
        size_t capacity = combiner->group_capacity ? 2 * combiner->group_capacity : FIRST_SLOTS;
        group *groups = realloc(combiner->groups, capacity * sizeof *groups);
        if (!groups) return NULL;
        combiner->groups = groups;
        combiner->group_capacity = capacity;
    }
    group *one = &combiner->groups[combiner->group_count];
    *one = (group){.hash = hash, .key_len = (uint32_t)key.len, .combine_at = COMBINE_AT};
    if (key.len > INSIDE_BYTES) {
        one->key.outside = malloc(key.len);
        if (!one->key.outside) return NULL;
        memcpy(one->key.outside, key.data, key.len);
        combiner->used += key.len;
    } else if (key.len) {
        memcpy(one->key.inside, key.data, key.len);
    }
    combiner->group_count++;
    combiner->used += sizeof *one + 2 * sizeof(slot);
    return one;
}

static group *find_or_add(disco_combiner *combiner, disco_slice key) {
    uint64_t hash = hash_of(key);
    if (2 * combiner->group_count >= combiner->slot_count && grow_slots(combiner) < 0) return NULL;
    size_t at = hash & (combiner->slot_count - 1);
    for (; combiner->slots[at].number; at = (at + 1) & (combiner->slot_count - 1)) {
        group *one = &combiner->groups[combiner->slots[at].number - 1];
        if (combiner->slots[at].tag == tag_of(hash) && has_key(one, key)) return one;
    }
    group *one = new_group(combiner, hash, key);
    if (one) combiner->slots[at] = (slot){tag_of(hash), (uint32_t)combiner->group_count};
    return one;
}

static int add_value(disco_combiner *combiner, group *one, disco_slice value) {
    size_t size = value.len + 4;
    if (size > one->capacity - one->len) {
        size_t capacity = one->capacity ? one->capacity : FIRST_VALUE_BYTES;
        while (capacity - one->len < size) capacity *= 2;
        char *values = capacity <= MAX_VALUE_BYTES ? realloc(one->values, capacity) : NULL;
        if (!values) return DISCO_E_MEMORY;
        combiner->used += capacity - one->capacity;
        one->values = values;
        one->capacity = (uint32_t)capacity;
    }
    disco_put_u32(one->values + one->len, (uint32_t)value.len);
    if (value.len) memcpy(one->values + one->len + 4, value.data, value.len);
    one->len += (uint32_t)size;
    one->count++;
    return 0;
}

static int next_listed(disco_values *base, disco_slice *value) {
    listed_values *values = (listed_values *)base;
    if (values->left == 0) return 0;
    values->left--;
    *value = disco_slice_of(values->at + 4, disco_get_u32(values->at));
    values->at = value->data + value->len;
    return 1;
}

static int combine_group(disco_combiner *combiner, group *one) {
    combiner->scratch.len = 0;
    if (disco_bytes_append(&combiner->scratch, one->values, one->len) < 0) return DISCO_E_MEMORY;
    listed_values values = {{next_listed}, combiner->scratch.data, one->count};
    uint32_t before = one->count;
    one->len = one->count = 0;
    combiner->combining = one;
    int status = combiner->combine(combiner->context, key_of(one), &values.base);
    combiner->combining = NULL;
    if (one->count > before / 2 && one->combine_at < MAX_COMBINE_AT) one->combine_at *= 2;
    return status < 0 ? status : 0;
}

int disco_combiner_add(disco_combiner *combiner, disco_slice key, disco_slice value) {
    group *one = combiner->combining;
    if (one) { /* said by the function: of its own key, or of another, which goes on uncombined */
        if (has_key(one, key)) return add_value(combiner, one, value);
        return combiner->flush(combiner->context, key, value);
    }
    if (combiner->used > combiner->memory_bytes) {
        int status = disco_combiner_flush(combiner);
        if (status < 0) return status;
    }
    one = find_or_add(combiner, key);
    if (!one) return DISCO_E_MEMORY;
    int status = add_value(combiner, one, value);
    return status == 0 && one->count >= one->combine_at ? combine_group(combiner, one) : status;
}

int disco_combiner_flush(disco_combiner *combiner) {
    int status = 0;
    for (size_t i = 0; i < combiner->group_count && status == 0; i++) {
        group *one = &combiner->groups[i];
        disco_slice value;
        if (one->count > 1) status = combine_group(combiner, one);
        listed_values values = {{next_listed}, one->values, one->count};
        while (status == 0 && next_listed(&values.base, &value))
            status = combiner->flush(combiner->context, key_of(one), value);
    }
    forget_groups(combiner);
    return status;
}
