/* An image's configuration. */
#include "oci/image.h"

#include "base/time.h"

#define STRUCT struct image_history
static const struct json_field image_history_fields[] = {
        JSON_FIELD("created", STRUCT, created, JSON_TIME, JSON_OMIT_EMPTY),
        JSON_FIELD("author", STRUCT, author, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("created_by", STRUCT, created_by, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("comment", STRUCT, comment, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("empty_layer", STRUCT, empty_layer, JSON_BOOL, JSON_OMIT_EMPTY),
};
static const struct json_table image_history_table = JSON_TABLE(STRUCT, image_history_fields);
#undef STRUCT

/* The parts of a Config that images keep, as the OCI has them: nothing when empty. */
#define STRUCT struct container_config
static const struct json_field stored_fields[] = {
        JSON_FIELD("User", STRUCT, user, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("ExposedPorts", STRUCT, exposed_ports, JSON_SET, JSON_OMIT_EMPTY),
        JSON_FIELD("Env", STRUCT, env, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("Entrypoint", STRUCT, entrypoint, JSON_STRV, JSON_OMIT_EMPTY | JSON_OR_STRING),
        JSON_FIELD("Cmd", STRUCT, cmd, JSON_STRV, JSON_OMIT_EMPTY | JSON_OR_STRING),
        JSON_FIELD("Volumes", STRUCT, volumes, JSON_SET, JSON_OMIT_EMPTY),
        JSON_FIELD("WorkingDir", STRUCT, working_dir, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("StopSignal", STRUCT, stop_signal, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("ArgsEscaped", STRUCT, args_escaped, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("Healthcheck", STRUCT, healthcheck, JSON_STRUCT_PTR, health_config_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD("OnBuild", STRUCT, on_build, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("Shell", STRUCT, shell, JSON_STRV, JSON_OMIT_EMPTY | JSON_OR_STRING),
};
static const struct json_table stored_table = JSON_TABLE(STRUCT, stored_fields);

/* The same as `image inspect` shows it. */
static const struct json_field shown_fields[] = {
        JSON_FIELD("ArgsEscaped", STRUCT, args_escaped, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Cmd", STRUCT, cmd, JSON_STRV),
        JSON_FIELD("Entrypoint", STRUCT, entrypoint, JSON_STRV),
        JSON_FIELD("Env", STRUCT, env, JSON_STRV),
        JSON_FIELD("ExposedPorts", STRUCT, exposed_ports, JSON_SET, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("Healthcheck", STRUCT, healthcheck, JSON_STRUCT_PTR, health_config_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
        JSON_FIELD("OnBuild", STRUCT, on_build, JSON_STRV),
        JSON_FIELD("Shell", STRUCT, shell, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("StopSignal", STRUCT, stop_signal, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("User", STRUCT, user, JSON_STRING),
        JSON_FIELD("Volumes", STRUCT, volumes, JSON_SET),
        JSON_FIELD("WorkingDir", STRUCT, working_dir, JSON_STRING),
};
static const struct json_table shown_table = JSON_TABLE(STRUCT, shown_fields);
#undef STRUCT

struct rootfs {
        char *type;
        char **diff_ids;
};
#define STRUCT struct rootfs
static const struct json_field rootfs_fields[] = {
        JSON_FIELD("type", STRUCT, type, JSON_STRING),
        JSON_FIELD("diff_ids", STRUCT, diff_ids, JSON_STRV),
};
static const struct json_table rootfs_table = JSON_TABLE(STRUCT, rootfs_fields);
#undef STRUCT

_Static_assert(offsetof(struct image_config, diff_ids) ==
                   offsetof(struct image_config, rootfs_type) + offsetof(struct rootfs, diff_ids),
               "struct image_config holds a struct rootfs");

#define STRUCT struct image_config
static const struct json_field image_config_fields[] = {
        JSON_FIELD("created", STRUCT, created, JSON_TIME, JSON_OMIT_EMPTY),
        JSON_FIELD("author", STRUCT, author, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("architecture", STRUCT, architecture, JSON_STRING),
        JSON_FIELD("variant", STRUCT, variant, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("os", STRUCT, os, JSON_STRING),
        JSON_FIELD("os.version", STRUCT, os_version, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("os.features", STRUCT, os_features, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("config", STRUCT, config, JSON_STRUCT, stored_table),
        JSON_FIELD_STRUCT("rootfs", STRUCT, rootfs_type, JSON_STRUCT, rootfs_table),
        JSON_FIELD_ARRAY("history", STRUCT, history, n_history, JSON_ARRAY, image_history_table,
                         JSON_OMIT_EMPTY),
        JSON_FIELD("comment", STRUCT, comment, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("container", STRUCT, container, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("docker_version", STRUCT, docker_version, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("moby.buildkit.cache.v0", STRUCT, build_cache, JSON_STRING, JSON_OMIT_EMPTY),
};
static const struct json_table image_config_table = JSON_TABLE(STRUCT, image_config_fields);
#undef STRUCT

/* A time that is absent is TIME_ZERO, which binding cannot tell from 1970. */
static void mark_absent_times(json_object *tree, struct image_config *c)
{
        json_object *history = json_get(tree, "history");

        if (!json_get(tree, "created"))
                c->created = TIME_ZERO;
        if (!json_object_is_type(history, json_type_array))
                return;
        for (size_t i = 0; i < c->n_history; i++)
                if (!json_get(json_object_array_get_idx(history, i), "created"))
                        c->history[i].created = TIME_ZERO;
}

static int check(const struct image_config *c, struct error *err)
{
        size_t count = strv_length(c->diff_ids);

        if (count > IMAGE_LAYERS_MAX)
                return error_set(err, ERROR_INVALID, "more than %d layers", IMAGE_LAYERS_MAX);
        for (size_t i = 0; i < count; i++) {
                struct digest digest;

                if (digest_parse(c->diff_ids[i], &digest, err) < 0)
                        return error_context(err, "diff_ids");
        }
        if (!string_empty(c->rootfs_type) && !streq(c->rootfs_type, "layers"))
                return error_set(err, ERROR_INVALID, "unknown rootfs type \"%s\"", c->rootfs_type);
        return 0;
}

int image_config_parse(const char *text, size_t len, struct image_config *ret, struct error *err)
{
        cleanup_image_config struct image_config c = {};
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0 || json_bind(&image_config_table, tree, &c, err) < 0 ||
            check(&c, err) < 0)
                return error_context(err, "image config");
        mark_absent_times(tree, &c);
        *ret = c;
        c = (struct image_config){};
        return 0;
}

char *image_config_format(const struct image_config *c)
{
        cleanup_json json_object *tree = json_unbind(&image_config_table, c);

        return json_format(tree);
}

json_object *image_config_runtime_json(const struct image_config *c)
{
        return json_unbind(&shown_table, &c->config);
}

void image_config_add_history(struct image_config *c, const struct image_history *h)
{
        struct image_history copy = {
                .created = h->created,
                .author = xstrdup(h->author),
                .created_by = xstrdup(h->created_by),
                .comment = xstrdup(h->comment),
                .empty_layer = h->empty_layer,
        };

        ARRAY_APPEND(c->history, c->n_history, copy);
}

void image_config_copy(struct image_config *dst, const struct image_config *src)
{
        json_copy(&image_config_table, src, dst);
        dst->created = src->created;
        for (size_t i = 0; i < src->n_history; i++)
                dst->history[i].created = src->history[i].created;
}

void image_config_deinit(struct image_config *c)
{
        json_free_fields(&image_config_table, c);
        *c = (struct image_config){};
}
