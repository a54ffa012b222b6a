/* A user namespace that only carries id maps, for id-mapped mounts: made by a child that does nothing else. */
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/wait.h>

static int maps_write(pid_t pid, const struct oci_mount *mount, const struct oci_linux *lin, struct error *err)
{
        struct oci_linux maps = {};

        if (!mount->n_uid_mappings)
                return user_maps_write(pid, lin, err);
        maps.uid_mappings = mount->uid_mappings;
        maps.n_uid_mappings = mount->n_uid_mappings;
        maps.gid_mappings = mount->gid_mappings;
        maps.n_gid_mappings = mount->n_gid_mappings;
        return user_maps_write(pid, &maps, err);
}

int idmap_userns(struct init *init, const struct oci_mount *mount, struct error *err)
{
        struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
        char path[40];
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
        int fd = -1, status;

        if (pid < 0)
                return error_errno(err, "clone a user namespace");
        if (pid == 0)
                for (;;)
                        pause();
        snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
        if (maps_write(pid, mount, init->spec->linux_config, err) == 0) {
                fd = openat(init->procfd, path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        error_errno(err, "open the user namespace of an id-mapped mount");
        }
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return fd;
}
