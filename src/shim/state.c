#include "shim/state.h"

#include "base/fd.h"

#include <errno.h>
#include <stdio.h>

#define STATE_PATH "state.json"
#define STATE_MAX (1 << 20)

static const struct json_field health_result_fields[] = {
        JSON_FIELD("start", struct health_result, start, JSON_TIME),
        JSON_FIELD("end", struct health_result, end, JSON_TIME),
        JSON_FIELD("exit_code", struct health_result, exit_code, JSON_INT),
        JSON_FIELD("output", struct health_result, output, JSON_STRING),
};
static const struct json_table health_result_table = JSON_TABLE(struct health_result, health_result_fields);

static const struct json_field health_state_fields[] = {
        JSON_FIELD("status", struct health_state, status, JSON_STRING),
        JSON_FIELD("failing_streak", struct health_state, failing_streak, JSON_INT),
        JSON_FIELD_ARRAY("log", struct health_state, log, n_log, JSON_ARRAY, health_result_table),
};
static const struct json_table health_state_table = JSON_TABLE(struct health_state, health_state_fields);

static const struct json_field container_state_fields[] = {
        JSON_FIELD("status", struct container_state, status, JSON_STRING),
        JSON_FIELD("pid", struct container_state, pid, JSON_INT),
        JSON_FIELD("pid_start", struct container_state, pid_start, JSON_UINT64),
        JSON_FIELD("shim_pid", struct container_state, shim_pid, JSON_INT),
        JSON_FIELD("boot_id", struct container_state, boot_id, JSON_STRING),
        JSON_FIELD("exit_code", struct container_state, exit_code, JSON_INT),
        JSON_FIELD("error", struct container_state, error, JSON_STRING),
        JSON_FIELD("oom_killed", struct container_state, oom_killed, JSON_BOOL),
        JSON_FIELD("manually_stopped", struct container_state, manually_stopped, JSON_BOOL),
        JSON_FIELD("started_at", struct container_state, started_at, JSON_TIME),
        JSON_FIELD("finished_at", struct container_state, finished_at, JSON_TIME),
        JSON_FIELD("restart_count", struct container_state, restart_count, JSON_INT),
        JSON_FIELD_STRUCT("health", struct container_state, health, JSON_STRUCT_PTR, health_state_table,
                          JSON_OMIT_EMPTY),
        JSON_FIELD("exec_ids", struct container_state, exec_ids, JSON_STRV, JSON_OMIT_EMPTY),
};
const struct json_table container_state_table = JSON_TABLE(struct container_state, container_state_fields);

void container_state_init(struct container_state *state)
{
        *state = (struct container_state){
                .status = xstrdup(STATUS_CREATED),
                .started_at = TIME_ZERO,
                .finished_at = TIME_ZERO,
        };
}

void container_state_deinit(struct container_state *state)
{
        json_free_fields(&container_state_table, state);
}

int container_state_load(int container_dirfd, struct container_state *state, struct error *err)
{
        struct container_state loaded = { .started_at = TIME_ZERO, .finished_at = TIME_ZERO };
        cleanup_error struct error read_error = { 0 };
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(container_dirfd, STATE_PATH, STATE_MAX, &text, &len, &read_error) < 0)
                return read_error.errnum == ENOENT ? error_set(err, ERROR_NOT_FOUND, STATE_PATH ": not there")
                                                   : error_move(err, &read_error);
        if (json_bind_text(&container_state_table, text, len, &loaded, err) < 0) {
                container_state_deinit(&loaded);
                return error_context(err, STATE_PATH);
        }
        if (string_empty(loaded.status)) {
                container_state_deinit(&loaded);
                return error_set(err, ERROR_INVALID, STATE_PATH ": no status");
        }
        *state = loaded;
        return 0;
}

/* On a full disk there is no room for a second file, but the old one's blocks are ours: one write, filled up with line
 * feeds to the old length, so that no reader finds two halves. */
static int overwrite(int container_dirfd, const char *text)
{
        cleanup_close int fd = openat(container_dirfd, STATE_PATH, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        cleanup_free char *padded = NULL;
        size_t len = strlen(text), room;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -1;
        room = MAX(len, (size_t)st.st_size);
        padded = xmalloc(room);
        memset(padded, '\n', room);
        memcpy(padded, text, len);
        return pwrite(fd, padded, room, 0) == (ssize_t)room ? 0 : -1;
}

int container_state_save(int container_dirfd, const struct container_state *state, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&container_state_table, state);
        cleanup_free char *text = json_format(tree);
        cleanup_error struct error failure = {};

        if (file_replace(container_dirfd, STATE_PATH, text, strlen(text), 0600, false, &failure) == 0)
                return 0;
        if ((failure.errnum == ENOSPC || failure.errnum == EDQUOT) && overwrite(container_dirfd, text) == 0)
                return 0;
        return error_move(err, &failure);
}

bool container_state_is_up(const struct container_state *state)
{
        return streq(state->status, STATUS_RUNNING) || streq(state->status, STATUS_PAUSED) ||
               streq(state->status, STATUS_RESTARTING);
}

int boot_id_read(char ret[37], struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &len, err) < 0)
                return -1;
        if (len < 36)
                return error_set(err, ERROR_SYSTEM, "boot_id: too short");
        memcpy(ret, text, 36);
        ret[36] = '\0';
        return 0;
}
