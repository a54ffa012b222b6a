/* Exec: records live with their container and in its shim; an id is found by walking the containers that run.
 */
#include "engine/container-internal.h"
#include "base/detach-keys.h"
#include "base/fd.h"

#include <sys/random.h>

/* Records of ended execs that are kept for inspect. */
#define KEPT 64

struct exec_request {
        struct shim_exec_config config;
        char **env_given;
        bool detach;
        uint32_t *console_size;
        size_t n_console_size;
};

#define STRUCT struct exec_request
static const struct json_field exec_request_fields[] = {
        JSON_FIELD("User", STRUCT, config.user, JSON_STRING),
        JSON_FIELD("Privileged", STRUCT, config.privileged, JSON_BOOL),
        JSON_FIELD("Tty", STRUCT, config.tty, JSON_BOOL),
        JSON_FIELD_UINT32S("ConsoleSize", STRUCT, console_size, n_console_size),
        JSON_FIELD("AttachStdin", STRUCT, config.attach_stdin, JSON_BOOL),
        JSON_FIELD("AttachStderr", STRUCT, config.attach_stderr, JSON_BOOL),
        JSON_FIELD("AttachStdout", STRUCT, config.attach_stdout, JSON_BOOL),
        JSON_FIELD("DetachKeys", STRUCT, config.detach_keys, JSON_STRING),
        JSON_FIELD("Env", STRUCT, config.env, JSON_STRV),
        JSON_FIELD("WorkingDir", STRUCT, config.workdir, JSON_STRING),
        JSON_FIELD("Cmd", STRUCT, config.cmd, JSON_STRV, JSON_OR_STRING),
};
static const struct json_table exec_request_table = JSON_TABLE(STRUCT, exec_request_fields);
#undef STRUCT

static struct exec_entry *exec_of(struct container *c, const char *id)
{
        for (size_t i = 0; i < c->n_execs; i++)
                if (streq(c->execs[i]->id, id))
                        return c->execs[i];
        return NULL;
}

static int find_exec(struct engine *engine, const char *id, struct container **ret, struct error *err)
{
        struct container **list;
        size_t count;

        *ret = NULL;
        container_list_all(engine, &list, &count);
        for (size_t i = 0; i < count && !*ret; i++) {
                pthread_mutex_lock(&list[i]->lock);
                if (exec_of(list[i], id)) {
                        *ret = list[i];
                        container_hold(list[i]);
                }
                pthread_mutex_unlock(&list[i]->lock);
        }
        container_list_drop(list, count);
        return *ret ? 0 : error_set(err, ERROR_NOT_FOUND, "No such exec instance: %s", id);
}

static int check_running(struct container *c, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&c->lock);
        if (streq(c->state.status, STATUS_PAUSED))
                r = error_set(err, ERROR_CONFLICT,
                              "Container %s is paused, unpause the container before exec", c->name);
        else if (streq(c->state.status, STATUS_RESTARTING))
                r = error_set(err, ERROR_CONFLICT,
                              "Container %s is restarting, wait until the container is running", c->name);
        else if (!container_state_is_up(&c->state))
                r = error_set(err, ERROR_CONFLICT, "container %s is not running", c->id);
        pthread_mutex_unlock(&c->lock);
        return r;
}

/* With `lock` held: forgets the oldest ended ones. */
static void trim(struct container *c)
{
        for (size_t i = 0; c->n_execs > KEPT && i < c->n_execs;) {
                if (!c->execs[i]->finished) {
                        i++;
                        continue;
                }
                shim_exec_config_deinit(&c->execs[i]->config);
                free(c->execs[i]);
                c->n_execs--;
                memmove(&c->execs[i], &c->execs[i + 1], (c->n_execs - i) * sizeof(*c->execs));
        }
}

