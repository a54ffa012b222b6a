/* Small things that all image operations need. */
#include "engine/container-internal.h"
#include "engine/image-internal.h"

#include "oci/reference.h"

#include <math.h>
#include <time.h>

int image_filters(json_object *tree, struct filters *ret, struct error *err)
{
        cleanup_free char *text = tree ? json_format(tree) : NULL;

        return filters_parse(text, ret, err);
}

/* Dates without a zone are local ones, as with docker. */
static int parse_date(const char *text, int64_t *ret)
{
        static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
                                               "%Y-%m-%d", "%Y-%m-%dZ" };

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                struct tm tm = { .tm_isdst = -1 };
                const char *end = strptime(text, formats[i], &tm);

                if (end && !*end) {
                        *ret = (int64_t)mktime(&tm) * NSEC_PER_SEC;
                        return 0;
                }
        }
        return -1;
}

int image_filter_time(const char *text, int64_t *ret, struct error *err)
{
        int64_t duration;
        double seconds;
        char *end;

        if (duration_parse(text, &duration, NULL) == 0 && !streq(text, "0")) {
                *ret = time_now() - duration;
                return 0;
        }
        seconds = strtod(text, &end);
        if (end != text && !*end && fabs(seconds) < 1e10) {
                *ret = (int64_t)(seconds * 1e9);
                return 0;
        }
        if (time_parse_rfc3339(text, ret, NULL) == 0 || parse_date(text, ret) == 0)
                return 0;
        return error_set(err, ERROR_INVALID, "failed to parse value as time or duration: \"%s\"", text);
}

void image_event(struct engine *engine, const struct image *image, const char *action, const char *name)
{
        cleanup_strmap struct strmap attributes = {};

        strmap_copy(&attributes, &image->config.config.labels);
        if (name)
                strmap_set(&attributes, "name", name);
        event_publish(engine, "image", action, image->id_text, &attributes);
}

void image_event_id(struct engine *engine, const struct digest *id, const char *action, const char *name)
{
        cleanup_image struct image *image = NULL;

        if (image_get(engine->store, id, &image, NULL) == 0)
                image_event(engine, image, action, name);
}

int image_reference(const char *repo, const char *tag, char **ret, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *text = NULL;

        if (string_empty(repo)) {
                *ret = NULL;
                return 0;
        }
        if (reference_parse(repo, &r, err) < 0)
                return -1;
        if (r.digest)
                return error_set(err, ERROR_INVALID, "cannot import digest reference");
        if (!string_empty(tag)) {
                cleanup_free char *name = reference_familiar_name(&r);

                text = string_format("%s:%s", name, tag);
                reference_deinit(&r);
                if (reference_parse(text, &r, err) < 0)
                        return -1;
        }
        reference_default_tag(&r);
        *ret = reference_familiar(&r);
        return 0;
}

char *image_user(struct engine *engine, const struct digest *id, bool running)
{
        struct container **list;
        char text[DIGEST_TEXT_SIZE], *found = NULL;
        size_t count;

        digest_format(id, text);
        container_list_all(engine, &list, &count);
        for (size_t i = 0; i < count && !found; i++)
                if (streq(list[i]->image_id, text) && container_is_running(list[i]) == running)
                        found = xstrdup(list[i]->id);
        container_list_drop(list, count);
        return found;
}

int64_t image_user_count(struct engine *engine, const struct digest *id)
{
        struct container **list;
        char text[DIGEST_TEXT_SIZE];
        size_t count;
        int64_t users = 0;

        digest_format(id, text);
        container_list_all(engine, &list, &count);
        for (size_t i = 0; i < count; i++)
                users += streq(list[i]->image_id, text);
        container_list_drop(list, count);
        return users;
}

int image_hold_layers(struct store *store, const struct image *image, struct error *err)
{
        for (size_t i = 0; i < image->n_diff_ids; i++) {
                struct layer layer;

                if (layer_get(store, &image->diff_ids[i], &layer, err) < 0) {
                        while (i > 0)
                                layer_release(store, &image->diff_ids[--i]);
                        return -1;
                }
        }
        return 0;
}

void image_release_layers(struct store *store, const struct image *image)
{
        for (size_t i = 0; i < image->n_diff_ids; i++)
                layer_release(store, &image->diff_ids[i]);
}
