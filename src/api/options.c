#include "api/options-internal.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum option_type {
        OPTION_BOOL,
        OPTION_NOT, /* a boolean whose default is true: the field holds the opposite */
        OPTION_STRING,
        OPTION_INT,
        OPTION_BYTES, /* "64m"; int64_t */
        OPTION_LIST,
        OPTION_MAP,
        OPTION_POOLS,   /* a list in flags, a list of objects in the file */
        OPTION_REFUSED, /* dockerd's, but not ours */
        OPTION_PROXIES, /* an object of the file alone; its members are flags' names */
};

struct option {
        const char *flag;
        char letter;
        const char *key; /* in daemon.json; NULL: the flag's name; "": none */
        enum option_type type;
        size_t offset;
        const char *help; /* what a refused one waits for */
        int (*check)(const char *value, struct error *err);
        const char *accepted; /* values of a refused one that say what davit does anyway */
};

static int check_host(const char *value, struct error *err)
{
        const char *rest = strstr(value, "://");

        if (string_after(value, "unix://") || streq(value, "fd://") || string_after(value, "fd://"))
                return 0;
        if (string_after(value, "tcp://"))
                return error_set(
                    err, ERROR_UNSUPPORTED,
                    "tcp:// needs TLS client certificates, which davitd does not have yet; use unix://");
        if (rest)
                return error_set(err, ERROR_INVALID, "invalid bind address (%s): unsupported proto '%.*s'",
                                 value, (int)(rest - value), value);
        return error_set(err, ERROR_INVALID, "invalid bind address (%s): must start with unix:// or fd://",
                         value);
}

static int check_label(const char *value, struct error *err)
{
        const char *equals = strchr(value, '=');

        return equals && equals > value ? 0
                                        : error_set(err, ERROR_INVALID, "bad attribute format: %s", value);
}

static int check_ip(const char *value, struct error *err)
{
        unsigned char address[16];

        if (inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1)
                return 0;
        return error_set(err, ERROR_INVALID, "invalid string being converted to IP address: %s", value);
}

static int check_mirror(const char *value, struct error *err)
{
        const char *rest = strstr(value, "://");
        const char *host = rest ? rest + 3 : value;

        if (!string_after(value, "https://") && !string_after(value, "http://"))
                return error_set(err, ERROR_INVALID,
                                 "invalid mirror: %s in \"%s\": must use either 'https://' or 'http://'",
                                 rest ? "unsupported scheme" : "no scheme specified", value);
        if (!*host || *host == '/')
                return error_set(err, ERROR_INVALID, "invalid mirror: \"%s\" is not a valid URI", value);
        if (memchr(host, '@', strcspn(host, "/")))
                return error_set(err, ERROR_INVALID, "invalid mirror: username/password not allowed in URI");
        if (strpbrk(host, "?#"))
                return error_set(err, ERROR_INVALID,
                                 "invalid mirror: query or fragment at end of the URI \"%s\"", value);
        return 0;
}

