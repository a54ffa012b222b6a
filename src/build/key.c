/* Keys of steps: a digest over length-prefixed fields, so that no two different steps read the same. */
#include "build/build-internal.h"

#include "build/source-tree.h"

#include "base/hash.h"

static void add_bytes(struct step_key *k, const void *data, size_t len)
{
        uint64_t size = len;

        hash_add(k->hash, &size, sizeof(size));
        hash_add(k->hash, data, len);
}

void step_key_begin(struct step_key *k, struct stage_state *s, const char *kind)
{
        struct digest below = {};
        char text[DIGEST_HEX_SIZE];

        step_parts_clear(&s->parts);
        *k = (struct step_key){ hash_new(), &s->parts };
        if (s->n_diff_ids)
                digest_chain(s->diff_ids, s->n_diff_ids, &below);
        digest_format_hex(&below, text);
        step_key_add(k, "davit", "2");
        step_key_add(k, "below", text);
        step_key_add(k, "kind", kind);
        if (s->epoch >= 0) {
                snprintf(text, sizeof(text), "%lld", (long long)s->epoch);
                step_key_add(k, "epoch", text);
        }
}

void step_key_add(struct step_key *k, const char *name, const char *value)
{
        add_bytes(k, name, strlen(name));
        add_bytes(k, value ? "+" : "-", 1);
        add_bytes(k, value ? value : "", value ? strlen(value) : 0);
        step_parts_add(k->parts, name, value);
}

void step_key_list(struct step_key *k, const char *name, char *const *list)
{
        uint64_t count = strv_length(list);

        add_bytes(k, name, strlen(name));
        add_bytes(k, &count, sizeof(count));
        for (; list && *list; list++) {
                add_bytes(k, *list, strlen(*list));
                step_parts_add(k->parts, name, *list);
        }
}

void step_key_tree(struct step_key *k, const char *path, struct source_tree *tree)
{
        const struct digest *digest = source_tree_digest(tree);

        add_bytes(k, "folder", 6);
        add_bytes(k, digest->bytes, sizeof(digest->bytes));
        step_parts_take(k->parts, path, tree);
}

void step_key_finish(struct step_key *k, struct digest *ret)
{
        hash_finish(k->hash, ret->bytes);
        hash_free(k->hash);
        k->hash = NULL;
}
