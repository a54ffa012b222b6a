/* Names: tag, untag; removal with Docker's rules about who stands in the way; prune. */
#include "engine/container-internal.h"
#include "engine/image-internal.h"

#include "oci/reference.h"

enum {
        CONFLICT_CHILD = 1 << 0,
        CONFLICT_RUNNING = 1 << 1,
        CONFLICT_REFERENCE = 1 << 2,
        CONFLICT_STOPPED = 1 << 3,
        CONFLICT_HARD = CONFLICT_CHILD | CONFLICT_RUNNING,
        CONFLICT_SOFT = CONFLICT_REFERENCE | CONFLICT_STOPPED,
};

struct removal {
        struct engine *engine;
        json_object *records;
        bool force, prune;
};

int engine_image_tag(struct engine *engine, const char *name, const char *repo, const char *tag,
                     struct error *err)
{
        cleanup_image struct image *image = NULL;
        cleanup_free char *reference = NULL;

        if (image_reference(repo, tag, &reference, err) < 0)
                return -1;
        if (!reference)
                return error_set(err, ERROR_INVALID, "repository name must have at least one component");
        if (image_resolve(engine->store, name, &image, err) < 0 ||
            image_tag(engine->store, reference, &image->id, NULL, err) < 0)
                return -1;
        image_event(engine, image, "tag", reference);
        return 0;
}

static void record(struct removal *r, const char *what, const char *name)
{
        json_object *o = json_object_new_object();

        json_set_string(o, what, name);
        json_object_array_add(r->records, o);
}

static int untag(struct removal *r, const struct image *image, const char *name, struct error *err)
{
        if (image_untag(r->engine->store, name, err) < 0)
                return -1;
        image_event(r->engine, image, "untag", image->id_text);
        record(r, "Untagged", name);
        return 0;
}

static int conflict(const struct digest *id, bool hard, struct error *err, const char *format,
                    const char *arg)
{
        char hex[DIGEST_HEX_SIZE];
        cleanup_free char *reason = arg ? string_format("%s %.12s", format, arg) : xstrdup(format);

        digest_format_hex(id, hex);
        return error_set(err, ERROR_CONFLICT, "conflict: unable to delete %.12s (%s) - %s", hex,
                         hard ? "cannot be forced" : "must be forced", reason);
}

static size_t child_count(struct removal *r, const struct digest *id)
{
        struct digest *children = NULL;
        size_t count = 0;

        if (image_children(r->engine->store, id, &children, &count, NULL) == 0)
                free(children);
        return count;
}

/* *ret_used: a container stands in the way. */
static int check_conflicts(struct removal *r, const struct image *image, unsigned mask, bool *ret_used,
                           struct error *err)
{
        cleanup_free char *running = NULL, *stopped = NULL;

        *ret_used = false;
        if ((mask & CONFLICT_CHILD) && child_count(r, &image->id))
                return conflict(&image->id, true, err, "image has dependent child images", NULL);
        if ((mask & CONFLICT_RUNNING) && (running = image_user(r->engine, &image->id, true))) {
                *ret_used = true;
                return conflict(&image->id, true, err, "image is being used by running container", running);
        }
        if ((mask & CONFLICT_REFERENCE) && (image->tags[0] || image->digests[0]))
                return conflict(&image->id, false, err, "image is referenced in multiple repositories", NULL);
        if ((mask & CONFLICT_STOPPED) && (stopped = image_user(r->engine, &image->id, false))) {
                *ret_used = true;
                return conflict(&image->id, false, err, "image is being used by stopped container", stopped);
        }
        return 0;
}

static bool same_chain(const struct digest *a, size_t n_a, const struct image *image, size_t depth)
{
        return n_a >= depth && memcmp(a, image->diff_ids, depth * sizeof(*a)) == 0;
}

static bool container_has_chain(struct container *c, const struct image *image, size_t depth)
{
        if (strv_length(c->layers) < depth)
                return false;
        for (size_t i = 0; i < depth; i++)
                if (!streq(c->layers[i], image->config.diff_ids[i]))
                        return false;
        return true;
}

/* Is the stack of the lowest `depth` layers still in use? */
static bool chain_in_use(struct engine *engine, const struct image *image, size_t depth)
{
        struct container **containers;
        struct image **images;
        size_t count, n_containers;
        bool used = false;

        if (image_list(engine->store, &images, &count, NULL) < 0)
                return true;
        for (size_t i = 0; i < count; i++)
                used = used || same_chain(images[i]->diff_ids, images[i]->n_diff_ids, image, depth);
        image_list_free(images, count);
        container_list_all(engine, &containers, &n_containers);
        for (size_t i = 0; i < n_containers; i++)
                used = used || container_has_chain(containers[i], image, depth);
        container_list_drop(containers, n_containers);
        return used;
}

