/* Build checks: what Docker warns of in a Dockerfile that builds all the same. Each rule is a row; those that
 * need no more than the text are functions here, UndefinedVar is told by the expansion itself. `#
 * check=skip=RULE,…;error=true` rules them. Source: the reference's list of build checks. */
#include "build/build-internal.h"

#include <ctype.h>
#include <strings.h>

#define URL "https://docs.docker.com/go/dockerfile/rule/"

struct rule_set {
        char **skip;
        bool skip_all, is_error;
};

static void rule_set_deinit(struct rule_set *r)
{
        strv_free(r->skip);
}

static void read_directive(const char *text, struct rule_set *ret)
{
        cleanup_strv char **parts = text ? strv_split(text, ';') : NULL;

        for (char **part = parts; part && *part; part++) {
                const char *plain = *part + strspn(*part, " "), *skip = string_after(plain, "skip=");

                if (skip) {
                        strv_free(ret->skip);
                        ret->skip = strv_split(skip, ',');
                        ret->skip_all = strcasecmp(skip, "all") == 0;
                } else if (strcasecmp(plain, "error=true") == 0) {
                        ret->is_error = true;
                }
        }
}

static bool is_skipped(const struct build *b, const char *rule)
{
        __attribute__((cleanup(rule_set_deinit))) struct rule_set set = {};

        read_directive(b->file.syntax.check, &set);
        for (char **s = set.skip; s && *s; s++)
                if (strcasecmp(*s, rule) == 0)
                        return true;
        return set.skip_all;
}

/* "LegacyKeyValueFormat" → "legacy-key-value-format"; "JSONArgs" → "json-args". */
static void add_slug(struct strbuf *out, const char *rule)
{
        for (size_t i = 0; rule[i]; i++) {
                bool upper = isupper((unsigned char)rule[i]) != 0;
                bool starts = upper && i &&
                              (islower((unsigned char)rule[i - 1]) || islower((unsigned char)rule[i + 1]));

                if (starts)
                        strbuf_addc(out, '-');
                strbuf_addc(out, (char)tolower((unsigned char)rule[i]));
        }
}

static bool is_warned(const struct build *b, const char *text, int start)
{
        for (size_t i = 0; i < b->n_warnings; i++)
                if (streq(b->warnings[i].text, text) && b->warnings[i].where.start == start)
                        return true;
        return false;
}

void build_warn(struct build *b, const char *rule, int start, int end, const char *format, ...)
{
        struct build_warning w = { .rule = rule, .where = { start, end } };
        cleanup_strbuf struct strbuf url = {}, text = {};
        va_list args;

        if (is_skipped(b, rule))
                return;
        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        strbuf_adds(&url, URL);
        add_slug(&url, rule);
        strbuf_addc(&url, '/');
        pthread_mutex_lock(&b->lock);
        if (!is_warned(b, text.data, start)) {
                w.text = strbuf_take(&text);
                w.url = strbuf_take(&url);
                ARRAY_APPEND(b->warnings, b->n_warnings, w);
        }
        pthread_mutex_unlock(&b->lock);
}

void build_warnings_deinit(struct build *b)
{
        for (size_t i = 0; i < b->n_warnings; i++) {
                free(b->warnings[i].text);
                free(b->warnings[i].url);
        }
        free(b->warnings);
}

static int by_line(const void *a, const void *b)
{
        const struct build_warning *x = a, *y = b;

        return x->where.start != y->where.start ? x->where.start - y->where.start : strcmp(x->rule, y->rule);
}

json_object *build_warnings_json(struct build *b)
{
        json_object *list = json_object_new_array();

        if (b->n_warnings)
                qsort(b->warnings, b->n_warnings, sizeof(*b->warnings), by_line);
        for (size_t i = 0; i < b->n_warnings; i++) {
                const struct build_warning *w = &b->warnings[i];
                cleanup_free char *source = source_excerpt(b->filename, b->text, w->where);
                json_object *o = json_object_new_object();

                json_set_string(o, "rule", w->rule);
                json_set_string(o, "text", w->text);
                json_set_string(o, "url", w->url);
                json_object_object_add(o, "line", json_object_new_int(w->where.start));
                json_set_string(o, "source", source);
                json_object_array_add(list, o);
        }
        return list;
}

int build_warnings_fail(struct build *b, struct error *err)
{
        __attribute__((cleanup(rule_set_deinit))) struct rule_set set = {};
        cleanup_strv char **rules = NULL;
        cleanup_free char *joined = NULL;

        read_directive(b->file.syntax.check, &set);
        if (!set.is_error || b->n_warnings == 0)
                return 0;
        for (size_t i = 0; i < b->n_warnings; i++)
                if (!strv_contains(rules, b->warnings[i].rule))
                        strv_append(&rules, b->warnings[i].rule);
        strv_sort(rules);
        joined = strv_join(rules, ", ");
        return error_set(err, ERROR_INVALID, "lint violation found for rules: %s", joined);
}

/* ---- Rules over the text ---- */

static bool is_upper_word(const char *s)
{
        for (; *s; s++)
                if (islower((unsigned char)*s))
                        return false;
        return true;
}

static bool is_lower_word(const char *s)
{
        for (; *s; s++)
                if (isupper((unsigned char)*s))
                        return false;
        return true;
}

