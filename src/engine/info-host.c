#include "engine/info.h"

#include "base/fd.h"

#include <sched.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define SMALL_FILE (256 << 10)

static char *read_text(const char *path)
{
        char *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, SMALL_FILE, &text, &len, NULL) < 0)
                return NULL;
        return text;
}

/* The value of KEY="value" in os-release(5). */
static char *os_release_value(const char *text, const char *key)
{
        cleanup_strv char **lines = strv_split(text, '\n');

        for (char **line = lines; *line; line++) {
                const char *value = string_after(*line, key);
                size_t len;

                if (!value || *value++ != '=')
                        continue;
                len = strlen(value);
                if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value)
                        return xstrndup(value + 1, len - 2);
                return xstrdup(value);
        }
        return NULL;
}

static void read_os_release(struct host_info *info)
{
        cleanup_free char *text = read_text("/etc/os-release");

        if (!text)
                text = read_text("/usr/lib/os-release");
        info->operating_system = text ? os_release_value(text, "PRETTY_NAME") : NULL;
        info->os_version = text ? os_release_value(text, "VERSION_ID") : NULL;
        if (!info->operating_system)
                info->operating_system = xstrdup("Linux");
        if (!info->os_version)
                info->os_version = xstrdup("");
}

static bool exists(const char *path)
{
        return access(path, F_OK) == 0;
}

/* Version 1 (and the hybrid layout): a folder per controller. */
static void read_cgroup1(struct host_info *info)
{
        info->memory_limit = exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
        info->swap_limit = exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
        info->oom_kill_disable = exists("/sys/fs/cgroup/memory/memory.oom_control");
        info->cpu_shares = exists("/sys/fs/cgroup/cpu/cpu.shares");
        info->cpu_cfs_period = exists("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
        info->cpu_cfs_quota = exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
        info->cpu_set = exists("/sys/fs/cgroup/cpuset/cpuset.cpus");
        info->pids_limit = exists("/sys/fs/cgroup/pids");
}

static void read_cgroup2(struct host_info *info)
{
        cleanup_free char *text = read_text("/sys/fs/cgroup/cgroup.controllers");
        cleanup_strv char **controllers = NULL;

        if (text && string_ends_with(text, "\n"))
                text[strlen(text) - 1] = '\0';
        controllers = strv_split(text ? text : "", ' ');
        info->memory_limit = info->swap_limit = strv_contains(controllers, "memory");
        info->cpu_shares = info->cpu_cfs_period = info->cpu_cfs_quota = strv_contains(controllers, "cpu");
        info->cpu_set = strv_contains(controllers, "cpuset");
        info->pids_limit = strv_contains(controllers, "pids");
}

static void read_cgroups(struct host_info *info)
{
        struct statfs fs;

        info->cgroup2 = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == 0x63677270; /* CGROUP2_SUPER_MAGIC */
        if (info->cgroup2)
                read_cgroup2(info);
        else
                read_cgroup1(info);
}

static bool file_begins_with(const char *path, char c)
{
        cleanup_free char *text = read_text(path);

        return text && *text == c;
}

void host_info_read(struct host_info *ret)
{
        struct host_info info = {};
        struct utsname uts;
        struct sysinfo memory;
        cpu_set_t cpus;

        uname(&uts);
        info.kernel_version = xstrdup(uts.release);
        info.architecture = xstrdup(uts.machine);
        info.name = xstrdup(uts.nodename);
        read_os_release(&info);
        CPU_ZERO(&cpus);
        info.cpus = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : (int)sysconf(_SC_NPROCESSORS_ONLN);
        if (sysinfo(&memory) == 0)
                info.memory = (int64_t)memory.totalram * memory.mem_unit;
        read_cgroups(&info);
        info.ipv4_forwarding = file_begins_with("/proc/sys/net/ipv4/ip_forward", '1');
        info.seccomp = exists("/proc/sys/kernel/seccomp");
        info.apparmor = file_begins_with("/sys/module/apparmor/parameters/enabled", 'Y');
        *ret = info;
}

void host_info_deinit(struct host_info *info)
{
        free(info->kernel_version);
        free(info->architecture);
        free(info->operating_system);
        free(info->os_version);
        free(info->name);
        *info = (struct host_info){};
}

const char *host_go_architecture(void)
{
#if defined(__x86_64__)
        return "amd64";
#elif defined(__aarch64__)
        return "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
        return "riscv64";
#elif defined(__powerpc64__)
        return "ppc64le";
#elif defined(__s390x__)
        return "s390x";
#elif defined(__arm__)
        return "arm";
#else
        return "386";
#endif
}
