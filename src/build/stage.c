/* Stages: which are needed, what they stand on, solving one. */
#include "build/build-internal.h"

#include "base/time.h"
#include "store/layer.h"

#include <ctype.h>

void build_hold(struct build *b, const struct digest *layer)
{
        ARRAY_APPEND(b->holds, b->n_holds, *layer);
}

static struct stage_state *stage_named(struct build *b, const char *name, size_t before)
{
        for (size_t i = MIN(before, b->n_stages); i > 0; i--)
                if (*b->stages[i - 1].stage->name && strcasecmp(b->stages[i - 1].stage->name, name) == 0)
                        return &b->stages[i - 1];
        return NULL;
}

/* "busybox" → "docker.io/library/busybox:latest"; heap. */
static char *canonical_name(const char *name)
{
        struct reference r = {};
        char *text;

        if (reference_parse(name, &r, NULL) < 0)
                return xstrdup(name);
        reference_default_tag(&r);
        text = reference_format(&r);
        reference_deinit(&r);
        return text;
}

/* From here, else from its registry. */
static int fetch_image(struct build *b, const char *written, const char *name, struct image **ret,
                       struct error *err)
{
        struct error failure = {};

        if (!b->options->pull && image_resolve(b->store, written, ret, &failure) == 0)
                return 0;
        if (failure.kind && !error_is(&failure, ERROR_NOT_FOUND))
                return error_move(err, &failure);
        error_clear(&failure);
        if (b->services->pull(b->services->arg, name, &failure) == 0)
                return image_resolve(b->store, name, ret, err);
        if (error_is(&failure, ERROR_NOT_FOUND)) {
                error_clear(&failure);
                error_set(&failure, ERROR_NOT_FOUND, "%s: not found", name);
        }
        error_context(&failure, "%s: failed to resolve source metadata for %s", written, name);
        return error_move(err, &failure);
}

static int hold_layers(struct build *b, const struct image *image, struct error *err)
{
        for (size_t i = 0; image && i < image->n_diff_ids; i++) {
                struct layer layer;

                if (layer_get(b->store, &image->diff_ids[i], &layer, err) < 0)
                        return -1;
                build_hold(b, &layer.diff_id);
        }
        return 0;
}

int build_image_find(struct build *b, const char *name, struct image **ret, struct error *err)
{
        const char *instead = strmap_get(&b->options->image_contexts, name);
        cleanup_free char *canonical = NULL;
        struct stage_image entry = {};
        struct error failure = {};
        struct vertex v;

        name = instead ? instead : name;
        canonical = canonical_name(name);
        for (size_t i = 0; i < b->n_images; i++) {
                if (streq(b->images[i].name, canonical)) {
                        *ret = b->images[i].image;
                        return 0;
                }
        }
        vertex_begin(b, &v, "[internal] load metadata for %s", canonical);
        if (fetch_image(b, name, canonical, &entry.image, &failure) < 0) {
                vertex_failed(b, &v, &failure);
                return error_move(err, &failure);
        }
        vertex_done(b, &v);
        entry.name = take_ptr(canonical);
        ARRAY_APPEND(b->images, b->n_images, entry);
        *ret = entry.image;
        return hold_layers(b, entry.image, err);
}

static bool is_number(const char *s)
{
        return *s && strspn(s, "0123456789") == strlen(s);
}

int build_from_resolve(struct build *b, const struct stage_state *s, const char *from,
                       struct stage_state **ret_stage, struct build_context **ret_context,
                       struct image **ret_image, struct error *err)
{
        *ret_stage = NULL;
        *ret_image = NULL;
        *ret_context = build_context_find(b, from);
        if (*ret_context)
                return 0;
        if (strchr(from, '$'))
                return error_set(err, ERROR_INVALID,
                                 "'from' doesn't support variable expansion, define alias stage instead");
        if (strmap_get(&b->options->image_contexts, from))
                return build_image_find(b, from, ret_image, err);
        *ret_stage = stage_named(b, from, b->n_stages);
        if (!*ret_stage && is_number(from)) {
                size_t number = strtoul(from, NULL, 10);

                if (number >= s->number)
                        return error_set(err, ERROR_INVALID, "invalid stage index %s", from);
                *ret_stage = &b->stages[number];
        }
        if (*ret_stage)
                return 0;
        return build_image_find(b, from, ret_image, err);
}

