/* Stages: by name, and how one begins. */
#include "build/build-internal.h"

#include "base/time.h"

struct stage_state *build_stage_named(struct build *b, const char *name, size_t before)
{
        for (size_t i = MIN(before, b->n_stages); i > 0; i--)
                if (*b->stages[i - 1].stage->name && strcasecmp(b->stages[i - 1].stage->name, name) == 0)
                        return &b->stages[i - 1];
        return NULL;
}

static bool is_number(const char *s)
{
        return *s && strspn(s, "0123456789") == strlen(s);
}

int build_from_find(struct build *b, const struct stage_state *s, const char *from,
                    struct stage_state **ret_stage, struct build_context **ret_context, struct error *err)
{
        *ret_stage = NULL;
        if (build_context_find(b, from, ret_context, err) < 0)
                return -1;
        if (*ret_context)
                return 0;
        if (strchr(from, '$'))
                return error_set(err, ERROR_INVALID,
                                 "'from' doesn't support variable expansion, define alias stage instead");
        if (strmap_get(&b->options->image_contexts, from))
                return 0;
        *ret_stage = build_stage_named(b, from, b->n_stages);
        if (!*ret_stage && is_number(from)) {
                size_t number = strtoul(from, NULL, 10);

                if (number >= s->number)
                        return error_set(err, ERROR_INVALID, "invalid stage index %s", from);
                *ret_stage = &b->stages[number];
        }
        return 0;
}

int build_from_resolve(struct build *b, const struct stage_state *s, const char *from,
                       struct stage_state **ret_stage, struct build_context **ret_context,
                       struct image **ret_image, struct error *err)
{
        *ret_image = NULL;
        if (build_from_find(b, s, from, ret_stage, ret_context, err) < 0)
                return -1;
        return *ret_stage || *ret_context ? 0 : build_image_find(b, from, ret_image, err);
}

static void take_layers(struct stage_state *s, const struct digest *diff_ids, size_t count)
{
        for (size_t i = 0; i < count; i++)
                ARRAY_APPEND(s->diff_ids, s->n_diff_ids, diff_ids[i]);
}

static void begin_from_stage(struct stage_state *s)
{
        const struct stage_state *p = s->parent;

        image_config_copy(&s->image, &p->image);
        take_layers(s, p->diff_ids, p->n_diff_ids);
        s->env = strv_copy(p->env);
        s->workdir_set = p->workdir_set;
        s->created = p->created;
        s->before = xstrdup(p->before);
        for (size_t i = 0; i < p->n_args; i++) {
                struct instruction_pair arg = { .key = xstrdup(p->args[i].key),
                                                .value = xstrdup(p->args[i].value) };

                ARRAY_APPEND(s->args, s->n_args, arg);
        }
}

static void begin_from_scratch(struct stage_state *s)
{
        s->image = (struct image_config){ .created = TIME_ZERO };
        s->image.architecture = xstrdup(s->platform.architecture);
        s->image.os = xstrdup(s->platform.os);
        s->image.variant = string_empty(s->platform.variant) ? NULL : xstrdup(s->platform.variant);
        s->image.rootfs_type = xstrdup("layers");
        s->image.config.working_dir = xstrdup("/");
        strv_append(&s->image.config.env, BUILD_DEFAULT_PATH);
        s->env = strv_copy(s->image.config.env);
}

static void begin_from_image(struct stage_state *s)
{
        image_config_copy(&s->image, &s->base_image->config);
        take_layers(s, s->base_image->diff_ids, s->base_image->n_diff_ids);
        s->created = s->image.created;
        strv_free(s->image.config.on_build);
        s->image.config.on_build = NULL;
        if (!env_get(s->image.config.env, "PATH"))
                strv_append(&s->image.config.env, BUILD_DEFAULT_PATH);
        /* What a container leaves in a committed image is no part of a built one. */
        replace_string(&s->image.container, NULL);
        replace_string(&s->image.docker_version, NULL);
        replace_string(&s->image.comment, NULL);
        s->env = strv_copy(s->image.config.env);
}

/* An image that several stages begin with is shown once. */
static void show_base(struct build *b, struct stage_state *s)
{
        cleanup_free char *prefix = build_step_prefix(s, b), *name = build_image_name(s->base);
        struct vertex v;

        if (!build_once(b, s->base_image->id_text))
                return;
        vertex_begin(b, &v, "%sFROM %s", prefix, name);
        vertex_done(b, &v);
}

static int execute_base(struct build *b, struct stage_state *s, struct step_tree *t, const struct vertex *v,
                        void *arg, struct error *err)
{
        struct copy_rules rules = { .ignore = s->base_context->ignore };

        (void)v;
        (void)arg;
        return step_tree_mount(b, s, t, err) < 0
                   ? -1
                   : copy_tree(s->base_context->fd, ".", t->root, "/", &rules, err);
}

/* FROM a folder: its content is the first layer. */
static int begin_from_context(struct build *b, struct stage_state *s, struct error *err)
{
        const struct copy_source from = { s->base_context->fd, s->base_context, {} };
        const struct copy_rules rules = { .ignore = s->base_context->ignore };
        struct build_work work = { .execute = execute_base };
        cleanup_free char *prefix = NULL;
        struct step_key key;
        struct digest digest;
        int r;

        begin_from_scratch(s);
        build_context_announce(b, s->base_context);
        step_key_begin(&key, s, "context");
        r = source_digest(b, &from, "", &rules, &key, err);
        step_key_finish(&key, &digest);
        if (r < 0)
                return -1;
        prefix = build_step_prefix(s, b);
        work.text = string_format("%sFROM %s", prefix, s->base);
        if (build_perform(b, s, &digest, &work, err) < 0)
                return -1;
        build_history(s, true, string_format("FROM %s # buildkit", s->base));
        return 0;
}

int build_stage_begin(struct build *b, struct stage_state *s, struct error *err)
{
        build_tell_step(b, s->stage->from.original);
        if (s->parent)
                begin_from_stage(s);
        else if (s->base_context)
                return begin_from_context(b, s, err);
        else if (s->base_image)
                begin_from_image(s);
        else
                begin_from_scratch(s);
        if (s->base_image)
                show_base(b, s);
        return 0;
}
