/* A canonical tree to the typed project, by the tables of model.c. */
#include "compose/attribute.h"
#include "compose/bind-internal.h"

#define AT(type, p) (*(type *)(p))

static int bind_struct(struct loader *l, const struct way *way, const struct attribute_table *table,
                       const struct node *node, void *out);

/* ---- Lists and maps of structs ---- */

static int bind_list(struct loader *l, const struct way *way, const struct attribute *row,
                     const struct node *node, void *value, size_t *count)
{
        char *items;

        if (node->kind != NODE_LIST)
                return bind_wrong_type(l, way, node, "[]");
        items = xcalloc(node->count + 1, row->table->size);
        AT(char *, value) = items;
        for (size_t i = 0; i < node->count; i++) {
                struct way next = { way, NULL, i, false };

                ++*count;
                if (bind_struct(l, &next, row->table, node->items[i], items + i * row->table->size) < 0)
                        return -1;
        }
        return 0;
}

/* What is particular about one entry of the kinds by name; the rest is its table. */
static int bind_entry(struct loader *l, const struct way *way, const struct attribute *row,
                      const struct node *node, void *entry)
{
        if (row->kind == ATTRIBUTE_ULIMITS && node->kind == NODE_INT) {
                ((struct compose_ulimit *)entry)->single = node->integer;
                return 0;
        }
        if (row->kind == ATTRIBUTE_NETWORKS)
                ((struct compose_service_network *)entry)->given = node->kind != NODE_NULL;
        if (node->kind == NODE_NULL)
                return 0;
        return bind_struct(l, way, row->table, node, entry);
}

static int bind_map(struct loader *l, const struct way *way, const struct attribute *row,
                    const struct node *node, void *value, size_t *count)
{
        cleanup_free size_t *order = NULL;
        char *items;

        if (node->kind != NODE_MAP)
                return bind_wrong_type(l, way, node, "map");
        order = node_sorted(node);
        items = xcalloc(node->count + 1, row->table->size);
        AT(char *, value) = items;
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];
                struct way next = { way, entry->key, 0, false };

                AT(char *, items + i * row->table->size) = xstrdup(entry->key);
                ++*count;
                if (bind_entry(l, &next, row, entry->value, items + i * row->table->size) < 0)
                        return -1;
        }
        return 0;
}

static int bind_ssh(struct loader *l, const struct way *way, const struct node *node, void *value,
                    size_t *count)
{
        cleanup_free size_t *order = NULL;
        struct compose_ssh_key *keys;

        if (node->kind != NODE_MAP)
                return bind_wrong_type(l, way, node, "map");
        order = node_sorted(node);
        keys = xcalloc(node->count + 1, sizeof(*keys));
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                keys[i].id = xstrdup(entry->key);
                if (entry->value->kind != NODE_NULL)
                        keys[i].path = xstrdup(node_sprint(&l->arena, entry->value));
        }
        AT(struct compose_ssh_key *, value) = keys;
        *count = node->count;
        return 0;
}

static int bind_options(struct loader *l, const struct way *way, const struct node *node, void *value,
                        size_t *count)
{
        cleanup_free size_t *order = NULL;
        struct compose_provider_option *options;

        if (node->kind != NODE_MAP)
                return bind_wrong_type(l, way, node, "map");
        order = node_sorted(node);
        options = xcalloc(node->count + 1, sizeof(*options));
        AT(struct compose_provider_option *, value) = options;
        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                options[i].name = xstrdup(entry->key);
                ++*count;
                if (entry->value->kind != NODE_LIST)
                        strv_append(&options[i].values, node_sprint(&l->arena, entry->value));
                else if (bind_strings(l, way, entry->value, &options[i].values) < 0)
                        return -1;
        }
        return 0;
}

/* ---- Structs ---- */

static int bind_number(struct loader *l, const struct way *way, const struct attribute *row,
                       const struct node *node, void *value)
{
        int64_t number = 0;
        int r;

        switch (row->kind) {
        case ATTRIBUTE_INT:
        case ATTRIBUTE_INT_PTR:
                r = bind_integer(l, way, node, INT32_MIN, INT32_MAX, &number);
                break;
        case ATTRIBUTE_UINT32:
                r = bind_integer(l, way, node, 0, UINT32_MAX, &number);
                break;
        case ATTRIBUTE_UINT64:
        case ATTRIBUTE_UINT64_PTR:
                r = bind_integer(l, way, node, 0, INT64_MAX, &number);
                break;
        case ATTRIBUTE_SIZE:
                r = bind_size(l, way, node, &number);
                break;
        case ATTRIBUTE_DURATION:
        case ATTRIBUTE_DURATION_PTR:
                r = bind_duration(l, way, node, &number);
                break;
        case ATTRIBUTE_MODE_PTR:
                r = bind_mode(l, way, node, &number);
                break;
        case ATTRIBUTE_COUNT:
                r = bind_count(l, way, node, &number);
                break;
        default:
                r = bind_integer(l, way, node, INT64_MIN, INT64_MAX, &number);
                break;
        }
        if (r < 0)
                return -1;
        switch (row->kind) {
        case ATTRIBUTE_INT:
        case ATTRIBUTE_UINT32:
                AT(uint32_t, value) = (uint32_t)number;
                return 0;
        case ATTRIBUTE_INT_PTR:
                AT(int *, value) = xmemdup(&(int){ (int)number }, sizeof(int));
                return 0;
        case ATTRIBUTE_UINT64_PTR:
        case ATTRIBUTE_DURATION_PTR:
        case ATTRIBUTE_MODE_PTR:
                AT(int64_t *, value) = xmemdup(&number, sizeof(number));
                return 0;
        default:
                AT(int64_t, value) = number;
                return 0;
        }
}