#define FIELD(member) offsetof(struct daemon_options, member)
static const struct option options[] = {
        { "help", 0, "", OPTION_BOOL, FIELD(help), "Print usage" },
        { "version", 'v', "", OPTION_BOOL, FIELD(version), "Print version information and quit" },
        { "validate", 0, "", OPTION_BOOL, FIELD(validate), "Validate daemon configuration and exit" },
        { "config-file", 0, "", OPTION_STRING, FIELD(config_file), "Daemon configuration file" },
        { "host", 'H', "hosts", OPTION_LIST, FIELD(hosts), "Daemon socket(s) to connect to", check_host },
        { "data-root", 0, NULL, OPTION_STRING, FIELD(data_root), "Root directory of persistent state" },
        { "exec-root", 0, NULL, OPTION_STRING, FIELD(exec_root), "Root directory for execution state files" },
        { "pidfile", 'p', NULL, OPTION_STRING, FIELD(pidfile), "Path to use for daemon PID file" },
        { "group", 'G', NULL, OPTION_STRING, FIELD(group), "Group for the unix socket" },
        { "debug", 'D', NULL, OPTION_BOOL, FIELD(debug), "Enable debug mode" },
        { "log-level", 'l', NULL, OPTION_STRING, FIELD(log_level), "debug, info, warn, error or fatal" },
        { "label", 0, "labels", OPTION_LIST, FIELD(labels), "Set key=value labels to the daemon",
          check_label },
        { "live-restore", 0, NULL, OPTION_BOOL, FIELD(live_restore),
          "Containers run on without the engine: always so" },
        { "log-driver", 0, NULL, OPTION_STRING, FIELD(log_driver), "Default driver for container logs" },
        { "log-opt", 0, "log-opts", OPTION_MAP, FIELD(log_opts),
          "Default log driver options for containers" },
        { "cgroup-parent", 0, NULL, OPTION_STRING, FIELD(cgroup_parent),
          "Set parent cgroup for all containers" },
        { "exec-opt", 0, "exec-opts", OPTION_LIST, FIELD(exec_opts), "native.cgroupdriver=cgroupfs" },
        { "default-runtime", 0, NULL, OPTION_STRING, FIELD(default_runtime),
          "Default OCI runtime for containers" },
        { "default-ipc-mode", 0, NULL, OPTION_STRING, FIELD(default_ipc_mode), "shareable or private" },
        { "default-cgroupns-mode", 0, NULL, OPTION_STRING, FIELD(default_cgroupns_mode), "host or private" },
        { "default-shm-size", 0, NULL, OPTION_BYTES, FIELD(default_shm_size),
          "Default shm size for containers" },
        { "default-ulimit", 0, "default-ulimits", OPTION_LIST, FIELD(default_ulimits),
          "Default ulimits for containers" },
        { "init", 0, NULL, OPTION_BOOL, FIELD(init),
          "Run an init in the container to forward signals and reap processes" },
        { "init-path", 0, NULL, OPTION_STRING, FIELD(init_path), "Path to the init binary" },
        { "no-new-privileges", 0, NULL, OPTION_BOOL, FIELD(no_new_privileges),
          "Set no-new-privileges by default" },
        { "seccomp-profile", 0, NULL, OPTION_STRING, FIELD(seccomp_profile), "Path to seccomp profile" },
        { "dns", 0, NULL, OPTION_LIST, FIELD(dns), "DNS server to use", check_ip },
        { "dns-opt", 0, "dns-opts", OPTION_LIST, FIELD(dns_opts), "DNS options to use" },
        { "dns-search", 0, NULL, OPTION_LIST, FIELD(dns_search), "DNS search domains to use" },
        { "bridge", 'b', NULL, OPTION_STRING, FIELD(bridge), "\"none\" for no default network" },
        { "bip", 0, NULL, OPTION_STRING, FIELD(bip), "IPv4 address for the default bridge" },
        { "bip6", 0, NULL, OPTION_STRING, FIELD(bip6), "IPv6 address for the default bridge" },
        { "fixed-cidr", 0, NULL, OPTION_STRING, FIELD(fixed_cidr),
          "IPv4 subnet for the default bridge network" },
        { "fixed-cidr-v6", 0, NULL, OPTION_STRING, FIELD(fixed_cidr_v6),
          "IPv6 subnet for the default bridge network" },
        { "default-gateway", 0, NULL, OPTION_STRING, FIELD(default_gateway), "Default gateway IPv4 address",
          check_ip },
        { "default-gateway-v6", 0, NULL, OPTION_STRING, FIELD(default_gateway_v6),
          "Default gateway IPv6 address", check_ip },
        { "ip", 0, NULL, OPTION_STRING, FIELD(ip), "Host IP for port publishing from the default bridge",
          check_ip },
        { "host-gateway-ip", 0, "host-gateway-ips", OPTION_LIST, FIELD(host_gateway_ips),
          "IP addresses of host-gateway", check_ip },
        { "mtu", 0, NULL, OPTION_INT, FIELD(mtu), "Set the MTU for the default \"bridge\" network" },
        { "ipv6", 0, NULL, OPTION_BOOL, FIELD(ipv6),
          "Enable IPv6 networking for the default bridge network" },
        { "icc", 0, NULL, OPTION_NOT, FIELD(no_icc), "Enable inter-container communication (default true)" },
        { "ip-masq", 0, NULL, OPTION_NOT, FIELD(no_ip_masq), "Enable IP masquerading (default true)" },
        { "ip-forward", 0, NULL, OPTION_NOT, FIELD(no_ip_forward), "Enable IP forwarding (default true)" },
        { "default-address-pool", 0, "default-address-pools", OPTION_POOLS, FIELD(pools),
          "base=CIDR,size=BITS for networks" },
        { "add-runtime", 0, "runtimes", OPTION_REFUSED, 0, "other OCI runtimes come later" },
        { "registry-mirror", 0, "registry-mirrors", OPTION_LIST, FIELD(registry_mirrors),
          "Preferred registry mirror", check_mirror },
        { "insecure-registry", 0, "insecure-registries", OPTION_LIST, FIELD(insecure_registries),
          "Enable insecure registry communication" },
        { "max-concurrent-downloads", 0, NULL, OPTION_INT, FIELD(max_downloads),
          "Set the max concurrent downloads (default 3)" },
        { "max-concurrent-uploads", 0, NULL, OPTION_INT, FIELD(max_uploads),
          "Set the max concurrent uploads (default 5)" },
        { "max-download-attempts", 0, NULL, OPTION_INT, FIELD(max_download_attempts),
          "Attempts for each layer of a pull (default 5)" },
        { "http-proxy", 0, "", OPTION_STRING, FIELD(http_proxy), "Proxy URL for outgoing traffic" },
        { "https-proxy", 0, "", OPTION_STRING, FIELD(https_proxy), "Proxy URL for outgoing traffic" },
        { "no-proxy", 0, "", OPTION_STRING, FIELD(no_proxy), "Hosts without a proxy for outgoing traffic" },
        { "proxies", 0, "proxies", OPTION_PROXIES },
        { "allow-direct-routing", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "false" },
        { "authorization-plugin", 0, "authorization-plugins", OPTION_REFUSED, 0, "davit has no plugins" },
        { "cdi-spec-dir", 0, "cdi-spec-dirs", OPTION_REFUSED },
        { "containerd", 0, NULL, OPTION_REFUSED, 0, "davit does not use containerd" },
        { "containerd-namespace", 0, NULL, OPTION_REFUSED, 0, "davit does not use containerd" },
        { "containerd-plugins-namespace", 0, "containerd-plugin-namespace", OPTION_REFUSED, 0,
          "davit does not use containerd" },
        { "cri-containerd", 0, NULL, OPTION_REFUSED, 0, "davit does not use containerd" },
        { "cpu-rt-period", 0, NULL, OPTION_REFUSED },
        { "cpu-rt-runtime", 0, NULL, OPTION_REFUSED },
        { "default-network-opt", 0, "default-network-opts", OPTION_REFUSED },
        { "experimental", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "false" },
        { "feature", 0, "features", OPTION_REFUSED, 0, NULL, NULL,
          "buildkit=true containerd-snapshotter=false" },
        { "builder", 0, NULL, OPTION_REFUSED, 0, "it is for daemon.json" },
        { "firewall-backend", 0, NULL, OPTION_REFUSED, 0, "davit uses nftables, in a table of its own", NULL,
          "nftables" },
        { "ip-forward-no-drop", 0, NULL, OPTION_REFUSED, 0, "davit never changes the host's policy", NULL,
          "true" },
        { "iptables", 0, NULL, OPTION_REFUSED, 0, "davit uses nftables, in a table of its own", NULL,
          "true" },
        { "ip6tables", 0, NULL, OPTION_REFUSED, 0, "davit uses nftables, in a table of its own", NULL,
          "true" },
        { "log-format", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "text" },
        { "metrics-addr", 0, NULL, OPTION_REFUSED },
        { "network-control-plane-mtu", 0, NULL, OPTION_REFUSED, 0, "davit has no swarm" },
        { "node-generic-resource", 0, "node-generic-resources", OPTION_REFUSED, 0, "davit has no swarm" },
        { "swarm-default-advertise-addr", 0, NULL, OPTION_REFUSED, 0, "davit has no swarm" },
        { "raw-logs", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "true" },
        { "rootless", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "false" },
        { "selinux-enabled", 0, NULL, OPTION_REFUSED, 0, NULL, NULL, "false" },
        { "shutdown-timeout", 0, NULL, OPTION_REFUSED, 0, "containers run on when davitd ends" },
        { "storage-driver", 's', NULL, OPTION_REFUSED, 0, "there is one driver so far", NULL, "overlay2" },
        { "storage-opt", 0, "storage-opts", OPTION_REFUSED, 0, "there is one driver so far" },
        { "tls", 0, NULL, OPTION_REFUSED, 0, "TLS comes later; use unix://" },
        { "tlsverify", 0, NULL, OPTION_REFUSED, 0, "TLS comes later; use unix://" },
        { "tlscacert", 0, NULL, OPTION_REFUSED, 0, "TLS comes later; use unix://" },
        { "tlscert", 0, NULL, OPTION_REFUSED, 0, "TLS comes later; use unix://" },
        { "tlskey", 0, NULL, OPTION_REFUSED, 0, "TLS comes later; use unix://" },
        { "userland-proxy", 0, NULL, OPTION_REFUSED, 0, "davit needs none", NULL, "false" },
        { "userland-proxy-path", 0, NULL, OPTION_REFUSED, 0, "davit needs none" },
        { "userns-remap", 0, NULL, OPTION_REFUSED },
        { "min-api-version", 0, NULL, OPTION_REFUSED },
        { "nri-opts", 0, NULL, OPTION_REFUSED },
};

