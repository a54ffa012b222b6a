#include "cli/container-grammar.h"
#include "base/units.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>
#include <unistd.h>

static bool is_ip(const char *text)
{
        unsigned char buffer[16];

        return inet_pton(AF_INET, text, buffer) == 1 || inet_pton(AF_INET6, text, buffer) == 1;
}

int check_ip(const char *value, struct error *err)
{
        return is_ip(value) ? 0 : error_set(err, ERROR_INVALID, "IP address is not correctly formatted: %s", value);
}

int check_attach(const char *value, struct error *err)
{
        if (strcasecmp(value, "stdin") == 0 || strcasecmp(value, "stdout") == 0 || strcasecmp(value, "stderr") == 0)
                return 0;
        return error_set(err, ERROR_INVALID, "valid streams are STDIN, STDOUT and STDERR");
}

/* host:ip or host=ip; the separator is the first '=' or ':'. */
static const char *host_separator(const char *text)
{
        const char *equals = strchr(text, '=');

        return equals ? equals : strchr(text, ':');
}

int check_add_host(const char *value, struct error *err)
{
        const char *separator = host_separator(value);
        cleanup_free char *ip = NULL;
        size_t len;

        if (!separator || separator == value)
                return error_set(err, ERROR_INVALID, "bad format for add-host: \"%s\"", value);
        ip = xstrdup(separator + 1);
        len = strlen(ip);
        if (*ip == '[' && ip[len - 1] == ']') {
                ip[len - 1] = 0;
                memmove(ip, ip + 1, len - 1);
        }
        if (!streq(ip, "host-gateway") && !is_ip(ip))
                return error_set(err, ERROR_INVALID, "invalid IP address in add-host: \"%s\"", separator + 1);
        return 0;
}

char *normal_host(const char *text)
{
        const char *separator = host_separator(text);
        const char *ip = separator + 1;
        size_t len = strlen(ip);

        if (*ip == '[' && len && ip[len - 1] == ']') {
                ip++;
                len -= 2;
        }
        return string_format("%.*s:%.*s", (int)(separator - text), text, (int)len, ip);
}

int compact_json(char **text, struct error *err)
{
        cleanup_json json_object *tree = NULL;
        struct strbuf b = {};
        bool quoted = false;

        if (json_parse_text(*text, strlen(*text), &tree, err) < 0)
                return -1;
        for (const char *p = *text; *p; p++) {
                if (quoted || !isspace((unsigned char)*p))
                        strbuf_addc(&b, *p);
                if (*p == '\\' && quoted && p[1])
                        strbuf_addc(&b, *++p);
                else if (*p == '"')
                        quoted = !quoted;
        }
        free(*text);
        *text = strbuf_take(&b);
        return 0;
}

/* ---- -v, --tmpfs ---- */

/* Relative sources are taken from where we are: the engine knows no other place. */
static char *absolute_source(const char *bind)
{
        const char *colon = strchr(bind, ':');
        cleanup_free char *source = colon ? xstrndup(bind, (size_t)(colon - bind)) : NULL;
        char cwd[4096];

        if (!source || *source != '.' || !getcwd(cwd, sizeof(cwd)))
                return xstrdup(bind);
        if (streq(source, "."))
                return string_format("%s%s", cwd, colon);
        if (string_after(source, "./"))
                return string_format("%s/%s%s", cwd, source + 2, colon);
        return string_after(source, "..") ? string_format("%s/%s%s", cwd, source, colon) : xstrdup(bind);
}

/* Removes "/." and resolves "/.." by the letter, as the shell's user means it. */
static char *clean_path(char *path)
{
        cleanup_strv char **parts = strv_split(path, '/'), **kept = NULL;
        char *joined;

        for (size_t i = 0; parts[i]; i++) {
                size_t n = strv_length(kept);

                if (!*parts[i] || streq(parts[i], "."))
                        continue;
                if (streq(parts[i], "..")) {
                        if (n) {
                                free(kept[n - 1]);
                                kept[n - 1] = NULL;
                        }
                        continue;
                }
                strv_append(&kept, parts[i]);
        }
        joined = strv_join(kept, "/");
        free(path);
        path = string_format("/%s", joined);
        free(joined);
        return path;
}

