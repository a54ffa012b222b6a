/* A container's run state: CONTAINER_DIR/state.json.
 *
 * Its only writer is the shim while one lives, else davitd. It is replaced by rename before anybody is told of what
 * changed. It is not flushed to the disk: after a power cut the container is gone anyway, and a state whose boot_id is
 * not ours says so (a torn or empty file reads as ERROR_INVALID). A missing file is a container that never ran.
 *
 * Health times and exec ids are part of it; the record of an exec lives in the shim's memory only. */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "base/time.h"

#include <sys/types.h>

/* Docker's words. */
#define STATUS_CREATED "created"
#define STATUS_RUNNING "running"
#define STATUS_PAUSED "paused"
#define STATUS_RESTARTING "restarting" /* between two runs; Docker's Running is true then, too, and Pid 0 */
#define STATUS_EXITED "exited"
#define STATUS_DEAD "dead"

#define HEALTH_LOG_MAX 5
#define HEALTH_OUTPUT_MAX 4096

struct health_result {
        int64_t start, end;
        int exit_code;
        char *output;
};

struct health_state {
        char *status; /* "starting", "healthy", "unhealthy" */
        int failing_streak;
        struct health_result *log; /* the last HEALTH_LOG_MAX, oldest first */
        size_t n_log;
};

struct container_state {
        char *status;
        int pid;               /* of the container's init on the host; 0 unless running or paused */
        uint64_t pid_start;    /* its start time in clock ticks (field 22 of /proc/PID/stat): tells a reused pid */
        int shim_pid;
        char *boot_id;         /* of the boot in which this was written */
        int exit_code;
        char *error;           /* of a failed start */
        bool oom_killed;
        bool manually_stopped; /* the last end was asked for: unless-stopped is not started again by a new davitd */
        int64_t started_at, finished_at; /* TIME_ZERO: never */
        int restart_count;
        struct health_state *health; /* NULL: no health check */
        char **exec_ids;             /* running and created ones when this was written */
};

extern const struct json_table container_state_table;

/* A fresh state: created, never started. */
void container_state_init(struct container_state *state);
void container_state_deinit(struct container_state *state);
#define cleanup_container_state __attribute__((cleanup(container_state_deinit)))

/* ERROR_NOT_FOUND when there is none. `state` is uninitialised or deinitialised before; valid only on success. */
int container_state_load(int container_dirfd, struct container_state *state, struct error *err);
int container_state_save(int container_dirfd, const struct container_state *state, struct error *err);

/* Running, paused or restarting: what Docker's State.Running says. */
bool container_state_is_up(const struct container_state *state);

/* This boot's id, 36 characters. */
int boot_id_read(char ret[37], struct error *err);
