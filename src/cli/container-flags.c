#include "cli/container-flags.h"
#include "base/fd.h"
#include "base/units.h"
#include "cli/container-grammar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#define F struct container_flags
#define PROFILE_MAX (4 << 20)

#define WINDOWS_ONLY "running on windows, but the Docker daemon is running on linux"
#define WINDOWS_ROW(name, kind)                                                                              \
        OPTION_ROW(name, 0, kind, F, windows, NULL, "", NULL, NULL, true, NULL, WINDOWS_ONLY)

/* Both commands have these; run has some more. */
#define CREATE_ROWS                                                                                          \
        OPTION_LIST("add-host", 0, F, add_host, "Add a custom host-to-IP mapping (host:ip)", NULL,           \
                    check_add_host),                                                                         \
            OPTION_ROW("annotation", 0, OPTION_KIND_LIST, F, annotation, "map",                              \
                       "Add an annotation to the container (passed through to the OCI runtime)", "map[]"),   \
            OPTION_LIST("attach", 'a', F, attach, "Attach to STDIN, STDOUT or STDERR", NULL, check_attach),  \
            OPTION_ROW("blkio-weight", 0, OPTION_KIND_UINT16, F, blkio_weight, "uint16",                     \
                       "Block IO (relative weight), between 10 and 1000, or 0 to disable", "0"),             \
            OPTION_LIST("blkio-weight-device", 0, F, blkio_weight_device,                                    \
                        "Block IO weight (relative device weight)", "[]", check_weight),                     \
            OPTION_LIST("cap-add", 0, F, cap_add, "Add Linux capabilities"),                                 \
            OPTION_LIST("cap-drop", 0, F, cap_drop, "Drop Linux capabilities"),                              \
            OPTION_STRING("cgroup-parent", 0, F, cgroup_parent, "Optional parent cgroup for the container"), \
            OPTION_STRING("cgroupns", 0, F, cgroupns,                                                        \
                          "Cgroup namespace to use (host|private)\n'host':    Run the container in the "     \
                          "Docker host's cgroup namespace\n"                                                 \
                          "'private': Run the container in its own private cgroup namespace\n'':        "    \
                          "Use the cgroup namespace as configured by the\n"                                  \
                          "           default-cgroupns-mode option on the daemon (default)"),                \
            OPTION_STRING("cidfile", 0, F, cidfile, "Write the container ID to the file"),                   \
            WINDOWS_ROW("cpu-count", OPTION_KIND_INT), WINDOWS_ROW("cpu-percent", OPTION_KIND_INT),          \
            OPTION_INT("cpu-period", 0, F, cpu_period, "Limit CPU CFS (Completely Fair Scheduler) period"),  \
            OPTION_INT("cpu-quota", 0, F, cpu_quota, "Limit CPU CFS (Completely Fair Scheduler) quota"),     \
            OPTION_INT("cpu-rt-period", 0, F, cpu_rt_period, "Limit CPU real-time period in microseconds"),  \
            OPTION_INT("cpu-rt-runtime", 0, F, cpu_rt_runtime,                                               \
                       "Limit CPU real-time runtime in microseconds"),                                       \
            OPTION_INT("cpu-shares", 'c', F, cpu_shares, "CPU shares (relative weight)"),                    \
            OPTION_ROW("cpus", 0, OPTION_KIND_DECIMAL, F, cpus, "decimal", "Number of CPUs"),                \
            OPTION_STRING("cpuset-cpus", 0, F, cpuset_cpus, "CPUs in which to allow execution (0-3, 0,1)"),  \
            OPTION_STRING("cpuset-mems", 0, F, cpuset_mems, "MEMs in which to allow execution (0-3, 0,1)"),  \
            OPTION_LIST("device", 0, F, device, "Add a host device to the container"),                       \
            OPTION_LIST("device-cgroup-rule", 0, F, device_cgroup_rule,                                      \
                        "Add a rule to the cgroup allowed devices list", NULL, check_device_cgroup_rule),    \
            OPTION_LIST("device-read-bps", 0, F, device_read_bps,                                            \
                        "Limit read rate (bytes per second) from a device", "[]", check_throttle_bps),       \
            OPTION_LIST("device-read-iops", 0, F, device_read_iops,                                          \
                        "Limit read rate (IO per second) from a device", "[]", check_throttle_iops),         \
            OPTION_LIST("device-write-bps", 0, F, device_write_bps,                                          \
                        "Limit write rate (bytes per second) to a device", "[]", check_throttle_bps),        \
            OPTION_LIST("device-write-iops", 0, F, device_write_iops,                                        \
                        "Limit write rate (IO per second) to a device", "[]", check_throttle_iops),          \
            OPTION_BOOL("disable-content-trust", 0, F, disable_content_trust, "Skip image verification",     \
                        "true"),                                                                             \
            OPTION_LIST("dns", 0, F, dns, "Set custom DNS servers", NULL, check_ip),                         \
            OPTION_LIST("dns-opt", 0, F, dns_option, "Set DNS options", NULL, NULL, true),                   \
            OPTION_LIST("dns-option", 0, F, dns_option, "Set DNS options"),                                  \
            OPTION_LIST("dns-search", 0, F, dns_search, "Set custom DNS search domains", NULL,               \
                        check_domain),                                                                       \
            OPTION_STRING("domainname", 0, F, domainname, "Container NIS domain name"),                      \
            OPTION_STRING("entrypoint", 0, F, entrypoint, "Overwrite the default ENTRYPOINT of the image"),  \
            OPTION_LIST("env", 'e', F, env, "Set environment variables", NULL, check_env),                   \
            OPTION_LIST("env-file", 0, F, env_file, "Read in a file of environment variables"),              \
            OPTION_LIST("expose", 0, F, expose, "Expose a port or a range of ports"),                        \
            OPTION_ROW("gpus", 0, OPTION_KIND_STRING, F, gpus, "gpu-request",                                \
                       "GPU devices to add to the container ('all' to pass all GPUs)", NULL, check_gpus),    \
            OPTION_LIST("group-add", 0, F, group_add, "Add additional groups to join"),                      \
            OPTION_STRING("health-cmd", 0, F, health_cmd, "Command to run to check health"),                 \
            OPTION_ROW("health-interval", 0, OPTION_KIND_DURATION, F, health_interval, "duration",           \
                       "Time between running the check (ms|s|m|h)", "0s"),                                   \
            OPTION_INT("health-retries", 0, F, health_retries,                                               \
                       "Consecutive failures needed to report unhealthy"),                                   \
            OPTION_ROW("health-start-interval", 0, OPTION_KIND_DURATION, F, health_start_interval,           \
                       "duration", "Time between running the check during the start period (ms|s|m|h)",      \
                       "0s"),                                                                                \
            OPTION_ROW("health-start-period", 0, OPTION_KIND_DURATION, F, health_start_period, "duration",   \
                       "Start period for the container to initialize before starting health-retries "        \
                       "countdown (ms|s|m|h)",                                                               \
                       "0s"),                                                                                \
            OPTION_ROW("health-timeout", 0, OPTION_KIND_DURATION, F, health_timeout, "duration",             \
                       "Maximum time to allow one check to run (ms|s|m|h)", "0s"),                           \
            OPTION_STRING("hostname", 'h', F, hostname, "Container host name"),                              \
            OPTION_BOOL("init", 0, F, init,                                                                  \
                        "Run an init inside the container that forwards signals and reaps processes"),       \
            OPTION_BOOL("interactive", 'i', F, interactive, "Keep STDIN open even if not attached"),         \
            WINDOWS_ROW("io-maxbandwidth", OPTION_KIND_BYTES), WINDOWS_ROW("io-maxiops", OPTION_KIND_INT),   \
            OPTION_STRING("ip", 0, F, ip, "IPv4 address (e.g., 172.30.100.104)"),                            \
            OPTION_STRING("ip6", 0, F, ip6, "IPv6 address (e.g., 2001:db8::33)"),                            \
            OPTION_STRING("ipc", 0, F, ipc, "IPC mode to use"),                                              \
            OPTION_STRING("isolation", 0, F, isolation, "Container isolation technology"),                   \
            OPTION_ROW("kernel-memory", 0, OPTION_KIND_BYTES, F, kernel_memory, "bytes",                     \
                       "Kernel memory limit"),                                                               \
            OPTION_LIST("label", 'l', F, label, "Set meta data on a container", NULL, check_label),          \
            OPTION_LIST("label-file", 0, F, label_file, "Read in a line delimited file of labels"),          \
            OPTION_LIST("link", 0, F, link, "Add link to another container", NULL, check_link),              \
            OPTION_LIST("link-local-ip", 0, F, link_local_ip, "Container IPv4/IPv6 link-local addresses"),   \
            OPTION_STRING("log-driver", 0, F, log_driver, "Logging driver for the container"),               \
            OPTION_LIST("log-opt", 0, F, log_opt, "Log driver options"),                                     \
            OPTION_STRING("mac-address", 0, F, mac_address,                                                  \
                          "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),                                \
            OPTION_ROW("memory", 'm', OPTION_KIND_BYTES, F, memory, "bytes", "Memory limit"),                \
            OPTION_ROW("memory-reservation", 0, OPTION_KIND_BYTES, F, memory_reservation, "bytes",           \
                       "Memory soft limit"),                                                                 \
            OPTION_ROW("memory-swap", 0, OPTION_KIND_SWAP_BYTES, F, memory_swap, "bytes",                    \
                       "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),               \
            OPTION_INT("memory-swappiness", 0, F, memory_swappiness,                                         \
                       "Tune container memory swappiness (0 to 100)", "-1"),                                 \
            OPTION_ROW("mount", 0, OPTION_KIND_LIST, F, mount, "mount",                                      \
                       "Attach a filesystem mount to the container", NULL, check_mount),                     \
            OPTION_STRING("name", 0, F, name, "Assign a name to the container"),                             \
            OPTION_ROW("net", 0, OPTION_KIND_LIST, F, network, "network",                                    \
                       "Connect a container to a network", NULL, check_network, true),                       \
            OPTION_LIST("net-alias", 0, F, network_alias, "Add network-scoped alias for the container",      \
                        NULL, NULL, true),                                                                   \
            OPTION_ROW("network", 0, OPTION_KIND_LIST, F, network, "network",                                \
                       "Connect a container to a network", NULL, check_network),                             \
            OPTION_LIST("network-alias", 0, F, network_alias, "Add network-scoped alias for the container"), \
            OPTION_BOOL("no-healthcheck", 0, F, no_healthcheck,                                              \
                        "Disable any container-specified HEALTHCHECK"),                                      \
            OPTION_BOOL("oom-kill-disable", 0, F, oom_kill_disable, "Disable OOM Killer"),                   \
            OPTION_INT("oom-score-adj", 0, F, oom_score_adj, "Tune host's OOM preferences (-1000 to 1000)"), \
            OPTION_STRING("pid", 0, F, pid, "PID namespace to use"),                                         \
            OPTION_INT("pids-limit", 0, F, pids_limit, "Tune container pids limit (set -1 for unlimited)"),  \
            OPTION_STRING("platform", 0, F, platform, "Set platform if server is multi-platform capable"),   \
            OPTION_BOOL("privileged", 0, F, privileged, "Give extended privileges to this container"),       \
            OPTION_LIST("publish", 'p', F, publish, "Publish a container's port(s) to the host"),            \
            OPTION_BOOL("publish-all", 'P', F, publish_all, "Publish all exposed ports to random ports"),    \
            OPTION_STRING("pull", 0, F, pull,                                                                \
                          "Pull image before running (\"always\", \"missing\", \"never\")", "\"missing\""),  \
            OPTION_BOOL("quiet", 'q', F, quiet, "Suppress the pull output"),                                 \
            OPTION_BOOL("read-only", 0, F, read_only, "Mount the container's root filesystem as read only"), \
            OPTION_STRING("restart", 0, F, restart, "Restart policy to apply when a container exits",        \
                          "\"no\""),                                                                         \
            OPTION_BOOL(                                                                                     \
                "rm", 0, F, rm,                                                                              \
                "Automatically remove the container and its associated anonymous volumes when it exits"),    \
            OPTION_STRING("runtime", 0, F, runtime, "Runtime to use for this container"),                    \
            OPTION_LIST("security-opt", 0, F, security_opt, "Security Options"),                             \
            OPTION_ROW("shm-size", 0, OPTION_KIND_BYTES, F, shm_size, "bytes", "Size of /dev/shm"),          \
            OPTION_STRING("stop-signal", 0, F, stop_signal, "Signal to stop the container"),                 \
            OPTION_INT("stop-timeout", 0, F, stop_timeout, "Timeout (in seconds) to stop a container"),      \
            OPTION_LIST("storage-opt", 0, F, storage_opt, "Storage driver options for the container"),       \
            OPTION_ROW("sysctl", 0, OPTION_KIND_LIST, F, sysctl, "map", "Sysctl options", "map[]",           \
                       check_sysctl),                                                                        \
            OPTION_LIST("tmpfs", 0, F, tmpfs, "Mount a tmpfs directory"),                                    \
            OPTION_BOOL("tty", 't', F, tty, "Allocate a pseudo-TTY"),                                        \
            OPTION_ROW("ulimit", 0, OPTION_KIND_LIST, F, ulimit, "ulimit", "Ulimit options", "[]",           \
                       check_ulimit),                                                                        \
            OPTION_BOOL("use-api-socket", 0, F, use_api_socket,                                              \
                        "Bind mount Docker API socket and required auth"),                                   \
            OPTION_STRING("user", 'u', F, user, "Username or UID (format: <name|uid>[:<group|gid>])"),       \
            OPTION_STRING("userns", 0, F, userns, "User namespace to use"),                                  \
            OPTION_STRING("uts", 0, F, uts, "UTS namespace to use"),                                         \
            OPTION_LIST("volume", 'v', F, volume, "Bind mount a volume"),                                    \
            OPTION_STRING("volume-driver", 0, F, volume_driver, "Optional volume driver for the container"), \
            OPTION_LIST("volumes-from", 0, F, volumes_from,                                                  \
                        "Mount volumes from the specified container(s)"),                                    \
            OPTION_STRING("workdir", 'w', F, workdir, "Working directory inside the container")

