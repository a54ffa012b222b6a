/* Messages on a shim's control socket (SOCK_SEQPACKET): one JSON object each, descriptors beside it.
 *
 * A caller sends a request and reads one reply; several connections may be open. `stop` answers when the container has
 * ended, everything else at once. A connection that sent `subscribe` gets events pushed after the reply to it and must
 * send nothing else. A message longer than SHIM_MESSAGE_MAX travels in a memfd: its text is "M" and the memfd is the
 * last of its descriptors.
 *
 * client.h has a function for each request; nobody else needs this file except to decode pushed events. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "shim/config.h"
#include "shim/state.h"

#define SHIM_MESSAGE_MAX 65536
#define SHIM_MEMFD_MAX (16 << 20)

/* What an exec shall run; the API's ExecConfig with its defaults applied. */
struct shim_exec_config {
        char **cmd;
        char **env;    /* added to the container's own environment */
        char *user;    /* "" or NULL: the container's */
        char *workdir; /* "" or NULL: the container's */
        bool tty, privileged;
        bool attach_stdin, attach_stdout, attach_stderr;
        char *detach_keys; /* "": the default; see detach-keys.h */
        int height, width; /* of the console; 0: unset */
};

/* An exec's record. `exit_code` counts once it has `finished`. */
struct shim_exec_state {
        char *id;
        struct shim_exec_config config;
        bool started, running, finished;
        int exit_code;
        int pid;
};

struct shim_request {
        char *type;    /* "start", "attach", … : the rows of control.c */
        char *exec_id; /* exec-*, resize of an exec */
        struct shim_exec_config *exec;
        int signal;
        bool manual;       /* signal: the exit it causes counts as asked for (no restart follows) */
        int64_t timeout;   /* stop: ns until SIGKILL, -1 waits without end */
        int height, width; /* resize; exec-start: 0 leaves what create said */
        bool use_stdin, use_stdout, use_stderr, logs;
        char *detach_keys;
        json_object *resources; /* update: OCI linux.resources */
        struct restart_policy *restart;
        struct shim_port *ports; /* ports: what is published from now on, a descriptor beside it for each */
        size_t n_ports;
        char *dns_directory; /* dns: and the server's two sockets */
};

struct shim_reply {
        int kind; /* enum error_kind, ERROR_NONE for success */
        int errnum, exit_code;
        char *message;
        int pid;
        struct container_state *state;
        struct shim_exec_state *exec;
};

/* Pushed to subscribers, always after state.json says the same. */
#define SHIM_EVENT_STARTED "started"     /* pid; also after each automatic restart */
#define SHIM_EVENT_EXITED "exited"       /* exit_code, oom, restarting, manual */
#define SHIM_EVENT_PAUSED "paused"
#define SHIM_EVENT_UNPAUSED "unpaused"
#define SHIM_EVENT_OOM "oom"
#define SHIM_EVENT_HEALTH "health_status" /* health: "starting", "healthy", "unhealthy"; only when it changes */
#define SHIM_EVENT_EXEC_EXITED "exec_exited" /* exec_id, exit_code */
#define SHIM_EVENT_DETACHED "detached"       /* a client left by its detach keys; exec_id "" for an attach */

struct shim_event {
        char *event; /* one of the above */
        int64_t time;
        int pid;
        int exit_code;
        bool oom;
        bool restarting; /* exited: another run follows by the restart policy */
        bool manual;     /* exited: it was asked for (stop, kill) */
        int restart_count;
        char *health;
        char *exec_id;
};

extern const struct json_table shim_exec_config_table;
extern const struct json_table shim_exec_state_table;
extern const struct json_table shim_request_table;
extern const struct json_table shim_reply_table;
extern const struct json_table shim_event_table;

/* Sends a struct as a message. Returns 0 or -1 with errno (EAGAIN on a full socket) and no further ado. */
int shim_message_send(int fd, const struct json_table *table, const void *in, const int *fds, size_t n_fds);
/* Receives one into zeroed `out`; `*n_fds` as socket_receive(). Returns 1, 0 at the end of the connection, -1. */
int shim_message_receive(int fd, const struct json_table *table, void *out, int *fds, size_t *n_fds,
                         struct error *err);
/* The pure half of it: bytes to struct. */
int shim_message_decode(const char *text, size_t len, const struct json_table *table, void *out,
                        struct error *err);