static const char *key_of(const struct option *o)
{
        return o->key ? o->key : o->flag;
}

static int refuse(const struct option *o, const char *kind, const char *name, struct error *err)
{
        return error_set(err, ERROR_UNSUPPORTED, "%s %s is not supported by davitd%s%s", kind, name,
                         o->help ? ": " : "", o->help ? o->help : "");
}

/* A value of a refused option that changes nothing. */
static bool is_accepted(const struct option *o, const char *value)
{
        cleanup_strv char **accepted = o->accepted ? strv_split(o->accepted, ' ') : NULL;
        bool yes;

        if (strv_contains(accepted, value))
                return true;
        return accepted && value && string_to_bool(value, &yes) == 0 &&
               streq(accepted[0], yes ? "true" : "false");
}

/* May the flag stand without a value? */
static bool is_switch(const struct option *o)
{
        return o->type == OPTION_BOOL || o->type == OPTION_NOT || streq(o->accepted, "true") ||
               streq(o->accepted, "false");
}

/* ---- Values ---- */

static int set_map(struct strmap *map, const char *value, struct error *err)
{
        const char *equals = strchr(value, '=');
        cleanup_free char *key = equals ? xstrndup(value, (size_t)(equals - value)) : NULL;

        if (!key || !*key)
                return error_set(err, ERROR_INVALID, "invalid key/value pair \"%s\"", value);
        strmap_set(map, key, equals + 1);
        return 0;
}