static void exec_event(struct engine *engine, struct container *c, const char *what,
                       const struct exec_entry *exec)
{
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *arguments = strv_join(exec->config.cmd + 1, " "),
                          *action = string_format("%s: %s %s", what, exec->config.cmd[0], arguments);

        strmap_set(&extra, "execID", exec->id);
        container_event(engine, c, action, &extra);
}

int engine_exec_create(struct engine *engine, const char *reference, json_object *body,
                       char ret_id[CONTAINER_ID_SIZE], struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct exec_request request = {};
        struct detach_keys keys;
        struct exec_entry *exec;
        cleanup_close int shim = -1;
        uint8_t random[32];

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        if (json_bind(&exec_request_table, body, &request, err) < 0)
                goto fail;
        if (detach_keys_parse(request.config.detach_keys, &keys, NULL) < 0) {
                error_set(err, ERROR_INVALID, "Invalid escape keys (%s) provided",
                          request.config.detach_keys);
                goto fail;
        }
        if (strv_length(request.config.cmd) == 0) {
                error_set(err, ERROR_INVALID, "No exec command specified");
                goto fail;
        }
        if (check_running(c, err) < 0 || (shim = container_shim(engine, c, err)) < 0)
                goto fail;
        if (request.n_console_size == 2) {
                request.config.height = (int)request.console_size[0];
                request.config.width = (int)request.console_size[1];
        }
        exec = xcalloc(1, sizeof(*exec));
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                abort();
        for (size_t i = 0; i < sizeof(random); i++)
                snprintf(exec->id + 2 * i, 3, "%02x", random[i]);
        exec->config = request.config;
        free(request.console_size);
        if (shim_exec_create(shim, exec->id, &exec->config, err) < 0) {
                shim_exec_config_deinit(&exec->config);
                free(exec);
                return container_shim_failed(c, err);
        }
        memcpy(ret_id, exec->id, CONTAINER_ID_SIZE);
        exec_event(engine, c, "exec_create", exec);
        pthread_mutex_lock(&c->lock);
        ARRAY_APPEND(c->execs, c->n_execs, exec);
        trim(c);
        pthread_mutex_unlock(&c->lock);
        return 0;
fail:
        json_free_fields(&exec_request_table, &request);
        return -1;
}

static int already_started(const struct exec_entry *exec, struct error *err)
{
        return error_set(err, ERROR_CONFLICT, "exec command %s %s", exec->id,
                         exec->running ? "is already running" : "has already run");
}