const struct option create_options[N_CREATE_OPTIONS] = { CREATE_ROWS };
const struct option run_options[N_RUN_OPTIONS] = {
        CREATE_ROWS,
        OPTION_BOOL("detach", 'd', F, detach, "Run container in background and print container ID"),
        OPTION_STRING("detach-keys", 0, F, detach_keys,
                      "Override the key sequence for detaching a container"),
        OPTION_BOOL("sig-proxy", 0, F, sig_proxy, "Proxy received signals to the process", "true"),
};

static int fill_env(const struct container_flags *f, struct container_config *c, struct error *err)
{
        for (size_t i = 0; f->env_file && f->env_file[i]; i++)
                if (env_file_read(f->env_file[i], true, &c->env, err) < 0)
                        return -1;
        for (size_t i = 0; f->env && f->env[i]; i++)
                env_add(&c->env, f->env[i]);
        return 0;
}

static void set_pair(struct strmap *map, const char *text)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

        strmap_set(map, name, equals ? equals + 1 : "");
}

static int fill_labels(const struct container_flags *f, struct container_config *c, struct error *err)
{
        cleanup_strv char **lines = NULL;

        c->labels.given = true;
        for (size_t i = 0; f->label_file && f->label_file[i]; i++)
                if (env_file_read(f->label_file[i], false, &lines, err) < 0)
                        return -1;
        strv_extend(&lines, f->label);
        for (size_t i = 0; lines && lines[i]; i++)
                set_pair(&c->labels, lines[i]);
        return 0;
}