static int set_value(const struct option *o, struct daemon_options *d, const char *value, struct error *err)
{
        void *field = (char *)d + o->offset;
        bool yes;

        if (o->check && o->check(value, err) < 0)
                return -1;
        switch (o->type) {
        case OPTION_BOOL:
        case OPTION_NOT:
                if (string_to_bool(value, &yes) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "strconv.ParseBool: parsing \"%s\": invalid syntax", value);
                *(bool *)field = o->type == OPTION_NOT ? !yes : yes;
                return 0;
        case OPTION_INT:
                if (string_to_int64(value, field, NULL) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "strconv.ParseInt: parsing \"%s\": invalid syntax", value);
                return 0;
        case OPTION_BYTES:
                return size_parse(value, field, err);
        case OPTION_LIST:
        case OPTION_POOLS:
                strv_append(field, value);
                return 0;
        case OPTION_MAP:
                return set_map(field, value, err);
        default:
                replace_string(field, value);
                return 0;
        }
}

/* ---- Flags ---- */

static const struct option *find_flag(const char *name, size_t len)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (options[i].type != OPTION_PROXIES && strlen(options[i].flag) == len &&
                    memcmp(options[i].flag, name, len) == 0)
                        return &options[i];
        return NULL;
}

static const struct option *find_letter(char letter)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (options[i].letter && options[i].letter == letter)
                        return &options[i];
        return NULL;
}

static int apply_flag(const struct option *o, const char *shown, const char *value, struct daemon_options *d,
                      char ***given, struct error *err)
{
        cleanup_error struct error inner = {};

        if (o->type == OPTION_REFUSED)
                return is_accepted(o, value) ? 0 : refuse(o, "flag", shown, err);
        if (set_value(o, d, value, &inner) < 0)
                return error_set(err, inner.kind, "invalid argument \"%s\" for \"%s\" flag: %s", value, shown,
                                 error_message(&inner));
        strv_append(given, o->flag);
        return 0;
}

