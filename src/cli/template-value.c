/* Values of templates: what they print as, when they are true, what Docker's types know of their members. */
#include "cli/template-internal.h"
#include "base/json.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

/* Members that are maps in Docker's Go types. Everything else that is an object is a struct there. */
static const char *const map_members[] = {
        "Labels",       "Options",  "Annotations",  "Sysctls", "Tmpfs",      "Networks",         "Ports",
        "ExposedPorts", "Volumes",  "PortBindings", "Data",    "Containers", "StorageOpt",       "DriverOpts",
        "Runtimes",     "Metadata", "Endpoints",    "Status",  "Attributes", "LogConfig.Config",
};
/* Members that are pointers: nil prints as <nil>, not as an empty list. */
static const char *const pointer_members[] = { "Init",    "OomKillDisable", "MemorySwappiness", "PidsLimit",
                                               "Health",  "Healthcheck",    "StopTimeout",      "UsageData",
                                               "SizeRw",  "SizeRootFs",     "Descriptor",       "GraphDriver",
                                               "Platform" };

const char *value_alias(const char *member)
{
        static const char *const names[][2] = { { "ID", "Id" },
                                                { "APIVersion", "ApiVersion" },
                                                { "Status", "status" },
                                                { "From", "from" },
                                                { "DNS", "Dns" },
                                                { "DNSOptions", "DnsOptions" },
                                                { "DNSSearch", "DnsSearch" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i][0], member))
                        return names[i][1];
        return NULL;
}

/* Members that Docker's types have and its JSON leaves out when they are empty. */
static const char *const optional_members[] = {
        "Annotations",
        "Author",
        "Comment",
        "Descriptor",
        "ExposedPorts",
        "GraphDriver",
        "Health",
        "Healthcheck",
        "Init",
        "LastTagTime",
        "MacAddress",
        "Manifests",
        "Mounts",
        "NetworkDisabled",
        "OsVersion",
        "Parent",
        "Shell",
        "SizeRootFs",
        "SizeRw",
        "StopSignal",
        "StopTimeout",
        "StorageOpt",
        "Sysctls",
        "Tmpfs",
        "AuxiliaryAddresses",
        "Gateway",
        "IPRange",
        "UsageData",
        "Variant",
};
/* Those of them that are texts. */
static const char *const optional_texts[] = { "Author",     "Comment", "MacAddress", "OsVersion", "Parent",
                                              "StopSignal", "Variant", "Gateway",    "IPRange" };

bool value_optional(const char *member, struct value *ret)
{
        bool known = false, text = false;

        for (size_t i = 0; i < ARRAY_SIZE(optional_members); i++)
                known = known || streq(optional_members[i], member);
        for (size_t i = 0; i < ARRAY_SIZE(optional_texts); i++)
                text = text || streq(optional_texts[i], member);
        if (known)
                *ret = (struct value){ .json = text ? json_object_new_string("") : NULL, .member = member };
        return known;
}

/* One name is a struct here and a map there. */
const char *value_member_of(const char *parent, const char *name)
{
        return streq(parent, "LogConfig") && streq(name, "Config") ? "LogConfig.Config" : name;
}

bool value_member_is_map(const char *member)
{
        for (size_t i = 0; member && i < ARRAY_SIZE(map_members); i++)
                if (streq(map_members[i], member))
                        return true;
        return false;
}

static bool is_pointer(const char *member)
{
        for (size_t i = 0; i < ARRAY_SIZE(pointer_members); i++)
                if (streq(pointer_members[i], member))
                        return true;
        return !member;
}

bool value_truth(const struct value *value)
{
        switch (json_object_get_type(value->json)) {
        case json_type_null:
                return false;
        case json_type_boolean:
                return json_object_get_boolean(value->json);
        case json_type_int:
                return json_object_get_int64(value->json) != 0;
        case json_type_double:
                return json_object_get_double(value->json) != 0;
        case json_type_string:
                return json_object_get_string_len(value->json) > 0;
        case json_type_array:
                return json_object_array_length(value->json) > 0;
        case json_type_object:
                return !value_member_is_map(value->member) || json_object_object_length(value->json) > 0;
        }
        return false;
}

static void print_object(struct strbuf *out, const struct value *value)
{
        bool map = value_member_is_map(value->member);
        cleanup_strv char **keys = NULL;
        struct lh_entry *entry;

        lh_foreach (json_object_get_object(value->json), entry)
                strv_append(&keys, lh_entry_k(entry));
        if (map)
                strv_sort(keys);
        strbuf_adds(out, map ? "map[" : "{");
        for (size_t i = 0; keys && keys[i]; i++) {
                struct value element = { .json = json_get(value->json, keys[i]),
                                         .member = map ? "" : value_member_of(value->member, keys[i]) };

                if (i)
                        strbuf_addc(out, ' ');
                if (map)
                        strbuf_addf(out, "%s:", keys[i]);
                value_print(out, &element);
        }
        strbuf_adds(out, map ? "]" : "}");
}

void value_print(struct strbuf *out, const struct value *value)
{
        if (value->missing) {
                strbuf_adds(out, "<no value>");
                return;
        }
        switch (json_object_get_type(value->json)) {
        case json_type_null:
                strbuf_adds(out, is_pointer(value->member)            ? "<nil>"
                                 : value_member_is_map(value->member) ? "map[]"
                                                                      : "[]");
                return;
        case json_type_string:
                strbuf_add(out, json_object_get_string(value->json),
                           (size_t)json_object_get_string_len(value->json));
                return;
        case json_type_array:
                strbuf_addc(out, '[');
                for (size_t i = 0; i < json_object_array_length(value->json); i++) {
                        struct value element = { .json = json_object_array_get_idx(value->json, i) };

                        if (i)
                                strbuf_addc(out, ' ');
                        value_print(out, &element);
                }
                strbuf_addc(out, ']');
                return;
        case json_type_object:
                print_object(out, value);
                return;
        default:
                strbuf_adds(out, json_object_to_json_string_ext(value->json, JSON_C_TO_STRING_PLAIN));
        }
}

char *value_text(const struct value *value)
{
        cleanup_strbuf struct strbuf b = {};

        value_print(&b, value);
        return strbuf_take(&b);
}

void value_set_string(struct value *ret, const char *s, size_t len)
{
        *ret = (struct value){ .json = json_object_new_string_len(s, (int)len) };
}

void value_set_taken(struct value *ret, struct strbuf *b)
{
        value_set_string(ret, b->data ? b->data : "", b->len);
        strbuf_deinit(b);
}

void value_set_bool(struct value *ret, bool value)
{
        *ret = (struct value){ .json = json_object_new_boolean(value) };
}