static int bind_field(struct loader *l, const struct way *way, const struct attribute *row,
                      const struct node *node, void *out)
{
        char *value = (char *)out + row->offset;
        size_t *count = (size_t *)((char *)out + row->count_offset);
        bool flag = false;

        switch (row->kind) {
        case ATTRIBUTE_STRING:
                return bind_string(l, way, node, (char **)value);
        case ATTRIBUTE_BOOL:
                return bind_bool(l, way, node, (bool *)value);
        case ATTRIBUTE_BOOL_PTR:
                if (bind_bool(l, way, node, &flag) < 0)
                        return -1;
                AT(bool *, value) = xmemdup(&flag, sizeof(flag));
                return 0;
        case ATTRIBUTE_FLOAT:
                return bind_float(l, way, node, (double *)value);
        case ATTRIBUTE_STRINGS:
                return bind_strings(l, way, node, (char ***)value);
        case ATTRIBUTE_COMMAND:
                return bind_command(l, way, node, (char ***)value);
        case ATTRIBUTE_TEST:
                return bind_test(l, way, node, (char ***)value);
        case ATTRIBUTE_HOSTS:
                return bind_hosts(l, way, node, (char ***)value);
        case ATTRIBUTE_MAPPING:
        case ATTRIBUTE_ENVIRONMENT:
                return bind_mapping(l, way, node, row->kind == ATTRIBUTE_ENVIRONMENT, (struct strmap *)value);
        case ATTRIBUTE_STRUCT:
                return bind_struct(l, way, row->table, node, value);
        case ATTRIBUTE_STRUCT_PTR:
                AT(void *, value) = xcalloc(1, row->table->size);
                return bind_struct(l, way, row->table, node, AT(void *, value));
        case ATTRIBUTE_LIST:
        case ATTRIBUTE_ENV_FILES:
                return bind_list(l, way, row, node, value, count);
        case ATTRIBUTE_MAP:
        case ATTRIBUTE_ULIMITS:
        case ATTRIBUTE_NETWORKS:
        case ATTRIBUTE_MODELS:
                return bind_map(l, way, row, node, value, count);
        case ATTRIBUTE_SSH:
                return bind_ssh(l, way, node, value, count);
        case ATTRIBUTE_OPTIONS:
                return bind_options(l, way, node, value, count);
        case ATTRIBUTE_EXTENSIONS:
                return 0;
        default:
                return bind_number(l, way, row, node, value);
        }
}

static void bind_extensions(const struct node *node, json_object **ret)
{
        cleanup_free size_t *order = node_sorted(node);

        for (size_t i = 0; i < node->count; i++) {
                const struct node_entry *entry = &node->map.entries[order[i]];

                if (!string_after(entry->key, "x-") || streq(entry->key, SECRET_CONTENT))
                        continue;
                if (!*ret)
                        *ret = json_object_new_object();
                json_object_object_add(*ret, entry->key, node_to_json(entry->value));
        }
}

static int bind_struct(struct loader *l, const struct way *way, const struct attribute_table *table,
                       const struct node *node, void *out)
{
        if (node->kind == NODE_NULL)
                return 0;
        if (node->kind != NODE_MAP)
                return bind_wrong_type(l, way, node, "map");
        for (size_t i = 0; i < table->count; i++) {
                const struct attribute *row = &table->rows[i];
                const struct node *value = node_get(node, row->name);
                struct way next = { way, row->name, 0, true };

                if (row->kind == ATTRIBUTE_EXTENSIONS)
                        bind_extensions(node, (json_object **)((char *)out + row->offset));
                else if (value && value->kind != NODE_NULL && bind_field(l, &next, row, value, out) < 0)
                        return -1;
        }
        return 0;
}

/* ---- The project ---- */

static int bind_section(struct loader *l, const struct node *root, const char *name,
                        const struct attribute_table *table, void *items, size_t *count)
{
        struct attribute row = { name, ATTRIBUTE_MAP, 0, 0, table, 0, NULL };
        const struct node *section = node_get(root, name);
        struct way way = { NULL, name, 0, true };

        return section && section->kind != NODE_NULL ? bind_map(l, &way, &row, section, items, count) : 0;
}

/* The value of a secret is no attribute: it is taken over for those who make the container. */
static void bind_secret_contents(const struct node *root, struct compose_project *project)
{
        for (size_t i = 0; i < project->n_secrets; i++) {
                const char *content =
                    node_text(node_get(node_get(root, "secrets"), project->secrets[i].key), SECRET_CONTENT);

                if (content)
                        replace_string(&project->secrets[i].content, content);
        }
}

int bind_project(struct loader *l, const struct node *root, struct compose_project *p)
{
        if (bind_section(l, root, "services", &service_table, &p->services, &p->n_services) < 0 ||
            bind_section(l, root, "networks", &network_table, &p->networks, &p->n_networks) < 0 ||
            bind_section(l, root, "volumes", &volume_table, &p->volumes, &p->n_volumes) < 0 ||
            bind_section(l, root, "secrets", &file_object_table, &p->secrets, &p->n_secrets) < 0 ||
            bind_section(l, root, "configs", &file_object_table, &p->configs, &p->n_configs) < 0 ||
            bind_section(l, root, "models", &model_table, &p->models, &p->n_models) < 0)
                return -1;
        bind_secret_contents(root, p);
        bind_extensions(root, &p->extensions);
        return 0;
}