/* "--name[=value]" or "-x[value]" at argv[*i]. */
static int parse_flag(char *const *argv, int *i, struct daemon_options *d, char ***given, struct error *err)
{
        const char *arg = argv[*i], *value = NULL;
        bool is_long = arg[1] == '-';
        size_t len = is_long ? strcspn(arg + 2, "=") : 1;
        const struct option *o = is_long ? find_flag(arg + 2, len) : find_letter(arg[1]);
        cleanup_free char *shown = NULL;

        if (!o)
                return is_long
                           ? error_set(err, ERROR_INVALID, "unknown flag: --%.*s", (int)len, arg + 2)
                           : error_set(err, ERROR_INVALID, "unknown shorthand flag: '%c' in %s", arg[1], arg);
        shown = o->letter ? string_format("-%c, --%s", o->letter, o->flag) : string_format("--%s", o->flag);
        if (is_long && arg[2 + len] == '=')
                value = arg + 3 + len;
        else if (!is_long && arg[2] && (o->type != OPTION_BOOL || arg[2] == '='))
                value = arg + 2 + (arg[2] == '=');
        else if (is_switch(o))
                value = "true";
        else if (!(value = argv[*i + 1]) && o->type != OPTION_REFUSED)
                return is_long
                           ? error_set(err, ERROR_INVALID, "flag needs an argument: --%s", o->flag)
                           : error_set(err, ERROR_INVALID, "flag needs an argument: '%c' in %s", arg[1], arg);
        else
                (*i)++;
        return apply_flag(o, shown, value, d, given, err);
}

int daemon_options_parse_flags(int argc, char *const *argv, struct daemon_options *ret, char ***given,
                               struct error *err)
{
        for (int i = 1; i < argc; i++) {
                if (argv[i][0] != '-' || !argv[i][1] || streq(argv[i], "--"))
                        return error_set(err, ERROR_INVALID, "\"davitd\" accepts no arguments: %s", argv[i]);
                if (parse_flag(argv, &i, ret, given, err) < 0)
                        return -1;
        }
        return 0;
}

char *daemon_options_usage(void)
{
        struct strbuf b = {};

        strbuf_adds(&b, "Usage:  davitd [OPTIONS]\n\nA container engine.\n\nOptions:\n");
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                const struct option *o = &options[i];
                static const char *const kinds[] = { "",       "",      " string", " int",
                                                     " bytes", " list", " map",    " pool" };

                if (o->type == OPTION_REFUSED || o->type == OPTION_PROXIES)
                        continue;
                strbuf_addf(&b, "  %c%c%c --%s%s%*s%s\n", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                            o->letter ? ',' : ' ', o->flag, kinds[o->type],
                            (int)(32 - strlen(o->flag) - strlen(kinds[o->type])), "", o->help);
        }
        return strbuf_take(&b);
}

/* ---- daemon.json ---- */

static const struct option *find_key(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (*key && streq(key_of(&options[i]), key))
                        return &options[i];
        return NULL;
}

static int wrong_type(const char *key, const char *wanted, struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid JSON: %s must be %s", key, wanted);
}

static int file_list(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_array))
                return wrong_type(key_of(o), "a list", err);
        for (size_t i = 0; i < json_object_array_length(value); i++) {
                json_object *item = json_object_array_get_idx(value, i);
                cleanup_free char *text = NULL;

                if (o->type == OPTION_POOLS)
                        text = string_format("base=%s,size=%d", json_get_string(item, "base") ?: "",
                                             (int)json_get_int64(item, "size", 0));
                else if (!json_object_is_type(item, json_type_string))
                        return wrong_type(key_of(o), "a list of strings", err);
                if (set_value(o, d, text ? text : json_object_get_string(item), err) < 0)
                        return error_context(err, "%s", key_of(o));
        }
        return 0;
}

/* default-ulimits is {"nofile": {"Name": "nofile", "Hard": 64, "Soft": 64}} in the file. */
static int file_ulimits(json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return wrong_type("default-ulimits", "an object", err);
        json_object_object_foreach(value, name, limit)
        {
                int64_t soft = json_get_int64(limit, "Soft", 0), hard = json_get_int64(limit, "Hard", soft);

                strv_append_take(&d->default_ulimits,
                                 string_format("%s=%lld:%lld", name, (long long)soft, (long long)hard));
        }
        return 0;
}

