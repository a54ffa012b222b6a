/* POST /commit: a container's changes become a layer, its configuration an image. */
#include "engine/container-internal.h"
#include "engine/image-internal.h"

#define EMPTY_TAR_SIZE 1024

struct commit {
        struct engine *engine;
        struct container *container;
        const struct image_commit_options *options;
        struct layer layer;
        bool has_layer;
};

static bool is_pausable(struct container *c)
{
        bool running;

        pthread_mutex_lock(&c->lock);
        running = streq(c->state.status, STATUS_RUNNING);
        pthread_mutex_unlock(&c->lock);
        return running;
}

static int copy_layer(struct commit *commit, struct error *err)
{
        cleanup_close int upper = directory_open(commit->container->dirfd, "upper", err);

        return upper < 0 ? -1 : layer_from_copy(commit->engine->store, upper, &commit->layer, err);
}

/* The container stands still while its files are read. */
static int make_layer(struct commit *commit, struct error *err)
{
        struct container *c = commit->container;
        bool pause = commit->options->pause && is_pausable(c);
        int r;

        if (pause && engine_container_pause(commit->engine, c->id, err) < 0)
                return -1;
        r = copy_layer(commit, err);
        if (pause) {
                cleanup_error struct error resume = {};

                if (engine_container_unpause(commit->engine, c->id, &resume) < 0 && r == 0)
                        r = error_move(err, &resume);
        }
        if (r < 0)
                return -1;
        commit->has_layer = commit->layer.tar_size > EMPTY_TAR_SIZE;
        if (!commit->has_layer)
                layer_release(commit->engine->store, &commit->layer.diff_id);
        return 0;
}

/* What the request leaves open comes from the container, as Docker merges: maps and variables are joined. */
static void merge_config(struct container_config *config, const struct container_config *from)
{
        char **const *from_lists[] = { &from->exposed_ports, &from->volumes };
        char ***to_lists[] = { &config->exposed_ports, &config->volumes };

        if (string_empty(config->user))
                replace_string(&config->user, from->user);
        for (size_t i = 0; i < ARRAY_SIZE(to_lists); i++)
                for (char **s = *from_lists[i]; s && *s; s++)
                        if (!strv_contains(*to_lists[i], *s))
                                strv_append(to_lists[i], *s);
        for (char **e = from->env; e && *e; e++) {
                cleanup_free char *name = xstrndup(*e, strcspn(*e, "="));

                if (!env_get(config->env, name))
                        strv_append(&config->env, *e);
        }
        for (size_t i = 0; i < from->labels.count; i++)
                if (!strmap_get(&config->labels, from->labels.pairs[i].key))
                        strmap_set(&config->labels, from->labels.pairs[i].key, from->labels.pairs[i].value);
        if (!config->entrypoint || !config->entrypoint[0]) {
                if (!config->cmd || !config->cmd[0]) {
                        strv_free(config->cmd);
                        config->cmd = strv_copy(from->cmd);
                }
                if (!config->entrypoint)
                        config->entrypoint = strv_copy(from->entrypoint);
        }
        if (string_empty(config->working_dir))
                replace_string(&config->working_dir, from->working_dir);
        if (string_empty(config->stop_signal))
                replace_string(&config->stop_signal, from->stop_signal);
        if (!config->healthcheck && from->healthcheck) {
                config->healthcheck = xcalloc(1, sizeof(*config->healthcheck));
                json_copy(&health_config_table, from->healthcheck, config->healthcheck);
        }
        if (!config->shell)
                config->shell = strv_copy(from->shell);
        if (!config->on_build)
                config->on_build = strv_copy(from->on_build);
}

static int fill_runtime(const struct commit *commit, struct container_config *config, struct error *err)
{
        const struct container_config *from = &commit->container->config;

        json_copy(&container_config_table, commit->options->config ? commit->options->config : from, config);
        if (changes_apply(commit->options->changes, config, err) < 0)
                return -1;
        merge_config(config, from);
        return 0;
}