static void record_layers(struct removal *r, const struct image *image)
{
        for (size_t depth = image->n_diff_ids; depth > 0; depth--) {
                char text[DIGEST_TEXT_SIZE];
                struct digest chain;

                if (chain_in_use(r->engine, image, depth))
                        return;
                digest_chain(image->diff_ids, depth, &chain);
                digest_format(&chain, text);
                record(r, "Deleted", text);
        }
}

static int remove_names(struct removal *r, const struct image *image, struct error *err)
{
        char *const *const lists[] = { image->tags, image->digests };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                for (char *const *name = lists[i]; *name; name++)
                        if (untag(r, image, *name, err) < 0)
                                return -1;
        return 0;
}

static int remove_record(struct removal *r, const struct image *image, struct error *err)
{
        if (remove_names(r, image, err) < 0)
                return -1;
        image_event(r->engine, image, "delete", image->id_text);
        if (image_remove(r->engine->store, &image->id, err) < 0)
                return -1;
        record(r, "Deleted", image->id_text);
        record_layers(r, image);
        return 0;
}

/* Removes an image, then, with `prune`, its parents that nothing needs. `quiet`: what stands in the way is no
 * error. */
static int remove_image(struct removal *r, const struct digest *first, bool quiet, struct error *err)
{
        struct digest id = *first;
        bool force = r->force;

        for (;;) {
                cleanup_image struct image *image = NULL;
                cleanup_error struct error reason = {};
                bool used, dangling;

                if (image_get(r->engine->store, &id, &image, err) < 0)
                        return -1;
                if (check_conflicts(r, image, CONFLICT_HARD | (force ? 0 : CONFLICT_SOFT), &used, &reason) <
                    0) {
                        dangling = !image->tags[0] && !image->digests[0] && !child_count(r, &id);
                        return quiet && (!dangling || used) ? 0 : error_move(err, &reason);
                }
                if (remove_record(r, image, err) < 0)
                        return -1;
                if (!r->prune || digest_is_zero(&image->parent))
                        return 0;
                id = image->parent;
                force = false;
                quiet = true;
        }
}

static char *repository_of(const char *name)
{
        cleanup_reference struct reference r = {};

        return reference_parse(name, &r, NULL) < 0 ? xstrdup(name) : reference_familiar_name(&r);
}

/* Does the image have but one name (a digest of the same repository beside it does not count)? */
static bool has_single_name(const struct image *image)
{
        cleanup_free char *repository = NULL;
        size_t tags = strv_length(image->tags), digests = strv_length(image->digests);

        if (tags + digests <= 1)
                return true;
        if (tags > 1)
                return false;
        repository = repository_of(tags ? image->tags[0] : image->digests[0]);
        for (size_t i = 0; i < digests; i++) {
                cleanup_free char *other = repository_of(image->digests[i]);

                if (!streq(repository, other))
                        return false;
        }
        return true;
}

static bool is_id_prefix(const struct image *image, const char *text)
{
        return string_after(image->id_text, text) || string_after(image->id_text + strlen("sha256:"), text);
}

/* When a repository's last tag went, its digests go too. */
static int untag_digests(struct removal *r, const struct image *image, const char *name, struct error *err)
{
        cleanup_free char *repository = repository_of(name);

        for (char *const *tag = image->tags; *tag; tag++) {
                cleanup_free char *other = repository_of(*tag);

                if (!streq(*tag, name) && streq(other, repository))
                        return 0;
        }
        for (char *const *digest = image->digests; *digest; digest++) {
                cleanup_free char *other = repository_of(*digest);

                if (streq(other, repository) && untag(r, image, *digest, err) < 0)
                        return -1;
        }
        return 0;
}

/* 1 when the image itself is to go now. */
static int remove_by_name(struct removal *r, const struct image *image, const char *text, struct error *err)
{
        cleanup_reference struct reference ref = {};
        cleanup_image struct image *left = NULL;
        cleanup_free char *user = NULL, *name = NULL;

        if (!r->force && has_single_name(image)) {
                user = image_user(r->engine, &image->id, true);
                user = user ? user : image_user(r->engine, &image->id, false);
                if (user)
                        return error_set(
                            err, ERROR_CONFLICT,
                            "conflict: unable to remove repository reference \"%s\" (must force) - container "
                            "%.12s is using its referenced image %.12s",
                            text, user, image->id_text + strlen("sha256:"));
        }
        if (reference_parse(text, &ref, err) < 0)
                return -1;
        reference_default_tag(&ref);
        name = reference_familiar(&ref);
        if (untag(r, image, name, err) < 0 || (!ref.digest && untag_digests(r, image, name, err) < 0))
                return -1;
        if (image_get(r->engine->store, &image->id, &left, err) < 0)
                return -1;
        return !left->tags[0] && !left->digests[0];
}

