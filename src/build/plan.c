/* The plan of a build: which stages the target needs, what they stand on, and the graph of their
 * instructions.
 *
 * Theory of operation. From the target on, each stage is discovered with what it needs: its parent, the
 * stages that its instructions read, images. Images are loaded side by side; their ONBUILD triggers may need
 * more, so this goes on until nothing new comes up. Then each stage's beginning and each of its instructions
 * is a node that waits for the one before it and for the last one of every stage that it reads. Stages that
 * nobody asked for have no nodes. */
#include "build/build-internal.h"
#include "build/solve.h"

#include "base/time.h"

/* Names that a FROM uses and no ARG before the first FROM declares; what the name is without --build-arg. */
static void check_from_args(struct build *b, const struct instruction *from)
{
        cleanup_strv char **missing = NULL;
        struct shell_words rules = { .escape = b->file.syntax.escape,
                                     .lookup = shell_lookup_env,
                                     .arg = b->default_args };
        cleanup_free char *plain = NULL, *given = NULL;
        struct reference r = {};

        if (shell_expand(&rules, from->value, &plain, NULL) == 0 && reference_parse(plain, &r, NULL) < 0)
                build_warn(b, "InvalidDefaultArgInFrom", from->start_line, from->end_line,
                           "Default value for ARG %s results in empty or invalid base image name",
                           from->value);
        reference_deinit(&r);
        rules.arg = b->global_args;
        rules.unset = &missing;
        if (shell_expand(&rules, from->value, &given, NULL) < 0)
                return;
        for (char **name = missing; name && *name; name++) {
                bool declared = false;

                for (size_t i = 0; i < b->file.n_meta_args; i++)
                        for (size_t n = 0; n < b->file.meta_args[i].n_pairs; n++)
                                declared |= streq(b->file.meta_args[i].pairs[n].key, *name);
                if (!declared)
                        build_warn(b, "UndefinedArgInFrom", from->start_line, from->end_line,
                                   "FROM argument '%s' is not declared", *name);
        }
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
        if (string_empty(platform) && string_empty(b->platform)) {
                platform_host(&s->platform);
                return 0;
        }
        if (platform_parse(string_empty(platform) ? b->platform : platform, &s->platform, err) < 0)
                return error_context(err, "failed to parse platform %s",
                                     string_empty(platform) ? b->platform : platform);
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

/* What `reader` (NULL: FROM) of stage `s` reads. */
static void add_need(struct stage_state *s, const struct instruction *reader, struct stage_state *stage,
                     struct dockerfile_location where)
{
        struct stage_need need = { reader, stage, where };

        ARRAY_APPEND(s->needs, s->n_needs, need);
}

static int need_from(struct build *b, struct stage_state *s, const struct instruction *i, const char *from,
                     struct error *err)
{
        struct stage_state *stage;
        struct build_context *context;

        if (build_from_find(b, s, from, &stage, &context, err) < 0)
                return -1;
        if (stage)
                add_need(s, i, stage, b->where);
        else if (!context)
                build_image_want(b, from, b->where);
        return 0;
}

/* What an instruction reads besides its own stage. */
static int discover_instruction(struct build *b, struct stage_state *s, const struct instruction *i,
                                struct error *err)
{
        /* The reference says these of the whole build. */
        b->where = (struct dockerfile_location){};
        if (i->from && strchr(i->from, '$'))
                return error_set(
                    err, ERROR_INVALID,
                    "variable expansion is not supported for --from, define a new stage with FROM using "
                    "ARG from global scope as a workaround");
        if (i->type == INSTRUCTION_RUN && build_run_allowed(b, i, err) < 0)
                return -1;
        b->where = (struct dockerfile_location){ i->start_line, i->end_line };
        if (i->from && *i->from && need_from(b, s, i, i->from, err) < 0)
                return -1;
        for (char **m = i->mounts; m && *m; m++) {
                cleanup_strv char **fields = strv_split(*m, ',');

                for (char **f = fields; *f; f++)
                        if (strncasecmp(*f, "from=", 5) == 0 && need_from(b, s, i, *f + 5, err) < 0)
                                return -1;
        }
        return 0;
}

static int want_base(struct build *b, const struct stage_state *s, struct error *err)
{
        struct reference r = {};

        if (reference_parse(s->base, &r, err) < 0)
                return error_context(err, "failed to parse stage name \"%s\"", s->base);
        reference_deinit(&r);
        build_image_want(b, s->base, b->where);
        return 0;
}

static int discover_stage(struct build *b, struct stage_state *s, struct error *err)
{
        s->needed = true;
        if (expand_base(b, s, err) < 0)
                return -1;
        if (build_context_find(b, s->base, &s->base_context, err) < 0)
                return -1;
        if (!s->base_context && !strmap_get(&b->options->image_contexts, s->base))
                s->parent = build_stage_named(b, s->base, s->number);
        if (s->parent)
                add_need(s, NULL, s->parent, b->where);
        else if (!s->base_context && !streq(s->base, "scratch") && want_base(b, s, err) < 0)
                return -1;
        for (size_t i = 0; i < s->stage->n_commands; i++)
                if (discover_instruction(b, s, &s->stage->commands[i], err) < 0)
                        return -1;
        return 0;
}

/* All stages that `s` needs and that were not known yet. */
static int discover_needs(struct build *b, struct stage_state *s, struct error *err)
{
        struct stage_state **queue = NULL;
        size_t count = 0;
        int r = 0;

        ARRAY_APPEND(queue, count, s);
        for (size_t i = 0; i < count && r == 0; i++) {
                if (!queue[i]->needed)
                        r = discover_stage(b, queue[i], err);
                for (size_t n = 0; n < queue[i]->n_needs && r == 0; n++)
                        if (!queue[i]->needs[n].stage->needed)
                                ARRAY_APPEND(queue, count, queue[i]->needs[n].stage);
        }
        free(queue);
        return r;
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

static int take_base(struct build *b, struct stage_state *s, struct error *err)
{
        b->where = (struct dockerfile_location){ s->stage->from.start_line, s->stage->from.end_line };
        if (build_image_find(b, s->base, &s->base_image, err) < 0 || check_platform(s, err) < 0 ||
            read_triggers(s, err) < 0)
                return -1;
        for (size_t i = 0; i < s->n_triggers; i++)
                if (discover_instruction(b, s, &s->triggers[i], err) < 0)
                        return -1;
        return discover_needs(b, s, err);
}

/* Images with their triggers, until no stage is without its base. */
static int take_bases(struct build *b, struct error *err)
{
        bool again = true;

        while (again) {
                if (build_images_load(b, err) < 0)
                        return -1;
                again = false;
                for (size_t i = 0; i < b->n_stages; i++) {
                        struct stage_state *s = &b->stages[i];

                        if (!s->needed || s->parent || s->base_image || s->base_context ||
                            streq(s->base, "scratch"))
                                continue;
                        again = true;
                        if (take_base(b, s, err) < 0)
                                return -1;
                }
        }
        return 0;
}

/* Goes down into what the topmost stage needs: true when there is nothing left below it. */
static int descend(struct build *b, struct stage_state ***stack, size_t *depth, struct error *err)
{
        struct stage_state *s = (*stack)[*depth - 1], *next;

        if (s->placed == s->n_needs) {
                ARRAY_APPEND(b->order, b->n_order, s);
                s->ordered = true;
                --*depth;
                return 0;
        }
        b->where = s->needs[s->placed].where;
        next = s->needs[s->placed++].stage;
        if (next->ordered)
                return 0;
        if (next->stacked)
                return error_set(err, ERROR_INVALID, "circular dependency detected on stage: %s",
                                 *next->stage->name ? next->stage->name : next->base);
        next->stacked = true;
        ARRAY_APPEND(*stack, *depth, next);
        return 0;
}

/* The needed stages, each behind those that it needs; no recursion, for a file may chain any number of them.
 */
static int order_stages(struct build *b, struct stage_state *target, struct error *err)
{
        struct stage_state **stack = NULL;
        size_t depth = 0;
        int r = 0;

        b->n_order = 0;
        for (size_t i = 0; i < b->n_stages; i++) {
                b->stages[i].placed = 0;
                b->stages[i].stacked = b->stages[i].ordered = false;
        }
        for (size_t i = 0; i < b->n_stages && r == 0; i++) {
                struct stage_state *root = &b->stages[i];

                if (root->ordered || (root != target && !b->options->check))
                        continue;
                root->stacked = true;
                ARRAY_APPEND(stack, depth, root);
                while (depth > 0 && r == 0)
                        r = descend(b, &stack, &depth, err);
        }
        free(stack);
        return r;
}

static void count_steps(struct build *b)
{
        for (size_t n = 0; n < b->n_order; n++) {
                struct stage_state *s = b->order[n];

                s->total = s->base_image || s->base_context ? 1 : 0;
                for (size_t i = 0; i < s->n_triggers; i++)
                        s->total += is_shown(&s->triggers[i]);
                for (size_t i = 0; i < s->stage->n_commands; i++)
                        s->total += is_shown(&s->stage->commands[i]);
                b->steps += 1 + (int)(s->stage->n_commands + s->n_triggers);
        }
}

static int find_target(struct build *b, struct stage_state **ret, struct error *err)
{
        *ret = &b->stages[b->n_stages - 1];
        if (string_empty(b->options->target))
                return 0;
        *ret = build_stage_named(b, b->options->target, b->n_stages);
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

/* The ARGs before the first FROM, with --build-arg's values or only their own. */
static int set_meta_args(struct build *b, char ***env, bool given_too, struct error *err)
{
        struct shell_words rules = { .escape = b->file.syntax.escape, .lookup = shell_lookup_env };

        for (size_t i = 0; i < b->file.n_meta_args; i++) {
                const struct instruction *arg = &b->file.meta_args[i];

                b->where = (struct dockerfile_location){ arg->start_line, arg->end_line };
                for (size_t n = 0; n < arg->n_pairs; n++) {
                        const char *given =
                            given_too ? strmap_get(&b->options->build_args, arg->pairs[n].key) : NULL;
                        cleanup_free char *value = NULL;

                        rules.arg = *env;
                        if (!given && arg->pairs[n].value &&
                            shell_expand(&rules, arg->pairs[n].value, &value, err) < 0)
                                return -1;
                        if (given || value)
                                env_set(env, arg->pairs[n].key, given ? given : value);
                }
        }
        return 0;
}

/* Arguments that FROM lines may use: of the platform, then those before the first FROM. */
static int set_global_args(struct build *b, struct error *err)
{
        b->global_args = strv_new();
        if (add_platform_args(b, "BUILD", NULL, err) < 0 ||
            add_platform_args(b, "TARGET", b->platform, err) < 0)
                return -1;
        strv_append_take(&b->global_args,
                         string_format("TARGETSTAGE=%s",
                                       string_empty(b->options->target) ? "default" : b->options->target));
        b->default_args = strv_copy(b->global_args);
        return set_meta_args(b, &b->global_args, true, err) < 0 ||
                       set_meta_args(b, &b->default_args, false, err) < 0
                   ? -1
                   : 0;
}

int build_plan(struct build *b, struct stage_state **ret_target, struct error *err)
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
        for (size_t i = 0; i < b->n_stages; i++)
                check_from_args(b, &b->file.stages[i].from);
        b->where = (struct dockerfile_location){};
        if (find_target(b, &target, err) < 0 || discover_needs(b, target, err) < 0)
                return -1;
        for (size_t i = 0; b->options->check && i < b->n_stages; i++) /* a check is of everything */
                if (discover_needs(b, &b->stages[i], err) < 0)
                        return -1;
        if (order_stages(b, target, err) < 0 || take_bases(b, err) < 0 || order_stages(b, target, err) < 0)
                return -1;
        count_steps(b);
        *ret_target = target;
        return 0;
}

/* ---- The graph ---- */

struct plan_node {
        struct stage_state *stage;
        const struct instruction *instruction; /* NULL: the stage begins */
};

struct plan {
        struct build *b;
        struct graph graph;
        struct plan_node *nodes;
        size_t count;
};

static size_t add_node(struct plan *p, struct stage_state *s, const struct instruction *i)
{
        size_t node = graph_add(&p->graph);
        struct plan_node entry = { s, i };

        ARRAY_APPEND(p->nodes, p->count, entry);
        if (i)
                graph_depend(&p->graph, node, node - 1);
        return node;
}

/* The node of an instruction of the stage whose nodes begin at `first`. */
static size_t node_of(const struct stage_state *s, size_t first, const struct instruction *i)
{
        if (!i)
                return first;
        if (i >= s->triggers && i < s->triggers + s->n_triggers)
                return first + 1 + (size_t)(i - s->triggers);
        return first + 1 + s->n_triggers + (size_t)(i - s->stage->commands);
}

/* Each node waits for the one before it in its stage and for the last one of every stage that it reads. */
static void add_stage(struct plan *p, struct stage_state *s)
{
        size_t first = add_node(p, s, NULL);

        for (size_t i = 0; i < s->n_triggers; i++)
                add_node(p, s, &s->triggers[i]);
        for (size_t i = 0; i < s->stage->n_commands; i++)
                add_node(p, s, &s->stage->commands[i]);
        s->last_node = p->count - 1;
        for (size_t i = 0; i < s->n_needs; i++)
                graph_depend(&p->graph, node_of(s, first, s->needs[i].reader), s->needs[i].stage->last_node);
}

static int run_node(void *arg, size_t node, struct error *err)
{
        struct plan *p = arg;
        const struct plan_node *n = &p->nodes[node];

        if (build_check_cancelled(p->b, err) < 0)
                return -1;
        if (n->instruction)
                return build_instruct(p->b, n->stage, n->instruction, err);
        return build_stage_begin(p->b, n->stage, err);
}

static void node_failed(void *arg, size_t node)
{
        struct plan *p = arg;
        const struct plan_node *n = &p->nodes[node];
        const struct instruction *i = n->instruction ? n->instruction : &n->stage->stage->from;

        p->b->where = (struct dockerfile_location){ i->start_line, i->end_line };
        build_cancel(p->b);
}

int build_solve(struct build *b, struct error *err)
{
        struct plan p = { .b = b };
        struct solve_work work = { .workers = b->request->sequential ? 1 : build_steps_max(),
                                   .run = run_node,
                                   .failed = node_failed,
                                   .arg = &p };
        int r;

        for (size_t i = 0; i < b->n_order; i++)
                add_stage(&p, b->order[i]);
        r = solve(&p.graph, &work, err);
        graph_deinit(&p.graph);
        free(p.nodes);
        return r;
}
