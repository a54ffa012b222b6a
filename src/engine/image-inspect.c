/* GET /images/NAME/json and /images/NAME/history. */
#include "engine/image-internal.h"

static json_object *strings_json(char *const *list)
{
        json_object *array = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(array, json_object_new_string(*list));
        return array;
}

static void set_time(json_object *o, const char *name, int64_t t)
{
        char text[TIME_RFC3339_MAX];

        time_format_rfc3339nano(t, text);
        json_set_string(o, name, text);
}

static void set_if(json_object *o, const char *name, const char *value)
{
        if (!string_empty(value))
                json_set_string(o, name, value);
}

/* The folders that overlayfs is given, as other engines tell it. */
static json_object *graph_driver(struct store *store, const struct image *image)
{
        json_object *driver = json_object_new_object(), *data = json_object_new_object();
        cleanup_strv char **lowers = NULL;

        if (image->n_diff_ids && image_lowers(store, image, &lowers, NULL) == 0) {
                cleanup_free char *below = strv_join(lowers + 1, ":");

                if (*below)
                        json_set_string(data, "LowerDir", below);
                json_set_string(data, "UpperDir", lowers[0]);
        }
        json_object_object_add(driver, "Data", data);
        json_set_string(driver, "Name", "overlay2");
        return driver;
}

static json_object *rootfs_json(const struct image *image)
{
        json_object *rootfs = json_object_new_object();

        json_set_string(rootfs, "Type", "layers");
        json_object_object_add(rootfs, "Layers",
                               image->n_diff_ids ? strings_json(image->config.diff_ids)
                                                 : json_object_new_array());
        return rootfs;
}

static json_object *image_json(struct store *store, const struct image *image)
{
        json_object *o = json_object_new_object(), *metadata = json_object_new_object();
        const struct image_config *c = &image->config;
        char parent[DIGEST_TEXT_SIZE] = "";

        if (!digest_is_zero(&image->parent))
                digest_format(&image->parent, parent);
        json_set_string(o, "Id", image->id_text);
        json_object_object_add(o, "RepoTags", strings_json(image->tags));
        json_object_object_add(o, "RepoDigests", strings_json(image->digests));
        json_set_string(o, "Parent", parent);
        json_set_string(o, "Comment", c->comment ? c->comment : "");
        if (c->created != TIME_ZERO)
                set_time(o, "Created", c->created);
        json_set_string(o, "DockerVersion", c->docker_version ? c->docker_version : "");
        json_set_string(o, "Author", c->author ? c->author : "");
        json_set_string(o, "Architecture", c->architecture ? c->architecture : "");
        set_if(o, "Variant", c->variant);
        json_set_string(o, "Os", c->os ? c->os : "");
        set_if(o, "OsVersion", c->os_version);
        json_object_object_add(o, "Size", json_object_new_int64(image->size));
        json_object_object_add(o, "GraphDriver", graph_driver(store, image));
        json_object_object_add(o, "RootFS", rootfs_json(image));
        set_time(metadata, "LastTagTime", image->last_tagged);
        json_object_object_add(o, "Metadata", metadata);
        json_object_object_add(o, "Config", image_config_runtime_json(c));
        return o;
}

static int wrong_platform(const struct image *image, const char *name, const struct platform *want,
                          bool (*suits)(const struct platform *want, const struct platform *have),
                          struct error *err)
{
        struct platform have = { image->config.architecture, image->config.os, image->config.variant, NULL,
                                 NULL };
        cleanup_free char *wanted = NULL, *there = NULL;

        if (!want || suits(want, &have))
                return 0;
        wanted = platform_format(want);
        there = platform_format(&have);
        return error_set(err, ERROR_NOT_FOUND,
                         "image with reference %s was found but its platform (%s) does not match the "
                         "specified platform (%s)",
                         name, there, wanted);
}

static bool is_same(const struct platform *want, const struct platform *have)
{
        return platform_match(want, have, true);
}

int image_check_platform(const struct image *image, const char *name, const struct platform *want,
                         struct error *err)
{
        return wrong_platform(image, name, want, is_same, err);
}

