#include "runtime/runtime-internal.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* In the order in which they are joined: the user namespace first, the mount namespace last. */
const struct namespace_type namespace_types[] = {
        { "user", "user", CLONE_NEWUSER },      { "pid", "pid", CLONE_NEWPID }, { "ipc", "ipc", CLONE_NEWIPC },
        { "uts", "uts", CLONE_NEWUTS },         { "network", "net", CLONE_NEWNET }, { "cgroup", "cgroup", CLONE_NEWCGROUP },
        { "time", "time", CLONE_NEWTIME },      { "mount", "mnt", CLONE_NEWNS },
};
const size_t namespace_type_count = ARRAY_SIZE(namespace_types);

static const struct namespace_type *type_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(namespace_types); i++)
                if (streq(namespace_types[i].name, name))
                        return &namespace_types[i];
        return NULL;
}

/* Joining the user namespace one is in already is an error to the kernel; it is none to us. */
static bool is_own(int fd, const struct namespace_type *type)
{
        char path[40];
        struct stat a, b;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", type->proc);
        return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int plan_one(struct namespace_plan *plan, const struct oci_namespace *ns, struct error *err)
{
        const struct namespace_type *type = type_find(ns->type);
        size_t i;
        int fd;

        if (!type)
                return error_set(err, ERROR_INVALID, "unknown namespace \"%s\"", ns->type ? ns->type : "");
        i = (size_t)(type - namespace_types);
        if ((plan->create | plan->join) & type->flag)
                return error_set(err, ERROR_INVALID, "malformed spec file: duplicated ns \"%s\"", ns->type);
        if (string_empty(ns->path)) {
                plan->create |= type->flag;
                return 0;
        }
        fd = open(ns->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, "lstat %s", ns->path);
        if (ioctl(fd, NS_GET_NSTYPE) != (int)type->flag) {
                close(fd);
                return error_set(err, ERROR_INVALID, "%s is not a %s namespace", ns->path, ns->type);
        }
        if (is_own(fd, type)) {
                close(fd);
                return 0;
        }
        plan->join_fd[i] = fd;
        plan->join |= type->flag;
        return 0;
}

int namespace_plan_make(const struct runtime_options *options, struct namespace_plan *ret, struct error *err)
{
        const struct oci_linux *lin = options->spec->linux_config;
        struct namespace_plan plan = {};

        for (size_t i = 0; i < ARRAY_SIZE(plan.join_fd); i++)
                plan.join_fd[i] = -1;
        for (size_t i = 0; lin && i < lin->n_namespaces; i++) {
                if (options->netns_fd >= 0 && streq(lin->namespaces[i].type, "network"))
                        continue;
                if (plan_one(&plan, &lin->namespaces[i], err) < 0) {
                        namespace_plan_deinit(&plan);
                        return -1;
                }
        }
        if (options->netns_fd >= 0) {
                plan.join |= CLONE_NEWNET;
                plan.join_fd[4] = fcntl(options->netns_fd, F_DUPFD_CLOEXEC, 3);
        }
        *ret = plan;
        return 0;
}

void namespace_plan_deinit(struct namespace_plan *plan)
{
        for (size_t i = 0; i < ARRAY_SIZE(plan->join_fd); i++) {
                if (plan->join_fd[i] >= 0)
                        close(plan->join_fd[i]);
                plan->join_fd[i] = -1;
        }
}

int namespace_plan_join(const struct namespace_plan *plan, unsigned which, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(plan->join_fd); i++) {
                if (plan->join_fd[i] < 0 || !(namespace_types[i].flag & which))
                        continue;
                if (setns(plan->join_fd[i], (int)namespace_types[i].flag) < 0)
                        return error_errno(err, "join the %s namespace", namespace_types[i].name);
        }
        return 0;
}

int namespaces_differing(pid_t pid, unsigned *ret, struct error *err)
{
        unsigned flags = 0;

        for (size_t i = 0; i < ARRAY_SIZE(namespace_types); i++) {
                char path[64], own[64];
                struct stat a, b;

                snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, namespace_types[i].proc);
                snprintf(own, sizeof(own), "/proc/self/ns/%s", namespace_types[i].proc);
                if (stat(own, &b) < 0)
                        continue;
                if (stat(path, &a) < 0)
                        return error_errno(err, "%s", path);
                if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
                        flags |= namespace_types[i].flag;
        }
        *ret = flags;
        return 0;
}

static int map_write(int proc, const char *file, const struct oci_id_mapping *maps, size_t count, struct error *err)
{
        cleanup_strbuf struct strbuf text = {};

        for (size_t i = 0; i < count; i++)
                strbuf_addf(&text, "%u %u %u\n", maps[i].container_id, maps[i].host_id, maps[i].size);
        if (text.len == 0)
                return 0;
        return file_write(proc, file, text.data, err);
}

int user_maps_write(pid_t pid, const struct oci_linux *lin, struct error *err)
{
        char path[32];
        cleanup_close int proc = -1;

        snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                return error_errno(err, "open %s", path);
        /* Without privilege the kernel wants setgroups(2) given up first. */
        if (geteuid() != 0 && file_write(proc, "setgroups", "deny", err) < 0)
                return -1;
        if (map_write(proc, "gid_map", lin->gid_mappings, lin->n_gid_mappings, err) < 0 ||
            map_write(proc, "uid_map", lin->uid_mappings, lin->n_uid_mappings, err) < 0)
                return error_context(err, "id mappings");
        return 0;
}

int time_offsets_write(const struct oci_linux *lin, struct error *err)
{
        cleanup_strbuf struct strbuf text = {};

        for (size_t i = 0; i < lin->n_time_offsets; i++)
                strbuf_addf(&text, "%s %lld %u\n", lin->time_offsets[i].key, (long long)lin->time_offsets[i].secs,
                            lin->time_offsets[i].nanosecs);
        return text.len ? file_write(AT_FDCWD, "/proc/self/timens_offsets", text.data, err) : 0;
}
