/* --network and what belongs to it. */
#include "cli/container-grammar.h"

#include <ctype.h>
#include <inttypes.h>

static struct endpoint_ipam_config *ipam_of(struct endpoint_settings *s)
{
        if (!s->ipam_config)
                s->ipam_config = xcalloc(1, sizeof(*s->ipam_config));
        return s->ipam_config;
}

static int network_field(struct endpoint_entry *e, const char *field, struct error *err)
{
        const char *equals = strchr(field, '=');
        cleanup_free char *key = equals ? xstrndup(field, (size_t)(equals - field)) : NULL;
        struct endpoint_settings *s = &e->settings;
        const char *value = equals ? equals + 1 : "";
        int64_t number;

        if (!key)
                return error_set(err, ERROR_INVALID, "invalid field %s", field);
        for (char *p = key; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        if (streq(key, "name")) {
                replace_string(&e->name, value);
        } else if (streq(key, "alias")) {
                strv_append(&s->aliases, value);
        } else if (streq(key, "ip")) {
                replace_string(&ipam_of(s)->ipv4_address, value);
        } else if (streq(key, "ip6")) {
                replace_string(&ipam_of(s)->ipv6_address, value);
        } else if (streq(key, "mac-address")) {
                replace_string(&s->mac_address, value);
        } else if (streq(key, "link-local-ip")) {
                strv_append(&ipam_of(s)->link_local_ips, value);
        } else if (streq(key, "driver-opt")) {
                if (!strchr(value, '='))
                        return error_set(err, ERROR_INVALID,
                                         "invalid key value pair format in driver options");
                grammar_set_pair(&s->driver_opts, value);
        } else if (streq(key, "gw-priority")) {
                if (string_to_int64(value, &number, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "invalid gw-priority (%s): invalid syntax",
                                         value);
                s->gw_priority = (int)number;
        } else {
                return error_set(err, ERROR_INVALID, "invalid field key %s", key);
        }
        return 0;
}

/* Is there a KEY=VALUE in it? */
static bool is_long_form(const char *text)
{
        for (const char *p = strchr(text, '='); p; p = strchr(p + 1, '='))
                if (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_') &&
                    (isalnum((unsigned char)p[1]) || p[1] == '_'))
                        return true;
        return false;
}

static int parse_network(const char *text, struct endpoint_entry *e, struct error *err)
{
        cleanup_strv char **fields = NULL;

        /* The short form is a name alone. */
        if (!is_long_form(text)) {
                e->name = xstrdup(text);
                return 0;
        }
        if (grammar_split_csv(text, &fields, err) < 0)
                return -1;
        for (size_t i = 0; fields[i]; i++)
                if (network_field(e, fields[i], err) < 0)
                        return -1;
        if (string_empty(e->name))
                return error_set(err, ERROR_INVALID, "network name/id is not specified");
        return 0;
}

static bool is_user_network(const char *name)
{
        static const char *const own[] = { "", "default", "bridge", "host", "none" };

        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (streq(name, own[i]))
                        return false;
        return !string_after(name, "container:");
}

/* 6, 8 or 20 bytes in hexadecimal: by colons or dashes, or in fours by dots. */
static bool is_mac_address(const char *text)
{
        size_t group = strchr(text, '.') ? 4 : 2, digits = 0;
        char separator = group == 4 ? '.' : strlen(text) > 2 ? text[2] : 0;

        for (size_t i = 0; text[i]; i++) {
                bool at_separator = i % (group + 1) == group;

                if (at_separator ? text[i] != separator || !strchr(":-.", separator)
                                 : !isxdigit((unsigned char)text[i]))
                        return false;
                digits += !at_separator;
        }
        return (digits == 12 || digits == 16 || digits == 40) && digits % group == 0;
}

static int check_endpoint(const struct endpoint_entry *e, struct error *err)
{
        if (string_empty(e->name))
                return error_set(err, ERROR_INVALID, "no name set for network");
        if (!string_empty(e->settings.mac_address) && !is_mac_address(e->settings.mac_address))
                return error_set(err, ERROR_INVALID, "%s is not a valid mac address",
                                 e->settings.mac_address);
        return 0;
}

/* The flags outside of --network belong to the first network. */
static int apply_outer(const struct container_flags *f, struct endpoint_entry *e, const char *mode,
                       struct error *err)
{
        struct endpoint_settings *s = &e->settings;

        if (f->network_alias && s->aliases)
                return error_set(
                    err, ERROR_INVALID,
                    "conflicting options: cannot specify both --network-alias and per-network alias");
        if (f->network_alias && !is_user_network(mode))
                return error_set(err, ERROR_INVALID,
                                 "network-scoped aliases are only supported for user-defined networks");
        if ((f->ip && s->ipam_config && s->ipam_config->ipv4_address) ||
            (f->ip6 && s->ipam_config && s->ipam_config->ipv6_address))
                return error_set(
                    err, ERROR_INVALID,
                    "conflicting options: cannot specify both --ip%s and per-network IPv%c address",
                    f->ip ? "" : "6", f->ip ? '4' : '6');
        if (f->mac_address && s->mac_address && !streq(f->mac_address, s->mac_address))
                return error_set(
                    err, ERROR_INVALID,
                    "conflicting options: cannot specify both --mac-address and per-network MAC address");
        strv_extend(&s->aliases, f->network_alias);
        if (is_user_network(mode))
                strv_extend(&s->links, f->link);
        if (f->ip)
                replace_string(&ipam_of(s)->ipv4_address, f->ip);
        if (f->ip6)
                replace_string(&ipam_of(s)->ipv6_address, f->ip6);
        if (f->link_local_ip)
                strv_extend(&ipam_of(s)->link_local_ips, f->link_local_ip);
        if (!string_empty(f->mac_address) && !is_mac_address(f->mac_address))
                return error_set(err, ERROR_INVALID, "%s is not a valid mac address", f->mac_address);
        if (f->mac_address)
                replace_string(&s->mac_address, f->mac_address);
        return 0;
}

/* The key of a map is nobody's field. */
static void entry_deinit(struct endpoint_entry *e)
{
        json_free_fields(&endpoint_entry_table, e);
        free(e->name);
}

int check_network(const char *value, struct error *err)
{
        struct endpoint_entry e = {};
        int r = parse_network(value, &e, err);

        entry_deinit(&e);
        return r;
}

int grammar_networks(const struct container_flags *f, struct container_spec_request *r, struct error *err)
{
        struct networking_config *n = &r->networking;

        for (size_t i = 0; f->network && f->network[i]; i++) {
                struct endpoint_entry e = {};

                if (parse_network(f->network[i], &e, err) < 0 || check_endpoint(&e, err) < 0) {
                        entry_deinit(&e);
                        return -1;
                }
                for (size_t j = 0; j < n->n_endpoints; j++)
                        if (streq(n->endpoints[j].name, e.name)) {
                                error_set(err, ERROR_INVALID, "network \"%s\" is specified multiple times",
                                          e.name);
                                entry_deinit(&e);
                                return -1;
                        }
                ARRAY_APPEND(n->endpoints, n->n_endpoints, e);
        }
        if (n->n_endpoints == 0)
                ARRAY_APPEND(n->endpoints, n->n_endpoints,
                             ((struct endpoint_entry){ .name = xstrdup("default") }));
        for (size_t i = 1; i < n->n_endpoints; i++)
                if (is_user_network(n->endpoints[i].name) != is_user_network(n->endpoints[0].name))
                        return error_set(err, ERROR_INVALID,
                                         "conflicting options: cannot attach both user-defined and "
                                         "non-user-defined network-modes");
        r->host.network_mode = xstrdup(n->endpoints[0].name);
        if (string_after(r->host.network_mode, "container:")) {
                json_free_fields(&networking_config_table, n);
                *n = (struct networking_config){};
                return 0;
        }
        return apply_outer(f, &n->endpoints[0], r->host.network_mode, err);
}
