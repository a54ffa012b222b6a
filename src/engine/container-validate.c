/* What a create (or update) request may say. Order and sentences follow Docker's, since users know them. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/path.h"
#include "runtime/caps.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "shim/log-options.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/sysinfo.h>

#define MEMORY_MIN (INT64_C(6) << 20)
#define CPUSET_MAX 8192 /* as Docker counts */

/* ---- Resources ---- */

static int validate_memory(struct host_config *h, bool update, struct error *err)
{
        if (h->memory < 0)
                return error_set(err, ERROR_INVALID, "Minimum memory limit allowed is 6MB");
        if (h->memory > 0 && h->memory < MEMORY_MIN)
                return error_set(err, ERROR_INVALID, "Minimum memory limit allowed is 6MB");
        if (h->memory > 0 && h->memory_swap > 0 && h->memory_swap < h->memory)
                return error_set(err, ERROR_INVALID,
                                 "Minimum memoryswap limit should be larger than memory limit, see usage");
        if (h->memory == 0 && h->memory_swap > 0 && !update)
                return error_set(
                    err, ERROR_INVALID,
                    "You should always set the Memory limit when using Memoryswap limit, see usage");
        if (h->memory_swappiness && *h->memory_swappiness != -1 &&
            (*h->memory_swappiness < 0 || *h->memory_swappiness > 100))
                return error_set(err, ERROR_INVALID,
                                 "invalid value: %" PRId64 ", valid memory swappiness range is 0-100",
                                 *h->memory_swappiness);
        if (h->memory_reservation > 0 && h->memory_reservation < MEMORY_MIN)
                return error_set(err, ERROR_INVALID, "Minimum memory reservation allowed is 6MB");
        if (h->memory > 0 && h->memory_reservation > 0 && h->memory < h->memory_reservation)
                return error_set(
                    err, ERROR_INVALID,
                    "Minimum memory limit can not be less than memory reservation limit, see usage");
        if (h->memory_reservation < 0)
                return error_set(err, ERROR_INVALID, "Minimum memory reservation allowed is 6MB");
        if (h->kernel_memory_tcp)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "KernelMemoryTCP is not supported: kernels have dropped it");
        return 0;
}

static int validate_cpu(const struct host_config *h, struct error *err)
{
        int cpus = get_nprocs();

        if (h->nano_cpus > 0 && h->cpu_period > 0)
                return error_set(err, ERROR_INVALID,
                                 "Conflicting options: Nano CPUs and CPU Period cannot both be set");
        if (h->nano_cpus > 0 && h->cpu_quota > 0)
                return error_set(err, ERROR_INVALID,
                                 "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
        if (h->nano_cpus < 0 || h->nano_cpus > cpus * INT64_C(1000000000))
                return error_set(err, ERROR_INVALID,
                                 "range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available",
                                 cpus, cpus);
        if (h->cpu_shares < 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid CPU shares (%" PRId64 "): value must be a positive integer",
                                 h->cpu_shares);
        if (h->cpu_period != 0 && (h->cpu_period < 1000 || h->cpu_period > 1000000))
                return error_set(
                    err, ERROR_INVALID,
                    "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
        if (h->cpu_realtime_period && h->cpu_realtime_runtime > h->cpu_realtime_period)
                return error_set(err, ERROR_INVALID,
                                 "cpu real-time runtime cannot be higher than cpu real-time period");
        if (h->cpu_quota > 0 && h->cpu_quota < 1000)
                return error_set(err, ERROR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
        if (h->cpu_percent > 0 || h->cpu_count > 0 || h->io_maximum_bandwidth > 0 || h->io_maximum_iops > 0)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "CpuPercent, CpuCount, IOMaximumBandwidth and IOMaximumIOps are for Windows "
                                 "containers only");
        return 0;
}

/* "0-3,7": the highest number; -1 when it is not such a list. */
static int64_t highest_of(const char *list)
{
        int64_t highest = -1;

        while (*list) {
                int64_t first = 0, last;
                int digits = 0;

                for (; isdigit((unsigned char)*list) && digits < 9; list++, digits++)
                        first = first * 10 + (*list - '0');
                if (!digits)
                        return -1;
                last = first;
                if (*list == '-') {
                        last = 0;
                        for (list++, digits = 0; isdigit((unsigned char)*list) && digits < 9;
                             list++, digits++)
                                last = last * 10 + (*list - '0');
                        if (!digits || last < first)
                                return -1;
                }
                highest = MAX(highest, last);
                if (*list == ',' && list[1])
                        list++;
                else if (*list)
                        return -1;
        }
        return highest;
}

static int validate_cpuset(const char *value, const char *what, const char *online_path, struct error *err)
{
        cleanup_free char *online = NULL;
        int64_t wanted, there;

        if (string_empty(value))
                return 0;
        wanted = highest_of(value);
        if (wanted < 0)
                return error_set(err, ERROR_INVALID, "Invalid value %s for cpuset %s: invalid format: %s",
                                 value, what, value);
        if (wanted > CPUSET_MAX)
                return error_set(err, ERROR_INVALID,
                                 "Invalid value %s for cpuset %s: value of out range, maximum is %d", value,
                                 what, CPUSET_MAX);
        if (file_read(AT_FDCWD, online_path, 4096, &online, NULL, NULL) < 0)
                return 0;
        online[strcspn(online, "\n")] = 0;
        there = highest_of(online);
        if (wanted > there)
                return error_set(err, ERROR_INVALID,
                                 "Requested %s are not available - requested %s, available: %s",
                                 streq(what, "cpus") ? "CPUs" : "memory nodes", value, online);
        return 0;
}

static int validate_block_io(const struct host_config *h, struct error *err)
{
        const struct {
                const struct throttle_device *items;
                size_t count;
        } lists[] = { { h->blkio_device_read_bps, h->n_blkio_device_read_bps },
                      { h->blkio_device_write_bps, h->n_blkio_device_write_bps },
                      { h->blkio_device_read_iops, h->n_blkio_device_read_iops },
                      { h->blkio_device_write_iops, h->n_blkio_device_write_iops } };

        if (h->blkio_weight != 0 && (h->blkio_weight < 10 || h->blkio_weight > 1000))
                return error_set(err, ERROR_INVALID, "Range of blkio weight is from 10 to 1000");
        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l].count; i++)
                        if (string_empty(lists[l].items[i].path) || *lists[l].items[i].path != '/')
                                return error_set(err, ERROR_INVALID, "bad format for device path: '%s'",
                                                 lists[l].items[i].path ? lists[l].items[i].path : "");
        return 0;
}

