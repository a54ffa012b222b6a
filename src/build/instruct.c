/* One function per instruction that changes an image's configuration, in a table. */
#include "build/build-internal.h"

#include "base/path.h"
#include "base/time.h"
#include "base/utf8.h"
#include "runtime/runtime.h"

#include <ctype.h>

/* By an ARG without a value. */
static bool is_declared(const struct stage_state *s, const char *name)
{
        for (size_t i = 0; i < s->n_args; i++)
                if (streq(s->args[i].key, name))
                        return true;
        return false;
}

/* ${NAME:-…} and its like say what to do without it. */
static bool has_fallback(const char *text, const char *name)
{
        cleanup_free char *start = string_format("${%s", name);
        const char *at = strstr(text, start);

        return at && strchr(":-+?", at[strlen(start)]) && at[strlen(start)];
}

int build_expand(struct build *b, const struct stage_state *s, const char *text, char **ret,
                 struct error *err)
{
        cleanup_strv char **unset = NULL;
        struct shell_words rules = {
                .escape = b->file.syntax.escape, .lookup = shell_lookup_env, .arg = s->env, .unset = &unset
        };

        if (shell_expand(&rules, text, ret, err) < 0)
                return -1;
        for (char **name = unset; name && *name; name++)
                if (!is_declared(s, *name) && !has_fallback(text, *name))
                        build_warn(b, "UndefinedVar", s->where.start, s->where.end,
                                   "Usage of undefined variable '$%s'", *name);
        return 0;
}

char *build_absolute(const struct stage_state *s, const char *path, bool keep_slash)
{
        const char *cwd = string_empty(s->image.config.working_dir) ? "/" : s->image.config.working_dir;
        cleanup_free char *joined = *path == '/' ? xstrdup(path) : string_format("%s/%s", cwd, path),
                          *clean = NULL;
        size_t len = strlen(path);
        bool folder = len == 0 || path[len - 1] == '/' || streq(path, ".") || string_ends_with(path, "/.");

        clean = path_clean(joined);
        return string_format("%s%s", clean, keep_slash && folder && !streq(clean, "/") ? "/" : "");
}

char *build_step_prefix(struct stage_state *s, const struct build *b)
{
        char width[16];
        struct strbuf out = {};

        s->index++;
        snprintf(width, sizeof(width), "%d", s->total);
        strbuf_addc(&out, '[');
        if (b->n_stages > 1 && *s->stage->name)
                strbuf_addf(&out, "%s ", s->stage->name);
        else if (b->n_stages > 1)
                strbuf_addf(&out, "stage-%zu ", s->number);
        strbuf_addf(&out, "%*d/%d] ", (int)strlen(width), s->index, s->total);
        return strbuf_take(&out);
}

char *build_step_text(struct build *b, struct stage_state *s, const char *original)
{
        struct shell_words rules = { .escape = b->file.syntax.escape,
                                     .raw_quotes = true,
                                     .raw_escapes = true,
                                     .keep_unset = true,
                                     .lookup = shell_lookup_env,
                                     .arg = s->env };
        cleanup_free char *prefix = build_step_prefix(s, b), *text = NULL;
        const char *plain = original + strspn(original, " \t");

        if (shell_expand(&rules, plain, &text, NULL) < 0)
                text = xstrdup(plain);
        for (char *c = text; *c && !isspace((unsigned char)*c); c++)
                *c = (char)toupper((unsigned char)*c);
        return string_format("%s%s", prefix, text);
}

void build_history(struct stage_state *s, bool layer, char *created_by)
{
        struct image_history h = {
                .created = s->created,
                .created_by = created_by,
                .comment = (char *)"buildkit.dockerfile.v0",
                .empty_layer = !layer,
        };

        image_config_add_history(&s->image, &h);
        free(created_by);
}

void build_add_layer(struct build *b, struct stage_state *s, const struct cache_record *record)
{
        char text[DIGEST_TEXT_SIZE];

        (void)b;
        digest_format(&record->layer, text);
        strv_append(&s->image.diff_ids, text);
        ARRAY_APPEND(s->diff_ids, s->n_diff_ids, record->layer);
        s->created = record->created;
}

/* The command as it will be run: behind the shell unless it came as a list. Empty is NULL. */
static char **command_of(const struct stage_state *s, const struct instruction *i)
{
        static const char *const shell[] = { "/bin/sh", "-c", NULL };
        char **list = NULL;

        if (!i->args || !*i->args)
                return NULL;
        if (i->shell)
                strv_extend(&list, s->image.config.shell ? s->image.config.shell : (char *const *)shell);
        strv_extend(&list, i->args);
        return list;
}