static void fill_map(struct strmap *map, char *const *list)
{
        for (; list && *list; list++)
                set_pair(map, *list);
}

/* ---- Config ---- */

static int fill_health(const struct container_flags *f, struct container_config *c, struct error *err)
{
        bool any = f->health_cmd || f->health_interval || f->health_timeout || f->health_start_period ||
                   f->health_start_interval || f->health_retries;
        const struct {
                int64_t value;
                const char *name;
        } durations[] = { { f->health_interval, "--health-interval" },
                          { f->health_timeout, "--health-timeout" },
                          { f->health_retries, "--health-retries" },
                          { f->health_start_period, "--health-start-period" },
                          { f->health_start_interval, "--health-start-interval" } };
        struct health_config *h;

        if (f->no_healthcheck && any)
                return error_set(err, ERROR_INVALID, "--no-healthcheck conflicts with --health-* options");
        if (!any && !f->no_healthcheck)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
                if (durations[i].value < 0)
                        return error_set(err, ERROR_INVALID, "%s cannot be negative", durations[i].name);
        h = c->healthcheck = xcalloc(1, sizeof(*h));
        if (f->no_healthcheck)
                strv_append(&h->test, "NONE");
        if (!string_empty(f->health_cmd)) {
                strv_append(&h->test, "CMD-SHELL");
                strv_append(&h->test, f->health_cmd);
        }
        h->interval = f->health_interval;
        h->timeout = f->health_timeout;
        h->start_period = f->health_start_period;
        h->start_interval = f->health_start_interval;
        h->retries = (int)f->health_retries;
        return 0;
}