/* Base: the image's history and platform, or nothing when it has gone. */
static void fill_base(struct commit *commit, struct image_config *c, struct digest *ret_parent)
{
        cleanup_image struct image *image = NULL;
        cleanup_platform struct platform host = {};

        c->diff_ids = strv_copy(commit->container->layers);
        c->rootfs_type = xstrdup("layers");
        if (digest_parse(commit->container->image_id, ret_parent, NULL) < 0 ||
            image_get(commit->engine->store, ret_parent, &image, NULL) < 0) {
                platform_host(&host);
                c->os = take_ptr(host.os);
                c->architecture = take_ptr(host.architecture);
                *ret_parent = (struct digest){};
                return;
        }
        c->os = xstrdup(image->config.os);
        c->architecture = xstrdup(image->config.architecture);
        c->variant = xstrdup(image->config.variant);
        for (size_t i = 0; i < image->config.n_history; i++)
                image_config_add_history(c, &image->config.history[i]);
}

static int fill_config(struct commit *commit, struct image_config *c, struct digest *ret_parent,
                       struct error *err)
{
        const struct image_commit_options *o = commit->options;
        cleanup_free char *command = NULL;
        struct image_history history;

        if (fill_runtime(commit, &c->config, err) < 0)
                return -1;
        fill_base(commit, c, ret_parent);
        if (commit->has_layer) {
                char text[DIGEST_TEXT_SIZE];

                digest_format(&commit->layer.diff_id, text);
                strv_append(&c->diff_ids, text);
        }
        c->created = time_now();
        c->author = xstrdup(o->author);
        c->comment = xstrdup(o->message);
        c->container = xstrdup(commit->container->id);
        command = strv_join(commit->container->config.cmd, " ");
        history = (struct image_history){
                .created = c->created,
                .author = c->author,
                .created_by = command,
                .comment = c->comment,
                .empty_layer = !commit->has_layer,
        };
        image_config_add_history(c, &history);
        return 0;
}

static void tell(const struct commit *commit, const struct digest *id, const char *name)
{
        cleanup_strmap struct strmap attributes = {};
        char text[DIGEST_TEXT_SIZE];

        digest_format(id, text);
        strmap_set(&attributes, "comment", commit->options->message ? commit->options->message : "");
        strmap_set(&attributes, "imageID", text);
        strmap_set(&attributes, "imageRef", name ? name : "");
        container_event(commit->engine, commit->container, "commit", &attributes);
}

static int make_image(struct commit *commit, const char *name, struct digest *ret_id, struct error *err)
{
        cleanup_image_config struct image_config config = {};
        struct digest parent = {};

        if (fill_config(commit, &config, &parent, err) < 0 ||
            image_create_config(commit->engine->store, &config, &parent, name, ret_id, err) < 0)
                return -1;
        image_event_id(commit->engine, ret_id, "create", NULL);
        if (name)
                image_event_id(commit->engine, ret_id, "tag", name);
        tell(commit, ret_id, name);
        return 0;
}

int engine_commit(struct engine *engine, const char *container, const struct image_commit_options *options,
                  struct digest *ret_id, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct commit commit = { .engine = engine, .options = options };
        struct container_config check = {};
        cleanup_free char *name = NULL;
        int r;

        if (image_reference(options->repo, options->tag, &name, err) < 0 ||
            container_find(engine, container, &c, err) < 0)
                return -1;
        commit.container = c;
        /* A bad line is told before the work. */
        r = fill_runtime(&commit, &check, err);
        json_free_fields(&container_config_table, &check);
        if (r < 0 || make_layer(&commit, err) < 0)
                return -1;
        r = make_image(&commit, name, ret_id, err);
        if (commit.has_layer)
                layer_release(engine->store, &commit.layer.diff_id);
        return r;
}