int grammar_volumes(char *const *volumes, char *const *tmpfs, struct container_config *c, struct host_config *h, struct error *err)
{
        for (; volumes && *volumes; volumes++) {
                if (strchr(*volumes, ':')) {
                        char *bind = absolute_source(*volumes), *colon = strchr(bind, ':');

                        if (!streq(bind, *volumes)) {
                                cleanup_free char *rest = xstrdup(colon), *source = xstrndup(bind, (size_t)(colon - bind));

                                free(bind);
                                source = clean_path(source);
                                bind = string_format("%s%s", source, rest);
                        }
                        strv_append_take(&h->binds, bind);
                } else {
                        if (string_empty(*volumes))
                                return error_set(err, ERROR_INVALID, "invalid empty volume spec");
                        if (!strv_contains(c->volumes, *volumes))
                                strv_append(&c->volumes, *volumes);
                }
        }
        for (; tmpfs && *tmpfs; tmpfs++) {
                const char *colon = strchr(*tmpfs, ':');
                cleanup_free char *path = colon ? xstrndup(*tmpfs, (size_t)(colon - *tmpfs)) : xstrdup(*tmpfs);

                strmap_set(&h->tmpfs, path, colon ? colon + 1 : "");
        }
        return 0;
}

/* ---- --mount ---- */

struct mount_parser {
        struct mount_config *m;
        bool bind, volume, tmpfs, image; /* kinds of options that were given */
};

static struct bind_options *bind_of(struct mount_parser *p)
{
        p->bind = true;
        if (!p->m->bind_options)
                p->m->bind_options = xcalloc(1, sizeof(*p->m->bind_options));
        return p->m->bind_options;
}

/* Volume options come with a driver's, even an empty one. */
static struct volume_options *volume_of(struct mount_parser *p)
{
        p->volume = true;
        if (!p->m->volume_options) {
                p->m->volume_options = xcalloc(1, sizeof(*p->m->volume_options));
                p->m->volume_options->driver_config = xcalloc(1, sizeof(*p->m->volume_options->driver_config));
        }
        return p->m->volume_options;
}

static struct volume_driver_config *driver_of(struct mount_parser *p)
{
        return volume_of(p)->driver_config;
}

static struct tmpfs_options *tmpfs_of(struct mount_parser *p)
{
        p->tmpfs = true;
        if (!p->m->tmpfs_options)
                p->m->tmpfs_options = xcalloc(1, sizeof(*p->m->tmpfs_options));
        return p->m->tmpfs_options;
}

static void set_pair(struct strmap *map, const char *text)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

        strmap_set(map, name, equals ? equals + 1 : "");
}

/* Keys that may stand alone: then they are true. 1 taken, 0 another key, -1. */
static int set_flag(struct mount_parser *p, const char *key, const char *value, struct error *err)
{
        bool flag = true, read_only = streq(key, "readonly") || streq(key, "ro");

        if (!read_only && !streq(key, "volume-nocopy") && !streq(key, "bind-nonrecursive") && !streq(key, "bind-create-src"))
                return 0;
        if (value && string_to_bool(value, &flag) < 0)
                return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        if (read_only)
                p->m->read_only = flag;
        else if (streq(key, "volume-nocopy"))
                volume_of(p)->no_copy = flag;
        else if (streq(key, "bind-nonrecursive"))
                bind_of(p)->non_recursive = flag;
        else
                bind_of(p)->create_mountpoint = flag;
        return 1;
}

static int set_recursive(struct mount_parser *p, const char *value, struct error *err)
{
        struct bind_options *b = bind_of(p);

        if (streq(value, "enabled"))
                return 0;
        if (streq(value, "disabled"))
                b->non_recursive = true;
        else if (streq(value, "writable"))
                b->read_only_non_recursive = true;
        else if (streq(value, "readonly"))
                b->read_only_force_recursive = true;
        else
                return error_set(err, ERROR_INVALID, "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")", value);
        return 0;
}

