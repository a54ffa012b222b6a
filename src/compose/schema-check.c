/* A tree against the schema. Of several mistakes the deepest is told, of those the first: it is the one that
 * a person can do something about. */
#include "compose/loader-internal.h"
#include "compose/schema.h"

#include <ctype.h>
#include <regex.h>

struct finding {
        size_t
            depth; /* of the node, one more for an unknown key; 0: nothing found (depth is counted from 1) */
        const struct node *node;
        const char *text;
};

static bool check(struct loader *l, const struct schema *schema, const struct node *node,
                  struct finding *worst);

static bool found(struct loader *l, struct finding *worst, const struct node *node, size_t more,
                  const char *text)
{
        if (l->depth + 1 + more > worst->depth)
                *worst = (struct finding){ l->depth + 1 + more, node,
                                           arena_format(&l->arena, "%s %s", loader_path(l), text) };
        return false;
}

/* ---- Types ---- */

static const struct {
        unsigned type;
        const char *shown;
} type_names[] = {
        { SCHEMA_ARRAY, "array" },     { SCHEMA_BOOLEAN, "boolean" }, { SCHEMA_INTEGER, "integer" },
        { SCHEMA_MAPPING, "mapping" }, { SCHEMA_NULL, "null" },       { SCHEMA_NUMBER, "number" },
        { SCHEMA_STRING, "string" },
};

static unsigned type_of(const struct node *node)
{
        switch (node->kind) {
        case NODE_NULL:
                return SCHEMA_NULL;
        case NODE_BOOL:
                return SCHEMA_BOOLEAN;
        case NODE_INT:
                return SCHEMA_INTEGER | SCHEMA_NUMBER;
        case NODE_FLOAT:
                return SCHEMA_NUMBER |
                       (node->number == (double)(int64_t)MAX(MIN(node->number, 9e18), -9e18) ? SCHEMA_INTEGER
                                                                                             : 0);
        case NODE_STRING:
                return SCHEMA_STRING;
        case NODE_MAP:
                return SCHEMA_MAPPING;
        case NODE_LIST:
                return SCHEMA_ARRAY;
        }
        return 0;
}

static bool wrong_type(struct loader *l, const struct schema *schema, const struct node *node,
                       struct finding *worst)
{
        struct strbuf b = {};
        unsigned left = schema->types;
        bool result;

        strbuf_adds(&b, "must be a ");
        for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
                if (!(left & type_names[i].type))
                        continue;
                left &= ~type_names[i].type;
                if (left != (schema->types & ~type_names[i].type))
                        strbuf_adds(&b, left ? ", " : " or ");
                strbuf_adds(&b, type_names[i].shown);
        }
        result = found(l, worst, node, 0, b.data);
        strbuf_deinit(&b);
        return result;
}

/* ---- Mappings ---- */

static const struct schema *property_of(const struct schema *schema, const char *key)
{
        for (size_t i = 0; i < schema->n_properties; i++)
                if (*schema->properties[i].name == *key && streq(schema->properties[i].name, key))
                        return schema->properties[i].schema;
        return NULL;
}

static bool key_fits(enum schema_keys keys, const char *key)
{
        if (!*key || keys == SCHEMA_ANY_KEY)
                return *key;
        for (; *key; key++)
                if (keys == SCHEMA_LOWER_CASE ? *key < 'a' || *key > 'z'
                                              : !isalnum((unsigned char)*key) && !strchr("._-", *key))
                        return false;
        return true;
}

static bool missing_keys(struct loader *l, const struct schema *schema, const struct node *node,
                         struct finding *worst)
{
        struct strbuf b = {};
        size_t count = 0;

        for (const char *const *key = schema->required; key && *key; key++)
                if (!node_has(node, *key))
                        strbuf_addf(&b, "%s'%s'", count++ ? ", " : "", *key);
        if (count)
                found(
                    l, worst, node, 0,
                    arena_format(&l->arena, "missing %s %s", count > 1 ? "properties" : "property", b.data));
        strbuf_deinit(&b);
        return count == 0;
}

static bool check_map(struct loader *l, const struct schema *schema, const struct node *node,
                      struct finding *worst)
{
        bool ok = missing_keys(l, schema, node, worst);
        const struct node *unknown_at = NULL;
        struct strbuf unknown = {};

