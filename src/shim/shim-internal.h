/* The shim's one object and what its files do with it. A container's life as the shim sees it:
 *
 *     WAITING ──start──> RUNNING ──exit──> ENDED             (the shim goes as soon as all clients have taken everything)
 *        │                │    ^
 *        │               exit  └─timer─┐
 *        │                └──────> RESTARTING ──stop──> ENDED
 *        └──start fails──> ENDED
 *
 * Paused is a flag of RUNNING. */
#pragma once

#include "runtime/runtime.h"
#include "shim/health.h"
#include "shim/protocol.h"
#include "shim/restart.h"
#include "shim/streams.h"

enum shim_phase { SHIM_WAITING, SHIM_RUNNING, SHIM_RESTARTING, SHIM_ENDED };

/* A connection to the control socket. */
struct connection {
        struct connection *next;
        struct shim *shim;
        int fd;
        struct loop_source source;
        bool subscribed;
        bool waits_for_end; /* its `stop` is answered when the container has ended */
};

struct exec {
        struct exec *next;
        struct shim *shim;
        struct shim_exec_state state;
        struct streams streams;
        struct runtime_process process;
        int64_t finished_at; /* monotonic */
        void (*ended)(struct exec *exec, void *data); /* a probe's; others send an event */
        void *data;
};

/* A health check that runs, and the timers around it. */
struct probe {
        struct exec *exec;
        struct strbuf output;
        int64_t started;
        bool timed_out;
        struct loop_timer next, timeout;
};

struct relay;

#define SHIM_START_TIMEOUT (60 * NSEC_PER_SEC) /* from spawn to start */

struct shim {
        struct loop loop;
        const char *directory; /* CONTAINER_DIR */
        int dirfd;
        struct shim_config config;
        struct log_options log_options;
        char *log_failure; /* why log_options could not be parsed: the start's answer */
        struct container_state state;
        enum shim_phase phase;
        struct log_writer *log;
        struct streams streams;
        struct linger_list linger;
        struct runtime_container *container;
        int listener, netns;
        struct loop_source listener_source, signal_source, oom_source;
        int signals; /* signalfd of SIGCHLD */
        struct connection *connections;
        struct exec *execs;
        struct restart_machine restart;
        struct probe probe;
        struct loop_timer restart_timer, kill_timer;
        int64_t started_monotonic;
        uint64_t oom_kills; /* seen in this run */
        int oom_fd;
        bool manual;        /* the end of this run was asked for */
        bool paused;
        int *port_fds; /* of config.ports */
        struct relay *relays;
        struct dns_server *dns;
};

/* container.c */
int shim_container_start(struct shim *shim, struct error *err);
void shim_container_exited(struct shim *shim, int exit_code);
int shim_container_stop(struct shim *shim, int signal, int64_t timeout, struct error *err);
int shim_container_signal(struct shim *shim, int signal, bool manual, struct error *err);
int shim_container_pause(struct shim *shim, bool pause, struct error *err);
/* A failed first start, or the last run's end: tells everybody and lets go of everything but slow clients. */
void shim_end(struct shim *shim);
void shim_save_state(struct shim *shim);

/* exec.c */
int exec_create(struct shim *shim, const char *id, const struct shim_exec_config *config, struct error *err);
struct exec *exec_find(struct shim *shim, const char *id);
/* Does not send an event; `client` is taken over on success, -1: none. */
int exec_start(struct exec *exec, int client, struct strbuf *pending, const char *detach_keys, struct error *err);
void exec_exited(struct exec *exec, int exit_code);
/* Unlinks and frees; an exec that runs is killed. */
void exec_free(struct exec *exec);

/* health-probe.c */
void probe_begin(struct shim *shim);  /* a run begins, or goes on after a pause */
void probe_end(struct shim *shim);

/* reap.c */
int reap_open(struct shim *shim, struct error *err);
void reap_all(struct shim *shim);

/* control.c */
int control_open(struct shim *shim, struct error *err);
void control_event(struct shim *shim, const struct shim_event *event);
/* Answers every `stop` that waits. */
void control_answer_waiting(struct shim *shim);
void control_close(struct shim *shim);

/* oom.c */
void oom_watch(struct shim *shim);
void oom_unwatch(struct shim *shim);
void oom_check(struct shim *shim);

/* dns.c */
/* `fds`: UDP, listening TCP; taken over in any case. */
int dns_open(struct shim *shim, const char *directory, const int fds[2], struct error *err);
void dns_close(struct shim *shim);

/* relay.c */
/* The descriptors are taken over; they belong to config.ports. */
int ports_open(struct shim *shim, const int *fds, struct error *err);
/* Others in their place; `ports` is taken over and empty afterwards. */
int ports_replace(struct shim *shim, struct shim_port **ports, size_t *count, const int *fds,
                  struct error *err);
/* Gives the host's ports back; connections that run through us go on until our end. Idempotent. */
void ports_close(struct shim *shim);

/* spec.c: CONTAINER_DIR/bundle/config.json, read when it is needed and forgotten after */
int shim_spec_load(struct shim *shim, struct oci_spec *spec, struct error *err);
/* The cached filter; `program` stays empty when the spec has no seccomp. */
int shim_seccomp_load(struct shim *shim, const struct oci_spec *spec, struct seccomp_program *program,
                      struct error *err);