static int set_value(struct mount_parser *p, const char *key, const char *value, const char *field, struct error *err)
{
        struct mount_config *m = p->m;
        char *end;

        if (streq(key, "type")) {
                replace_string(&m->type, value);
                for (char *c = m->type; *c; c++)
                        *c = (char)tolower((unsigned char)*c);
        } else if (streq(key, "source") || streq(key, "src")) {
                replace_string(&m->source, value);
        } else if (streq(key, "target") || streq(key, "dst") || streq(key, "destination")) {
                replace_string(&m->target, value);
        } else if (streq(key, "consistency")) {
                replace_string(&m->consistency, value);
        } else if (streq(key, "bind-propagation")) {
                replace_string(&bind_of(p)->propagation, value);
        } else if (streq(key, "bind-recursive")) {
                return set_recursive(p, value, err);
        } else if (streq(key, "volume-subpath")) {
                replace_string(&volume_of(p)->subpath, value);
        } else if (streq(key, "volume-label")) {
                set_pair(&volume_of(p)->labels, value);
        } else if (streq(key, "volume-driver")) {
                replace_string(&driver_of(p)->name, value);
        } else if (streq(key, "volume-opt")) {
                set_pair(&driver_of(p)->options, value);
        } else if (streq(key, "image-subpath")) {
                p->image = true;
                if (!m->image_options)
                        m->image_options = xcalloc(1, sizeof(*m->image_options));
                replace_string(&m->image_options->subpath, value);
        } else if (streq(key, "tmpfs-size")) {
                if (size_parse(value, &tmpfs_of(p)->size_bytes, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        } else if (streq(key, "tmpfs-mode")) {
                tmpfs_of(p)->mode = (int)strtoul(value, &end, 8);
                if (!*value || *end)
                        return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        } else {
                return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s'", key, field);
        }
        return 0;
}

static int set_field(struct mount_parser *p, const char *field, struct error *err)
{
        const char *equals = strchr(field, '=');
        cleanup_free char *key = equals ? xstrndup(field, (size_t)(equals - field)) : xstrdup(field);
        int r;

        for (char *c = key; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        r = set_flag(p, key, equals ? equals + 1 : NULL, err);
        if (r != 0)
                return r < 0 ? -1 : 0;
        if (!equals)
                return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair", field);
        return set_value(p, key, equals + 1, field, err);
}

static int check_kinds(const struct mount_parser *p, struct error *err)
{
        const struct {
                bool given;
                const char *type, *name;
        } kinds[] = { { p->volume, "volume", "volume-*" }, { p->bind, "bind", "bind-*" }, { p->tmpfs, "tmpfs", "tmpfs-*" }, { p->image, "image", "image-*" } };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].given && !streq(p->m->type, kinds[i].type))
                        return error_set(err, ERROR_INVALID, "cannot mix '%s' options with mount type '%s'", kinds[i].name, p->m->type);
        if (p->m->bind_options && p->m->bind_options->read_only_non_recursive && !p->m->read_only)
                return error_set(err, ERROR_INVALID, "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
        if (p->m->bind_options && p->m->bind_options->read_only_force_recursive && !p->m->read_only)
                return error_set(err, ERROR_INVALID, "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
        if (p->m->bind_options && p->m->bind_options->read_only_force_recursive && !streq(p->m->bind_options->propagation, "rprivate"))
                return error_set(err, ERROR_INVALID, "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction");
        return 0;
}

/* Fields separated by commas, CSV: a field in double quotes may hold commas and doubled quotes. */
static int split_csv(const char *text, char ***ret, struct error *err)
{
        while (true) {
                cleanup_strbuf struct strbuf field = {};

                if (*text == '"') {
                        for (text++; *text && !(*text == '"' && text[1] != '"'); text++) {
                                strbuf_addc(&field, *text);
                                text += *text == '"';
                        }
                        if (*text != '"' || (text[1] && text[1] != ','))
                                return error_set(err, ERROR_INVALID, "parse error on line 1, column 1: extraneous or missing \" in quoted-field");
                        text++;
                } else {
                        size_t len = strcspn(text, ",");

                        strbuf_add(&field, text, len);
                        if (memchr(text, '"', len))
                                return error_set(err, ERROR_INVALID, "parse error on line 1, column 1: bare \" in non-quoted-field");
                        text += len;
                }
                strv_append_take(ret, strbuf_take(&field));
                if (!*text)
                        return 0;
                text++;
        }
}

int grammar_mount(const char *text, struct mount_config *ret, struct error *err)
{
        struct mount_parser p = { .m = ret };
        cleanup_strv char **fields = NULL;

        if (string_empty(text))
                return error_set(err, ERROR_INVALID, "EOF");
        if (split_csv(text, &fields, err) < 0)
                return -1;
        ret->type = xstrdup("volume");
        for (size_t i = 0; fields[i]; i++)
                if (set_field(&p, fields[i], err) < 0)
                        return -1;
        if (string_empty(ret->type))
                return error_set(err, ERROR_INVALID, "type is required");
        if (string_empty(ret->target))
                return error_set(err, ERROR_INVALID, "target is required");
        if (streq(ret->type, "bind") && ret->source && *ret->source == '.') {
                char cwd[4096];

                if (getcwd(cwd, sizeof(cwd))) {
                        char *joined = string_format("%s/%s", cwd, ret->source);

                        free(ret->source);
                        ret->source = clean_path(joined);
                }
        }
        return check_kinds(&p, err);
}

static void mount_config_free(struct mount_config *m)
{
        struct host_config h = { .mounts = xmemdup(m, sizeof(*m)), .n_mounts = 1 };

        json_free_fields(&host_config_table, &h);
}

int check_mount(const char *value, struct error *err)
{
        struct mount_config m = {};
        int r = grammar_mount(value, &m, err);

        mount_config_free(&m);
        return r;
}

int grammar_mounts(char *const *mounts, struct host_config *h, struct error *err)
{
        for (; mounts && *mounts; mounts++) {
                ARRAY_APPEND(h->mounts, h->n_mounts, (struct mount_config){});
                if (grammar_mount(*mounts, &h->mounts[h->n_mounts - 1], err) < 0)
                        return -1;
        }
        return 0;
}

/* ---- -p, --expose ---- */

static int parse_port_number(const char *text, size_t len, int *ret)
{
        int value = 0;

        if (len == 0 || len > 5)
                return -1;
        for (size_t i = 0; i < len; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        if (value > 65535)
                return -1;
        *ret = value;
        return 0;
}

/* "80", "80-90". */
static int parse_range(const char *text, int *first, int *last)
{
        const char *dash = strchr(text, '-');

        if (!dash)
                return parse_port_number(text, strlen(text), first) < 0 ? -1 : (*last = *first, 0);
        if (parse_port_number(text, (size_t)(dash - text), first) < 0 || parse_port_number(dash + 1, strlen(dash + 1), last) < 0 || *last < *first)
                return -1;
        return 0;
}

static struct port_map_entry *port_entry(struct host_config *h, const char *port)
{
        for (size_t i = 0; i < h->n_port_bindings; i++)
                if (streq(h->port_bindings[i].port, port))
                        return &h->port_bindings[i];
        ARRAY_APPEND(h->port_bindings, h->n_port_bindings, ((struct port_map_entry){ .port = xstrdup(port) }));
        return &h->port_bindings[h->n_port_bindings - 1];
}

static void add_exposed(struct container_config *c, const char *port)
{
        if (!strv_contains(c->exposed_ports, port))
                strv_append(&c->exposed_ports, port);
}

static int bad_publish(const char *text, const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "Invalid %s: %s", what, text);
}

static int publish_parts(const char *full, const char *ip, const char *host, const char *container, const char *protocol, struct container_config *c,
                         struct host_config *h, struct error *err)
{
        int first, last, host_first = 0, host_last = 0;
        bool spread;

        if (string_empty(container))
                return error_set(err, ERROR_INVALID, "No port specified: %s<empty>", full);
        if (parse_range(container, &first, &last) < 0 || first == 0)
                return bad_publish(container, "containerPort", err);
        if (!string_empty(host) && parse_range(host, &host_first, &host_last) < 0)
                return bad_publish(host, "hostPort", err);
        spread = !string_empty(host) && host_last - host_first != last - first;
        /* A range of host ports for one container port: the engine takes a free one of them. */
        if (spread && first != last)
                return error_set(err, ERROR_INVALID, "Invalid ranges specified for container and host Ports: %s and %s", container, host);
        if (!streq(protocol, "tcp") && !streq(protocol, "udp") && !streq(protocol, "sctp"))
                return error_set(err, ERROR_INVALID, "Invalid proto: %s", protocol);
        for (int i = 0; i <= last - first; i++) {
                cleanup_free char *port = string_format("%d/%s", first + i, protocol);
                struct port_map_entry *entry = port_entry(h, port);
                struct port_binding binding = { .host_ip = xstrdup(ip) };

                binding.host_port = string_empty(host) ? xstrdup("") : spread ? xstrdup(host) : string_format("%d", host_first + i);
                ARRAY_APPEND(entry->bindings, entry->count, binding);
                add_exposed(c, port);
        }
        return 0;
}

/* [ip:][host[-range]:]container[-range][/protocol]; an IPv6 address stands in brackets. */
static int publish_one(const char *text, struct container_config *c, struct host_config *h, struct error *err)
{
        cleanup_free char *copy = xstrdup(text), *protocol = xstrdup("tcp"), *ip = xstrdup(""), *host = xstrdup("");
        char *slash = strrchr(copy, '/'), *last, *rest;

        if (slash) {
                free(protocol);
                protocol = xstrdup(slash + 1);
                for (char *p = protocol; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                *slash = 0;
        }
        last = strrchr(copy, ':');
        if (!last)
                return publish_parts(text, "", "", copy, protocol, c, h, err);
        *last++ = 0;
        rest = strrchr(copy, ':');
        if (*copy == '[' && (!rest || rest < strchr(copy, ']') || !strchr(copy, ']'))) {
                /* "[::1]:80": an address without a host port. */
                rest = NULL;
        }
        if (rest) {
                *rest++ = 0;
                replace_string(&host, rest);
                replace_string(&ip, copy);
        } else if (*copy == '[') {
                replace_string(&ip, copy);
        } else {
                replace_string(&host, copy);
        }
        if (*ip == '[' && string_ends_with(ip, "]")) {
                char *bare = xstrndup(ip + 1, strlen(ip) - 2);

                free(ip);
                ip = bare;
        }
        if (*ip && !is_ip(ip) && strchr(ip, ':'))
                return error_set(err, ERROR_INVALID, "Invalid ip address %s: address %s:: too many colons in address", ip, ip);
        if (*ip && !is_ip(ip))
                return error_set(err, ERROR_INVALID, "Invalid ip address: %s", ip);
        return publish_parts(text, ip, host, last, protocol, c, h, err);
}

static int expose_one(const char *text, struct container_config *c, struct error *err)
{
        const char *slash = strchr(text, '/');
        cleanup_free char *range = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text), *protocol = xstrdup(slash ? slash + 1 : "tcp");
        int first, last;

        for (char *p = protocol; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        if (strchr(text, ':'))
                return error_set(err, ERROR_INVALID, "invalid port format for --expose: %s", text);
        if (parse_range(range, &first, &last) < 0)
                return error_set(err, ERROR_INVALID, "invalid range format for --expose: %s, error: strconv.ParseUint: parsing \"%s\": %s", text, range,
                                 *range && strspn(range, "0123456789") == strlen(range) ? "value out of range" : "invalid syntax");
        for (int i = first; i <= last; i++) {
                cleanup_free char *port = string_format("%d/%s", i, protocol);

                add_exposed(c, port);
        }
        return 0;
}

int grammar_ports(char *const *publish, char *const *expose, struct container_config *c, struct host_config *h, struct error *err)
{
        for (; publish && *publish; publish++)
                if (publish_one(*publish, c, h, err) < 0)
                        return -1;
        for (; expose && *expose; expose++)
                if (expose_one(*expose, c, err) < 0)
                        return -1;
        return 0;
}

/* ---- --device and limits ---- */

/* ---- Capabilities ---- */

#define CAPABILITY_ALL "ALL"
#define CAPABILITY_RESET "RESET"

/* "net_admin" → "CAP_NET_ADMIN", each once; ALL is all of them. */
static char **normal_capabilities(char *const *names)
{
        char **list = NULL;

        for (; names && *names; names++) {
                bool special = strcasecmp(*names, CAPABILITY_ALL) == 0 || strcasecmp(*names, CAPABILITY_RESET) == 0;
                cleanup_free char *name = string_format("%s%s", special || strncasecmp(*names, "CAP_", 4) == 0 ? "" : "CAP_", *names);

                for (char *p = name; *p; p++)
                        *p = (char)toupper((unsigned char)*p);
                if (!strv_contains(list, name))
                        strv_append(&list, name);
        }
        if (strv_contains(list, CAPABILITY_ALL)) {
                strv_free(list);
                list = NULL;
                strv_append(&list, CAPABILITY_ALL);
        }
        strv_sort(list);
        return list;
}

void grammar_capabilities(char *const *add, char *const *drop, struct host_config *h)
{
        cleanup_strv char **added = normal_capabilities(add), **dropped = normal_capabilities(drop);

        for (char **name = added; name && *name; name++)
                if (!streq(*name, CAPABILITY_RESET))
                        strv_append(&h->cap_add, *name);
        for (char **name = dropped; name && *name; name++)
                if (!streq(*name, CAPABILITY_RESET) && !strv_contains(added, *name))
                        strv_append(&h->cap_drop, *name);
}

static bool is_access(const char *text)
{
        return *text && strspn(text, "rwm") == strlen(text) && strlen(text) <= 3;
}

/* "TYPE MAJOR:MINOR ACCESS", numbers or stars. */
int check_device_cgroup_rule(const char *value, struct error *err)
{
        const char *p = value;
        bool fine = *p && strchr("acb", *p) && p[1] == ' ';

        p += fine ? 2 : 0;
        for (int i = 0; fine && i < 2; i++) {
                size_t digits = *p == '*' ? 1 : strspn(p, "0123456789");

                fine = digits > 0 && p[digits] == (i == 0 ? ':' : ' ');
                p += digits + 1;
        }
        return fine && is_access(p) ? 0 : error_set(err, ERROR_INVALID, "invalid device cgroup format '%s'", value);
}

static int check_device_path(const char *path, struct error *err)
{
        return *path == '/' ? 0 : error_set(err, ERROR_INVALID, "%s is not an absolute path", path);
}

int grammar_devices(char *const *devices, struct host_config *h, struct error *err)
{
        for (; devices && *devices; devices++) {
                cleanup_strv char **parts = strv_split(*devices, ':');
                struct device_mapping d = {};
                const char *inside = NULL, *access = "rwm";
                size_t n = strv_length(parts);

                if (n > 3)
                        return error_set(err, ERROR_INVALID, "invalid device specification: %s", *devices);
                if (n == 3) {
                        inside = parts[1];
                        access = parts[2];
                        if (!is_access(access))
                                return error_set(err, ERROR_INVALID, "bad mode specified: %s", access);
                } else if (n == 2 && is_access(parts[1])) {
                        access = parts[1];
                } else if (n == 2) {
                        inside = parts[1];
                }
                if (check_device_path(inside ? inside : parts[0], err) < 0)
                        return -1;
                d.path_on_host = xstrdup(parts[0]);
                d.path_in_container = xstrdup(string_empty(inside) ? parts[0] : inside);
                d.cgroup_permissions = xstrdup(access);
                ARRAY_APPEND(h->devices, h->n_devices, d);
        }
        return 0;
}

static const char *const ulimit_names[] = { "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
                                            "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack" };

int grammar_ulimit(const char *text, struct ulimit *ret, struct error *err)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
        cleanup_strv char **limits = equals ? strv_split(equals + 1, ':') : NULL;
        int64_t soft, hard;
        bool known = false;

        if (!name)
                return error_set(err, ERROR_INVALID, "invalid ulimit argument: %s", text);
        for (size_t i = 0; i < ARRAY_SIZE(ulimit_names); i++)
                known |= streq(name, ulimit_names[i]);
        if (!known)
                return error_set(err, ERROR_INVALID, "invalid ulimit type: %s", name);
        if (strv_length(limits) > 2)
                return error_set(err, ERROR_INVALID, "too many limit value arguments - %s, can only have up to two, `soft[:hard]`", equals + 1);
        if (string_to_int64(limits[0], &soft, NULL) < 0)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", limits[0]);
        hard = soft;
        if (limits[1] && string_to_int64(limits[1], &hard, NULL) < 0)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", limits[1]);
        if (hard != -1 && (soft == -1 || soft > hard))
                return error_set(err, ERROR_INVALID, "ulimit soft limit must be less than or equal to hard limit: %s%" PRId64 " > %" PRId64,
                                 soft == -1 ? "soft: " : "", soft, hard);
        *ret = (struct ulimit){ take_ptr(name), hard, soft };
        return 0;
}

int check_ulimit(const char *value, struct error *err)
{
        struct ulimit u = {};
        int r = grammar_ulimit(value, &u, err);

        free(u.name);
        return r;
}

int grammar_ulimits(char *const *ulimits, struct host_config *h, struct error *err)
{
        for (; ulimits && *ulimits; ulimits++) {
                struct ulimit u = {};
                size_t i = 0;

                if (grammar_ulimit(*ulimits, &u, err) < 0)
                        return -1;
                while (i < h->n_ulimits && !streq(h->ulimits[i].name, u.name))
                        i++;
                if (i < h->n_ulimits) {
                        free(h->ulimits[i].name);
                        h->ulimits[i] = u;
                } else {
                        ARRAY_APPEND(h->ulimits, h->n_ulimits, u);
                }
        }
        return 0;
}

/* "/dev/sda:1mb" or "/dev/sda:100". */
static int parse_throttle(const char *text, bool bytes, struct throttle_device *ret, struct error *err)
{
        const char *colon = strrchr(text, ':');
        const char *unit = bytes ? "<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb" : "<number>. Number must be a positive integer";
        int64_t rate = 0;
        uint64_t number;

        if (!colon || colon == text)
                return error_set(err, ERROR_INVALID, "bad format: %s", text);
        if (!string_after(text, "/dev/"))
                return error_set(err, ERROR_INVALID, "bad format for device path: %s", text);
        if (bytes ? size_parse(colon + 1, &rate, NULL) < 0 || rate < 0 : string_to_uint64(colon + 1, &number, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid rate for device: %s. The correct format is <device-path>:%s", text, unit);
        *ret = (struct throttle_device){ xstrndup(text, (size_t)(colon - text)), bytes ? (uint64_t)rate : number };
        return 0;
}

static int check_throttle(const char *value, bool bytes, struct error *err)
{
        struct throttle_device d = {};
        int r = parse_throttle(value, bytes, &d, err);

        free(d.path);
        return r;
}

int check_throttle_bps(const char *value, struct error *err)
{
        return check_throttle(value, true, err);
}

int check_throttle_iops(const char *value, struct error *err)
{
        return check_throttle(value, false, err);
}

int grammar_throttles(char *const *texts, bool bytes, struct throttle_device **ret, size_t *ret_count, struct error *err)
{
        for (; texts && *texts; texts++) {
                struct throttle_device d = {};

                if (parse_throttle(*texts, bytes, &d, err) < 0)
                        return -1;
                ARRAY_APPEND(*ret, *ret_count, d);
        }
        return 0;
}

int grammar_weights(char *const *texts, struct host_config *h, struct error *err)
{
        for (; texts && *texts; texts++) {
                const char *colon = strrchr(*texts, ':');
                int64_t weight;

                if (!colon || !string_after(*texts, "/dev/"))
                        return error_set(err, ERROR_INVALID, "bad format for device path: %s", *texts);
                if (string_to_int64(colon + 1, &weight, NULL) < 0 || (weight && (weight < 10 || weight > 1000)))
                        return error_set(err, ERROR_INVALID, "invalid weight for device: %s", *texts);
                ARRAY_APPEND(h->blkio_weight_device, h->n_blkio_weight_device,
                             ((struct weight_device){ xstrndup(*texts, (size_t)(colon - *texts)), (int)weight }));
        }
        return 0;
}

/* ---- --network ---- */

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
                        return error_set(err, ERROR_INVALID, "invalid key value pair format in driver options");
                set_pair(&s->driver_opts, value);
        } else if (streq(key, "gw-priority")) {
                if (string_to_int64(value, &number, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "invalid gw-priority: %s", value);
                s->gw_priority = (int)number;
        } else {
                return error_set(err, ERROR_INVALID, "invalid field key %s", key);
        }
        return 0;
}

static int parse_network(const char *text, struct endpoint_entry *e, struct error *err)
{
        cleanup_strv char **fields = NULL;

        /* The short form is a name alone. */
        if (!strchr(text, '=')) {
                e->name = xstrdup(text);
                return 0;
        }
        if (split_csv(text, &fields, err) < 0)
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

/* The flags outside of --network belong to the first network. */
/* 6, 8 or 20 bytes in hexadecimal: by colons or dashes, or in fours by dots. */
static bool is_mac_address(const char *text)
{
        size_t group = strchr(text, '.') ? 4 : 2, digits = 0;
        char separator = group == 4 ? '.' : strlen(text) > 2 ? text[2] : 0;

        for (size_t i = 0; text[i]; i++) {
                bool at_separator = i % (group + 1) == group;

                if (at_separator ? text[i] != separator || !strchr(":-.", separator) : !isxdigit((unsigned char)text[i]))
                        return false;
                digits += !at_separator;
        }
        return (digits == 12 || digits == 16 || digits == 40) && digits % group == 0;
}

static int apply_outer(const struct container_flags *f, struct endpoint_entry *e, const char *mode, struct error *err)
{
        struct endpoint_settings *s = &e->settings;

        if (f->network_alias && s->aliases)
                return error_set(err, ERROR_INVALID, "conflicting options: cannot specify both --network-alias and per-network alias");
        if (f->network_alias && !is_user_network(mode))
                return error_set(err, ERROR_INVALID, "network-scoped aliases are only supported for user-defined networks");
        if ((f->ip && s->ipam_config && s->ipam_config->ipv4_address) || (f->ip6 && s->ipam_config && s->ipam_config->ipv6_address))
                return error_set(err, ERROR_INVALID, "conflicting options: cannot specify both --ip%s and per-network IPv%c address", f->ip ? "" : "6", f->ip ? '4' : '6');
        if (f->mac_address && s->mac_address && !streq(f->mac_address, s->mac_address))
                return error_set(err, ERROR_INVALID, "conflicting options: cannot specify both --mac-address and per-network MAC address");
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

int check_network(const char *value, struct error *err)
{
        struct endpoint_entry e = {};
        int r = parse_network(value, &e, err);

        json_free_fields(&endpoint_entry_table, &e);
        free(e.name); /* the key of a map is nobody's field */
        return r;
}

int grammar_networks(const struct container_flags *f, struct container_spec_request *r, struct error *err)
{
        struct networking_config *n = &r->networking;

        for (size_t i = 0; f->network && f->network[i]; i++) {
                struct endpoint_entry e = {};

                if (parse_network(f->network[i], &e, err) < 0) {
                        json_free_fields(&endpoint_entry_table, &e);
                        return -1;
                }
                for (size_t j = 0; j < n->n_endpoints; j++)
                        if (streq(n->endpoints[j].name, e.name)) {
                                error_set(err, ERROR_INVALID, "network \"%s\" is specified multiple times", e.name);
                                json_free_fields(&endpoint_entry_table, &e);
                                return -1;
                        }
                ARRAY_APPEND(n->endpoints, n->n_endpoints, e);
        }
        if (n->n_endpoints == 0)
                ARRAY_APPEND(n->endpoints, n->n_endpoints, ((struct endpoint_entry){ .name = xstrdup("default") }));
        for (size_t i = 0; i < n->n_endpoints && n->n_endpoints > 1; i++)
                if (string_after(n->endpoints[i].name, "container:") || streq(n->endpoints[i].name, "host") || streq(n->endpoints[i].name, "none"))
                        return error_set(err, ERROR_INVALID, "conflicting options: cannot attach both user-defined and non-user-defined network-modes");
        r->host.network_mode = xstrdup(n->endpoints[0].name);
        if (string_after(r->host.network_mode, "container:")) {
                json_free_fields(&networking_config_table, n);
                *n = (struct networking_config){};
                return 0;
        }
        return apply_outer(f, &n->endpoints[0], r->host.network_mode, err);
}
