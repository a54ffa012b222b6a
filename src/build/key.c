/* Keys of steps: a digest over length-prefixed fields, so that no two different steps read the same. */
#include "build/build-internal.h"

#include "base/hash.h"

static void add_bytes(struct step_key *k, const void *data, size_t len)
{
        uint64_t size = len;

        hash_add(k->hash, &size, sizeof(size));
        hash_add(k->hash, data, len);
}

void step_key_begin(struct step_key *k, const struct stage_state *s, const char *kind)
{
        struct digest below = {};

        k->hash = hash_new();
        if (s && s->n_diff_ids)
                digest_chain(s->diff_ids, s->n_diff_ids, &below);
        add_bytes(k, "davit 1", 7);
        add_bytes(k, below.bytes, sizeof(below.bytes));
        add_bytes(k, kind, strlen(kind));
        if (s && s->epoch >= 0) {
                add_bytes(k, "epoch", 5);
                add_bytes(k, &s->epoch, sizeof(s->epoch));
        }
}

void step_key_add(struct step_key *k, const char *name, const char *value)
{
        add_bytes(k, name, strlen(name));
        add_bytes(k, value ? "+" : "-", 1);
        add_bytes(k, value ? value : "", value ? strlen(value) : 0);
}

void step_key_list(struct step_key *k, const char *name, char *const *list)
{
        uint64_t count = strv_length(list);

        add_bytes(k, name, strlen(name));
        add_bytes(k, &count, sizeof(count));
        for (; list && *list; list++)
                add_bytes(k, *list, strlen(*list));
}

void step_key_finish(struct step_key *k, struct digest *ret)
{
        hash_finish(k->hash, ret->bytes);
        hash_free(k->hash);
        k->hash = NULL;
}
