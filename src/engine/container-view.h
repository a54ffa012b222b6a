/* A container's files as its processes see them, with volumes and binds, reached through a descriptor of its
 * root. */
#pragma once

#include "engine/container-internal.h"

struct container_view {
        int rootfd;                 /* for open_in_root(); the view's */
        struct view_thread *thread; /* NULL when the container runs */
};

/* Of a running container this is /proc/PID/root. Of another one it is its overlay with its volumes and binds
 * (not tmpfs), mounted in a mount namespace that one thread keeps until container_view_close(). */
int container_view_open(struct engine *engine, struct container *c, struct container_view *ret,
                        struct error *err);
void container_view_close(struct container_view *view);
#define cleanup_container_view __attribute__((cleanup(container_view_close)))

/* The root file system alone (lower and upper, no mounts), read-only; a descriptor. */
int container_rootfs_view(struct engine *engine, struct container *c, struct error *err);
/* The lower folders, topmost first, with the stubs of mount points as the lowest. */
int container_lowers(struct engine *engine, const struct container *c, char ***ret, struct error *err);
