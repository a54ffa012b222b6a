/* Containers as the API means them.
 *
 * `reference` is always what users type: a name, an id, or a unique prefix of one (ERROR_NOT_FOUND "No such
 * container: X"). Calls are thread-safe and block; `cancel_fd` (-1: none) is a socket whose hang-up ends a
 * wait. Errors are Docker's sentences with their kinds; what is already as wanted is an ERROR_NOT_MODIFIED.
 * Results that go out as JSON are trees. */
#pragma once

#include "base/filters.h"
#include "base/json.h"
#include "oci/container-config.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct sink;

#define CONTAINER_ID_SIZE 65

/* ---- Create ---- */

/* The body of POST /containers/create. */
struct container_request {
        struct container_config config;
        struct host_config host;
        struct networking_config networking;
};
int container_request_parse(json_object *body, struct container_request *ret, struct error *err);
void container_request_deinit(struct container_request *request);
#define cleanup_container_request __attribute__((cleanup(container_request_deinit)))

/* `name` NULL or "": one is made up. `platform` may be NULL. `version` is the API's minor number. Warnings go
 * to
 * `*ret_warnings` (a list). The request is taken over (left empty). */
int engine_container_create(struct engine *engine, const char *name, const char *platform, int version,
                            struct container_request *request, char ret_id[CONTAINER_ID_SIZE],
                            char ***ret_warnings, struct error *err);

/* ---- Life ---- */

/* `detach_keys` may be NULL. */
int engine_container_start(struct engine *engine, const char *reference, const char *detach_keys,
                           struct error *err);
/* `signal` NULL: the container's; `timeout` in seconds NULL: the container's, else 10; -1 waits for ever. */
int engine_container_stop(struct engine *engine, const char *reference, const char *signal,
                          const int *timeout, struct error *err);
int engine_container_restart(struct engine *engine, const char *reference, const char *signal,
                             const int *timeout, struct error *err);
int engine_container_kill(struct engine *engine, const char *reference, const char *signal,
                          struct error *err);
int engine_container_pause(struct engine *engine, const char *reference, struct error *err);
int engine_container_unpause(struct engine *engine, const char *reference, struct error *err);
int engine_container_remove(struct engine *engine, const char *reference, bool force, bool volumes, bool link,
                            struct error *err);
int engine_container_rename(struct engine *engine, const char *reference, const char *name,
                            struct error *err);
/* `body` as POST /containers/ID/update: limits and RestartPolicy; what is not in it stays. {"Warnings":[…]}
 * in *ret. */
int engine_container_update(struct engine *engine, const char *reference, json_object *body,
                            json_object **ret, struct error *err);
int engine_container_prune(struct engine *engine, const struct filters *filters, json_object **ret,
                           struct error *err);

/* Waiting in two steps, so that the answer's head can go out between them. `condition`: NULL or "" or
 * "not-running", "next-exit", "removed". */
struct container_wait;
int engine_container_wait_open(struct engine *engine, const char *reference, const char *condition,
                               struct container_wait **ret, struct error *err);
/* {"StatusCode":n} (with "Error":{"Message":…} after a failed start). ERROR_CANCELLED when the client left.
 */
int engine_container_wait(struct container_wait *wait, int cancel_fd, json_object **ret, struct error *err);
void engine_container_wait_close(struct container_wait *wait);

/* ---- Streams ---- */

/* Is the stream framed (no terminal)? Checks that the container is there and can be attached to. */
int engine_container_attach_check(struct engine *engine, const char *reference, bool *ret_tty,
                                  struct error *err);
struct container_attach_options {
        bool use_stdin, use_stdout, use_stderr, logs, stream;
        const char *detach_keys;
};
/* Hands the hijacked socket on (not consumed) with what came early. A container that does not run gets it
 * when it is started. */
int engine_container_attach(struct engine *engine, const char *reference,
                            const struct container_attach_options *options, int client, const void *early,
                            size_t early_len, struct error *err);

struct container_logs_options {
        bool use_stdout, use_stderr, follow, timestamps, details;
        int64_t since, until; /* TIME_ZERO: none */
        int64_t tail;         /* -1: all */
};
struct container_logs;
int engine_container_logs_open(struct engine *engine, const char *reference,
                               const struct container_logs_options *options, struct container_logs **ret,
                               bool *ret_tty, struct error *err);
/* Writes frames (or raw bytes for a terminal) until the end; with follow until the container ends. */
int engine_container_logs_write(struct container_logs *logs, struct sink *out, int cancel_fd,
                                struct error *err);
void engine_container_logs_close(struct container_logs *logs);

int engine_container_resize(struct engine *engine, const char *reference, int height, int width,
                            struct error *err);

/* ---- Exec ---- */

/* `body` as POST /containers/ID/exec; the new id in `ret_id`. */
int engine_exec_create(struct engine *engine, const char *reference, json_object *body,
                       char ret_id[CONTAINER_ID_SIZE], struct error *err);
/* Found and startable? `*ret_tty`: not framed. */
int engine_exec_start_check(struct engine *engine, const char *id, bool *ret_tty, struct error *err);
/* `client` -1: detached. Height and width 0: as created. */
int engine_exec_start(struct engine *engine, const char *id, int client, const void *early, size_t early_len,
                      int height, int width, const char *detach_keys, struct error *err);
int engine_exec_resize(struct engine *engine, const char *id, int height, int width, struct error *err);
int engine_exec_inspect(struct engine *engine, const char *id, json_object **ret, struct error *err);

/* ---- Reading ---- */

int engine_container_inspect(struct engine *engine, const char *reference, bool size, json_object **ret,
                             struct error *err);
struct container_list_options {
        bool all, size;
        int limit; /* 0: none */
        const struct filters *filters;
};
/* GET /containers/json: an array. */
int engine_container_list(struct engine *engine, const struct container_list_options *options,
                          json_object **ret, struct error *err);
/* {"Titles":[…],"Processes":[[…]]}. */
int engine_container_top(struct engine *engine, const char *reference, const char *ps_args, json_object **ret,
                         struct error *err);
/* One sample; `*previous` (may hold NULL) is the sample before for precpu_stats, and is replaced. For a
 * container that does not run an empty sample. */
struct container_sample;
int engine_container_stats(struct engine *engine, const char *reference, struct container_sample **previous,
                           json_object **ret, struct error *err);
void container_sample_free(struct container_sample *sample);

/* How many there are, for `info`. */
struct container_counts {
        int all, running, paused, stopped;
};
void engine_container_counts(struct engine *engine, struct container_counts *ret);