static void fill_attach(const struct container_flags *f, struct container_config *c)
{
        bool all = !f->attach;

        c->attach_stdin = f->interactive && all && !f->detach;
        c->attach_stdout = c->attach_stderr = all && !f->detach;
        for (size_t i = 0; f->attach && f->attach[i]; i++) {
                c->attach_stdin |= tolower((unsigned char)f->attach[i][3]) == 'i';
                c->attach_stdout |= tolower((unsigned char)f->attach[i][3]) == 'o';
                c->attach_stderr |= tolower((unsigned char)f->attach[i][3]) == 'e';
        }
        c->open_stdin = f->interactive;
        c->stdin_once = c->open_stdin && c->attach_stdin;
}

static int fill_config(struct invocation *call, struct container_config *c, struct error *err)
{
        const struct container_flags *f = call->values;
        cleanup_strv char **command = strv_copy(call->args + 1);

        c->hostname = xstrdup(f->hostname);
        c->domainname = xstrdup(f->domainname);
        c->user = xstrdup(f->user);
        c->tty = f->tty;
        fill_attach(f, c);
        c->cmd = strv_length(command) ? take_ptr(command) : NULL;
        c->image = xstrdup(call->args[0]);
        c->mac_address = xstrdup(f->mac_address);
        c->working_dir = xstrdup(f->workdir);
        c->stop_signal = xstrdup(f->stop_signal);
        if (option_given(call, "entrypoint"))
                strv_append(&c->entrypoint, f->entrypoint);
        if (option_given(call, "stop-timeout"))
                c->stop_timeout = xmemdup(&(int){ (int)f->stop_timeout }, sizeof(int));
        return fill_env(f, c, err) < 0 || fill_labels(f, c, err) < 0 || fill_health(f, c, err) < 0 ? -1 : 0;
}