static int remove_by_id(struct removal *r, const struct image *image, struct error *err)
{
        unsigned mask = CONFLICT_HARD | (r->force ? 0 : CONFLICT_STOPPED);
        bool used;

        if (!has_single_name(image))
                return 0;
        if (check_conflicts(r, image, mask, &used, err) < 0)
                return -1;
        return remove_names(r, image, err);
}

static int remove_resolved(struct removal *r, const char *name, struct error *err)
{
        cleanup_image struct image *image = NULL;
        bool by_name;
        int r_name;

        if (image_resolve(r->engine->store, name, &image, err) < 0)
                return -1;
        by_name = !is_id_prefix(image, name);
        r_name = by_name ? remove_by_name(r, image, name, err) : remove_by_id(r, image, err);
        if (r_name < 0)
                return -1;
        if (by_name && r_name == 0)
                return 0;
        return remove_image(r, &image->id, by_name, err);
}

int engine_image_remove(struct engine *engine, const char *name, bool force, bool no_prune, json_object **ret,
                        struct error *err)
{
        struct removal r = { engine, json_object_new_array(), force, !no_prune };
        int result;

        pthread_mutex_lock(&engine->store->image_lock);
        result = remove_resolved(&r, name, err);
        pthread_mutex_unlock(&engine->store->image_lock);
        /* Even after a failure something may have gone. */
        if (result == 0)
                result = store_collect(engine->store, NULL, err);
        if (result < 0) {
                json_object_put(r.records);
                return -1;
        }
        *ret = r.records;
        return 0;
}

/* ---- Prune ---- */

struct prune_filters {
        struct filters filters;
        bool dangling_only;
        int64_t until;
};

static int read_prune_filters(json_object *tree, struct prune_filters *ret, struct error *err)
{
        static const char *const accepted[] = { "dangling", "label", "label!", "until", NULL };
        char *const *until;

        ret->until = INT64_MAX;
        if (image_filters(tree, &ret->filters, err) < 0 || filters_check(&ret->filters, accepted, err) < 0 ||
            filters_get_bool(&ret->filters, "dangling", true, &ret->dangling_only, err) < 0)
                return -1;
        until = filters_get(&ret->filters, "until");
        if (!until)
                return 0;
        if (strv_length(until) > 1)
                return error_set(err, ERROR_INVALID, "more than one until filter specified");
        return image_filter_time(until[0], &ret->until, err);
}

static bool prune_wants(const struct prune_filters *f, const struct image *image)
{
        const struct strmap *labels = &image->config.config.labels;

        if (f->dangling_only && (image->tags[0] || image->digests[0]))
                return false;
        if (image->config.created > f->until || !filters_match_labels(&f->filters, "label", labels))
                return false;
        return !filters_get(&f->filters, "label!") || !filters_match_labels(&f->filters, "label!", labels);
}

static void prune_one(struct removal *r, const struct image *image)
{
        if (child_count(r, &image->id) || image_user_count(r->engine, &image->id))
                return;
        if (remove_names(r, image, NULL) == 0)
                remove_image(r, &image->id, true, NULL);
}

static int prune_all(struct removal *r, const struct prune_filters *filters, struct error *err)
{
        struct image **images;
        size_t count;

        if (image_list(r->engine->store, &images, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count; i++)
                if (prune_wants(filters, images[i]))
                        prune_one(r, images[i]);
        image_list_free(images, count);
        return 0;
}

static json_object *prune_report(json_object *records, int64_t freed)
{
        json_object *report = json_object_new_object();

        if (json_object_array_length(records) == 0) {
                json_object_put(records);
                records = NULL;
        }
        json_object_object_add(report, "ImagesDeleted", records);
        json_object_object_add(report, "SpaceReclaimed", json_object_new_int64(freed));
        return report;
}

int engine_image_prune(struct engine *engine, json_object *tree, json_object **ret, struct error *err)
{
        struct removal r = { engine, json_object_new_array(), false, true };
        struct prune_filters filters = {};
        cleanup_strmap struct strmap attributes = {};
        cleanup_free char *size = NULL;
        int64_t freed = 0;
        int result = read_prune_filters(tree, &filters, err);

        if (result == 0) {
                pthread_mutex_lock(&engine->store->image_lock);
                result = prune_all(&r, &filters, err);
                pthread_mutex_unlock(&engine->store->image_lock);
        }
        if (result == 0)
                result = store_collect(engine->store, &freed, err);
        filters_deinit(&filters.filters);
        if (result < 0) {
                json_object_put(r.records);
                return -1;
        }
        size = string_format("%lld", (long long)freed);
        strmap_set(&attributes, "reclaimed", size);
        event_publish(engine, "image", "prune", "", &attributes);
        *ret = prune_report(r.records, freed);
        return 0;
}
