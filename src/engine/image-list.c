/* GET /images/json, and what `system df` says about images. */
#include "engine/image-internal.h"

#include "oci/reference.h"

#include <fnmatch.h>

struct selection {
        struct store *store;
        struct filters filters;
        int64_t before, since; /* creation times; INT64_MAX and INT64_MIN for none */
        bool all, dangling_only, has_dangling;
};

static int edge_time(struct store *store, const char *name, int64_t *ret, struct error *err)
{
        cleanup_image struct image *image = NULL;

        if (image_resolve(store, name, &image, err) < 0)
                return -1;
        *ret = image->config.created;
        return 0;
}

static int read_filters(struct selection *s, json_object *tree, struct error *err)
{
        static const char *const accepted[] = { "dangling",  "label", "before", "since",
                                                "reference", "until", NULL };
        char *const *values;

        s->before = INT64_MAX;
        s->since = INT64_MIN;
        if (image_filters(tree, &s->filters, err) < 0 || filters_check(&s->filters, accepted, err) < 0 ||
            filters_get_bool(&s->filters, "dangling", false, &s->dangling_only, err) < 0)
                return -1;
        s->has_dangling = filters_get(&s->filters, "dangling") != NULL;
        for (values = filters_get(&s->filters, "before"); values && *values; values++)
                if (edge_time(s->store, *values, &s->before, err) < 0)
                        return -1;
        for (values = filters_get(&s->filters, "since"); values && *values; values++)
                if (edge_time(s->store, *values, &s->since, err) < 0)
                        return -1;
        for (values = filters_get(&s->filters, "until"); values && *values; values++) {
                int64_t until;

                if (image_filter_time(*values, &until, err) < 0)
                        return -1;
                s->before = MIN(s->before, until);
        }
        return 0;
}

/* A pattern matches the name with its tag, or without. */
static bool reference_matches(char *const *patterns, const char *name)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *bare = NULL;

        if (!patterns)
                return true;
        if (reference_parse(name, &r, NULL) == 0)
                bare = reference_familiar_name(&r);
        for (; *patterns; patterns++)
                if (fnmatch(*patterns, name, FNM_PATHNAME) == 0 ||
                    (bare && fnmatch(*patterns, bare, FNM_PATHNAME) == 0))
                        return true;
        return false;
}

static json_object *matching(char *const *names, char *const *patterns, size_t *ret_count)
{
        json_object *list = json_object_new_array();

        for (; names && *names; names++)
                if (reference_matches(patterns, *names))
                        json_object_array_add(list, json_object_new_string(*names));
        *ret_count = json_object_array_length(list);
        return list;
}

static bool has_children(const struct image *image, struct image *const *images, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (digest_equal(&images[i]->parent, &image->id))
                        return true;
        return false;
}

static json_object *labels_json(const struct strmap *labels)
{
        json_object *map;

        if (!labels->count)
                return NULL;
        map = json_object_new_object();
        for (size_t i = 0; i < labels->count; i++)
                json_object_object_add(map, labels->pairs[i].key,
                                       json_object_new_string(labels->pairs[i].value));
        return map;
}

static json_object *summary(const struct image *image, json_object *tags, json_object *digests)
{
        json_object *o = json_object_new_object();
        char parent[DIGEST_TEXT_SIZE] = "";
        int64_t created = image->config.created;

        if (!digest_is_zero(&image->parent))
                digest_format(&image->parent, parent);
        json_object_object_add(o, "Containers", json_object_new_int64(-1));
        json_object_object_add(o, "Created",
                               json_object_new_int64(created == TIME_ZERO ? 0 : created / NSEC_PER_SEC));
        json_set_string(o, "Id", image->id_text);
        json_object_object_add(o, "Labels", labels_json(&image->config.config.labels));
        json_set_string(o, "ParentId", parent);
        json_object_object_add(o, "RepoDigests", digests);
        json_object_object_add(o, "RepoTags", tags);
        json_object_object_add(o, "SharedSize", json_object_new_int64(-1));
        json_object_object_add(o, "Size", json_object_new_int64(image->size));
        return o;
}