/* FROM's name, expanded by the arguments before the first FROM. */
static int expand_base(struct build *b, struct stage_state *s, struct error *err)
{
        struct shell_words rules = { .escape = b->file.syntax.escape,
                                     .lookup = shell_lookup_env,
                                     .arg = b->global_args };
        cleanup_free char *platform = NULL;

        b->where = (struct dockerfile_location){ s->stage->from.start_line, s->stage->from.end_line };
        if (shell_expand(&rules, s->stage->from.value, &s->base, err) < 0)
                return -1;
        if (!*s->base)
                return error_set(err, ERROR_INVALID, "base name (%s) should not be blank",
                                 s->stage->from.value);
        if (s->stage->from.platform && shell_expand(&rules, s->stage->from.platform, &platform, err) < 0)
                return -1;
        if (string_empty(platform) && string_empty(b->options->platform)) {
                platform_host(&s->platform);
                return 0;
        }
        if (platform_parse(string_empty(platform) ? b->options->platform : platform, &s->platform, err) < 0)
                return error_context(err, "failed to parse platform %s",
                                     string_empty(platform) ? b->options->platform : platform);
        return 0;
}

/* An image for another machine is not taken for what it is not. */
static int check_platform(const struct stage_state *s, struct error *err)
{
        const struct image_config *c = &s->base_image->config;
        struct platform have = { .architecture = c->architecture, .os = c->os, .variant = c->variant };
        cleanup_free char *wanted = NULL;

        if (platform_match(&s->platform, &have, false))
                return 0;
        wanted = platform_format(&s->platform);
        return error_set(err, ERROR_NOT_FOUND,
                         "%s: no match for platform in manifest: %s is not there for %s", s->base, s->base,
                         wanted);
}

static int need_stage(struct build *b, struct stage_state *s, struct error *err);

static int need_from(struct build *b, struct stage_state *s, const char *from, struct error *err)
{
        struct stage_state *stage;
        struct build_context *context;
        struct image *image;

        if (build_from_resolve(b, s, from, &stage, &context, &image, err) < 0)
                return -1;
        return stage ? need_stage(b, stage, err) : 0;
}

/* What an instruction reads besides its own stage. */
static int need_instruction(struct build *b, struct stage_state *s, const struct instruction *i,
                            struct error *err)
{
        b->where = (struct dockerfile_location){ i->start_line, i->end_line };
        if (i->from && *i->from && need_from(b, s, i->from, err) < 0)
                return -1;
        for (char **m = i->mounts; m && *m; m++) {
                cleanup_strv char **fields = strv_split(*m, ',');

                for (char **f = fields; *f; f++)
                        if (strncasecmp(*f, "from=", 5) == 0 && need_from(b, s, *f + 5, err) < 0)
                                return -1;
        }
        return 0;
}

/* The image's ONBUILD triggers stand behind FROM. */
static int read_triggers(struct stage_state *s, struct error *err)
{
        char *const *list = s->base_image ? s->base_image->config.config.on_build : NULL;

        for (; list && *list; list++) {
                struct instruction i;

                if (instruction_parse(*list, &i, err) < 0)
                        return -1;
                i.start_line = s->stage->from.start_line;
                i.end_line = s->stage->from.end_line;
                ARRAY_APPEND(s->triggers, s->n_triggers, i);
        }
        return 0;
}

