#include "runtime/defaults.h"
#include "base/fd.h"

#include <errno.h>
#include <sys/sysmacros.h>

const char *const runtime_masked_paths[] = {
        "/proc/asound",       "/proc/acpi",       "/proc/interrupts",  "/proc/kcore",       "/proc/keys",
        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
        "/sys/firmware",      "/sys/devices/virtual/powercap",          NULL,
};

const char *const runtime_readonly_paths[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

const char *const runtime_shm_options[] = { "nosuid", "noexec", "nodev", "mode=1777", NULL };

static const struct {
        const char *destination, *type, *source, *options;
} default_mounts[] = {
        { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
        { "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
        { "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
        { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
        { "/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev" },
        { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
};

/* Major and minor of -1 are "all". */
static const struct {
        bool allow;
        const char *type;
        int major, minor;
        const char *access;
} default_rules[] = {
        { false, "a", -1, -1, "rwm" }, { true, "c", 1, 5, "rwm" }, { true, "c", 1, 3, "rwm" }, { true, "c", 1, 9, "rwm" },
        { true, "c", 1, 8, "rwm" },    { true, "c", 5, 0, "rwm" }, { true, "c", 5, 1, "rwm" }, { false, "c", 10, 229, "rwm" },
};

void runtime_default_mounts(struct oci_mount **mounts, size_t *count)
{
        for (size_t i = 0; i < ARRAY_SIZE(default_mounts); i++) {
                struct oci_mount m = {
                        .destination = xstrdup(default_mounts[i].destination),
                        .type = xstrdup(default_mounts[i].type),
                        .source = xstrdup(default_mounts[i].source),
                        .options = strv_split(default_mounts[i].options, ','),
                };

                ARRAY_APPEND(*mounts, *count, m);
        }
}

void runtime_default_device_rules(struct oci_device_rule **rules, size_t *count)
{
        for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++) {
                struct oci_device_rule r = { .allow = default_rules[i].allow, .type = xstrdup(default_rules[i].type),
                                             .access = xstrdup(default_rules[i].access) };

                if (default_rules[i].major >= 0)
                        r.major = xmemdup(&(int64_t){ default_rules[i].major }, sizeof(int64_t));
                if (default_rules[i].minor >= 0)
                        r.minor = xmemdup(&(int64_t){ default_rules[i].minor }, sizeof(int64_t));
                ARRAY_APPEND(*rules, *count, r);
        }
}

void runtime_default_masked_paths(char ***list)
{
        for (size_t i = 0; runtime_masked_paths[i]; i++)
                strv_append(list, runtime_masked_paths[i]);
        for (int cpu = 0; cpu < 4096; cpu++) {
                char path[80];

                snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
                if (access(path, F_OK) < 0)
                        break;
                snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/thermal_throttle", cpu);
                if (access(path, F_OK) == 0)
                        strv_append(list, path);
        }
}

void runtime_default_readonly_paths(char ***list)
{
        for (size_t i = 0; runtime_readonly_paths[i]; i++)
                strv_append(list, runtime_readonly_paths[i]);
}

int runtime_device_from_host(const char *path, struct oci_device *ret, struct error *err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return error_errno(err, "%s", path);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return error_set(err, ERROR_INVALID, "not a device node");
        *ret = (struct oci_device){
                .path = xstrdup(path),
                .type = xstrdup(S_ISCHR(st.st_mode) ? "c" : "b"),
                .major = major(st.st_rdev),
                .minor = minor(st.st_rdev),
                .file_mode = xmemdup(&(int64_t){ st.st_mode & 07777 }, sizeof(int64_t)),
                .uid = xmemdup(&(int64_t){ st.st_uid }, sizeof(int64_t)),
                .gid = xmemdup(&(int64_t){ st.st_gid }, sizeof(int64_t)),
        };
        return 0;
}
