/* Substitution in every string of a tree, and the casts of what it gives. */
#include "compose/loader-internal.h"
#include "compose/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const char *look_up(void *context, const char *name)
{
        return environment_get(((struct loader *)context)->scope.env, name);
}

static void tell_unset(void *context, const char *name)
{
        loader_warn(context, "The \"%s\" variable is not set. Defaulting to a blank string.", name);
}

static int expand(struct loader *l, const struct node *at, const char *path, const char *text, char **ret)
{
        struct template_rules rules = { look_up, tell_unset, l };
        cleanup_error struct error why = {};

        switch (template_expand(&rules, text, ret, &why)) {
        case 0:
                return 0;
        case TEMPLATE_INVALID:
                return mistake(l, at,
                               "invalid interpolation format for %s.\n"
                               "You may need to escape any $ with another $.\n%s",
                               path, text);
        default:
                return mistake(l, at, "error while interpolating %s: %s", path, error_message(&why));
        }
}

int interpolate_text(struct loader *l, const char *path, const char *text, char **ret)
{
        return expand(l, NULL, path, text, ret);
}

bool cast_bool(struct loader *l, const char *text, bool *ret)
{
        static const struct {
                const char *word;
                bool value, old;
        } words[] = { { "true", true, false }, { "false", false, false }, { "y", true, true },
                      { "yes", true, true },   { "on", true, true },      { "n", false, true },
                      { "no", false, true },   { "off", false, true } };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                if (strcasecmp(text, words[i].word) != 0)
                        continue;
                if (words[i].old)
                        loader_warn(l, "\"%s\" for boolean is not supported by YAML 1.2, please use `%s`",
                                    text, words[i].value ? "true" : "false");
                *ret = words[i].value;
                return true;
        }
        return false;
}

/* Why a number is none, as Go says it; arena. */
static const char *number_mistake(struct loader *l, const char *function, const char *text, bool range)
{
        return arena_format(&l->arena, "strconv.%s: parsing \"%s\": %s", function, text,
                            range ? "value out of range" : "invalid syntax");
}

static const char *cast_integer(struct loader *l, const char *text, struct node *node)
{
        const char *digits = text + (*text == '-' || *text == '+');
        char *end;
        long long value;

        errno = 0;
        value = strtoll(text, &end, 10);
        if (!isdigit((unsigned char)*digits) || *end)
                return number_mistake(l, "Atoi", text, false);
        if (errno == ERANGE)
                return number_mistake(l, "Atoi", text, true);
        node->kind = NODE_INT;
        node->integer = value;
        return NULL;
}

static const char *cast_number(struct loader *l, const char *text, bool single, struct node *node)
{
        char *end;
        double value = strtod(text, &end);

        if (!*text || *end || isspace((unsigned char)*text))
                return number_mistake(l, "ParseFloat", text, false);
        node->kind = NODE_FLOAT;
        node->single = single;
        node->number = single ? (double)(float)value : value;
        return NULL;
}

/* NULL, or why not. */
static const char *cast(struct loader *l, enum rule_cast to, const char *text, struct node *node)
{
        bool value;

        switch (to) {
        case CAST_NONE:
                return NULL;
        case CAST_INT:
                return cast_integer(l, text, node);
        case CAST_FLOAT:
        case CAST_FLOAT32:
                return cast_number(l, text, to == CAST_FLOAT32, node);
        case CAST_BOOL:
                if (!cast_bool(l, text, &value))
                        return arena_format(&l->arena, "invalid boolean: %s", text);
                node->kind = NODE_BOOL;
                node->boolean = value;
                return NULL;
        }
        return NULL;
}

static int interpolate_string(struct loader *l, const struct rule_node *at, struct node *node)
{
        const struct rule *rule = rules_here(at);
        const char *why;

        if (strchr(node->string, '$')) {
                cleanup_free char *text = NULL;

                if (expand(l, node, loader_path(l), node->string, &text) < 0)
                        return -1;
                node->string = arena_strdup(&l->arena, text);
        }
        why = rule ? cast(l, rule->cast, node->string, node) : NULL;
        return why ? mistake(l, node, "error while interpolating %s: failed to cast to expected type: %s",
                             loader_path(l), why)
                   : 0;
}

static int interpolate_node(struct loader *l, const struct rule_node *at, struct node *node)
{
        if (node->kind == NODE_STRING)
                return interpolate_string(l, at, node);
        for (size_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
                const char *key = node->map.entries[i].key;

                loader_push(l, key);
                if (interpolate_node(l, rules_child(at, key), node->map.entries[i].value) < 0)
                        return -1;
                loader_pop(l);
        }
        for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
                loader_push(l, "[]");
                if (interpolate_node(l, rules_child(at, "[]"), node->items[i]) < 0)
                        return -1;
                loader_pop(l);
        }
        return 0;
}

int interpolate(struct loader *l, struct node *root)
{
        return interpolate_node(l, l->rules, root);
}