static void check_casing(struct build *b)
{
        const struct dockerfile_syntax *s = &b->file.syntax;
        int upper = 0, lower = 0;

        for (size_t i = 0; i < s->n_nodes; i++) {
                upper += is_upper_word(s->nodes[i]->name);
                lower += is_lower_word(s->nodes[i]->name);
        }
        for (size_t i = 0; i < s->n_nodes; i++) {
                const struct dockerfile_node *n = s->nodes[i];
                bool want_lower = lower > upper;

                if (!(want_lower ? is_lower_word(n->name) : is_upper_word(n->name)))
                        build_warn(b, "ConsistentInstructionCasing", n->start_line, n->end_line,
                                   "Command '%s' should match the case of the command majority (%s)", n->name,
                                   want_lower ? "lowercase" : "uppercase");
        }
}

static void check_from(struct build *b, size_t number)
{
        const struct instruction *from = &b->file.stages[number].from;
        const char *name = b->file.stages[number].name;
        int line = from->start_line, end = from->end_line;
        cleanup_strv char **words = strv_split(from->original, ' ');
        const char *as = NULL, *written = NULL;

        for (char **w = words; *w; w++)
                if (strcasecmp(*w, "as") == 0 && w[1]) {
                        as = *w;
                        written = w[1];
                }
        if (as && is_upper_word(as) != is_upper_word(from->name))
                build_warn(b, "FromAsCasing", line, end, "'%s' and '%s' keywords' casing do not match", as,
                           from->name);
        if (written && !is_lower_word(written))
                build_warn(b, "StageNameCasing", line, end, "Stage name '%s' should be lowercase", written);
        if (streq(name, "scratch") || streq(name, "context"))
                build_warn(b, "ReservedStageName", line, end,
                           "Stage name should not use the same name as reserved stage \"%s\"", name);
        for (size_t i = 0; *name && i < number; i++)
                if (streq(b->file.stages[i].name, name))
                        build_warn(b, "DuplicateStageName", line, end,
                                   "Duplicate stage name \"%s\", stage names should be unique", name);
        if (!string_empty(from->platform) &&
            (streq(from->platform, "$TARGETPLATFORM") || streq(from->platform, "${TARGETPLATFORM}")))
                build_warn(
                    b, "RedundantTargetPlatform", line, end,
                    "Setting platform to predefined %s in FROM is redundant as this is the default behavior",
                    from->platform);
        else if (!string_empty(from->platform) && !strchr(from->platform, '$'))
                build_warn(b, "FromPlatformFlagConstDisallowed", line, end,
                           "FROM --platform flag should not use constant value \"%s\"", from->platform);
}

/* Names that hold a word like "password" between underscores or ends. */
static bool is_secret_name(const char *name)
{
        static const char *const words[] = { "apikey",   "auth",  "credential", "credentials", "key",
                                             "password", "pword", "passwd",     "secret",      "token" };
        cleanup_strv char **parts = strv_split(name, '_');
        bool found = false;

        for (char **p = parts; *p; p++) {
                if (strcasecmp(*p, "public") == 0)
                        return false;
                for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                        found |= strcasecmp(*p, words[i]) == 0;
        }
        return found;
}

static void check_pairs(struct build *b, const struct instruction *i)
{
        for (size_t n = 0; n < i->n_pairs; n++) {
                const char *name = instruction_type_name(i->type);

                if (i->pairs[n].no_delim && i->type != INSTRUCTION_ARG)
                        build_warn(
                            b, "LegacyKeyValueFormat", i->start_line, i->end_line,
                            "\"%s key=value\" should be used instead of legacy \"%s key value\" format", name,
                            name);
                if (i->type != INSTRUCTION_LABEL && is_secret_name(i->pairs[n].key) &&
                    !(i->type == INSTRUCTION_ENV && !*i->pairs[n].value))
                        build_warn(b, "SecretsUsedInArgOrEnv", i->start_line, i->end_line,
                                   "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")", name,
                                   i->pairs[n].key);
        }
}

static void check_stage(struct build *b, const struct stage *s)
{
        int seen[INSTRUCTION_WORKDIR + 1] = {};
        bool shell = false;

        for (size_t n = 0; n < s->n_commands; n++) {
                const struct instruction *i = &s->commands[n];

                check_pairs(b, i);
                shell |= i->type == INSTRUCTION_SHELL;
                if (i->type == INSTRUCTION_MAINTAINER)
                        build_warn(b, "MaintainerDeprecated", i->start_line, i->end_line,
                                   "Maintainer instruction is deprecated in favor of using label");
                if ((i->type == INSTRUCTION_CMD || i->type == INSTRUCTION_ENTRYPOINT) && i->shell && !shell)
                        build_warn(b, "JSONArgsRecommended", i->start_line, i->end_line,
                                   "JSON arguments recommended for %s to prevent unintended behavior related "
                                   "to OS signals",
                                   instruction_type_name(i->type));
                if ((i->type == INSTRUCTION_CMD || i->type == INSTRUCTION_ENTRYPOINT ||
                     i->type == INSTRUCTION_HEALTHCHECK) &&
                    seen[i->type]++)
                        build_warn(b, "MultipleInstructionsDisallowed", i->start_line, i->end_line,
                                   "Multiple %s instructions should not be used in the same stage because "
                                   "only the last one will be used",
                                   instruction_type_name(i->type));
        }
}

void build_check(struct build *b)
{
        check_casing(b);
        for (size_t i = 0; i < b->file.n_meta_args; i++)
                check_pairs(b, &b->file.meta_args[i]);
        for (size_t i = 0; i < b->file.n_stages; i++) {
                check_from(b, i);
                check_stage(b, &b->file.stages[i]);
        }
}