/* ["a" "b"] */
static char *quoted_list(const char *name, char *const *list)
{
        struct strbuf out = {};

        strbuf_addf(&out, "%s [", name);
        for (char *const *w = list; w && *w; w++) {
                if (w != list)
                        strbuf_addc(&out, ' ');
                json_quote(&out, *w, strlen(*w));
        }
        strbuf_addc(&out, ']');
        return strbuf_take(&out);
}

static char *plain_list(const char *name, char *const *list)
{
        cleanup_free char *joined = strv_join(list, " ");

        return string_format("%s [%s]", name, joined);
}

static int instruct_env(struct build *b, struct stage_state *s, const struct instruction *i,
                        struct error *err)
{
        cleanup_strv char **values = strv_new();
        cleanup_strbuf struct strbuf history = {};

        for (size_t n = 0; n < i->n_pairs; n++) {
                char *key, *value;

                if (build_expand(b, s, i->pairs[n].key, &key, err) < 0)
                        return -1;
                strv_append_take(&values, key);
                if (build_expand(b, s, i->pairs[n].value, &value, err) < 0)
                        return -1;
                strv_append_take(&values, value);
        }
        strbuf_adds(&history, "ENV");
        for (char **v = values; *v; v += 2) { /* all were expanded before any is set */
                env_set(&s->image.config.env, v[0], v[1]);
                env_set(&s->env, v[0], v[1]);
                strbuf_addf(&history, " %s=%s", v[0], v[1]);
        }
        build_history(s, false, strbuf_take(&history));
        return 0;
}

static int instruct_label(struct build *b, struct stage_state *s, const struct instruction *i,
                          struct error *err)
{
        cleanup_strbuf struct strbuf history = {};

        strbuf_adds(&history, "LABEL");
        for (size_t n = 0; n < i->n_pairs; n++) {
                cleanup_free char *key = NULL, *value = NULL;

                if (build_expand(b, s, i->pairs[n].key, &key, err) < 0 ||
                    build_expand(b, s, i->pairs[n].value, &value, err) < 0)
                        return -1;
                strmap_set(&s->image.config.labels, key, value);
                strbuf_addf(&history, " %s=%s", key, value);
        }
        build_history(s, false, strbuf_take(&history));
        return 0;
}

/* The value of an ARG: given, by default, or of the ARG of that name before the first FROM. NULL: none. */
static int arg_value(struct build *b, struct stage_state *s, const struct instruction_pair *p, char **ret,
                     struct error *err)
{
        const char *given = strmap_get(&b->options->build_args, p->key);

        *ret = NULL;
        if (!given && p->value)
                return build_expand(b, s, p->value, ret, err);
        if (!given)
                given = env_get(b->global_args, p->key);
        *ret = xstrdup(given);
        return 0;
}

static int instruct_arg(struct build *b, struct stage_state *s, const struct instruction *i,
                        struct error *err)
{
        cleanup_strbuf struct strbuf history = {};

        strbuf_adds(&history, "ARG");
        for (size_t n = 0; n < i->n_pairs; n++) {
                struct instruction_pair arg = {};

                if (arg_value(b, s, &i->pairs[n], &arg.value, err) < 0)
                        return -1;
                arg.key = xstrdup(i->pairs[n].key);
                if (arg.value)
                        env_set(&s->env, arg.key, arg.value);
                strbuf_addf(&history, " %s%s%s", arg.key, arg.value ? "=" : "", arg.value ? arg.value : "");
                ARRAY_APPEND(s->args, s->n_args, arg);
        }
        build_history(s, false, strbuf_take(&history));
        return 0;
}

static int instruct_cmd(struct build *b, struct stage_state *s, const struct instruction *i,
                        struct error *err)
{
        (void)b;
        (void)err;
        strv_free(s->image.config.cmd);
        s->image.config.cmd = command_of(s, i);
        s->image.config.args_escaped = true;
        s->cmd_set = true;
        build_history(s, false, quoted_list("CMD", s->image.config.cmd));
        return 0;
}

static int instruct_entrypoint(struct build *b, struct stage_state *s, const struct instruction *i,
                               struct error *err)
{
        (void)b;
        (void)err;
        strv_free(s->image.config.entrypoint);
        s->image.config.entrypoint = command_of(s, i);
        if (!s->cmd_set) { /* the base image's CMD was for its own ENTRYPOINT */
                strv_free(s->image.config.cmd);
                s->image.config.cmd = NULL;
        }
        build_history(s, false, quoted_list("ENTRYPOINT", s->image.config.entrypoint));
        return 0;
}

static int parse_port(const char *text, const char *whole, unsigned *ret, struct error *err)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        if (!isdigit((unsigned char)*text) || *end || value > 65535)
                return error_set(err, ERROR_INVALID, "invalid containerPort: %s", whole);
        *ret = (unsigned)value;
        return 0;
}

