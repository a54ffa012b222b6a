/* Every start of the engine is a recovery: containers are loaded from their folders and compared with the
 * shims that live. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "runtime/cgroup.h"
#include "store/layer.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>

static bool is_id(const char *name)
{
        return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

int container_live_ids(const struct engine *engine, char ***ret, struct error *err)
{
        cleanup_free char *folder = string_format("%s/containers", engine->options->exec_root);
        cleanup_closedir DIR *dir = NULL;
        cleanup_strv char **ids = strv_new();
        struct dirent *entry;

        if (directory_make(AT_FDCWD, folder, 0700, err) < 0 ||
            directory_list(AT_FDCWD, folder, &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir))) {
                cleanup_free char *socket = NULL;
                cleanup_close int shim = -1;

                if (!is_id(entry->d_name))
                        continue;
                socket = container_socket(engine, entry->d_name);
                shim = shim_connect(socket, NULL);
                if (shim >= 0)
                        strv_append(&ids, entry->d_name);
                else if (faccessat(engine->containers_fd, entry->d_name, F_OK, 0) < 0)
                        tree_remove(dirfd(dir), entry->d_name, NULL);
        }
        *ret = take_ptr(ids);
        return 0;
}

/* The cgroup.procs files of a container, in every hierarchy that may have it. */
static char **cgroup_files(const struct engine *engine, const struct container *c)
{
        static const char *const hierarchies[] = { "",     "/unified", "/pids",   "/memory",
                                                   "/cpu", "/freezer", "/devices" };
        cleanup_free char *path = container_cgroup_path(engine, c);
        char **files = strv_new();

        for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++)
                strv_append_take(&files,
                                 string_format("/sys/fs/cgroup%s%s/cgroup.procs", hierarchies[i], path));
        return files;
}

void container_bury(struct engine *engine, struct container *c)
{
        cleanup_strv char **files = cgroup_files(engine, c);
        cleanup_free char *path = container_cgroup_path(engine, c);
        cleanup_cgroup struct cgroup *cgroup = NULL;
        cleanup_error struct error err = {};

        if (shim_bury(c->dirfd, files, &err) < 0)
                log_error("container %s: %s", c->id, error_message(&err));
        if (cgroup_open(path, &cgroup, NULL) == 0) {
                cgroup_kill(cgroup, SIGKILL, NULL);
                cgroup_remove(cgroup, NULL);
        }
}

/* The records of execs live in the shim. */
static void reload_execs(struct container *c, int shim)
{
        for (size_t i = 0; c->state.exec_ids && c->state.exec_ids[i]; i++) {
                struct shim_exec_state state = {};
                struct exec_entry *exec;

                if (strlen(c->state.exec_ids[i]) + 1 != CONTAINER_ID_SIZE ||
                    shim_exec_inspect(shim, c->state.exec_ids[i], &state, NULL) < 0)
                        continue;
                exec = xcalloc(1, sizeof(*exec));
                memcpy(exec->id, c->state.exec_ids[i], CONTAINER_ID_SIZE);
                exec->started = state.started;
                exec->running = state.running;
                exec->finished = state.finished;
                exec->exit_code = state.exit_code;
                exec->pid = state.pid;
                exec->config = state.config;
                state.config = (struct shim_exec_config){};
                shim_exec_state_deinit(&state);
                ARRAY_APPEND(c->execs, c->n_execs, exec);
        }
}

/* Takes a live shim up again. False when there is none. */
static bool reconnect(struct engine *engine, struct container *c)
{
        cleanup_free char *socket = container_socket(engine, c->id);
        cleanup_close int watch = shim_connect(socket, NULL), shim = -1;
        struct container_state state;

        if (watch < 0 || shim_subscribe(watch, NULL) < 0 || (shim = shim_connect(socket, NULL)) < 0)
                return false;
        /* What changed before the subscription is in the file; what changes now will be told. */
        if (container_state_load(c->dirfd, &state, NULL) == 0)
                container_set_state(c, &state);
        if (!container_state_is_up(&c->state)) {
                /* Our predecessor died before it asked for the start. */
                shim_stop(shim, SIGKILL, 0, NULL);
                return false;
        }
        reload_execs(c, shim);
        container_watch(engine, c, take_fd(watch));
        return true;
}

bool container_was_started(const struct container *c)
{
        return c->has_been_started || c->state.started_at != TIME_ZERO;
}

bool container_should_restart(const struct container *c)
{
        return c->host.restart_policy.name && !streq(c->host.restart_policy.name, "") &&
               !streq(c->host.restart_policy.name, "no") && !c->state.manually_stopped;
}

/* Was it up when its shim (or the machine) went? Then any policy brings it back; after a boot "always" and
 * "unless-stopped" do so for others, too. */