int container_validate_resources(struct host_config *h, bool update, char ***warnings, struct error *err)
{
        container_discard_limits(h, warnings);
        if (validate_memory(h, update, err) < 0 || validate_cpu(h, err) < 0 ||
            validate_block_io(h, err) < 0 ||
            validate_cpuset(h->cpuset_cpus, "cpus", "/sys/devices/system/cpu/online", err) < 0 ||
            validate_cpuset(h->cpuset_mems, "mems", "/sys/devices/system/node/online", err) < 0)
                return -1;
        for (size_t i = 0; i < h->n_ulimits; i++) {
                const struct ulimit *u = &h->ulimits[i];

                if (u->hard != -1 && (u->soft == -1 || u->soft > u->hard))
                        return error_set(
                            err, ERROR_INVALID,
                            "ulimit soft limit must be less than or equal to hard limit: %" PRId64
                            " > %" PRId64,
                            u->soft, u->hard);
        }
        return 0;
}

int container_validate_restart(const struct host_config *h, struct error *err)
{
        const char *name = h->restart_policy.name ? h->restart_policy.name : "";
        bool failure = streq(name, "on-failure");

        if (h->auto_remove && !string_empty(name) && !streq(name, "no"))
                return error_set(err, ERROR_INVALID,
                                 "can't create 'AutoRemove' container with restart policy");
        if (!failure && *name && !streq(name, "no") && !streq(name, "always") &&
            !streq(name, "unless-stopped"))
                return error_set(err, ERROR_INVALID,
                                 "invalid restart policy: unknown policy '%s'; use one of 'no', 'always', "
                                 "'on-failure', or 'unless-stopped'",
                                 name);
        if (h->restart_policy.maximum_retry_count != 0 && !failure)
                return error_set(
                    err, ERROR_INVALID,
                    "invalid restart policy: maximum retry count can only be used with 'on-failure'%s",
                    h->restart_policy.maximum_retry_count < 0 ? " and cannot be negative" : "");
        if (h->restart_policy.maximum_retry_count < 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid restart policy: maximum retry count cannot be negative");
        return 0;
}

/* ---- Modes ---- */

static bool is_container_mode(const char *mode)
{
        const char *name = mode ? string_after(mode, "container:") : NULL;

        return name && *name;
}

static int validate_modes(const struct container_config *c, const struct host_config *h, struct error *err)
{
        static const char *const ipc[] = { "", "none", "private", "shareable", "host" };
        const char *ipc_mode = h->ipc_mode ? h->ipc_mode : "";
        bool known = is_container_mode(ipc_mode);

        for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
                known |= streq(ipc_mode, ipc[i]);
        if (!known)
                return error_set(err, ERROR_INVALID, "invalid IPC mode: %s", ipc_mode);
        if (!string_empty(h->pid_mode) && !streq(h->pid_mode, "host") && !streq(h->pid_mode, "private") &&
            !is_container_mode(h->pid_mode))
                return error_set(err, ERROR_INVALID, "invalid PID mode: %s", h->pid_mode);
        if (!string_empty(h->uts_mode) && !streq(h->uts_mode, "host"))
                return error_set(err, ERROR_INVALID, "invalid UTS mode: %s", h->uts_mode);
        if (!string_empty(h->userns_mode) && !streq(h->userns_mode, "host"))
                return error_set(err, ERROR_INVALID, "invalid user namespace mode: %s", h->userns_mode);
        if (!string_empty(h->cgroupns_mode) && !streq(h->cgroupns_mode, "host") &&
            !streq(h->cgroupns_mode, "private"))
                return error_set(err, ERROR_INVALID, "invalid cgroup namespace mode: %s", h->cgroupns_mode);
        if (!string_empty(c->hostname) && streq(h->uts_mode, "host"))
                return error_set(err, ERROR_INVALID, "conflicting options: hostname and the UTS mode");
        if (!string_empty(h->isolation) && !streq(h->isolation, "default"))
                return error_set(err, ERROR_INVALID, "invalid isolation (%s): linux only supports 'default'",
                                 h->isolation);
        return 0;
}

/* ---- Security ---- */

static int validate_capabilities(struct host_config *h, struct error *err)
{
        const struct {
                char **list;
                const char *name;
        } lists[] = { { h->cap_add, "CapAdd" }, { h->cap_drop, "CapDrop" } };

        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; lists[l].list && lists[l].list[i]; i++) {
                        char *upper = xstrdup(lists[l].list[i]);

                        for (char *p = upper; *p; p++)
                                *p = (char)toupper((unsigned char)*p);
                        if (!streq(upper, "ALL") && !string_after(upper, "CAP_")) {
                                char *full = string_format("CAP_%s", upper);

                                free(upper);
                                upper = full;
                        }
                        if (!streq(upper, "ALL") && caps_number(upper) < 0) {
                                error_set(err, ERROR_INVALID, "invalid %s: unknown capability: \"%s\"",
                                          lists[l].name, upper);
                                free(upper);
                                return -1;
                        }
                        free(lists[l].list[i]);
                        lists[l].list[i] = upper;
                }
        return 0;
}