/* "80", "80/udp", "7000-7002": added as "N/proto". */
static int add_ports(const char *word, char ***list, struct error *err)
{
        const char *colon = strrchr(word, ':'), *slash;
        cleanup_free char *spec = xstrdup(colon ? colon + 1 : word), *whole = NULL, *proto = NULL;
        char *dash;
        unsigned low = 0, high = 0;

        slash = strchr(spec, '/');
        proto = xstrdup(slash && slash[1] ? slash + 1 : "tcp");
        for (char *c = proto; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        if (!streq(proto, "tcp") && !streq(proto, "udp") && !streq(proto, "sctp"))
                return error_set(err, ERROR_INVALID, "invalid proto: %s", proto);
        spec[strcspn(spec, "/")] = 0;
        whole = xstrdup(spec);
        dash = strchr(spec, '-');
        if (dash)
                *dash = 0;
        if (parse_port(spec, whole, &low, err) < 0 ||
            parse_port(dash ? dash + 1 : spec, whole, &high, err) < 0)
                return -1;
        if (high < low)
                return error_set(err, ERROR_INVALID, "invalid containerPort: %s", whole);
        for (unsigned port = low; port <= high; port++) {
                cleanup_free char *name = string_format("%u/%s", port, proto);

                if (!strv_contains(*list, name))
                        strv_append(list, name);
        }
        return 0;
}

static void check_port(struct build *b, const struct instruction *i, const char *word)
{
        const char *slash = strchr(word, '/');

        if (strchr(word, ':'))
                build_warn(
                    b, "ExposeInvalidFormat", i->start_line, i->end_line,
                    "EXPOSE instruction should not define an IP address or host-port mapping, found '%s'",
                    word);
        for (; slash && *slash; slash++) {
                if (!isupper((unsigned char)*slash))
                        continue;
                build_warn(b, "ExposeProtoCasing", i->start_line, i->end_line,
                           "Defined protocol '%s' in EXPOSE instruction should be lowercase", word);
                break;
        }
}

static int instruct_expose(struct build *b, struct stage_state *s, const struct instruction *i,
                           struct error *err)
{
        struct shell_words rules = { .escape = b->file.syntax.escape,
                                     .lookup = shell_lookup_env,
                                     .arg = s->env };
        cleanup_strv char **ports = strv_new();

        for (char **a = i->args; *a; a++) {
                cleanup_strv char **words = NULL;

                if (shell_split(&rules, *a, &words, err) < 0)
                        return -1;
                for (char **w = words; *w; w++) {
                        check_port(b, i, *w);
                        if (add_ports(*w, &ports, err) < 0)
                                return -1;
                }
        }
        strv_sort(ports);
        for (char **p = ports; *p; p++)
                if (!strv_contains(s->image.config.exposed_ports, *p))
                        strv_append(&s->image.config.exposed_ports, *p);
        if (s->image.config.exposed_ports)
                strv_sort(s->image.config.exposed_ports);
        build_history(s, false, plain_list("EXPOSE", ports));
        return 0;
}

static int instruct_volume(struct build *b, struct stage_state *s, const struct instruction *i,
                           struct error *err)
{
        cleanup_strv char **paths = strv_new();

        for (char **a = i->args; *a; a++) {
                char *path;

                if (build_expand(b, s, *a, &path, err) < 0)
                        return -1;
                strv_append_take(&paths, path);
                if (!*path)
                        return error_set(err, ERROR_INVALID, "VOLUME specified can not be an empty string");
                if (!strv_contains(s->image.config.volumes, path))
                        strv_append(&s->image.config.volumes, path);
        }
        strv_sort(s->image.config.volumes);
        build_history(s, false, plain_list("VOLUME", paths));
        return 0;
}

static int instruct_user(struct build *b, struct stage_state *s, const struct instruction *i,
                         struct error *err)
{
        char *user;

        if (build_expand(b, s, i->value, &user, err) < 0)
                return -1;
        free(s->image.config.user);
        s->image.config.user = user;
        build_history(s, false, string_format("USER %s", user));
        return 0;
}

static int instruct_workdir(struct build *b, struct stage_state *s, const struct instruction *i,
                            struct error *err)
{
        cleanup_free char *path = NULL, *whole = NULL;

        if (build_expand(b, s, i->value, &path, err) < 0)
                return -1;
        if (*path != '/' && !s->workdir_set)
                build_warn(b, "WorkdirRelativePath", i->start_line, i->end_line,
                           "Relative workdir \"%s\" can have unexpected results if the base image changes",
                           path);
        s->workdir_set = true;
        whole = build_absolute(s, path, false);
        replace_string(&s->image.config.working_dir, whole);
        if (!streq(whole, "/") && build_workdir(b, s, whole, err) < 0)
                return -1;
        build_history(s, !streq(whole, "/"), string_format("WORKDIR %s", whole));
        return 0;
}

static int instruct_stopsignal(struct build *b, struct stage_state *s, const struct instruction *i,
                               struct error *err)
{
        cleanup_free char *signal = NULL;
        int number;

        if (build_expand(b, s, i->value, &signal, err) < 0 || runtime_signal_parse(signal, &number, err) < 0)
                return -1;
        replace_string(&s->image.config.stop_signal, signal);
        build_history(s, false, string_format("STOPSIGNAL %s", signal));
        return 0;
}

/* The reference prints the number of retries as the character that it is the code of. */
static void add_rune(struct strbuf *out, int rune)
{
        static const char escapes[] = "\aa\bb\ff\nn\rr\tt\vv\\\\''";
        const char *e = rune && rune < 0x80 ? strchr(escapes, rune) : NULL;
        char utf8[4];

        strbuf_addc(out, '\'');
        if (e && (e - escapes) % 2 == 0)
                strbuf_addf(out, "\\%c", e[1]);
        else if (rune < ' ' || rune == 0x7F)
                strbuf_addf(out, "\\x%02x", (unsigned)rune);
        else
                strbuf_add(out, utf8, utf8_encode(rune > 0x10FFFF ? UTF8_ERROR : (uint32_t)rune, utf8));
        strbuf_addc(out, '\'');
}

static int instruct_healthcheck(struct build *b, struct stage_state *s, const struct instruction *i,
                                struct error *err)
{
        struct health_config *h = s->image.config.healthcheck;
        cleanup_free char *test = NULL;
        struct strbuf history = {};

        (void)b;
        (void)err;
        if (h)
                json_free_fields(&health_config_table, h);
        free(h);
        h = s->image.config.healthcheck = xcalloc(1, sizeof(*h));
        json_copy(&health_config_table, i->health, h);
        test = quoted_list("", h->test);
        strbuf_addf(&history, "HEALTHCHECK &{%s", test + 1);
        for (const int64_t *t =
                 (const int64_t[]){ h->interval, h->timeout, h->start_period, h->start_interval, -1 };
             *t >= 0; t++) {
                cleanup_free char *text = duration_format(*t);

                strbuf_addf(&history, " \"%s\"", text);
        }
        strbuf_addc(&history, ' ');
        add_rune(&history, h->retries);
        strbuf_addc(&history, '}');
        build_history(s, false, strbuf_take(&history));
        return 0;
}

static int instruct_shell(struct build *b, struct stage_state *s, const struct instruction *i,
                          struct error *err)
{
        (void)b;
        (void)err;
        strv_free(s->image.config.shell);
        s->image.config.shell = strv_copy(i->args);
        build_history(s, false, plain_list("SHELL", i->args));
        return 0;
}

static int instruct_onbuild(struct build *b, struct stage_state *s, const struct instruction *i,
                            struct error *err)
{
        (void)b;
        (void)err;
        strv_append(&s->image.config.on_build, i->value);
        return 0;
}

static int instruct_maintainer(struct build *b, struct stage_state *s, const struct instruction *i,
                               struct error *err)
{
        (void)b;
        (void)err;
        replace_string(&s->image.author, i->value);
        build_history(s, false, string_format("MAINTAINER %s", i->value));
        return 0;
}

static int (*const functions[])(struct build *b, struct stage_state *s, const struct instruction *i,
                                struct error *err) = {
        [INSTRUCTION_ADD] = build_copy,
        [INSTRUCTION_ARG] = instruct_arg,
        [INSTRUCTION_CMD] = instruct_cmd,
        [INSTRUCTION_COPY] = build_copy,
        [INSTRUCTION_ENTRYPOINT] = instruct_entrypoint,
        [INSTRUCTION_ENV] = instruct_env,
        [INSTRUCTION_EXPOSE] = instruct_expose,
        [INSTRUCTION_HEALTHCHECK] = instruct_healthcheck,
        [INSTRUCTION_LABEL] = instruct_label,
        [INSTRUCTION_MAINTAINER] = instruct_maintainer,
        [INSTRUCTION_ONBUILD] = instruct_onbuild,
        [INSTRUCTION_RUN] = build_run_instruction,
        [INSTRUCTION_SHELL] = instruct_shell,
        [INSTRUCTION_STOPSIGNAL] = instruct_stopsignal,
        [INSTRUCTION_USER] = instruct_user,
        [INSTRUCTION_VOLUME] = instruct_volume,
        [INSTRUCTION_WORKDIR] = instruct_workdir,
};

int build_instruct(struct build *b, struct stage_state *s, const struct instruction *i, struct error *err)
{
        s->at = i;
        s->where = (struct dockerfile_location){ i->start_line, i->end_line };
        build_tell_step(b, i->original);
        return functions[i->type](b, s, i, err);
}
