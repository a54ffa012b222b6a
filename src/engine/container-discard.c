/* Limits that this kernel does not have are taken out of a request, each with a warning, as Docker does: a
 * limit that cannot be had is no reason not to start. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "runtime/cgroup.h"

/* Has the kernel this limit: a file below /sys/fs/cgroup on version 1, a controller on version 2 (NULL:
 * never)? */
static bool has_limit(const char *v1, const char *v2)
{
        cleanup_free char *path = NULL, *text = NULL;
        cleanup_strv char **controllers = NULL;

        if (cgroup_mode() != CGROUP_V2) {
                path = string_format("/sys/fs/cgroup/%s", v1);
                return access(path, F_OK) == 0;
        }
        if (!v2 || file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &text, NULL, NULL) < 0)
                return false;
        text[strcspn(text, "\n")] = 0;
        controllers = strv_split(text, ' ');
        return strv_contains(controllers, v2);
}

/* Is the limit asked for and not there? Then the warning is added. */
static bool discarded(bool asked, const char *v1, const char *v2, const char *warning, char ***warnings)
{
        if (!asked || has_limit(v1, v2))
                return false;
        strv_append(warnings, warning);
        return true;
}

static void discard_memory(struct host_config *h, char ***warnings)
{
        if (discarded(h->memory > 0, "memory/memory.limit_in_bytes", "memory",
                      "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
                      "Limitation discarded.",
                      warnings)) {
                h->memory = 0;
                h->memory_swap = -1;
        }
        if (discarded(h->memory > 0 && h->memory_swap != -1, "memory/memory.memsw.limit_in_bytes", "memory",
                      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
                      "Memory limited without swap.",
                      warnings))
                h->memory_swap = -1;
        if (discarded(h->memory_swappiness && *h->memory_swappiness != -1, "memory/memory.swappiness", NULL,
                      "Your kernel does not support memory swappiness capabilities or the cgroup is not "
                      "mounted. Memory swappiness discarded.",
                      warnings)) {
                free(h->memory_swappiness);
                h->memory_swappiness = NULL;
        }
        if (discarded(h->memory_reservation > 0, "memory/memory.soft_limit_in_bytes", "memory",
                      "Your kernel does not support memory soft limit capabilities or the cgroup is not "
                      "mounted. Limitation discarded.",
                      warnings))
                h->memory_reservation = 0;
        if (discarded(h->oom_kill_disable && *h->oom_kill_disable, "memory/memory.oom_control", NULL,
                      "Your kernel does not support OomKillDisable. OomKillDisable discarded.", warnings))
                *h->oom_kill_disable = false;
        if (h->oom_kill_disable && *h->oom_kill_disable && h->memory == 0)
                strv_append(warnings,
                            "OOM killer is disabled for the container, but no memory limit is set, this can "
                            "result in the system running out of resources.");
}

static void discard_cpu(struct host_config *h, char ***warnings)
{
        if (discarded(
                h->pids_limit && *h->pids_limit > 0, "pids", "pids",
                "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs "
                "limit discarded.",
                warnings)) {
                free(h->pids_limit);
                h->pids_limit = NULL;
        }
        if (discarded(
                h->cpu_shares > 0, "cpu/cpu.shares", "cpu",
                "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.",
                warnings))
                h->cpu_shares = 0;
        if (discarded(h->cpu_period || h->cpu_quota, "cpu/cpu.cfs_quota_us", "cpu",
                      "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
                      warnings))
                h->cpu_period = h->cpu_quota = 0;
        if (discarded(!string_empty(h->cpuset_cpus) || !string_empty(h->cpuset_mems), "cpuset/cpuset.cpus",
                      "cpuset",
                      "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.",
                      warnings)) {
                replace_string(&h->cpuset_cpus, "");
                replace_string(&h->cpuset_mems, "");
        }
}

static void drop_throttles(struct throttle_device *list, size_t *count)
{
        for (size_t i = 0; i < *count; i++)
                free(list[i].path);
        *count = 0;
}

static void discard_block_io(struct host_config *h, char ***warnings)
{
        const struct {
                struct throttle_device *list;
                size_t *count;
                const char *file, *warning;
        } throttles[] = {
                { h->blkio_device_read_bps, &h->n_blkio_device_read_bps,
                  "blkio/blkio.throttle.read_bps_device",
                  "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block "
                  "I/O BPS read limit discarded." },
                { h->blkio_device_write_bps, &h->n_blkio_device_write_bps,
                  "blkio/blkio.throttle.write_bps_device",
                  "Your kernel does not support BPS Block I/O write limit or the cgroup is not mounted. "
                  "Block "
                  "I/O BPS write limit discarded." },
                { h->blkio_device_read_iops, &h->n_blkio_device_read_iops,
                  "blkio/blkio.throttle.read_iops_device",
                  "Your kernel does not support IOPS Block read limit or the cgroup is not mounted. Block "
                  "I/O "
                  "IOPS read limit discarded." },
                { h->blkio_device_write_iops, &h->n_blkio_device_write_iops,
                  "blkio/blkio.throttle.write_iops_device",
                  "Your kernel does not support IOPS Block write limit or the cgroup is not mounted. Block "
                  "I/O "
                  "IOPS write limit discarded." },
        };

        if (discarded(h->blkio_weight > 0, "blkio/blkio.weight", "io",
                      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight "
                      "discarded.",
                      warnings))
                h->blkio_weight = 0;
        if (discarded(h->n_blkio_weight_device > 0, "blkio/blkio.weight_device", "io",
                      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. "
                      "Weight-device discarded.",
                      warnings)) {
                for (size_t i = 0; i < h->n_blkio_weight_device; i++)
                        free(h->blkio_weight_device[i].path);
                h->n_blkio_weight_device = 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(throttles); i++)
                if (discarded(*throttles[i].count > 0, throttles[i].file, "io", throttles[i].warning,
                              warnings))
                        drop_throttles(throttles[i].list, throttles[i].count);
}

void container_discard_limits(struct host_config *h, char ***warnings)
{
        discard_memory(h, warnings);
        discard_cpu(h, warnings);
        discard_block_io(h, warnings);
}
