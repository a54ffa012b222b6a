/* Build checks: what Docker warns of in a Dockerfile that builds all the same. Each rule is a row; those that
 * need no more than the text are in check-rules.c, the others are told where they come up. `#
 * check=skip=RULE,…;error=true` rules them. Source: the reference's list of build checks. */
#include "build/build-internal.h"

#include <ctype.h>
#include <strings.h>

#define URL "https://docs.docker.com/go/dockerfile/rule/"

/* In the order in which the reference comes to say them of one line. */
static const struct {
        const char *name;
        bool experimental; /* only when the Dockerfile asks for it */
} rules[] = {
        { "NoEmptyContinuation" },
        { "StageNameCasing" },
        { "FromAsCasing" },
        { "LegacyKeyValueFormat" },
        { "MaintainerDeprecated" },
        { "ConsistentInstructionCasing" },
        { "ReservedStageName" },
        { "DuplicateStageName" },
        { "InvalidDefaultArgInFrom" },
        { "UndefinedArgInFrom" },
        { "RedundantTargetPlatform" },
        { "FromPlatformFlagConstDisallowed" },
        { "InvalidDefinitionDescription", true },
        { "SecretsUsedInArgOrEnv" },
        { "JSONArgsRecommended" },
        { "MultipleInstructionsDisallowed" },
        { "WorkdirRelativePath" },
        { "ExposeInvalidFormat" },
        { "ExposeProtoCasing" },
        { "UndefinedVar" },
        { "CopyIgnoredFile", true },
};

static size_t rule_number(const char *name)
{
        size_t i = 0;

        while (i < ARRAY_SIZE(rules) && !streq(rules[i].name, name))
                i++;
        return i;
}

struct rule_set {
        char **skip, **experimental;
        bool skip_all, experimental_all, is_error;
};

static void rule_set_deinit(struct rule_set *r)
{
        strv_free(r->skip);
        strv_free(r->experimental);
}

static void read_directive(const char *text, struct rule_set *ret)
{
        cleanup_strv char **parts = text ? strv_split(text, ';') : NULL;

        for (char **part = parts; part && *part; part++) {
                const char *plain = *part + strspn(*part, " "), *skip = string_after(plain, "skip="),
                           *experimental = string_after(plain, "experimental=");

                if (skip) {
                        strv_free(ret->skip);
                        ret->skip = strv_split(skip, ',');
                        ret->skip_all = strcasecmp(skip, "all") == 0;
                } else if (experimental) {
                        strv_free(ret->experimental);
                        ret->experimental = strv_split(experimental, ',');
                        ret->experimental_all = strcasecmp(experimental, "all") == 0;
                } else if (strcasecmp(plain, "error=true") == 0) {
                        ret->is_error = true;
                }
        }
}

static bool names(char *const *list, const char *rule)
{
        for (; list && *list; list++)
                if (strcasecmp(*list, rule) == 0)
                        return true;
        return false;
}

static bool is_skipped(const struct build *b, const char *rule)
{
        __attribute__((cleanup(rule_set_deinit))) struct rule_set set = {};
        size_t number = rule_number(rule);

        read_directive(b->file.syntax.check, &set);
        if (number < ARRAY_SIZE(rules) && rules[number].experimental && !set.experimental_all &&
            !names(set.experimental, rule))
                return true;
        return set.skip_all || names(set.skip, rule);
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
                w.number = b->n_warnings;
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
        size_t rx = rule_number(x->rule), ry = rule_number(y->rule);

        if (x->where.start != y->where.start)
                return x->where.start - y->where.start;
        if (rx != ry)
                return rx < ry ? -1 : 1;
        return x->number < y->number ? -1 : 1;
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
        cleanup_strv char **violated = NULL;
        cleanup_free char *joined = NULL;

        read_directive(b->file.syntax.check, &set);
        if (!set.is_error || b->n_warnings == 0)
                return 0;
        for (size_t i = 0; i < b->n_warnings; i++)
                if (!strv_contains(violated, b->warnings[i].rule))
                        strv_append(&violated, b->warnings[i].rule);
        strv_sort(violated);
        joined = strv_join(violated, ", ");
        return error_set(err, ERROR_INVALID, "lint violation found for rules: %s", joined);
}
