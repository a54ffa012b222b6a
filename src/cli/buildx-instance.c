/* Builder instances as buildx keeps them: buildx/instances/NAME, buildx/current, buildx/activity/NAME. */
#include "base/fd.h"
#include "base/time.h"
#include "cli/buildx.h"
#include "cli/client-info.h"
#include "cli/context.h"

#include <dirent.h>
#include <errno.h>

#define FILE_MAX (1 << 20)

static const struct json_field node_fields[] = {
        JSON_FIELD("Name", struct buildx_node, name, JSON_STRING),
        JSON_FIELD("Endpoint", struct buildx_node, endpoint, JSON_STRING),
        JSON_FIELD("Flags", struct buildx_node, flags, JSON_STRV),
        JSON_FIELD("DriverOpts", struct buildx_node, driver_options, JSON_STRMAP),
};
static const struct json_table node_table = JSON_TABLE(struct buildx_node, node_fields);
static const struct json_field instance_fields[] = {
        JSON_FIELD("Name", struct buildx_instance, name, JSON_STRING),
        JSON_FIELD("Driver", struct buildx_instance, driver, JSON_STRING),
        JSON_FIELD_ARRAY("Nodes", struct buildx_instance, nodes, n_nodes, JSON_ARRAY, node_table),
        JSON_FIELD("Dynamic", struct buildx_instance, dynamic, JSON_BOOL),
};
static const struct json_table instance_table = JSON_TABLE(struct buildx_instance, instance_fields);

void buildx_instance_deinit(struct buildx_instance *i)
{
        for (size_t n = 0; n < i->n_nodes; n++)
                strv_free(i->nodes[n].platforms);
        json_free_fields(&instance_table, i);
        *i = (struct buildx_instance){};
}

static char *file_path(struct cli *cli, const char *kind, const char *name)
{
        return string_format("%s/buildx/%s%s%s", cli->config_dir, kind, name ? "/" : "", name ?: "");
}

char *buildx_endpoint(struct cli *cli)
{
        cleanup_free char *host = NULL;

        if (!streq(context_name(cli), "default"))
                return xstrdup(context_name(cli));
        if (context_host(cli, &host, NULL) < 0 || !host)
                return xstrdup("default");
        return take_ptr(host);
}

/* ---- Files ---- */

/* Node entries of an instance keep their platforms as objects. */
static void read_platforms(json_object *tree, struct buildx_instance *instance)
{
        json_object *nodes = json_get(tree, "Nodes");

        for (size_t n = 0; n < instance->n_nodes; n++) {
                json_object *list = json_get(json_object_array_get_idx(nodes, n), "Platforms");

                for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                        json_object *p = json_object_array_get_idx(list, i);
                        const char *variant = json_get_string(p, "variant");

                        strv_append_take(&instance->nodes[n].platforms,
                                         string_format("%s/%s%s%s", json_get_string(p, "os") ?: "",
                                                       json_get_string(p, "architecture") ?: "",
                                                       variant ? "/" : "", variant ?: ""));
                }
        }
}

int buildx_load(struct cli *cli, const char *name, struct buildx_instance *ret, struct error *err)
{
        cleanup_free char *path = file_path(cli, "instances", name), *text = NULL,
                          *activity = file_path(cli, "activity", name), *when = NULL;
        cleanup_json json_object *tree = NULL;
        struct buildx_instance instance = {};
        size_t len;
        int64_t at;

        if (strchr(name, '/') || access(path, F_OK) < 0)
                return 0;
        if (file_read(AT_FDCWD, path, FILE_MAX, &text, &len, err) < 0 ||
            json_parse_text(text, len, &tree, err) < 0 ||
            json_bind(&instance_table, tree, &instance, err) < 0) {
                buildx_instance_deinit(&instance);
                return error_context(err, "builder %s", name);
        }
        read_platforms(tree, &instance);
        if (file_read(AT_FDCWD, activity, 128, &when, &len, NULL) == 0) {
                when[strcspn(when, "\n")] = 0;
                if (time_parse_rfc3339(when, &at, NULL) == 0)
                        instance.last_activity = at / NSEC_PER_SEC;
        }
        *ret = instance;
        return 1;
}

static int write_file(struct cli *cli, const char *kind, const char *name, json_object *tree,
                      struct error *err)
{
        cleanup_free char *path = file_path(cli, kind, name), *text = json_format(tree),
                          *folder =
                              name ? file_path(cli, kind, NULL) : string_format("%s/buildx", cli->config_dir);

        if (directory_make(AT_FDCWD, folder, 0700, err) < 0)
                return -1;
        return file_replace(AT_FDCWD, path, text, strlen(text), 0600, false, err);
}