        for (size_t i = 0; i < node->count; i++) {
                const char *key = node->map.entries[i].key;
                const struct node *value = node->map.entries[i].value;
                const struct schema *of = property_of(schema, key);

                if (!of && schema->extensible && string_after(key, "x-"))
                        continue;
                if (!of && schema->values && key_fits(schema->keys, key))
                        of = schema->values;
                if (of) {
                        loader_push(l, key);
                        ok &= check(l, of, value, worst);
                        loader_pop(l);
                } else if (schema->closed) {
                        strbuf_addf(&unknown, "%s'%s'", unknown.len ? ", " : "", key);
                        unknown_at = unknown_at ? unknown_at : value;
                }
        }
        if (unknown_at)
                ok = found(l, worst, unknown_at, 1,
                           arena_format(&l->arena, "additional properties %s not allowed", unknown.data));
        strbuf_deinit(&unknown);
        return ok;
}

/* ---- Sequences ---- */

static bool items_differ(struct loader *l, const struct node *node, struct finding *worst)
{
        for (size_t i = 1; i < node->count; i++)
                for (size_t j = 0; j < i; j++)
                        if (node_equal(node->items[i], node->items[j]))
                                return found(l, worst, node->items[i], 0,
                                             arena_format(&l->arena, "items at %zu and %zu are equal", j, i));
        return true;
}

/* More are compared by nobody's hand: a list is refused before it takes minutes. */
#define UNIQUE_ITEMS_MAX 10000

static bool check_list(struct loader *l, const struct schema *schema, const struct node *node,
                       struct finding *worst)
{
        bool ok = true;

        if (schema->unique && node->count > UNIQUE_ITEMS_MAX)
                return found(l, worst, node, 0, "has too many items");
        if (schema->unique)
                ok = items_differ(l, node, worst);
        for (size_t i = 0; schema->items && i < node->count; i++) {
                loader_push(l, arena_format(&l->arena, "%zu", i));
                ok &= check(l, schema->items, node->items[i], worst);
                loader_pop(l);
        }
        return ok;
}

/* ---- Values ---- */

static bool matches(const char *pattern, const char *text)
{
        regex_t regex;
        bool result;

        if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                abort();
        result = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
        return result;
}

static bool check_string(struct loader *l, const struct schema *schema, const struct node *node,
                         struct finding *worst)
{
        struct strbuf b = {};
        bool many;

        if (schema->pattern && !matches(schema->pattern, node->string))
                return found(l, worst, node, 0,
                             arena_format(&l->arena, "'%s' does not match pattern '%s'", node->string,
                                          schema->pattern));
        for (const char *const *choice = schema->choices; choice && *choice; choice++) {
                if (streq(*choice, node->string)) {
                        strbuf_deinit(&b);
                        return true;
                }
                strbuf_addf(&b, "%s'%s'", b.len ? ", " : "", *choice);
        }
        if (!b.len)
                return true;
        many = schema->choices[1];
        found(l, worst, node, 0,
              arena_format(&l->arena, "value must be %s%s", many ? "one of " : "", b.data));
        strbuf_deinit(&b);
        return false;
}

static bool check_number(struct loader *l, const struct schema *schema, const struct node *node,
                         struct finding *worst)
{
        double value = node->kind == NODE_INT ? (double)node->integer : node->number;

        if (schema->minimum && value < (double)*schema->minimum)
                return found(
                    l, worst, node, 0,
                    arena_format(&l->arena, "must be greater than or equal to %ld", *schema->minimum));
        if (schema->maximum && value > (double)*schema->maximum)
                return found(l, worst, node, 0,
                             arena_format(&l->arena, "must be less than or equal to %ld", *schema->maximum));
        return true;
}

static bool check_alternatives(struct loader *l, const struct schema *schema, const struct node *node,
                               struct finding *worst)
{
        struct finding all = {};

        for (const struct schema *const *one = schema->one_of; one && *one; one++)
                if (check(l, *one, node, &all))
                        return true;
        if (all.depth > worst->depth)
                *worst = all;
        return !schema->one_of;
}

static bool check(struct loader *l, const struct schema *schema, const struct node *node,
                  struct finding *worst)
{
        bool ok = true;

        if (schema->types && !(schema->types & type_of(node)))
                return wrong_type(l, schema, node, worst);
        if (node->kind == NODE_MAP)
                ok = check_map(l, schema, node, worst);
        else if (node->kind == NODE_LIST)
                ok = check_list(l, schema, node, worst);
        else if (node->kind == NODE_STRING)
                ok = check_string(l, schema, node, worst);
        else if (node->kind == NODE_INT || node->kind == NODE_FLOAT)
                ok = check_number(l, schema, node, worst);
        return check_alternatives(l, schema, node, worst) && ok;
}

int validate_schema(struct loader *l, const struct node *root, const char *file)
{
        struct finding worst = {};

        if (check(l, &schema_project, root, &worst))
                return 0;
        return mistake(l, worst.node, "validating %s: %s", file, worst.text);
}