/* NULL: it is not asked for. */
static json_object *select_image(const struct selection *s, const struct image *image,
                                 struct image *const *images, size_t count)
{
        char *const *patterns = filters_get(&s->filters, "reference");
        json_object *tags, *digests;
        size_t n_tags, n_digests;
        bool wanted = true;

        /* An image may have no time of creation: it is older than all others. */
        if (image->config.created >= s->before ||
            (s->since != INT64_MIN && image->config.created <= s->since) ||
            !filters_match_labels(&s->filters, "label", &image->config.config.labels))
                return NULL;
        tags = matching(image->tags, patterns, &n_tags);
        digests = matching(image->digests, patterns, &n_digests);
        if (n_tags + n_digests == 0) {
                bool leaf = !has_children(image, images, count);

                wanted = s->all || leaf;
                if (s->has_dangling)
                        wanted = wanted && s->dangling_only;
                /* With a name that was only filtered out it is not nameless. */
                wanted = wanted && !patterns && (!s->dangling_only || leaf);
        } else if (s->dangling_only && n_tags)
                wanted = false;
        if (wanted)
                return summary(image, tags, digests);
        json_object_put(tags);
        json_object_put(digests);
        return NULL;
}

/* How many of the images have the layer at this place of this chain. */
static size_t chain_users(const struct image *image, size_t depth, struct image *const *images, size_t count)
{
        size_t users = 0;

        for (size_t i = 0; i < count; i++)
                users += images[i]->n_diff_ids > depth && memcmp(images[i]->diff_ids, image->diff_ids,
                                                                 (depth + 1) * sizeof(struct digest)) == 0;
        return users;
}

static int64_t shared_size(struct store *store, const struct image *image, struct image *const *images,
                           size_t count)
{
        int64_t sum = 0;

        for (size_t depth = 0; depth < image->n_diff_ids; depth++) {
                struct layer layer;

                if (chain_users(image, depth, images, count) < 2)
                        break; /* above a layer of its own nothing is shared */
                if (layer_get(store, &image->diff_ids[depth], &layer, NULL) < 0)
                        continue;
                sum += layer.size;
                layer_release(store, &layer.diff_id);
        }
        return sum;
}

static json_object *select_all(const struct selection *s, struct image *const *images, size_t count,
                               bool shared)
{
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < count; i++) {
                json_object *o = select_image(s, images[i], images, count);

                if (!o)
                        continue;
                if (shared)
                        json_object_object_add(
                            o, "SharedSize",
                            json_object_new_int64(shared_size(s->store, images[i], images, count)));
                json_object_array_add(list, o);
        }
        return list;
}

static void add_users(struct engine *engine, json_object *list)
{
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *o = json_object_array_get_idx(list, i);
                struct digest id;

                if (digest_parse(json_get_string(o, "Id"), &id, NULL) == 0)
                        json_object_object_add(o, "Containers",
                                               json_object_new_int64(image_user_count(engine, &id)));
        }
}

int engine_image_list(struct engine *engine, const struct image_list_options *options, json_object **ret,
                      struct error *err)
{
        struct selection s = { .store = engine->store, .all = options->all };
        struct image **images;
        size_t count;
        int r = -1;

        if (read_filters(&s, options->filters, err) == 0 &&
            image_list(engine->store, &images, &count, err) == 0) {
                *ret = select_all(&s, images, count, options->shared_size);
                image_list_free(images, count);
                r = 0;
        }
        filters_deinit(&s.filters);
        if (r == 0 && options->containers)
                add_users(engine, *ret);
        return r;
}

int engine_image_usage(struct engine *engine, json_object **ret, int64_t *ret_layers_size, struct error *err)
{
        struct image_list_options options = { .shared_size = true, .containers = true };
        json_object *list;

        if (engine_image_list(engine, &options, &list, err) < 0)
                return -1;
        if (layer_total_size(engine->store, ret_layers_size, err) < 0) {
                json_object_put(list);
                return -1;
        }
        *ret = list;
        return 0;
}
