/* What the files of the runtime share. Theory of operation: create.c (the caller's side) and init.c (the child's). */
#pragma once

#include "base/fd.h"
#include "base/tree-copy.h"
#include "runtime/runtime.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* --- sync.c: messages between the caller and its child, over a SOCK_SEQPACKET pair ------------------------------- */

enum sync_type {
        SYNC_ERROR = 1, /* child: failed; kind, errnum, text */
        SYNC_PID,       /* intermediate child: `number` is the pid of the real one */
        SYNC_MAPS,      /* child: write my id maps (answered by SYNC_GO) */
        SYNC_CONSOLE,   /* child: the pty's master, as a descriptor */
        SYNC_LISTENER,  /* child: the seccomp listener, as a descriptor */
        SYNC_HOOKS,     /* child: namespaces are there; run prestart and createRuntime hooks (answered by SYNC_GO) */
        SYNC_READY,     /* child: at the gate */
        SYNC_GO,        /* caller: carry on; at the gate: execute */
};
struct sync_message {
        enum sync_type type;
        enum error_kind kind;
        int errnum;
        int number;
        char text[4000];
};
/* The descriptors are not consumed. Return -1 with errno. */
int sync_send(int fd, enum sync_type type, int number, int send_fd);
int sync_send_error(int fd, const struct error *err);
/* 1: a message; 0: the other side is gone; -1: errno. `ret_fd` may be NULL, else -1 when none came. */
int sync_receive(int fd, struct sync_message *ret, int *ret_fd);
/* Sends `type` and waits for SYNC_GO. */
int sync_ask(int fd, enum sync_type type, struct error *err);

/* --- namespaces.c ------------------------------------------------------------------------------------------------- */

struct namespace_type {
        const char *name; /* as in the spec */
        const char *proc; /* as in /proc/PID/ns */
        unsigned flag;    /* CLONE_NEW… */
};
extern const struct namespace_type namespace_types[];
extern const size_t namespace_type_count;

/* What is made and what is joined. */
struct namespace_plan {
        unsigned create;  /* CLONE_NEW… */
        unsigned join;
        int join_fd[8];   /* by index into namespace_types, -1 */
};
int namespace_plan_make(const struct runtime_options *options, struct namespace_plan *ret, struct error *err);
void namespace_plan_deinit(struct namespace_plan *plan);
/* setns() into those of `which`. */
int namespace_plan_join(const struct namespace_plan *plan, unsigned which, struct error *err);
/* Flags of all namespaces in which `pid` differs from the caller. */
int namespaces_differing(pid_t pid, unsigned *ret, struct error *err);
int user_maps_write(pid_t pid, const struct oci_linux *lin, struct error *err);
int time_offsets_write(const struct oci_linux *lin, struct error *err);

/* --- launch.c ----------------------------------------------------------------------------------------------------- */

/* A forked child: runs `main(argument, sync_fd)`, which does not return in practice. */
struct launch {
        unsigned create;               /* namespaces for clone3 */
        int into_cgroup;               /* v2 folder or -1 */
        int (*before)(void *, struct error *); /* in an intermediate child, before the real one is made; NULL: none needed */
        int (*main)(void *, int sync_fd, struct error *err);
        void *argument;
};
/* Gives the caller's end of the sync socket; `pid` is of the real child unless there is a `before`: then it comes as
 * SYNC_PID and `ret_intermediate` must be reaped. */
int launch(const struct launch *launch, pid_t *ret_pid, int *ret_pidfd, pid_t *ret_intermediate, int *ret_sync,
           struct error *err);
int pidfd_of(pid_t pid);

/* --- mount-options.c ---------------------------------------------------------------------------------------------- */

struct mount_options {
        uint64_t set, clear;                     /* MOUNT_ATTR_… of the mount itself */
        uint64_t recursive_set, recursive_clear; /* and of all below (rro, rnosuid, …) */
        bool bind, recursive_bind;
        bool superblock_readonly;
        unsigned long propagation[4];            /* MS_SHARED…, with MS_REC; in order */
        size_t n_propagation;
        bool copy_up;                            /* tmpcopyup */
        bool idmap, recursive_idmap;
        char **filesystem;                       /* the rest: "size=64k", "mode=755", "sync" */
};
int mount_options_parse(char *const *options, struct mount_options *ret, struct error *err);
void mount_options_deinit(struct mount_options *options);
#define cleanup_mount_options __attribute__((cleanup(mount_options_deinit)))
/* All words that are understood (davit-runtime features). */
char **mount_option_names(void);
unsigned long propagation_parse(const char *word); /* 0: none of them */

