#include "api/options-internal.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

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

const char *option_key(const struct option *o)
{
        return o->key ? o->key : o->flag;
}

int option_refuse(const struct option *o, const char *kind, const char *name, struct error *err)
{
        return error_set(err, ERROR_UNSUPPORTED, "%s %s is not supported by davitd%s%s", kind, name,
                         o->help ? ": " : "", o->help ? o->help : "");
}

/* A value of a refused option that changes nothing. */
bool option_accepts(const struct option *o, const char *value)
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

int option_set(const struct option *o, struct daemon_options *d, const char *value, struct error *err)
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

const struct option *option_by_flag(const char *name, size_t len)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (options[i].type != OPTION_PROXIES && strlen(options[i].flag) == len &&
                    memcmp(options[i].flag, name, len) == 0)
                        return &options[i];
        return NULL;
}

const struct option *option_by_key(const char *key)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (*key && streq(option_key(&options[i]), key))
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
                return option_accepts(o, value) ? 0 : option_refuse(o, "flag", shown, err);
        if (option_set(o, d, value, &inner) < 0)
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
        const struct option *o = is_long ? option_by_flag(arg + 2, len) : find_letter(arg[1]);
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
