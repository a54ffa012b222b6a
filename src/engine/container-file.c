/* A container's folder: DATA_ROOT/containers/ID with config.json (ours), state.json (the shim's), upper,
 * work, bundle. */
#include "engine/container-internal.h"
#include "base/fd.h"

#define CONFIG_MAX (16 << 20)

static const struct json_field container_fields[] = {
        JSON_FIELD("Id", struct container, id, JSON_STRING),
        JSON_FIELD("Name", struct container, name, JSON_STRING),
        JSON_FIELD("Created", struct container, created, JSON_TIME),
        JSON_FIELD("Path", struct container, path, JSON_STRING),
        JSON_FIELD("Args", struct container, args, JSON_STRV, JSON_EMPTY_NOT_NULL),
        JSON_FIELD("ImageId", struct container, image_id, JSON_STRING),
        JSON_FIELD("Layers", struct container, layers, JSON_STRV, JSON_EMPTY_NOT_NULL),
        JSON_FIELD("Os", struct container, os, JSON_STRING),
        JSON_FIELD_STRUCT("Config", struct container, config, JSON_STRUCT, container_config_table),
        JSON_FIELD_STRUCT("HostConfig", struct container, host, JSON_STRUCT, host_config_table),
        JSON_FIELD("Links", struct container, links, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD_ARRAY("Mounts", struct container, mounts.items, mounts.count, JSON_ARRAY,
                         mount_point_table),
        JSON_FIELD("LogPath", struct container, log_path, JSON_STRING),
        JSON_FIELD("HasBeenStarted", struct container, has_been_started, JSON_BOOL),
};
static const struct json_table container_table = JSON_TABLE(struct container, container_fields);

char *container_dir(const struct engine *engine, const char *id)
{
        return string_format("%s/containers/%s", engine->options->data_root, id);
}

char *container_socket(const struct engine *engine, const char *id)
{
        return string_format("%s/containers/%s/ctl.sock", engine->options->exec_root, id);
}

struct container *container_new(void)
{
        struct container *c = xcalloc(1, sizeof(*c));

        c->references = 1;
        c->dirfd = -1;
        c->watch_fd = -1;
        pthread_mutex_init(&c->operation, NULL);
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->changed, NULL);
        container_state_init(&c->state);
        return c;
}

void container_hold(struct container *c)
{
        __atomic_add_fetch(&c->references, 1, __ATOMIC_RELAXED);
}

static void attach_free(struct pending_attach *a)
{
        close(a->client);
        free(a->detach_keys);
        free(a->early);
}

void container_drop(struct container *c)
{
        if (__atomic_sub_fetch(&c->references, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        json_free_fields(&container_table, c);
        container_state_deinit(&c->state);
        for (size_t i = 0; i < c->n_attaches; i++)
                attach_free(&c->attaches[i]);
        free(c->attaches);
        for (size_t i = 0; i < c->n_execs; i++) {
                shim_exec_config_deinit(&c->execs[i]->config);
                free(c->execs[i]);
        }
        free(c->execs);
        strv_free(c->old_names);
        if (c->dirfd >= 0)
                close(c->dirfd);
        pthread_mutex_destroy(&c->operation);
        pthread_mutex_destroy(&c->lock);
        pthread_cond_destroy(&c->changed);
        free(c);
}

int container_save(struct container *c, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&container_table, c);
        cleanup_free char *text = json_format(tree);

        return file_replace(c->dirfd, "config.json", text, strlen(text), 0600, false, err);
}

int container_load(struct engine *engine, const char *id, struct container **ret, struct error *err)
{
        cleanup_container struct container *c = container_new();
        cleanup_free char *text = NULL;
        size_t len;

        c->dirfd = directory_open(engine->containers_fd, id, err);
        if (c->dirfd < 0 || file_read(c->dirfd, "config.json", CONFIG_MAX, &text, &len, err) < 0 ||
            json_bind_text(&container_table, text, len, c, err) < 0)
                return error_context(err, "container %s", id);
        if (!streq(c->id, id) || string_empty(c->name))
                return error_set(err, ERROR_INVALID, "container %s: its config.json is another's", id);
        container_state_deinit(&c->state);
        if (container_state_load(c->dirfd, &c->state, NULL) < 0)
                container_state_init(&c->state);
        *ret = take_ptr(c);
        return 0;
}