static bool should_come_back(const struct container *c, bool was_up, bool rebooted)
{
        const char *policy = c->host.restart_policy.name;

        if (was_up)
                return container_should_restart(c);
        if (!rebooted || !container_was_started(c))
                return false;
        return streq(policy, "always") || (streq(policy, "unless-stopped") && !c->state.manually_stopped);
}

/* Without config.json it was being made or removed; anything else is kept for somebody to look at. */
static void recover_damaged(struct engine *engine, const char *id, const struct error *why)
{
        if (why->errnum == ENOENT)
                container_clear(engine, id);
        else
                log_error("%s", error_message(why));
}

/* A container that is up by its state, and has no shim. */
static void recover_dead(struct engine *engine, struct container *c)
{
        struct container_state state;

        log_error("container %s: its shim is gone", c->id);
        container_bury(engine, c);
        if (container_state_load(c->dirfd, &state, NULL) == 0)
                container_set_state(c, &state);
}

static void recover_one(struct engine *engine, const char *id, char *const *live, bool rebooted)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error err = {};
        bool was_up, was_live = strv_contains(live, id);

        if (container_load(engine, id, &c, &err) < 0) {
                recover_damaged(engine, id, &err);
                return;
        }
        c->ready = true;
        if (container_insert_recovered(engine, c, &err) < 0) {
                log_error("container %s: %s", id, error_message(&err));
                return;
        }
        was_up = container_state_is_up(&c->state);
        if (was_live && reconnect(engine, c))
                return;
        if (container_state_is_up(&c->state))
                recover_dead(engine, c);
        if (was_up || was_live)
                container_release_run(engine, c);
        if (c->host.auto_remove && container_was_started(c))
                container_remove_later(engine, c);
        else if (should_come_back(c, was_up && !was_live, rebooted))
                container_order_add(engine, c);
}

void container_clear(struct engine *engine, const char *id)
{
        cleanup_free char *owner = string_format("container:%s", id);
        cleanup_free char *run = string_format("%s/containers/%s", engine->options->exec_root, id);
        cleanup_free char *shm = container_shm(engine, id);

        umount2(shm, MNT_DETACH | UMOUNT_NOFOLLOW);
        tree_remove(AT_FDCWD, run, NULL);
        network_container_remove(engine->networks, id);
        volume_release(engine->volumes, id, false);
        layer_unpin(engine->store, owner, false, NULL);
        tree_remove(engine->containers_fd, id, NULL);
}

/* Has the machine been booted since the last engine of this root? Remembers this boot. */
static bool check_boot(struct engine *engine)
{
        cleanup_free char *last = NULL;
        char boot[37];
        bool rebooted;

        if (boot_id_read(boot, NULL) < 0)
                return false;
        if (file_read(engine->data_fd, "boot-id", 64, &last, NULL, NULL) < 0)
                last = xstrdup(boot);
        rebooted = !streq(last, boot);
        if (file_replace(engine->data_fd, "boot-id", boot, strlen(boot), 0600, false, NULL) < 0)
                log_warn("boot-id cannot be written");
        return rebooted;
}

/* A removal does not wait for the disk: a power cut may bring back the pins of containers that are gone. A
 * container is in the table before it has pins. */
static void drop_stale_pins(struct engine *engine)
{
        cleanup_error struct error err = {};
        cleanup_strv char **owners = NULL;

        if (layer_pin_owners(engine->store, "container:", &owners, &err) < 0) {
                log_error("%s", error_message(&err));
                return;
        }
        for (size_t i = 0; i < strv_length(owners); i++) {
                cleanup_container struct container *c =
                    container_by_id(engine, string_after(owners[i], "container:"));

                if (!c)
                        layer_unpin(engine->store, owners[i], false, NULL);
        }
}

struct recovery {
        struct engine *engine;
        char **live;
        bool rebooted;
};

static void *recovery_thread(void *arg)
{
        struct recovery *r = arg;
        cleanup_closedir DIR *dir = NULL;
        cleanup_error struct error err = {};
        const struct dirent *entry;

        if (directory_list(r->engine->containers_fd, ".", &dir, &err) < 0)
                log_error("%s", error_message(&err));
        while (dir && (entry = readdir(dir)))
                if (is_id(entry->d_name))
                        recover_one(r->engine, entry->d_name, r->live, r->rebooted);
        container_table_loaded(r->engine);
        container_order_start(r->engine);
        drop_stale_pins(r->engine);
        strv_free(r->live);
        free(r);
        return NULL;
}

int container_recover_all(struct engine *engine, char *const *live, struct error *err)
{
        struct recovery *r = xcalloc(1, sizeof(*r));

        r->engine = engine;
        r->live = strv_copy(live);
        r->rebooted = check_boot(engine);
        if (pthread_create(&engine->loader, NULL, recovery_thread, r) != 0) {
                strv_free(r->live);
                free(r);
                return error_set(err, ERROR_SYSTEM, "cannot start a thread");
        }
        engine->has_loader = true;
        return 0;
}
