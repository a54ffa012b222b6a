/* Why a step ran: what its key was made of, kept beside the record, is compared with the nearest earlier
 * record of the same instruction.
 *
 * The parts of a key are pairs of strings, name and value, each with its NUL: "below" (the chain of layers
 * under the step), "env" (one for each variable), "file" (a path, a tab, mode and digest) and whatever the
 * instruction adds. No secret is in a key, so none is here. */
#include "build/build-internal.h"
#include "build/source-tree.h"

#define EARLIER_MAX 16
#define NAMED_MAX 3      /* changes that are told by name */
#define FILES_MAX 200000 /* of one step that are kept */
#define PARTS_MAX (64 << 20)

void step_parts_clear(struct step_parts *p)
{
        for (size_t i = 0; i < p->n_trees; i++) {
                source_tree_free(p->trees[i].tree);
                free(p->trees[i].path);
        }
        free(p->trees);
        strbuf_deinit(&p->text);
        *p = (struct step_parts){};
}

static void add_part(struct strbuf *text, const char *name, const char *value)
{
        strbuf_add(text, name, strlen(name) + 1);
        strbuf_add(text, value ? value : "", (value ? strlen(value) : 0) + 1);
}

void step_parts_add(struct step_parts *p, const char *name, const char *value)
{
        add_part(&p->text, name, value);
}

void step_parts_take(struct step_parts *p, const char *path, struct source_tree *tree)
{
        struct step_tree_part part = { tree, xstrdup(path) };

        ARRAY_APPEND(p->trees, p->n_trees, part);
}

static void add_files(struct strbuf *text, const struct step_tree_part *part, size_t *count)
{
        for (size_t i = 0; i < part->tree->count; i++) {
                const struct source_folder *f = part->tree->folders[i];

                for (size_t n = 0; n < f->count && *count < FILES_MAX; n++) {
                        const struct source_entry *e = &f->entries[n];
                        char hex[DIGEST_HEX_SIZE];
                        cleanup_free char *value = NULL;

                        if (e->flags & SOURCE_OUT)
                                continue;
                        digest_format_hex(&e->digest, hex);
                        value = string_format("%s%s%s%s%s\t%o %.16s", part->path, *part->path ? "/" : "",
                                              f->path, *f->path ? "/" : "", f->names[n], e->mode, hex);
                        add_part(text, "file", value);
                        ++*count;
                }
        }
}

void step_parts_format(const struct step_parts *p, struct strbuf *out)
{
        size_t count = 0;

        strbuf_add(out, p->text.data ? p->text.data : "", p->text.len);
        for (size_t i = 0; i < p->n_trees; i++)
                add_files(out, &p->trees[i], &count);
}

/* ---- Comparison ---- */

struct part {
        const char *name, *value;
        size_t id; /* how many bytes of the value say which one it is: a variable's name, a file's path */
};

struct part_list {
        struct part *items;
        size_t count;
};

static size_t id_length(const char *name, const char *value)
{
        return streq(name, "env") ? strcspn(value, "=") : streq(name, "file") ? strcspn(value, "\t") : 0;
}

static int compare_parts(const void *a, const void *b)
{
        const struct part *x = a, *y = b;
        int order = strcmp(x->name, y->name);

        if (order == 0)
                order = strncmp(x->value, y->value, MIN(x->id, y->id));
        return order ? order : (x->id > y->id) - (x->id < y->id);
}

static void read_parts(const char *text, size_t len, struct part_list *ret)
{
        const char *end = text + len;

        *ret = (struct part_list){};
        while (text < end) {
                struct part p = { .name = text };

                text += strnlen(text, (size_t)(end - text)) + 1;
                if (text >= end)
                        break;
                p.value = text;
                p.id = id_length(p.name, p.value);
                text += strnlen(text, (size_t)(end - text)) + 1;
                ARRAY_APPEND(ret->items, ret->count, p);
        }
        if (ret->count)
                qsort(ret->items, ret->count, sizeof(*ret->items), compare_parts);
}

/* Told of each difference: `was` or `is` is NULL when there was or is none. */
typedef void (*part_difference)(void *arg, const struct part *was, const struct part *is);

static size_t compare(const struct part_list *was, const struct part_list *is, part_difference tell,
                      void *arg)
{
        size_t w = 0, i = 0, count = 0;

        while (w < was->count || i < is->count) {
                const struct part *x = w < was->count ? &was->items[w] : NULL,
                                  *y = i < is->count ? &is->items[i] : NULL;
                int order = !x ? 1 : !y ? -1 : compare_parts(x, y);

                w += order <= 0;
                i += order >= 0;
                if (order == 0 && streq(x->value, y->value))
                        continue;
                count++;
                if (tell)
                        tell(arg, order <= 0 ? x : NULL, order >= 0 ? y : NULL);
        }
        return count;
}

/* ---- Words ---- */

struct telling {
        const struct stage_state *stage;
        struct strbuf out;
        size_t told, more;
};