int image_check_suits(const struct image *image, const char *name, const struct platform *want,
                      struct error *err)
{
        return wrong_platform(image, name, want, platform_suits, err);
}

static int resolve(struct engine *engine, const char *name, const char *platform, struct image **ret,
                   struct error *err)
{
        cleanup_image struct image *image = NULL;
        char *texts[] = { (char *)(uintptr_t)platform, NULL };
        struct platform *wanted;
        size_t count;
        int r;

        if (image_resolve(engine->store, name, &image, err) < 0 ||
            image_platforms(string_empty(platform) ? NULL : texts, &wanted, &count, err) < 0)
                return -1;
        r = image_check_platform(image, name, count ? &wanted[0] : NULL, err);
        if (count)
                platform_deinit(&wanted[0]);
        free(wanted);
        if (r < 0)
                return -1;
        *ret = take_ptr(image);
        return 0;
}

int engine_image_inspect(struct engine *engine, const char *name, const char *platform, json_object **ret,
                         struct error *err)
{
        cleanup_image struct image *image = NULL;

        if (resolve(engine, name, platform, &image, err) < 0)
                return -1;
        *ret = image_json(engine->store, image);
        return 0;
}

/* ---- History ---- */

static json_object *history_item(const struct image_history *h, int64_t size)
{
        json_object *o = json_object_new_object();

        json_set_string(o, "Comment", h->comment ? h->comment : "");
        json_object_object_add(
            o, "Created", json_object_new_int64(h->created == TIME_ZERO ? 0 : h->created / NSEC_PER_SEC));
        json_set_string(o, "CreatedBy", h->created_by ? h->created_by : "");
        json_set_string(o, "Id", "<missing>");
        json_object_object_add(o, "Size", json_object_new_int64(size));
        json_object_object_add(o, "Tags", NULL);
        return o;
}

static int collect_items(struct store *store, const struct image *image, json_object ***ret,
                         struct error *err)
{
        size_t count = image->config.n_history, layer_index = 0;
        json_object **items = xcalloc(count + 1, sizeof(*items));

        for (size_t i = 0; i < count; i++) {
                const struct image_history *h = &image->config.history[i];
                struct layer layer = {};
                int failed = 0;

                if (!h->empty_layer && layer_index >= image->n_diff_ids)
                        failed = error_set(err, ERROR_SYSTEM, "too many non-empty layers in History section");
                else if (!h->empty_layer)
                        failed = layer_get(store, &image->diff_ids[layer_index++], &layer, err);
                if (failed) {
                        while (i > 0)
                                json_object_put(items[--i]);
                        free(items);
                        return -1;
                }
                if (!h->empty_layer)
                        layer_release(store, &layer.diff_id);
                items[i] = history_item(h, layer.size);
        }
        *ret = items;
        return 0;
}

/* The newest items are images of their own, as far as parents are known. */
static void name_items(struct store *store, const struct image *image, json_object **items, size_t count)
{
        struct image *current = NULL;

        for (size_t i = count; i > 0; i--) {
                const struct image *shown = current ? current : image;
                struct image *parent = NULL;

                json_set_string(items[i - 1], "Id", shown->id_text);
                if (shown->tags && shown->tags[0])
                        json_object_object_add(items[i - 1], "Tags", strings_json(shown->tags));
                if (digest_is_zero(&shown->parent) || image_get(store, &shown->parent, &parent, NULL) < 0)
                        break;
                image_free(current);
                current = parent;
        }
        image_free(current);
}

int engine_image_history(struct engine *engine, const char *name, const char *platform, json_object **ret,
                         struct error *err)
{
        cleanup_image struct image *image = NULL;
        json_object **items, *list;

        if (resolve(engine, name, platform, &image, err) < 0 ||
            collect_items(engine->store, image, &items, err) < 0)
                return -1;
        name_items(engine->store, image, items, image->config.n_history);
        list = json_object_new_array();
        for (size_t i = image->config.n_history; i > 0; i--)
                json_object_array_add(list, items[i - 1]);
        free(items);
        *ret = list;
        return 0;
}
