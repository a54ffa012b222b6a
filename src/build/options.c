#include "build/options.h"

static const struct json_field secret_fields[] = {
        JSON_FIELD("id", struct build_secret, id, JSON_STRING),
        JSON_FIELD("value", struct build_secret, value, JSON_STRING),
};
static const struct json_table secret_table = JSON_TABLE(struct build_secret, secret_fields);

static const struct json_field entry_fields[] = {
        JSON_FIELD("type", struct build_entry, type, JSON_STRING),
        JSON_FIELD("attributes", struct build_entry, attributes, JSON_STRMAP, JSON_OMIT_EMPTY),
};
static const struct json_table entry_table = JSON_TABLE(struct build_entry, entry_fields);

static const struct json_field ulimit_fields[] = {
        JSON_FIELD("Name", struct ulimit, name, JSON_STRING),
        JSON_FIELD("Hard", struct ulimit, hard, JSON_INT64),
        JSON_FIELD("Soft", struct ulimit, soft, JSON_INT64),
};
static const struct json_table ulimit_list_table = JSON_TABLE(struct ulimit, ulimit_fields);

#define F(name, member, kind) JSON_FIELD(name, struct build_options, member, kind, JSON_OMIT_EMPTY)
#define ENTRIES(name, member)                                                                                \
        JSON_FIELD_ARRAY(name, struct build_options, member, n_##member, JSON_ARRAY, entry_table,             \
                         JSON_OMIT_EMPTY)
static const struct json_field fields[] = {
        JSON_FIELD("dockerfile", struct build_options, dockerfile, JSON_STRING, JSON_OMIT_NULL),
        F("dockerfile_path", dockerfile_path, JSON_STRING),
        F("dockerfile_name", dockerfile_name, JSON_STRING),
        JSON_FIELD("dockerignore", struct build_options, dockerignore, JSON_STRING, JSON_OMIT_NULL),
        F("context", context, JSON_STRING),
        F("context_url", context_url, JSON_STRING),
        F("build_contexts", build_contexts, JSON_STRV),
        F("image_contexts", image_contexts, JSON_STRMAP),
        F("ssh", ssh, JSON_STRV),
        F("url_contexts", url_contexts, JSON_STRMAP),
        F("build_args", build_args, JSON_STRMAP),
        F("labels", labels, JSON_STRMAP),
        F("tags", tags, JSON_STRV),
        F("target", target, JSON_STRING),
        F("network", network, JSON_STRING),
        F("no_cache", no_cache, JSON_BOOL),
        F("pull", pull, JSON_BOOL),
        F("check", check, JSON_BOOL),
        F("explain", explain, JSON_BOOL),
        F("quiet", quiet, JSON_BOOL),
        F("no_cache_filter", no_cache_filter, JSON_STRV),
        F("extra_hosts", extra_hosts, JSON_STRV),
        F("allow", allow, JSON_STRV),
        F("shm_size", shm_size, JSON_INT64),
        JSON_FIELD_ARRAY("ulimits", struct build_options, ulimits, n_ulimits, JSON_ARRAY, ulimit_list_table,
                         JSON_OMIT_EMPTY),
        JSON_FIELD_ARRAY("secrets", struct build_options, secrets, n_secrets, JSON_ARRAY, secret_table,
                         JSON_OMIT_EMPTY),
        ENTRIES("outputs", outputs),
        ENTRIES("cache_from", cache_from),
        ENTRIES("cache_to", cache_to),
        F("auths", auths, JSON_STRMAP),
        F("platforms", platforms, JSON_STRV),
        F("cgroup_parent", cgroup_parent, JSON_STRING),
};
#undef F
#undef ENTRIES
const struct json_table build_options_table = JSON_TABLE(struct build_options, fields);

void build_options_deinit(struct build_options *o)
{
        for (size_t i = 0; i < o->n_secrets; i++)
                if (o->secrets[i].value)
                        explicit_bzero(o->secrets[i].value, strlen(o->secrets[i].value));
        for (size_t i = 0; i < o->auths.count; i++)
                explicit_bzero(o->auths.pairs[i].value, strlen(o->auths.pairs[i].value));
        json_free_fields(&build_options_table, o);
        *o = (struct build_options){};
}