static bool is_shown(const struct instruction *i)
{
        return i->type == INSTRUCTION_RUN || i->type == INSTRUCTION_COPY || i->type == INSTRUCTION_ADD ||
               i->type == INSTRUCTION_WORKDIR;
}

static int need_stage(struct build *b, struct stage_state *s, struct error *err)
{
        if (s->building)
                return error_set(err, ERROR_INVALID, "circular dependency detected on stage: %s",
                                 *s->stage->name ? s->stage->name : s->base);
        if (s->needed)
                return 0;
        s->building = true;
        if (expand_base(b, s, err) < 0)
                return -1;
        if (build_context_find(b, s->base))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "FROM a build context that is a folder is not supported by davit yet: %s",
                                 s->base);
        s->parent =
            strmap_get(&b->options->image_contexts, s->base) ? NULL : stage_named(b, s->base, s->number);
        if (s->parent) {
                if (need_stage(b, s->parent, err) < 0)
                        return -1;
        } else if (!streq(s->base, "scratch")) {
                if (build_image_find(b, s->base, &s->base_image, err) < 0 || check_platform(s, err) < 0 ||
                    read_triggers(s, err) < 0)
                        return -1;
                s->total++;
        }
        b->steps += 1 + (int)(s->stage->n_commands + s->n_triggers);
        for (size_t i = 0; i < s->n_triggers; i++) {
                s->total += is_shown(&s->triggers[i]);
                if (need_instruction(b, s, &s->triggers[i], err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < s->stage->n_commands; i++) {
                s->total += is_shown(&s->stage->commands[i]);
                if (need_instruction(b, s, &s->stage->commands[i], err) < 0)
                        return -1;
        }
        s->building = false;
        s->needed = true;
        return 0;
}

static int find_target(struct build *b, struct stage_state **ret, struct error *err)
{
        *ret = &b->stages[b->n_stages - 1];
        if (string_empty(b->options->target))
                return 0;
        *ret = stage_named(b, b->options->target, b->n_stages);
        if (!*ret)
                return error_set(err, ERROR_INVALID, "target stage \"%s\" could not be found",
                                 b->options->target);
        return 0;
}

/* `text` NULL or "": this machine. */
static int add_platform_args(struct build *b, const char *kind, const char *text, struct error *err)
{
        cleanup_platform struct platform p = {};
        cleanup_free char *shown = NULL;

        if (string_empty(text))
                platform_host(&p);
        else if (platform_parse(text, &p, err) < 0)
                return error_context(err, "failed to parse platform %s", text);
        shown = platform_format(&p);
        strv_append_take(&b->global_args, string_format("%sPLATFORM=%s", kind, shown));
        strv_append_take(&b->global_args, string_format("%sOS=%s", kind, p.os));
        strv_append_take(&b->global_args, string_format("%sARCH=%s", kind, p.architecture));
        strv_append_take(&b->global_args, string_format("%sVARIANT=%s", kind, p.variant ? p.variant : ""));
        return 0;
}

/* Arguments that FROM lines may use: of the platform, then those before the first FROM. */
static int set_global_args(struct build *b, struct error *err)
{
        struct shell_words rules = { .escape = b->file.syntax.escape, .lookup = shell_lookup_env };

        b->global_args = strv_new();
        if (add_platform_args(b, "BUILD", NULL, err) < 0 ||
            add_platform_args(b, "TARGET", b->options->platform, err) < 0)
                return -1;
        strv_append_take(&b->global_args,
                         string_format("TARGETSTAGE=%s",
                                       string_empty(b->options->target) ? "default" : b->options->target));
        for (size_t i = 0; i < b->file.n_meta_args; i++) {
                const struct instruction *arg = &b->file.meta_args[i];

                b->where = (struct dockerfile_location){ arg->start_line, arg->end_line };
                for (size_t n = 0; n < arg->n_pairs; n++) {
                        const char *given = strmap_get(&b->options->build_args, arg->pairs[n].key);
                        cleanup_free char *value = NULL;

                        rules.arg = b->global_args;
                        if (!given && arg->pairs[n].value &&
                            shell_expand(&rules, arg->pairs[n].value, &value, err) < 0)
                                return -1;
                        if (given || value)
                                env_set(&b->global_args, arg->pairs[n].key, given ? given : value);
                }
        }
        return 0;
}

int build_stages_prepare(struct build *b, struct error *err)
{
        struct stage_state *target;

        b->n_stages = b->file.n_stages;
        b->stages = xcalloc(b->n_stages, sizeof(*b->stages));
        for (size_t i = 0; i < b->n_stages; i++) {
                b->stages[i].stage = &b->file.stages[i];
                b->stages[i].number = i;
                b->stages[i].created = TIME_ZERO;
                b->stages[i].epoch = b->epoch;
                b->stages[i].no_cache = strv_contains(b->options->no_cache_filter, b->file.stages[i].name);
        }
        if (b->n_stages == 0)
                return error_set(err, ERROR_INVALID, "dockerfile contains no stages to build");
        if (set_global_args(b, err) < 0)
                return -1;
        b->where = (struct dockerfile_location){};
        return find_target(b, &target, err) < 0 ? -1 : need_stage(b, target, err);
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
        if (string_empty(s->image.config.working_dir))
                replace_string(&s->image.config.working_dir, "/");
        /* What a container leaves in a committed image is no part of a built one. */
        replace_string(&s->image.container, NULL);
        replace_string(&s->image.docker_version, NULL);
        replace_string(&s->image.comment, NULL);
        s->env = strv_copy(s->image.config.env);
}

static void show_base(struct build *b, struct stage_state *s)
{
        cleanup_free char *prefix = build_step_prefix(s, b), *name = canonical_name(s->base);
        struct vertex v;

        vertex_begin(b, &v, "%sFROM %s", prefix, name);
        vertex_done(b, &v);
}

/* Stages that this one reads, before its own instructions. */
static int solve_dependencies(struct build *b, struct stage_state *s, const struct instruction *list,
                              size_t count, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                cleanup_strv char **names = strv_new();

                if (list[i].from && *list[i].from)
                        strv_append(&names, list[i].from);
                for (char **m = list[i].mounts; m && *m; m++) {
                        cleanup_strv char **fields = strv_split(*m, ',');

                        for (char **f = fields; *f; f++)
                                if (strncasecmp(*f, "from=", 5) == 0)
                                        strv_append(&names, *f + 5);
                }
                for (char **name = names; *name; name++) {
                        struct stage_state *stage;
                        struct build_context *context;
                        struct image *image;

                        if (build_from_resolve(b, s, *name, &stage, &context, &image, err) < 0 ||
                            (stage && build_stage_solve(b, stage, err) < 0))
                                return -1;
                }
        }
        return 0;
}

int build_stage_solve(struct build *b, struct stage_state *s, struct error *err)
{
        if (s->done)
                return 0;
        if (s->parent && build_stage_solve(b, s->parent, err) < 0)
                return -1;
        b->where = (struct dockerfile_location){ s->stage->from.start_line, s->stage->from.end_line };
        if (solve_dependencies(b, s, s->triggers, s->n_triggers, err) < 0 ||
            solve_dependencies(b, s, s->stage->commands, s->stage->n_commands, err) < 0)
                return -1;
        build_tell_step(b, s->stage->from.original);
        if (s->parent)
                begin_from_stage(s);
        else if (s->base_image)
                begin_from_image(s);
        else
                begin_from_scratch(s);
        if (s->base_image)
                show_base(b, s);
        for (size_t i = 0; i < s->n_triggers; i++)
                if (build_instruct(b, s, &s->triggers[i], err) < 0)
                        return -1;
        for (size_t i = 0; i < s->stage->n_commands; i++)
                if (build_instruct(b, s, &s->stage->commands[i], err) < 0)
                        return -1;
        s->done = true;
        return 0;
}
