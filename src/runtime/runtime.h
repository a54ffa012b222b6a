/* One container in the kernel, as a library: made from an OCI spec, started through a gate, entered, signalled, removed.
 *
 * For single-threaded callers (a shim's epoll loop, davit-runtime). Calls block only for bounded set-up work, never for the
 * container's own process. The container's init and every exec'd process is a child of the caller: wait on `pidfd`
 * (it becomes readable at exit) and reap with waitid(P_PIDFD). While a call runs the library reaps only what it made itself.
 *
 * Life:  runtime_create()  → set up completely, command found, waiting at the gate
 *        runtime_start()   → past the gate, execve done (or the error of it)
 *        … runtime_exec(), runtime_kill(), runtime_pause(), runtime_update(), cgroup_stats(container->cgroup) …
 *        the caller sees pidfd, reaps
 *        runtime_delete()  → kills what is left in the cgroup, removes it, runs poststop hooks, closes, frees
 *
 * Errors of create, start and exec are runc's sentences without the engine's prefixes, e.g.
 *   unable to start container process: error during container init: exec: "nosuch": executable file not found in $PATH
 * with error.exit_code 127 (not found), 126 (cannot be invoked), 128, else 0 (the caller's 125). Docker's prefixes are
 *   create: "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
 *   exec:   "OCI runtime exec failed: exec failed: " (not before "Cwd must be an absolute path"… which also has it). */
#pragma once

#include "oci/spec.h"
#include "runtime/cgroup.h"
#include "runtime/seccomp.h"
#include "runtime/user.h"

#include <signal.h>

/* The root file system. With `lowers` it is an overlay, mounted inside the container's mount namespace only; else the folder
 * spec->root.path (relative to the bundle). */
struct runtime_root {
        char *const *lowers; /* absolute folders, topmost first; up to 500 */
        const char *upper;   /* absolute; NULL: no writable layer */
        const char *work;    /* on the same file system as upper, empty */
        bool is_volatile;    /* no fsync on the upper layer (build steps) */
};

struct runtime_options {
        const char *id;
        const char *bundle; /* absolute: where relative root paths start and what hooks are told */
        const struct oci_spec *spec;
        struct runtime_root root;
        int stdio[3];  /* the process's 0, 1, 2; not consumed; -1 is /dev/null. Unused with process.terminal. */
        int netns_fd;  /* joined instead of what the spec says about the network namespace; -1: none given. Not consumed. */
        /* Descriptors to mount instead of opening spec->mounts[i].source, -1 for "open the source"; NULL: none. */
        const int *mount_fds;
        /* Compiled rules for spec->linux.seccomp. NULL: `seccomp_compile` is called (NULL too: ERROR_INVALID). */
        const struct seccomp_program *seccomp;
        int (*seccomp_compile)(const struct oci_seccomp *, struct seccomp_program *, struct error *);
        const int *preserve_fds; /* become 3, 4, … in the process */
        size_t n_preserve_fds;
        int gate_listener;  /* a listening SOCK_SEQPACKET where another process opens the gate (davit-runtime create); else -1 */
        bool outlives;      /* the caller: it may end before the container does */
        bool no_pivot;      /* chroot-like switch for initramfs roots */
        bool no_new_keyring;
        bool cgroup_shared; /* the cgroup may have processes already */
};
/* All descriptors -1. */
void runtime_options_init(struct runtime_options *options);

struct runtime_container {
        char *id;
        pid_t pid;
        int pidfd;
        int gate;          /* private */
        int listener;      /* after runtime_start(): the seccomp notification descriptor, else -1; the caller may take_fd() it */
        int console;       /* the pty's master when process.terminal, else -1; the caller may take_fd() it */
        struct cgroup *cgroup; /* NULL when the spec asked for none */
        unsigned namespaces;   /* CLONE_NEW… flags of those that differ from the caller's: what an exec joins */
        bool userns;           /* has a user namespace of its own */
        bool started;
};

int runtime_create(const struct runtime_options *options, struct runtime_container **ret, struct error *err);
/* Opens the gate. On failure the process has ended (reap it, then runtime_delete()). */
int runtime_start(struct runtime_container *container, struct error *err);
/* Poststart hooks; a failure is an error, the container goes on. */
int runtime_poststart(struct runtime_container *container, const struct oci_spec *spec, const char *bundle, struct error *err);

/* Takes up a container that another process made (davit-runtime; a shim after its own re-exec). `pidfd` is opened. */
int runtime_attach(const char *id, pid_t pid, const char *cgroup_path, struct runtime_container **ret, struct error *err);

struct runtime_exec_options {
        const struct oci_process *process; /* user ids already resolved (user.h) */
        int stdio[3];                      /* as above */
        const struct seccomp_program *seccomp; /* NULL: none (privileged exec) */
        const int *preserve_fds;
        size_t n_preserve_fds;
        const char *sub_cgroup;            /* below the container's own; NULL: its own */
};
struct runtime_process {
        pid_t pid; /* in the caller's pid namespace */
        int pidfd;
        int console; /* pty master or -1 */
};
void runtime_exec_options_init(struct runtime_exec_options *options);
/* Runs a further process; returns after its execve. */
int runtime_exec(struct runtime_container *container, const struct runtime_exec_options *options,
                 struct runtime_process *ret, struct error *err);

/* `all`: every process in the cgroup. ERROR_NOT_FOUND when it has ended. */
int runtime_kill(struct runtime_container *container, int signal, bool all, struct error *err);
int runtime_pause(struct runtime_container *container, struct error *err);
int runtime_resume(struct runtime_container *container, struct error *err);
bool runtime_is_paused(struct runtime_container *container);
int runtime_update(struct runtime_container *container, const struct oci_resources *resources, struct error *err);
int runtime_pids(struct runtime_container *container, pid_t **ret_pids, size_t *ret_count, struct error *err);

/* Kills what is left, removes the cgroup, runs poststop hooks (spec may be NULL; their failure is logged only), frees
 * `container` in any case. */
int runtime_delete(struct runtime_container *container, const struct oci_spec *spec, const char *bundle, struct error *err);
/* Closes and frees without touching the container. */
void runtime_container_free(struct runtime_container *container);
DEFINE_CLEANUP(struct runtime_container *, cleanup_runtime_container_func, runtime_container_free)
#define cleanup_runtime_container __attribute__((cleanup(cleanup_runtime_container_func)))

/* Sets a pty master's window. */
int runtime_console_resize(int master, unsigned rows, unsigned columns, struct error *err);

/* "SIGTERM", "TERM", "rtmin+3", "15" to a number; ERROR_INVALID "invalid signal: X" otherwise. */
int runtime_signal_parse(const char *name, int *ret, struct error *err);

/* A sealed copy of program `path` in memory, which nobody can write through /proc/PID/exe. `*ret_path` (heap) is where this
 * process's children execute it; it lives as long as this process. */
int runtime_protected_binary(const char *path, char **ret_path, struct error *err);