static bool is_arg(const struct stage_state *s, const struct part *p)
{
        for (size_t i = 0; i < s->n_args; i++)
                if (strlen(s->args[i].key) == p->id && strncmp(s->args[i].key, p->value, p->id) == 0)
                        return true;
        return false;
}

static const char *value_of(const struct part *p)
{
        return p->value + p->id + (p->value[p->id] == '=');
}

static char *variable_difference(const struct telling *t, const struct part *was, const struct part *is)
{
        const struct part *any = is ? is : was;
        const char *kind = is_arg(t->stage, any) ? "ARG" : "ENV";

        if (was && is)
                return string_format("%s %.*s changed from %s to %s", kind, (int)is->id, is->value,
                                     value_of(was), value_of(is));
        return string_format("%s %.*s %s", kind, (int)any->id, any->value, is ? "is new" : "is gone");
}

static char *other_difference(const struct telling *t, const struct part *any)
{
        static const struct {
                const char *name, *words;
        } table[] = {
                { "args", "its command changed" },
                { "source", "its sources changed" },
                { "destination", "its destination changed" },
                { "user", "the user changed" },
                { "cwd", "the working directory changed" },
                { "network", "its network changed" },
                { "hosts", "the added hosts changed" },
                { "mounts", "its mounts changed" },
                { "layers", "the stage or image that it reads from changed" },
                { "path", "its path changed" },
                { "epoch", "SOURCE_DATE_EPOCH changed" },
        };

        if (streq(any->name, "below") && t->stage->before)
                return string_format("an earlier step gave another layer (%s)", t->stage->before);
        if (streq(any->name, "below"))
                return string_format("%s %s changed", t->stage->parent ? "stage" : "base image",
                                     t->stage->base);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (streq(table[i].name, any->name))
                        return xstrdup(table[i].words);
        return string_format("%s changed", any->name);
}

static void tell_difference(void *arg, const struct part *was, const struct part *is)
{
        struct telling *t = arg;
        const struct part *any = is ? is : was;
        cleanup_free char *words = NULL;

        if (t->told == NAMED_MAX) {
                t->more++;
                return;
        }
        if (streq(any->name, "env"))
                words = variable_difference(t, was, is);
        else if (streq(any->name, "file"))
                words = string_format("%.*s %s", (int)any->id, any->value,
                                      was && is ? "changed"
                                      : is      ? "is new"
                                                : "is gone");
        else
                words = other_difference(t, any);
        strbuf_addf(&t->out, "%s%s", t->told++ ? ", " : "", words);
}

/* ---- Earlier records ---- */

struct nearest {
        const struct part_list *is;
        struct strbuf best;
        size_t distance;
        bool found;
};

static int read_earlier(sqlite3_stmt *stmt, void *arg, struct error *err)
{
        struct nearest *n = arg;
        const char *text = sqlite3_column_blob(stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(stmt, 0), distance;
        struct part_list was;

        (void)err;
        read_parts(text, text ? len : 0, &was);
        distance = compare(&was, n->is, NULL, NULL);
        free(was.items);
        if (n->found && distance >= n->distance)
                return 0;
        n->found = true;
        n->distance = distance;
        strbuf_clear(&n->best);
        strbuf_add(&n->best, text ? text : "", len);
        return 0;
}

void step_origin(const struct build *b, const struct stage_state *s, char ret[DIGEST_HEX_SIZE])
{
        cleanup_free char *text =
            string_format("%s\n%s %zu\n%s", b->filename, s->stage->name, *s->stage->name ? 0 : s->number,
                          s->at ? s->at->original : "");
        struct digest digest;

        digest_of(text, strlen(text), &digest);
        digest_format_hex(&digest, ret);
}

char *build_explain(struct build *b, const struct stage_state *s)
{
        struct telling t = { .stage = s };
        struct nearest n = {};
        struct part_list is, was;
        cleanup_strbuf struct strbuf now = {};
        char origin[DIGEST_HEX_SIZE];

        step_origin(b, s, origin);
        step_parts_format(&s->parts, &now);
        read_parts(now.data, now.len, &is);
        n.is = &is;
        database_query(b->store->db, read_earlier, &n, NULL,
                       "SELECT parts FROM build_parts JOIN build_cache USING (key) WHERE origin = ?"
                       " ORDER BY created DESC LIMIT ?",
                       "si", origin, (int64_t)EARLIER_MAX);
        if (n.found) {
                read_parts(n.best.data, n.best.len, &was);
                compare(&was, &is, tell_difference, &t);
                free(was.items);
                if (t.more)
                        strbuf_addf(&t.out, " and %zu more", t.more);
        }
        if (!n.found)
                strbuf_adds(&t.out, "it was not built before");
        else if (t.told == 0)
                strbuf_adds(&t.out, "what it gave is not in the cache any more");
        free(is.items);
        strbuf_deinit(&n.best);
        return strbuf_take(&t.out);
}
