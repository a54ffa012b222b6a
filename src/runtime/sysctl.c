/* Sysctls are written through a procfs of our own (never mounted over, never seen by an image), and only those that belong
 * to a namespace that the container has to itself. */
#include "runtime/runtime-internal.h"
#include "runtime/process-internal.h"

#include <errno.h>

static const struct {
        const char *prefix;
        bool exact;
        unsigned ns;
        const char *ns_name;
} namespaced[] = {
        { "net/", false, CLONE_NEWNET, "network" },          { "fs/mqueue/", false, CLONE_NEWIPC, "ipc" },
        { "kernel/msgmax", true, CLONE_NEWIPC, "ipc" },      { "kernel/msgmnb", true, CLONE_NEWIPC, "ipc" },
        { "kernel/msgmni", true, CLONE_NEWIPC, "ipc" },      { "kernel/sem", true, CLONE_NEWIPC, "ipc" },
        { "kernel/shmall", true, CLONE_NEWIPC, "ipc" },      { "kernel/shmmax", true, CLONE_NEWIPC, "ipc" },
        { "kernel/shmmni", true, CLONE_NEWIPC, "ipc" },      { "kernel/shm_rmid_forced", true, CLONE_NEWIPC, "ipc" },
        { "kernel/domainname", true, CLONE_NEWUTS, "uts" },
};

/* "net.ipv4.conf.eth0/1.x" style: dots and slashes trade places when the first separator is a dot. */
static char *sysctl_path(const char *name)
{
        char *path = xstrdup(name);
        size_t first = strcspn(path, "./");

        if (path[first] != '.')
                return path;
        for (char *s = path; *s; s++)
                *s = *s == '.' ? '/' : *s == '/' ? '.' : *s;
        return path;
}

static int allowed(const char *name, const char *path, unsigned own, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(namespaced); i++) {
                const char *prefix = namespaced[i].prefix;

                if (namespaced[i].exact ? !streq(path, prefix) : !string_after(path, prefix))
                        continue;
                if (own & namespaced[i].ns)
                        return 0;
                return error_set(err, ERROR_INVALID, "sysctl \"%s\" not allowed in host %s namespace", name, namespaced[i].ns_name);
        }
        if (streq(path, "kernel/hostname"))
                return error_set(err, ERROR_INVALID, "sysctl \"%s\" conflicts with the OCI field \"hostname\"", name);
        return error_set(err, ERROR_INVALID, "sysctl \"%s\" is not in a separate kernel namespace", name);
}

int sysctl_apply(int procfd, const struct oci_spec *spec, unsigned own, struct error *err)
{
        const struct strmap *map = spec->linux_config ? &spec->linux_config->sysctl : NULL;
        cleanup_close int sys = -1;

        if (!map || map->count == 0)
                return 0;
        sys = openat(procfd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (sys < 0)
                return error_errno(err, "open sysctls");
        for (size_t i = 0; i < map->count; i++) {
                const struct strpair *pair = &map->pairs[i];
                cleanup_free char *path = sysctl_path(pair->key);
                cleanup_error struct error ignored = {};
                cleanup_close int fd = -1;

                if (allowed(pair->key, path, own, err) < 0)
                        return -1;
                fd = open_beneath(sys, path, O_WRONLY | O_NOFOLLOW, 0, &ignored);
                if (fd < 0)
                        return error_set(err, ERROR_INVALID, "open sysctl %s file: %s", pair->key, process_strerror(errno));
                if (write(fd, pair->value, strlen(pair->value)) < 0)
                        return error_set(err, ERROR_INVALID, "failed to write sysctl %s = \"%s\": write %s: %s", pair->key, pair->value,
                                         path, process_strerror(errno));
        }
        return 0;
}