/* ---- HostConfig ---- */

static int fill_restart(const struct container_flags *f, struct host_config *h, struct error *err)
{
        const char *text = f->restart ? f->restart : "no", *colon = strchr(text, ':');
        int64_t count = 0;

        h->restart_policy.name = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
        if (colon && !*h->restart_policy.name)
                return error_set(err, ERROR_INVALID,
                                 "invalid restart policy format: no policy provided before colon");
        if (colon && string_to_int64(colon + 1, &count, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid restart policy format: maximum retry count must be an integer");
        h->restart_policy.maximum_retry_count = (int)count;
        if (f->rm && f->restart && !streq(h->restart_policy.name, "no") && *h->restart_policy.name)
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --restart and --rm");
        return 0;
}

static int check_mode(const char *value, const char *flag, const char *what, bool containers,
                      struct error *err)
{
        const char *name;

        if (string_empty(value) || streq(value, "host") || (streq(what, "CGROUP") && streq(value, "private")))
                return 0;
        name = containers ? string_after(value, "container:") : NULL;
        if (name && *name)
                return 0;
        return error_set(err, ERROR_INVALID, "%s: invalid %s mode", flag, what);
}

/* KEY=VALUE or KEY:VALUE; no-new-privileges and writable-cgroups may stand alone. */
static bool security_option_complete(const char *option)
{
        const char *separator = strchr(option, '=');

        if (streq(option, "no-new-privileges") || streq(option, "writable-cgroups"))
                return true;
        separator = separator ? separator : strchr(option, ':');
        return separator && separator[1];
}

/* seccomp=FILE: the file's text goes to the engine; systempaths=unconfined becomes the path lists. */
static int fill_security(const struct container_flags *f, struct host_config *h, struct error *err)
{
        for (size_t i = 0; f->security_opt && f->security_opt[i]; i++) {
                const char *option = f->security_opt[i], *file = string_after(option, "seccomp=");
                cleanup_free char *text = NULL;
                cleanup_close int fd = -1;

                if (!file)
                        file = string_after(option, "seccomp:");
                if (!security_option_complete(option))
                        return error_set(err, ERROR_INVALID, "Invalid --security-opt: \"%s\"", option);
                h->security_opt = h->security_opt ? h->security_opt : strv_new();
                if (streq(option, "systempaths=unconfined")) {
                        h->masked_paths = h->masked_paths ? h->masked_paths : strv_new();
                        h->readonly_paths = h->readonly_paths ? h->readonly_paths : strv_new();
                        continue;
                }
                if (!file || streq(file, "unconfined") || streq(file, "builtin")) {
                        strv_append(&h->security_opt, option);
                        continue;
                }
                fd = open(file, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        return error_set(err, ERROR_NOT_FOUND,
                                         "opening seccomp profile (%s) failed: open %s: %s", file, file,
                                         errno == ENOENT ? "no such file or directory" : strerror(errno));
                if (fd_read_file(fd, PROFILE_MAX, &text, NULL, err) < 0)
                        return error_context(err, "opening seccomp profile (%s) failed", file);
                if (compact_json(&text, err) < 0)
                        return error_context(err, "compacting json for seccomp profile (%s) failed", file);
                strv_append_take(&h->security_opt, string_format("seccomp=%s", text));
        }
        return 0;
}

/* Docker sends empty lists, not null, for these. */
static void fill_empty(struct host_config *h)
{
#define EMPTY(list)                                                                                          \
        if (!h->list)                                                                                        \
        h->list = xcalloc(1, sizeof(*h->list))
        EMPTY(blkio_weight_device);
        EMPTY(blkio_device_read_bps);
        EMPTY(blkio_device_write_bps);
        EMPTY(blkio_device_read_iops);
        EMPTY(blkio_device_write_iops);
        EMPTY(devices);
#undef EMPTY
        if (!h->dns)
                h->dns = strv_new();
        if (!h->dns_options)
                h->dns_options = strv_new();
        if (!h->dns_search)
                h->dns_search = strv_new();
        if (!h->ulimits)
                h->ulimits = xcalloc(1, sizeof(*h->ulimits));
        h->port_bindings = h->port_bindings ? h->port_bindings : xcalloc(1, sizeof(*h->port_bindings));
}

static void fill_resources(struct invocation *call, struct host_config *h)
{
        const struct container_flags *f = call->values;

        h->cpu_shares = f->cpu_shares;
        h->memory = f->memory;
        h->nano_cpus = f->cpus;
        h->cgroup_parent = xstrdup(f->cgroup_parent);
        h->blkio_weight = (int)f->blkio_weight;
        h->cpu_period = f->cpu_period;
        h->cpu_quota = f->cpu_quota;
        h->cpu_realtime_period = f->cpu_rt_period;
        h->cpu_realtime_runtime = f->cpu_rt_runtime;
        h->cpuset_cpus = xstrdup(f->cpuset_cpus);
        h->cpuset_mems = xstrdup(f->cpuset_mems);
        h->memory_reservation = f->memory_reservation;
        h->memory_swap = f->memory_swap;
        if (option_given(call, "memory-swappiness") && f->memory_swappiness != -1)
                h->memory_swappiness = xmemdup(&f->memory_swappiness, sizeof(int64_t));
        if (f->oom_kill_disable)
                h->oom_kill_disable = xmemdup(&f->oom_kill_disable, sizeof(bool));
        else
                h->oom_kill_disable = xcalloc(1, sizeof(bool));
        if (option_given(call, "pids-limit"))
                h->pids_limit = xmemdup(&f->pids_limit, sizeof(int64_t));
        h->device_cgroup_rules = strv_copy(f->device_cgroup_rule);
}

static int fill_host(struct invocation *call, struct container_config *c, struct host_config *h,
                     struct error *err)
{
        const struct container_flags *f = call->values;

        if (streq(f->log_driver, "none") && f->log_opt)
                return error_set(err, ERROR_INVALID, "invalid logging opts for driver none");
        h->container_id_file = xstrdup(f->cidfile);
        h->log_config.type = xstrdup(f->log_driver);
        fill_map(&h->log_config.config, f->log_opt);
        h->auto_remove = f->rm;
        h->volume_driver = xstrdup(f->volume_driver);
        h->volumes_from = strv_copy(f->volumes_from);
        fill_map(&h->annotations, f->annotation);
        grammar_capabilities(f->cap_add, f->cap_drop, h);
        h->cgroupns_mode = xstrdup(f->cgroupns);
        h->dns = strv_copy(f->dns);
        h->dns_options = strv_copy(f->dns_option);
        h->dns_search = strv_copy(f->dns_search);
        for (size_t i = 0; f->add_host && f->add_host[i]; i++)
                strv_append_take(&h->extra_hosts, normal_host(f->add_host[i]));
        h->group_add = strv_copy(f->group_add);
        h->ipc_mode = xstrdup(f->ipc);
        h->links = strv_copy(f->link);
        h->oom_score_adj = (int)f->oom_score_adj;
        h->pid_mode = xstrdup(f->pid);
        h->privileged = f->privileged;
        h->publish_all_ports = f->publish_all;
        h->readonly_rootfs = f->read_only;
        fill_map(&h->storage_opt, f->storage_opt);
        h->uts_mode = xstrdup(f->uts);
        h->userns_mode = xstrdup(f->userns);
        h->shm_size = f->shm_size;
        fill_map(&h->sysctls, f->sysctl);
        h->runtime = xstrdup(f->runtime);
        h->isolation = xstrdup(f->isolation);
        if (option_given(call, "init"))
                h->init = xmemdup(&f->init, sizeof(bool));
        fill_resources(call, h);
        if (check_mode(f->pid, "--pid", "PID", true, err) < 0 ||
            check_mode(f->uts, "--uts", "UTS", false, err) < 0 ||
            check_mode(f->userns, "--userns", "USER", false, err) < 0 ||
            check_mode(f->cgroupns, "--cgroupns", "CGROUP", false, err) < 0 || fill_restart(f, h, err) < 0 ||
            fill_security(f, h, err) < 0)
                return -1;
        if (grammar_volumes(f->volume, f->tmpfs, c, h, err) < 0 || grammar_mounts(f->mount, h, err) < 0 ||
            grammar_ports(f->publish, f->expose, c, h, err) < 0 || grammar_devices(f->device, h, err) < 0 ||
            grammar_ulimits(f->ulimit, h, err) < 0 ||
            grammar_throttles(f->device_read_bps, true, &h->blkio_device_read_bps,
                              &h->n_blkio_device_read_bps, err) < 0 ||
            grammar_throttles(f->device_write_bps, true, &h->blkio_device_write_bps,
                              &h->n_blkio_device_write_bps, err) < 0 ||
            grammar_throttles(f->device_read_iops, false, &h->blkio_device_read_iops,
                              &h->n_blkio_device_read_iops, err) < 0 ||
            grammar_throttles(f->device_write_iops, false, &h->blkio_device_write_iops,
                              &h->n_blkio_device_write_iops, err) < 0 ||
            grammar_weights(f->blkio_weight_device, h, err) < 0 || grammar_gpus(f->gpus, h, err) < 0)
                return -1;
        fill_empty(h);
        return 0;
}

static int refuse(struct invocation *call, struct error *err)
{
        const struct container_flags *f = call->values;

        if (f->use_api_socket)
                return error_set(err, ERROR_UNSUPPORTED, "--use-api-socket is not supported yet");
        if (option_given(call, "memory-swappiness") && f->memory_swappiness != -1 &&
            (f->memory_swappiness < 0 || f->memory_swappiness > 100))
                return error_set(err, ERROR_INVALID,
                                 "invalid value: %d. Valid memory swappiness range is 0-100",
                                 (int)f->memory_swappiness);
        for (char **option = f->storage_opt; option && *option; option++)
                if (!strchr(*option, '='))
                        return error_set(err, ERROR_INVALID, "invalid storage option");
        if (option_given(call, "disable-content-trust") && !f->disable_content_trust)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "--disable-content-trust=false is not supported: content trust is no more");
        return 0;
}

int container_flags_request(struct invocation *call, struct container_spec_request *r, struct error *err)
{
        if (refuse(call, err) < 0 || fill_config(call, &r->config, err) < 0 ||
            fill_host(call, &r->config, &r->host, err) < 0)
                return -1;
        return grammar_networks(call->values, r, err);
}

json_object *container_request_json(const struct container_spec_request *r)
{
        json_object *out = json_unbind(&container_config_table, &r->config);

        json_object_object_add(out, "HostConfig", json_unbind(&host_config_table, &r->host));
        json_object_object_add(out, "NetworkingConfig",
                               json_unbind(&networking_config_table, &r->networking));
        return out;
}

void container_spec_request_deinit(struct container_spec_request *r)
{
        json_free_fields(&container_config_table, &r->config);
        json_free_fields(&host_config_table, &r->host);
        json_free_fields(&networking_config_table, &r->networking);
}
