/* The build cache as the API means it: which records filters name, what prune takes and in which order. */
#include "base/time.h"
#include "engine/build.h"
#include "engine/container-internal.h"
#include "store/image-store.h"

#include <sys/statvfs.h>

static const char *type_of(const struct build_cache_item *item)
{
        return item->mount ? "exec.cachemount" : "regular";
}

/* ---- Filters ---- */

struct cache_query {
        const struct filters *filters;
        int64_t until; /* used after that: kept */
};

/* A record's value for a filter's name without operator; NULL: it has none. */
static const char *field_value(const struct build_cache_item *item, const char *name)
{
        const struct {
                const char *name, *value;
        } fields[] = {
                { "id", item->id },
                { "type", type_of(item) },
                { "description", item->what },
                { "inuse", item->in_use ? "true" : "false" },
                { "mutable", item->mount ? "true" : "false" },
                { "immutable", item->mount ? "false" : "true" },
                { "shared", item->shared ? "true" : "false" },
                { "private", item->shared ? "false" : "true" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (streq(fields[i].name, name))
                        return fields[i].value;
        return NULL;
}

static bool value_is(const char *value, const char *wanted)
{
        bool flag, given;

        return streq(value, wanted) ||
               (string_to_bool(wanted, &given) == 0 && string_to_bool(value, &flag) == 0 && flag == given);
}

/* The keys carry the operator: description~=x came as "description~": ["x"], type!=x as "type!". */
static bool filter_matches(const struct filters *filters, const struct filter *f,
                           const struct build_cache_item *item)
{
        size_t len = strcspn(f->key, "~!=");
        cleanup_free char *name = xstrndup(f->key, len);
        const char *value = field_value(item, name);
        bool found = false;

        if (!value)
                return false;
        if (f->key[len] == '~')
                return filters_match_regex(filters, f->key, value);
        for (char **wanted = f->values; wanted && *wanted; wanted++)
                found |= value_is(value, *wanted);
        return f->key[len] == '!' ? !found : found;
}

/* Of `until` the query has the time; `label` is what `system prune` passes on: records have none. */
static bool says_nothing(const char *key)
{
        return streq(key, "until") || streq(key, "unused-for") || string_after(key, "label");
}

static bool matches(const struct cache_query *q, const struct build_cache_item *item)
{
        if (item->used > q->until)
                return false;
        for (size_t i = 0; i < q->filters->count; i++)
                if (!says_nothing(q->filters->items[i].key) &&
                    !filter_matches(q->filters, &q->filters->items[i], item))
                        return false;
        return true;
}

static int read_until(const struct filters *filters, int64_t *ret, struct error *err)
{
        char *const *values = filters_get(filters, "until") ?: filters_get(filters, "unused-for");
        int64_t age;

        *ret = INT64_MAX;
        if (!values || !*values)
                return 0;
        if (values[1])
                return error_set(err, ERROR_INVALID, "filters expect only one value: until");
        if (duration_parse(*values, &age, NULL) < 0)
                return error_set(
                    err, ERROR_INVALID,
                    "\"until\" filter expects a duration (e.g., '24h'): time: invalid duration \"%s\"",
                    *values);
        *ret = time_now() - age;
        return 0;
}

int build_filters_check(const struct filters *filters, struct error *err)
{
        const struct build_cache_item sample = { .id = (char *)"", .what = (char *)"" };
        int64_t until;

        for (size_t i = 0; i < filters->count; i++) {
                const char *key = filters->items[i].key;
                cleanup_free char *name = xstrndup(key, strcspn(key, "~!="));

                if (!says_nothing(key) && !field_value(&sample, name))
                        return error_set(err, ERROR_INVALID, "invalid filter '%s'", name);
        }
        return read_until(filters, &until, err);
}

/* All records, those that the filters name first: *ret_matching of *ret_count. */
static int list_records(struct engine *engine, const struct filters *filters, struct build_cache_item **ret,
                        size_t *ret_matching, size_t *ret_count, struct error *err)
{
        struct cache_query q = { .filters = filters };
        size_t matching = 0;

        if (read_until(filters, &q.until, err) < 0 || build_cache_open(engine->store, err) < 0 ||
            build_cache_items(engine->store, ret, ret_count, err) < 0)
                return -1;
        for (size_t i = 0; i < *ret_count; i++) {
                struct build_cache_item item = (*ret)[i];

                if (!matches(&q, &item))
                        continue;
                memmove(&(*ret)[matching + 1], &(*ret)[matching], (i - matching) * sizeof(item));
                (*ret)[matching++] = item;
        }
        *ret_matching = matching;
        return 0;
}

/* ---- As JSON ---- */

static void set_bool(json_object *o, const char *name, bool value)
{
        json_object_object_add(o, name, json_object_new_boolean(value));
}

static json_object *item_json(const struct build_cache_item *item)
{
        json_object *o = json_object_new_object();
        char time[TIME_RFC3339_MAX];

        json_set_string(o, "ID", item->id);
        json_set_string(o, "Type", type_of(item));
        json_set_string(o, "Description", item->what);
        set_bool(o, "InUse", item->in_use);
        set_bool(o, "Shared", item->shared);
        set_bool(o, "Mutable", item->mount);
        json_object_object_add(o, "Size", json_object_new_int64(item->size));
        time_format_rfc3339nano(item->created, time);
        json_set_string(o, "CreatedAt", time);
        time_format_rfc3339nano(item->used, time);
        json_set_string(o, "LastUsedAt", time);
        json_object_object_add(o, "UsageCount", json_object_new_int64(item->uses));
        return o;
}

int engine_build_usage(struct engine *engine, const struct filters *filters, json_object **ret,
                       struct error *err)
{
        static const struct filters none;
        struct build_cache_item *items;
        size_t matching, count;

        if (list_records(engine, filters ?: &none, &items, &matching, &count, err) < 0)
                return -1;
        *ret = json_object_new_array();
        for (size_t i = 0; i < matching; i++)
                json_object_array_add(*ret, item_json(&items[i]));
        build_cache_items_free(items, count);
        return 0;
}

/* ---- Prune ---- */

static int64_t available_space(const struct store *store)
{
        struct statvfs fs;

        return fstatvfs(store->tmp_fd, &fs) < 0 ? INT64_MAX : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* What a record's end frees: nothing when somebody else has its layer. */
static int64_t own_size(const struct build_cache_item *item)
{
        return item->shared ? 0 : item->size;
}

/* How many bytes may stay; 0 without a limit: nothing does. */
static int64_t keep_bytes(const struct build_prune *p, int64_t total, int64_t available)
{
        int64_t keep = p->max_used_space;

        if (!p->max_used_space && !p->min_free_space && !p->reserved_space)
                return 0;
        if (p->min_free_space > available)
                keep = MIN(keep ? keep : total, total - (p->min_free_space - available));
        else if (!keep && p->min_free_space)
                keep = total;
        return MAX(keep, p->reserved_space);
}

static int compare_used(const void *a, const void *b)
{
        const struct build_cache_item *x = a, *y = b;

        return x->used < y->used ? -1 : x->used > y->used;
}

struct prune_run {
        struct engine *engine;
        const struct build_prune *options;
        json_object *ids, *records;
};

static int prune_item(struct prune_run *run, const struct build_cache_item *item, struct error *err)
{
        if (build_cache_drop(run->engine->store, item, err) < 0)
                return error_context(err, "%s", item->id);
        json_object_array_add(run->ids, json_object_new_string(item->id));
        /* What frees nothing is not worth a line. */
        if (!item->shared)
                json_object_array_add(run->records, item_json(item));
        return 0;
}

/* The longest unused go first, until no more is there than may stay. */
static int prune_items(struct prune_run *run, struct build_cache_item *items, size_t matching, size_t count,
                       int64_t *freed, struct error *err)
{
        int64_t total = 0, keep;
        size_t i;

        for (i = 0; i < count; i++)
                total += own_size(&items[i]);
        keep = keep_bytes(run->options, total, available_space(run->engine->store));
        qsort(items, matching, sizeof(*items), compare_used);
        for (i = 0; i < matching && (keep == 0 || total > keep); i++) {
                if (items[i].in_use || (items[i].shared && (!run->options->all || keep)))
                        continue;
                if (prune_item(run, &items[i], err) < 0)
                        return -1;
                total -= own_size(&items[i]);
                *freed += items[i].mount ? items[i].size : 0;
        }
        return store_collect(run->engine->store, freed, err);
}

/* What no record stands for: states before failed steps, what is remembered of contexts. */
static int prune_traces(struct engine *engine, const struct build_prune *p, struct error *err)
{
        int64_t until;

        for (size_t i = 0; i < p->filters->count; i++)
                if (!says_nothing(p->filters->items[i].key))
                        return 0;
        if (p->keep_traces || p->max_used_space || p->min_free_space || p->reserved_space)
                return 0;
        if (read_until(p->filters, &until, err) < 0)
                return -1;
        build_memory_drop(engine->options->data_root, until);
        return image_state_prune(engine->store, until, err);
}

int engine_build_prune(struct engine *engine, const struct build_prune *options, json_object **ret,
                       struct error *err)
{
        struct prune_run run = { engine, options, json_object_new_array(), json_object_new_array() };
        struct build_cache_item *items = NULL;
        size_t matching, count = 0;
        int64_t freed = 0;
        int r = list_records(engine, options->filters, &items, &matching, &count, err);

        if (r == 0)
                r = prune_traces(engine, options, err);
        if (r == 0)
                r = prune_items(&run, items, matching, count, &freed, err);
        build_cache_items_free(items, count);
        if (r < 0) {
                json_object_put(run.ids);
                json_object_put(run.records);
                return -1;
        }
        *ret = json_object_new_object();
        json_object_object_add(*ret, "CachesDeleted", run.ids);
        json_object_object_add(*ret, "SpaceReclaimed", json_object_new_int64(freed));
        json_object_object_add(*ret, "Records", run.records);
        return 0;
}