int engine_exec_start_check(struct engine *engine, const char *id, bool *ret_tty, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct exec_entry *exec;
        int r = 0;

        if (find_exec(engine, id, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        if (!exec)
                r = error_set(err, ERROR_NOT_FOUND, "No such exec instance: %s", id);
        else if (exec->started)
                r = already_started(exec, err);
        else
                *ret_tty = exec->config.tty;
        pthread_mutex_unlock(&c->lock);
        return r < 0 ? r : check_running(c, err);
}

int engine_exec_start(struct engine *engine, const char *id, int client, const void *early, size_t early_len,
                      int height, int width, const char *detach_keys, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_close int shim = -1;
        struct exec_entry *exec, copy = {};
        int pid = 0, r;

        if (find_exec(engine, id, &c, err) < 0 || check_running(c, err) < 0)
                return -1;
        shim = container_shim(engine, c, err);
        if (shim < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        if (!exec || exec->started) {
                r = exec ? already_started(exec, err)
                         : error_set(err, ERROR_NOT_FOUND, "No such exec instance: %s", id);
                pthread_mutex_unlock(&c->lock);
                return r;
        }
        exec->started = exec->running = true;
        memcpy(copy.id, exec->id, sizeof(copy.id));
        copy.config.cmd = strv_copy(exec->config.cmd);
        pthread_mutex_unlock(&c->lock);
        exec_event(engine, c, "exec_start", &copy);
        strv_free(copy.config.cmd);
        r = shim_exec_start(shim, id, client, early, early_len, height, width, detach_keys, &pid, err);
        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        /* The watcher may have seen its end already. */
        if (exec && !exec->finished) {
                exec->pid = pid;
                exec->running = r == 0;
                exec->finished = r < 0;
                if (r < 0)
                        exec->exit_code = err->exit_code ? err->exit_code : 126;
        }
        pthread_mutex_unlock(&c->lock);
        return r < 0 ? container_shim_failed(c, err) : 0;
}

int engine_exec_resize(struct engine *engine, const char *id, int height, int width, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_close int shim = -1;

        if (find_exec(engine, id, &c, err) < 0)
                return -1;
        shim = container_shim(engine, c, err);
        return shim < 0 ? -1 : shim_exec_resize(shim, id, height, width, err);
}

static json_object *process_json(const struct shim_exec_config *config)
{
        json_object *out = json_object_new_object(), *arguments = json_object_new_array();

        for (size_t i = 1; config->cmd && config->cmd[0] && config->cmd[i]; i++)
                json_object_array_add(arguments, json_object_new_string(config->cmd[i]));
        json_object_object_add(out, "tty", json_object_new_boolean(config->tty));
        json_set_string(out, "entrypoint", config->cmd && config->cmd[0] ? config->cmd[0] : "");
        json_object_object_add(out, "arguments", arguments);
        json_object_object_add(out, "privileged", json_object_new_boolean(config->privileged));
        if (!string_empty(config->user))
                json_set_string(out, "user", config->user);
        return out;
}

/* A client whose stream has just ended asks at once for the exit code, maybe before the watcher has heard of
 * it: the shim knows. */
static void refresh_running(struct engine *engine, struct container *c, const char *id)
{
        struct shim_exec_state state = {};
        cleanup_close int shim = -1;
        struct exec_entry *exec;
        bool running;

        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        running = exec && exec->running;
        pthread_mutex_unlock(&c->lock);
        if (!running)
                return;
        shim = container_shim(engine, c, NULL);
        if (shim < 0 || shim_exec_inspect(shim, id, &state, NULL) < 0)
                return;
        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        if (exec && !exec->finished && state.finished) {
                exec->running = false;
                exec->finished = true;
                exec->exit_code = state.exit_code;
                exec->pid = 0;
        }
        pthread_mutex_unlock(&c->lock);
        shim_exec_state_deinit(&state);
}

int engine_exec_inspect(struct engine *engine, const char *id, json_object **ret, struct error *err)
{
        cleanup_container struct container *c = NULL;
        json_object *out = json_object_new_object();
        struct exec_entry *exec;

        if (find_exec(engine, id, &c, err) < 0) {
                json_object_put(out);
                return -1;
        }
        refresh_running(engine, c, id);
        pthread_mutex_lock(&c->lock);
        exec = exec_of(c, id);
        if (exec) {
                json_set_string(out, "ID", exec->id);
                json_object_object_add(out, "Running", json_object_new_boolean(exec->running));
                json_object_object_add(out, "ExitCode",
                                       exec->finished ? json_object_new_int(exec->exit_code) : NULL);
                json_object_object_add(out, "ProcessConfig", process_json(&exec->config));
                json_object_object_add(out, "OpenStdin", json_object_new_boolean(exec->config.attach_stdin));
                json_object_object_add(out, "OpenStderr",
                                       json_object_new_boolean(exec->config.attach_stderr));
                json_object_object_add(out, "OpenStdout",
                                       json_object_new_boolean(exec->config.attach_stdout));
                json_object_object_add(out, "CanRemove", json_object_new_boolean(false));
                json_set_string(out, "ContainerID", c->id);
                json_set_string(out, "DetachKeys", exec->config.detach_keys ? exec->config.detach_keys : "");
                json_object_object_add(out, "Pid", json_object_new_int(exec->pid));
        }
        pthread_mutex_unlock(&c->lock);
        *ret = out;
        return 0;
}