/* "proxies": {"http-proxy": …, "https-proxy": …, "no-proxy": …}; a flag counts more. */
static int file_proxies(json_object *value, struct daemon_options *d, struct error *err)
{
        if (!json_object_is_type(value, json_type_object))
                return wrong_type("proxies", "an object", err);
        json_object_object_foreach(value, name, proxy)
        {
                const struct option *o =
                    string_ends_with(name, "-proxy") ? find_flag(name, strlen(name)) : NULL;
                char **field =
                    o && o->type == OPTION_STRING ? (char **)(void *)((char *)d + o->offset) : NULL;

                if (!field)
                        return error_set(
                            err, ERROR_INVALID,
                            "the following directives don't match any configuration option: proxies.%s",
                            name);
                if (!json_object_is_type(proxy, json_type_string))
                        return wrong_type(name, "a string", err);
                if (!*field)
                        *field = xstrdup(json_object_get_string(proxy));
        }
        return 0;
}

static int file_map(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        struct strmap *map = (struct strmap *)((char *)d + o->offset);

        if (!json_object_is_type(value, json_type_object))
                return wrong_type(key_of(o), "an object", err);
        json_object_object_foreach(value, name, item)
        {
                if (!json_object_is_type(item, json_type_string))
                        return wrong_type(key_of(o), "an object of strings", err);
                strmap_set(map, name, json_object_get_string(item));
        }
        return 0;
}

static int file_value(const struct option *o, json_object *value, struct daemon_options *d, struct error *err)
{
        static const struct {
                json_type type;
                const char *name;
        } wanted[] = {
                [OPTION_BOOL] = { json_type_boolean, "a boolean" },
                [OPTION_NOT] = { json_type_boolean, "a boolean" },
                [OPTION_STRING] = { json_type_string, "a string" },
                [OPTION_INT] = { json_type_int, "a number" },
                [OPTION_BYTES] = { json_type_string, "a string" },
        };

        if (streq(o->flag, "default-ulimit"))
                return file_ulimits(value, d, err);
        if (o->type == OPTION_PROXIES)
                return file_proxies(value, d, err);
        if (o->type == OPTION_LIST || o->type == OPTION_POOLS)
                return file_list(o, value, d, err);
        if (o->type == OPTION_MAP)
                return file_map(o, value, d, err);
        if (!json_object_is_type(value, wanted[o->type].type))
                return wrong_type(key_of(o), wanted[o->type].name, err);
        if (set_value(o, d, json_object_get_string(value), err) < 0)
                return error_context(err, "%s", key_of(o));
        return 0;
}

/* A flag's value as Go prints it in the complaint. */
static char *show_flag(const struct option *o, const struct daemon_options *d)
{
        const void *field = (const char *)d + o->offset;
        cleanup_free char *list = NULL;

        switch (o->type) {
        case OPTION_BOOL:
        case OPTION_NOT:
                return xstrdup(*(const bool *)field ^ (o->type == OPTION_NOT) ? "true" : "false");
        case OPTION_INT:
        case OPTION_BYTES:
                return string_format("%lld", (long long)*(const int64_t *)field);
        case OPTION_LIST:
        case OPTION_POOLS:
                list = strv_join(*(char *const *const *)field, " ");
                return string_format("[%s]", list);
        case OPTION_STRING:
                return xstrdup(*(char *const *)field);
        default:
                return xstrdup("…");
        }
}

static char *show_file(json_object *value)
{
        struct strbuf b = {};

        if (!json_object_is_type(value, json_type_array))
                return xstrdup(value ? json_object_get_string(value) : "null");
        strbuf_addc(&b, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++)
                strbuf_addf(&b, "%s%s", i ? " " : "",
                            json_object_get_string(json_object_array_get_idx(value, i)));
        strbuf_addc(&b, ']');
        return strbuf_take(&b);
}

/* dockerd's two complaints, each with all names at once. */
static int check_keys(json_object *tree, const struct daemon_options *d, char *const *given,
                      struct error *err)
{
        cleanup_strbuf struct strbuf unknown = {}, both = {};

        json_object_object_foreach(tree, key, value)
        {
                const struct option *o = find_key(key);

                if (!o) {
                        strbuf_addf(&unknown, "%s%s", unknown.len ? ", " : "", key);
                } else if (strv_contains(given, o->flag)) {
                        cleanup_free char *flag = show_flag(o, d), *file = show_file(value);

                        strbuf_addf(&both, "%s%s: (from flag: %s, from file: %s)", both.len ? ", " : "", key,
                                    flag, file);
                }
        }
        if (unknown.len)
                return error_set(err, ERROR_INVALID,
                                 "the following directives don't match any configuration option: %s",
                                 unknown.data);
        if (both.len)
                return error_set(
                    err, ERROR_INVALID,
                    "the following directives are specified both as a flag and in the configuration file: %s",
                    both.data);
        return 0;
}

