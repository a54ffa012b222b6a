/* The canonical model as text, and its hashes. */
#include "base/sha256.h"
#include "compose/attribute.h"
#include "compose/yaml.h"

static json_object *print_section(const struct attribute_table *table, const void *items, size_t count,
                                  enum attribute_format format)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < count; i++) {
                const char *item = (const char *)items + i * table->size;

                json_object_object_add(out, *(char *const *)item, attributes_print(table, item, format));
        }
        return format == ATTRIBUTE_YAML ? yaml_sort(out, false) : out;
}

/* What a secret or config holds is only printed where the file itself says it. */
static json_object *print_objects(const struct compose_file_object *items, size_t count, bool secret,
                                  enum attribute_format format)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < count; i++) {
                json_object *one = attributes_print(&file_object_table, &items[i], format);

                if (secret || !string_empty(items[i].environment))
                        json_object_object_del(one, "content");
                json_object_object_add(out, items[i].key, one);
        }
        return format == ATTRIBUTE_YAML ? yaml_sort(out, false) : out;
}

static void add(json_object *out, const char *key, json_object *section)
{
        if (json_object_object_length(section))
                json_object_object_add(out, key, section);
        else
                json_object_put(section);
}

static void add_extensions(json_object *out, json_object *extensions)
{
        struct lh_entry *entry;

        if (extensions)
                lh_foreach (json_object_get_object(extensions), entry)
                        json_object_object_add(out, lh_entry_k(entry), json_object_get(lh_entry_v(entry)));
}

/* The order of the reference's struct for YAML; sorted for JSON, where it is a map. */
char *compose_project_yaml(const struct compose_project *p)
{
        cleanup_json json_object *out = json_object_new_object(), *extensions = NULL;
        const enum attribute_format format = ATTRIBUTE_YAML;

        if (!string_empty(p->name))
                json_object_object_add(out, "name", json_object_new_string(p->name));
        json_object_object_add(out, "services",
                               print_section(&service_table, p->services, p->n_services, format));
        add(out, "networks", print_section(&network_table, p->networks, p->n_networks, format));
        add(out, "volumes", print_section(&volume_table, p->volumes, p->n_volumes, format));
        add(out, "secrets", print_objects(p->secrets, p->n_secrets, true, format));
        add(out, "configs", print_objects(p->configs, p->n_configs, false, format));
        add(out, "models", print_section(&model_table, p->models, p->n_models, format));
        extensions = p->extensions ? yaml_sort(json_object_get(p->extensions), true) : NULL;
        add_extensions(out, extensions);
        return yaml_format(out);
}

/* Go's encoder escapes what could end a script. */
static char *escape_html(char *json)
{
        struct strbuf b = {};

        for (const char *p = json; *p; p++) {
                if (*p == '<' || *p == '>' || *p == '&')
                        strbuf_addf(&b, "\\u%04x", (unsigned)*p);
                else
                        strbuf_addc(&b, *p);
        }
        free(json);
        return strbuf_take(&b);
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_object *sorted_object(json_object *in)
{
        cleanup_free const char **keys = xcalloc((size_t)json_object_object_length(in) + 1, sizeof(*keys));
        json_object *out = json_object_new_object();
        struct lh_entry *entry;
        size_t count = 0;

        lh_foreach (json_object_get_object(in), entry)
                keys[count++] = lh_entry_k(entry);
        qsort(keys, count, sizeof(*keys), compare_keys);
        for (size_t i = 0; i < count; i++)
                json_object_object_add(out, keys[i], json_object_get(json_get(in, keys[i])));
        return out;
}

char *compose_project_json(const struct compose_project *p)
{
        cleanup_json json_object *out = json_object_new_object(), *sorted = NULL;
        const enum attribute_format format = ATTRIBUTE_JSON;

        json_object_object_add(out, "name", json_object_new_string(p->name ? p->name : ""));
        json_object_object_add(out, "services",
                               print_section(&service_table, p->services, p->n_services, format));
        add(out, "networks", print_section(&network_table, p->networks, p->n_networks, format));
        add(out, "volumes", print_section(&volume_table, p->volumes, p->n_volumes, format));
        add(out, "secrets", print_objects(p->secrets, p->n_secrets, true, format));
        add(out, "configs", print_objects(p->configs, p->n_configs, false, format));
        add_extensions(out, p->extensions);
        sorted = sorted_object(out);
        return escape_html(json_format_pretty(sorted, 2));
}

/* ---- Hashes ---- */

static void hash_object(json_object *object, char ret[COMPOSE_HASH_LENGTH + 1])
{
        cleanup_free char *text = escape_html(json_format(object));

        sha256_hex(text, strlen(text), ret);
        json_object_put(object);
}

void compose_service_hash(const struct compose_service *s, char ret[COMPOSE_HASH_LENGTH + 1])
{
        /* What says how the image is made, how many there are and when they start does not change a
         * container. */
        static const char *const left_out[] = { "build", "pull_policy", "scale", "depends_on", "profiles" };
        json_object *out = attributes_print(&service_table, s, ATTRIBUTE_JSON);

        for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
                json_object_object_del(out, left_out[i]);
        if (json_get(out, "deploy"))
                json_object_object_del(json_get(out, "deploy"), "replicas");
        hash_object(out, ret);
}

void compose_network_hash(const struct compose_network *network, char ret[COMPOSE_HASH_LENGTH + 1])
{
        hash_object(attributes_print(&network_table, network, ATTRIBUTE_JSON), ret);
}

void compose_volume_hash(const struct compose_volume *volume, char ret[COMPOSE_HASH_LENGTH + 1])
{
        struct compose_volume local = *volume;
        char name[] = "local";

        if (string_empty(local.driver))
                local.driver = name;
        hash_object(attributes_print(&volume_table, &local, ATTRIBUTE_JSON), ret);
}