/* --- mount.c: the new mount calls --------------------------------------------------------------------------------- */

/* A detached new file system; `options` are its own ("size=64k" or flags). */
int filesystem_new(const char *type, const char *source, char *const *options, bool readonly, uint64_t attributes,
                   struct error *err);
/* A detached copy of the mount at `fd` (and below when recursive). */
int mount_clone(int fd, bool recursive, struct error *err);
int mount_change(int fd, bool recursive, uint64_t set, uint64_t clear, unsigned long propagation);
/* Attaches `mount_fd` on what `target_fd` (O_PATH) is. */
int mount_attach(int mount_fd, int target_fd);

/* --- init.c and its steps, all in the child ----------------------------------------------------------------------- */

struct init {
        const struct runtime_options *options;
        const struct oci_spec *spec;
        const struct namespace_plan *plan;
        const struct seccomp_program *seccomp;
        struct cgroup *cgroup;
        int sync;
        int rootfd;  /* the root mount */
        int procfd;  /* a procfs of our own, never attached */
        int devnull; /* the host's /dev/null, verified */
        int host_dev; /* the host's /dev, when nodes must be bound (user namespace), else -1 */
        int *sources; /* per mount of the spec: detached trees opened before anything was attached, or -1 */
        bool userns;
        int console_slave;
};

/* rootfs.c */
int rootfs_prepare(struct init *init, struct error *err);    /* opens and attaches the root; sources opened */
/* mounts.c */
int rootfs_mounts(struct init *init, struct error *err);       /* everything of spec->mounts */
int rootfs_mounts_close(struct init *init, struct error *err); /* after the devices: read-only tmpfs; sources are closed */
/* idmap.c: a user namespace with a mount's mappings (or the container's own). */
int idmap_userns(struct init *init, const struct oci_mount *mount, struct error *err);
int rootfs_enter(struct init *init, struct error *err);      /* pivot_root */
int rootfs_finish(struct init *init, struct error *err);     /* masked, read-only, propagation */
/* cgroup-mount.c: the /sys/fs/cgroup of a container. */
int cgroup_mount(struct init *init, const struct oci_mount *mount, const struct mount_options *options, struct error *err);
/* mount-spec.c: finds or makes the target of a mount inside the root (O_PATH); as a file when `file`. */
int mount_target(int rootfd, const char *path, bool file, struct error *err);
/* dev.c */
int dev_setup(struct init *init, struct error *err);
int devnull_open(struct error *err);

/* console.c */
int console_open(int devpts_dir_fd, int *ret_slave, struct error *err); /* master */
int console_of_container(int *ret_slave, struct error *err);            /* by /dev/pts/ptmx of the calling process */
int console_take(int slave, const struct oci_box *size, struct error *err);

/* process.c: the last steps before execve, for init and exec alike. */
struct process {
        const struct oci_process *spec;
        const struct oci_linux *lin; /* NULL for an exec */
        int stdio[3];                /* -1: `devnull` */
        int devnull;
        int procfd;
        const int *preserve_fds;
        size_t n_preserve_fds;
        const struct seccomp_program *seccomp;
        char **env;                  /* the process's with HOME */
        char *executable;            /* found by process_prepare() */
        uint64_t caps[5];            /* bounding, effective, inheritable, permitted, ambient */
        int sync;                    /* moved above the descriptors that stay */
        int extra_fd;                /* moved likewise; -1 */
        int listener_path_fd;
};
/* Everything that can be done before the gate: limits, labels, stdio, ids, cwd, looking up the command. */
int process_prepare(struct process *process, struct error *err);
/* Seccomp, the final capabilities, execve. Returns only on failure. */
int process_execute(struct process *process, struct error *err);
/* 126, 127 or 0 by Docker's rule over the text. */
int process_exit_code(const char *message);

/* sysctl.c */
int sysctl_apply(int procfd, const struct oci_spec *spec, unsigned own_namespaces, struct error *err);

/* hooks.c */
enum hook_stage { HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER, HOOK_POSTSTART, HOOK_POSTSTOP };
bool hooks_any(const struct oci_spec *spec, enum hook_stage stage);
int hooks_run(const struct oci_spec *spec, enum hook_stage stage, const char *id, pid_t pid, const char *bundle,
              struct error *err);

/* Moves `*fd` to a number of at least `min` (close-on-exec kept). */
int fd_raise(int *fd, int min, struct error *err);