/* As is_accepted(): a text, a boolean, or an object of which each member is. */
static bool file_accepted(const struct option *o, json_object *value)
{
        if (!json_object_is_type(value, json_type_object))
                return is_accepted(o, json_object_get_string(value));
        json_object_object_foreach(value, name, member)
        {
                cleanup_free char *pair = string_format("%s=%s", name, json_object_get_string(member));

                if (!is_accepted(o, pair))
                        return false;
        }
        return true;
}

int daemon_options_parse_file(struct daemon_options *d, char *const *given, const char *text, size_t len,
                              struct error *err)
{
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        if (!json_object_is_type(tree, json_type_object))
                return error_set(err, ERROR_INVALID, "invalid JSON: want an object");
        if (check_keys(tree, d, given, err) < 0)
                return -1;
        json_object_object_foreach(tree, key, value)
        {
                const struct option *o = find_key(key);

                if (!o)
                        continue; /* check_keys() has refused it */
                if (o->type == OPTION_REFUSED && file_accepted(o, value))
                        continue;
                if (streq(o->flag, "builder")) {
                        if (options_read_builder(value, &d->build_gc, err) < 0)
                                return -1;
                        continue;
                }
                if (o->type == OPTION_REFUSED)
                        return refuse(o, "key", key, err);
                if (file_value(o, value, d, err) < 0)
                        return -1;
        }
        return 0;
}

int daemon_options_read_file(struct daemon_options *d, char *const *given, struct error *err)
{
        const char *path = d->config_file ? d->config_file : DAEMON_JSON;
        cleanup_free char *text = NULL;
        cleanup_error struct error inner = {};
        size_t len;

        if (!d->config_file && access(path, F_OK) < 0)
                return 0;
        if (file_read(AT_FDCWD, path, DAEMON_JSON_MAX, &text, &len, &inner) < 0 ||
            (len > 0 && daemon_options_parse_file(d, given, text, len, &inner) < 0))
                return error_set(err, inner.kind, "unable to configure the daemon with file %s: %s", path,
                                 error_message(&inner));
        return 0;
}

int daemon_options_check(const struct daemon_options *d, struct error *err)
{
        enum log_level level;

        if (d->log_level && log_level_parse(d->log_level, &level, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid logging level: %s", d->log_level);
        for (char *const *opt = d->exec_opts; opt && *opt; opt++) {
                if (!strchr(*opt, '='))
                        return error_set(err, ERROR_INVALID,
                                         "invalid exec-opt (%s): must be formatted 'opt=value'", *opt);
                if (streq(*opt, "native.cgroupdriver=systemd"))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "native.cgroupdriver=systemd is not supported yet");
                if (!streq(*opt, "native.cgroupdriver=cgroupfs"))
                        return error_set(err, ERROR_INVALID, "unknown exec-opt: %s", *opt);
        }
        if (d->default_runtime && !streq(d->default_runtime, "runc"))
                return error_set(err, ERROR_INVALID, "specified default runtime '%s' does not exist",
                                 d->default_runtime);
        if (d->max_downloads < 0 || d->max_downloads > INT_MAX)
                return error_set(err, ERROR_INVALID, "invalid max concurrent downloads: %lld",
                                 (long long)d->max_downloads);
        if (d->max_uploads < 0 || d->max_uploads > INT_MAX)
                return error_set(err, ERROR_INVALID, "invalid max concurrent uploads: %lld",
                                 (long long)d->max_uploads);
        if (d->max_download_attempts < 0 || d->max_download_attempts > INT_MAX)
                return error_set(err, ERROR_INVALID, "invalid max download attempts: %lld",
                                 (long long)d->max_download_attempts);
        if (d->mtu < 0 || d->mtu > 65535)
                return error_set(err, ERROR_INVALID, "invalid default MTU: %lld", (long long)d->mtu);
        return 0;
}

void daemon_options_deinit(struct daemon_options *d)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                void *field = (char *)d + options[i].offset;

                if (options[i].type == OPTION_STRING)
                        free(*(char **)field);
                else if (options[i].type == OPTION_LIST || options[i].type == OPTION_POOLS)
                        strv_free(*(char ***)field);
                else if (options[i].type == OPTION_MAP)
                        strmap_deinit(field);
        }
        build_gc_deinit(&d->build_gc);
        *d = (struct daemon_options){};
}