static json_object *platform_objects(char *const *platforms)
{
        json_object *list = json_object_new_array();

        for (; platforms && *platforms; platforms++) {
                cleanup_strv char **parts = strv_split(*platforms, '/');
                size_t n = strv_length(parts);
                json_object *o = json_object_new_object();

                json_set_string(o, "architecture", n > 1 ? parts[1] : "");
                json_set_string(o, "os", parts[0]);
                if (n > 2)
                        json_set_string(o, "variant", parts[2]);
                json_object_array_add(list, o);
        }
        return list;
}

int buildx_save(struct cli *cli, const struct buildx_instance *instance, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&instance_table, instance);
        json_object *nodes = json_get(tree, "Nodes");

        for (size_t n = 0; n < instance->n_nodes; n++)
                json_object_object_add(json_object_array_get_idx(nodes, n), "Platforms",
                                       platform_objects(instance->nodes[n].platforms));
        return write_file(cli, "instances", instance->name, tree, err);
}

int buildx_remove(struct cli *cli, const char *name, struct error *err)
{
        cleanup_free char *path = file_path(cli, "instances", name),
                          *activity = file_path(cli, "activity", name), *current = buildx_current(cli);

        if (unlink(path) < 0)
                return error_errno(err, "%s", path);
        unlink(activity);
        return streq(current, name) ? buildx_set_current(cli, NULL, false, err) : 0;
}

/* ---- The current one ---- */

char *buildx_current(struct cli *cli)
{
        cleanup_free char *path = file_path(cli, "current", NULL), *text = NULL, *key = buildx_endpoint(cli),
                          *file = NULL;
        const char *from_environment = getenv("BUILDX_BUILDER"), *name;
        cleanup_json json_object *tree = NULL;
        size_t len;

        if (!string_empty(from_environment))
                return xstrdup(from_environment);
        if (file_read(AT_FDCWD, path, FILE_MAX, &text, &len, NULL) < 0 ||
            json_parse_text(text, len, &tree, NULL) < 0)
                return xstrdup(context_name(cli));
        name = json_get_string(tree, "Name");
        if (string_empty(name) ||
            (!json_get_bool(tree, "Global") && !streq(json_get_string(tree, "Key"), key)))
                return xstrdup(context_name(cli));
        file = file_path(cli, "instances", name);
        return xstrdup(access(file, F_OK) == 0 ? name : context_name(cli));
}

int buildx_set_current(struct cli *cli, const char *name, bool global, struct error *err)
{
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_free char *key = buildx_endpoint(cli);

        json_set_string(tree, "Key", key);
        json_set_string(tree, "Name", name ?: "");
        json_object_object_add(tree, "Global", json_object_new_boolean(global));
        return write_file(cli, "current", NULL, tree, err);
}

/* ---- All ---- */

/* The builder that a context has without anybody having made it. */
static void own_instance(struct cli *cli, struct buildx_instance *ret)
{
        struct buildx_node node = { .name = xstrdup(context_name(cli)),
                                    .endpoint = xstrdup(context_name(cli)) };

        *ret = (struct buildx_instance){ .name = xstrdup(context_name(cli)),
                                         .driver = xstrdup("docker"),
                                         .dynamic = true };
        ARRAY_APPEND(ret->nodes, ret->n_nodes, node);
}

int buildx_select(struct cli *cli, const char *name, struct buildx_instance *ret, struct error *err)
{
        cleanup_free char *current = string_empty(name) ? buildx_current(cli) : xstrdup(name);
        cleanup_buildx_instance struct buildx_instance instance = {};
        int found = buildx_load(cli, current, &instance, err);

        if (found < 0)
                return -1;
        if (!found && !streq(current, context_name(cli)))
                return error_set(err, ERROR_NOT_FOUND, "no builder \"%s\" found", current);
        if (!found)
                own_instance(cli, &instance);
        if (ret) {
                *ret = instance;
                instance = (struct buildx_instance){};
        }
        return 0;
}

static int compare_instances(const void *a, const void *b)
{
        return strcmp(((const struct buildx_instance *)a)->name, ((const struct buildx_instance *)b)->name);
}

int buildx_list(struct cli *cli, struct buildx_instance **ret, size_t *ret_count, struct error *err)
{
        cleanup_free char *folder = file_path(cli, "instances", NULL);
        cleanup_closedir DIR *dir = opendir(folder);
        struct buildx_instance *list = NULL, own;
        struct dirent *d;
        size_t count = 0;

        while (dir && (d = readdir(dir))) {
                struct buildx_instance instance;
                int found = *d->d_name == '.' ? 0 : buildx_load(cli, d->d_name, &instance, err);

                if (found < 0) {
                        buildx_list_free(list, count);
                        return -1;
                }
                if (found)
                        ARRAY_APPEND(list, count, instance);
        }
        own_instance(cli, &own);
        ARRAY_APPEND(list, count, own);
        qsort(list, count, sizeof(*list), compare_instances);
        *ret = list;
        *ret_count = count;
        return 0;
}

void buildx_list_free(struct buildx_instance *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                buildx_instance_deinit(&list[i]);
        free(list);
}
