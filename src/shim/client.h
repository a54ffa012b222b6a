/* davitd's side of a shim's control socket. All calls block and may be used by several threads, each with a connection
 * of its own (connecting costs some 20 µs). Errors come back with kind, exit code and text as the shim set them; a shim
 * that has died is an ERROR_UNAVAILABLE with errnum ECONNREFUSED, ENOENT or EPIPE.
 *
 * The order of a start: shim_spawn(), shim_connect() for the watcher and shim_subscribe(), shim_attach() for every
 * client that waits, shim_start().
 *
 * If a shim is killed: its container's init has PR_SET_PDEATHSIG SIGKILL, so the kernel ends the container (with all
 * processes of its pid namespace). As a process can get rid of that signal (a setuid program as pid 1), and for
 * containers in the host's pid namespace, davitd calls shim_bury() when a shim's connection ends without state.json
 * saying that the container has ended. */
#pragma once

#include "base/error.h"
#include "shim/protocol.h"

struct shim_spawn_options {
        const char *program;       /* davit-shim's path */
        const char *container_dir; /* DATA_ROOT/containers/ID, absolute */
        const char *socket;        /* EXEC_ROOT/containers/ID/ctl.sock; its folder is there */
        int netns_fd;              /* -1: none. Not consumed. */
        const int *port_fds;       /* as shim_config.ports; not consumed */
        size_t n_ports;
        const int *dns_fds; /* two, or NULL; not consumed */
        bool keep_stderr; /* the shim's diagnostics go to ours */
};

/* Binds the control socket and starts a shim, which leaves our session and process group. bundle/config.json and
 * bundle/shim.json are written before. The container is not started yet. */
int shim_spawn(const struct shim_spawn_options *options, struct error *err);
/* Returns a connection. */
int shim_connect(const char *socket, struct error *err);

/* Creates and starts the container. On failure the error has Docker's sentence (what stands behind "failed to create
 * task for container: ") and exit code 126, 127 or 128; state.json is "created" with that code; the shim ends. */
int shim_start(int shim, int *ret_pid, struct error *err);

struct shim_attach_options {
        bool use_stdin, use_stdout, use_stderr;
        bool logs;               /* what the log holds comes first */
        const char *detach_keys; /* NULL or "": ctrl-p,ctrl-q */
};
/* Hands a client's socket over (all bytes of our answer's head are written and no byte of its stream was read into a
 * buffer of ours). Framed unless the container has a tty. Not consumed: the caller closes its copy. May come before
 * shim_start(). `pending` are bytes of the client's input that were read already (may be NULL). */
int shim_attach(int shim, const struct shim_attach_options *options, int client, const void *pending,
                size_t pending_len, struct error *err);

/* Ids are davitd's (64 hex digits). A created exec is forgotten 5 minutes after its end, or when the container ends. */
int shim_exec_create(int shim, const char *exec_id, const struct shim_exec_config *config, struct error *err);
/* `client` is the hijacked socket, -1 for a detached start. Answers when the process runs; a failure (exit_code 126,
 * 127, 128 in `err`) has Docker's sentence and leaves `client` untouched, so that the caller can still write to it. */
int shim_exec_start(int shim, const char *exec_id, int client, const void *pending, size_t pending_len,
                    int height, int width, const char *detach_keys, int *ret_pid, struct error *err);
int shim_exec_resize(int shim, const char *exec_id, int height, int width, struct error *err);
/* ERROR_NOT_FOUND for an unknown id. */
int shim_exec_inspect(int shim, const char *exec_id, struct shim_exec_state *ret, struct error *err);
void shim_exec_state_deinit(struct shim_exec_state *state);
void shim_exec_config_deinit(struct shim_exec_config *config);

int shim_resize(int shim, int height, int width, struct error *err);
/* `manual`: see shim_request. ERROR_CONFLICT "container ID is not running". */
int shim_signal(int shim, int signal, bool manual, struct error *err);
/* Sends the signal, SIGKILL after `timeout` ns (-1: never; 0: at once after the signal), answers when the container has
 * ended and state.json says so. SIGKILL follows at once when pid 1 can't be ended by `signal`: it neither handles,
 * blocks nor waits for it. Counts as manual. Stops a pending restart, too. */
int shim_stop(int shim, int signal, int64_t timeout, struct error *err);
int shim_pause(int shim, struct error *err);
int shim_unpause(int shim, struct error *err);
/* Either may be NULL. `resources` is the OCI spec's linux.resources with what changes. */
int shim_update(int shim, json_object *resources, const struct restart_policy *restart, struct error *err);
/* Replaces the published ports, of which `fds` has a socket each; the shim lets go of those that it had. */
int shim_ports(int shim, const struct shim_port *ports, size_t n_ports, const int *fds, struct error *err);
/* Opens the DNS server that a start did not need; `fds` as shim_spawn() has them. */
int shim_dns(int shim, const char *directory, const int fds[2], struct error *err);
/* The state as the shim has it, and the ids of its execs. */
int shim_state(int shim, struct container_state *ret, struct error *err);

/* Makes `shim` the watcher's connection: from now on it only receives events. Non-blocking afterwards. */
int shim_subscribe(int shim, struct error *err);
/* Takes the next event into zeroed `ret`: 1; 0: nothing there now; -1: an error, with ERROR_UNAVAILABLE the shim's end.
 * A shim whose container is down ends by itself, after all events were taken. */
int shim_event_receive(int shim, struct shim_event *ret, struct error *err);
void shim_event_deinit(struct shim_event *event);

/* What a dead shim left: kills the container's init if it still lives (checked by its start time) and what else is in
 * its cgroup (`cgroup_procs` lists cgroup.procs files, may be NULL), and writes state.json as exited with 137 and the
 * error "shim died". A state that says that the container is down is left as it is. */
int shim_bury(int container_dirfd, char *const *cgroup_procs, struct error *err);