/* Is there a module that can do something with the option? */
static bool kernel_has(const char *path)
{
        return access(path, F_OK) == 0;
}

static int validate_security_option(const char *option, struct error *err)
{
        const char *separator = strpbrk(option, "=:");
        cleanup_free char *key = separator ? xstrndup(option, (size_t)(separator - option)) : xstrdup(option);
        const char *value = separator ? separator + 1 : NULL;
        bool flag;

        if (!separator && !streq(option, "no-new-privileges") && !streq(option, "writable-cgroups"))
                return error_set(err, ERROR_INVALID, "invalid --security-opt 1: \"%s\"", option);
        if (streq(key, "no-new-privileges") || streq(key, "writable-cgroups"))
                return !value || string_to_bool(value, &flag) == 0
                           ? 0
                           : error_set(err, ERROR_INVALID, "invalid --security-opt 2: \"%s\"", option);
        if (streq(key, "systempaths")) {
                /* The client turns "unconfined" into MaskedPaths and ReadonlyPaths. */
                return streq(value, "unconfined")
                           ? 0
                           : error_set(err, ERROR_INVALID, "invalid --security-opt 2: \"%s\"", option);
        }
        if (streq(key, "label")) {
                if (streq(value, "disable") || kernel_has("/sys/fs/selinux/enforce"))
                        return 0;
                return error_set(err, ERROR_UNSUPPORTED, "--security-opt label: this kernel has no SELinux");
        }
        if (streq(key, "apparmor")) {
                if (streq(value, "unconfined") || kernel_has("/sys/kernel/security/apparmor"))
                        return 0;
                return error_set(err, ERROR_UNSUPPORTED,
                                 "--security-opt apparmor: this kernel has no AppArmor");
        }
        if (streq(key, "seccomp")) {
                struct oci_seccomp rules = {};
                int r;

                if (streq(value, "unconfined") || streq(value, "builtin"))
                        return 0;
                r = seccomp_docker_profile(value, strlen(value), 0, &rules, err);
                json_free_fields(&oci_seccomp_table, &rules);
                return r;
        }
        return error_set(err, ERROR_INVALID, "invalid --security-opt 2: \"%s\"", option);
}

/* ---- The rest ---- */

static int validate_health(const struct health_config *health, struct error *err)
{
        const struct {
                int64_t value;
                const char *name;
        } durations[] = { { health->interval, "Interval" },
                          { health->timeout, "Timeout" },
                          { health->start_period, "StartPeriod" },
                          { health->start_interval, "StartInterval" } };

        for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
                if (durations[i].value != 0 && durations[i].value < NSEC_PER_MSEC)
                        return error_set(err, ERROR_INVALID, "%s in Healthcheck cannot be less than 1ms",
                                         durations[i].name);
        if (health->retries < 0)
                return error_set(err, ERROR_INVALID, "Retries in Healthcheck cannot be negative");
        return 0;
}

static int validate_config(struct container_config *c, struct error *err)
{
        int signal;

        if (!string_empty(c->working_dir) && *c->working_dir != '/')
                return error_set(err, ERROR_INVALID,
                                 "the working directory '%s' is invalid, it needs to be an absolute path",
                                 c->working_dir);
        if (!string_empty(c->working_dir)) {
                char *clean = path_clean(c->working_dir);

                free(c->working_dir);
                c->working_dir = clean;
        }
        for (size_t i = 0; c->env && c->env[i]; i++)
                if (!*c->env[i] || *c->env[i] == '=')
                        return error_set(err, ERROR_INVALID, "invalid environment variable: %s", c->env[i]);
        if (c->healthcheck && validate_health(c->healthcheck, err) < 0)
                return -1;
        if (!string_empty(c->stop_signal) && runtime_signal_parse(c->stop_signal, &signal, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid signal: %s", c->stop_signal);
        if (!string_empty(c->hostname)) {
                if (strlen(c->hostname) > 64)
                        return error_set(err, ERROR_INVALID,
                                         "invalid hostname: '%.80s' is longer than 64 characters",
                                         c->hostname);
                for (const char *p = c->hostname; *p; p++)
                        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
                                return error_set(
                                    err, ERROR_INVALID,
                                    "invalid hostname: '%s' has characters that are not allowed in one",
                                    c->hostname);
        }
        return 0;
}

static int validate_devices(const struct host_config *h, struct error *err)
{
        for (size_t i = 0; i < h->n_devices; i++) {
                const char *p = h->devices[i].cgroup_permissions;

                if (p && strspn(p, "rwm") != strlen(p))
                        return error_set(err, ERROR_INVALID, "invalid device mode: %s", p);
        }
        for (size_t i = 0; h->device_cgroup_rules && h->device_cgroup_rules[i]; i++) {
                char type, rest[64];

                if (sscanf(h->device_cgroup_rules[i], "%c %63[^\n]", &type, rest) != 2 ||
                    !strchr("abc", type))
                        return error_set(err, ERROR_INVALID, "invalid device cgroup rule: '%s'",
                                         h->device_cgroup_rules[i]);
        }
        return 0;
}

static int validate_runtime(const struct engine *engine, const struct host_config *h, struct error *err)
{
        if (string_empty(h->runtime) || streq(h->runtime, "runc") || streq(h->runtime, "davit-runtime"))
                return 0;
        if (engine->options->runtimes && strmap_get(engine->options->runtimes, h->runtime))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "--runtime %s: other OCI runtimes are not supported yet", h->runtime);
        return error_set(err, ERROR_INVALID, "unknown or invalid runtime name: %s", h->runtime);
}

static int validate_host(struct engine *engine, struct host_config *h, char ***warnings, struct error *err)
{
        if (container_validate_restart(h, err) < 0 || validate_capabilities(h, err) < 0 ||
            container_validate_resources(h, false, warnings, err) < 0 || validate_devices(h, err) < 0 ||
            validate_runtime(engine, h, err) < 0)
                return -1;
        if (h->oom_score_adj < -1000 || h->oom_score_adj > 1000)
                return error_set(err, ERROR_INVALID,
                                 "Invalid value %d, range for oom score adj is [-1000, 1000]",
                                 h->oom_score_adj);
        if (h->shm_size < 0)
                return error_set(err, ERROR_INVALID, "SHM size can not be less than 0");
        for (size_t i = 0; h->security_opt && h->security_opt[i]; i++)
                if (validate_security_option(h->security_opt[i], err) < 0)
                        return -1;
        for (size_t i = 0; i < h->annotations.count; i++)
                if (string_empty(h->annotations.pairs[i].key))
                        return error_set(
                            err, ERROR_INVALID,
                            "invalid Annotations: the empty string is not permitted as an annotation key");
        for (size_t i = 0; i < h->storage_opt.count; i++)
                if (!streq(h->storage_opt.pairs[i].key, "size"))
                        return error_set(err, ERROR_INVALID, "Unknown option %s",
                                         h->storage_opt.pairs[i].key);
        if (h->storage_opt.count)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "--storage-opt is supported only for overlay over xfs with 'pquota' mount "
                                 "option");
        return log_options_check(h->log_config.type, &h->log_config.config, err);
}

int container_validate(struct engine *engine, struct container_request *request, char ***warnings,
                       struct error *err)
{
        if (validate_config(&request->config, err) < 0 ||
            validate_modes(&request->config, &request->host, err) < 0)
                return -1;
        return validate_host(engine, &request->host, warnings, err);
}
