/* Every start of the engine is a recovery: containers are loaded from their folders and compared with the
 * shims that live. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "runtime/cgroup.h"
#include "store/layer.h"

#include <errno.h>
#include <signal.h>

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

/* Takes a live shim up again. False when there is none. */
static bool reconnect(struct engine *engine, struct container *c)
{
        cleanup_free char *socket = container_socket(engine, c->id);
        cleanup_close int shim = shim_connect(socket, NULL);
        struct container_state state;

        if (shim < 0 || shim_subscribe(shim, NULL) < 0)
                return false;
        /* What changed before the subscription is in the file; what changes now will be told. */
        if (container_state_load(c->dirfd, &state, NULL) == 0)
                container_set_state(c, &state);
        if (!container_state_is_up(&c->state))
                return false;
        container_watch(engine, c, take_fd(shim));
        return true;
}

static bool should_come_back(const struct container *c, bool was_up, bool rebooted)
{
        const char *policy = c->host.restart_policy.name;

        if (streq(policy, "always"))
                return was_up || (rebooted && c->has_been_started);
        if (streq(policy, "unless-stopped"))
                return was_up || (rebooted && c->has_been_started && !c->state.manually_stopped);
        if (streq(policy, "on-failure"))
                return was_up;
        return false;
}

static void recover_one(struct engine *engine, const char *id, bool rebooted, char ***come_back)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error err = {};
        bool was_up;

        if (faccessat(engine->containers_fd, id, F_OK, 0) == 0 && container_load(engine, id, &c, &err) < 0) {
                /* Without config.json it was being made or removed; anything else is kept for somebody to
                 * look at. */
                if (err.errnum == ENOENT)
                        container_clear(engine, id);
                else
                        log_error("%s", error_message(&err));
                return;
        }
        c->ready = true;
        if (container_insert(engine, c, &err) < 0) {
                log_error("container %s: %s", id, error_message(&err));
                return;
        }
        was_up = container_state_is_up(&c->state);
        if (was_up && reconnect(engine, c))
                return;
        if (container_state_is_up(&c->state)) {
                struct container_state state;

                container_bury(engine, c);
                if (container_state_load(c->dirfd, &state, NULL) == 0)
                        container_set_state(c, &state);
        }
        if (c->host.auto_remove && c->has_been_started)
                container_remove_later(engine, c);
        else if (should_come_back(c, was_up, rebooted))
                strv_append(come_back, c->id);
}

void container_clear(struct engine *engine, const char *id)
{
        cleanup_free char *owner = string_format("container:%s", id);

        network_container_remove(engine->networks, id);
        volume_release(engine->volumes, id, false);
        layer_unpin(engine->store, owner, NULL);
        tree_remove(engine->containers_fd, id, NULL);
}

struct comeback {
        struct engine *engine;
        char **ids;
};

static void *comeback_thread(void *arg)
{
        struct comeback *comeback = arg;

        for (size_t i = 0; comeback->ids[i]; i++) {
                cleanup_error struct error err = {};

                if (engine_container_start(comeback->engine, comeback->ids[i], NULL, &err) < 0 &&
                    !error_is(&err, ERROR_NOT_MODIFIED))
                        log_warn("container %s does not come back: %s", comeback->ids[i],
                                 error_message(&err));
        }
        strv_free(comeback->ids);
        free(comeback);
        return NULL;
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

int container_recover_all(struct engine *engine, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        cleanup_strv char **come_back = NULL;
        bool rebooted = check_boot(engine);
        struct dirent *entry;
        pthread_t thread;

        if (directory_list(engine->containers_fd, ".", &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir)))
                if (is_id(entry->d_name))
                        recover_one(engine, entry->d_name, rebooted, &come_back);
        if (come_back) {
                struct comeback *comeback =
                    xmemdup(&(struct comeback){ engine, take_ptr(come_back) }, sizeof(*comeback));

                if (pthread_create(&thread, NULL, comeback_thread, comeback) != 0)
                        return error_set(err, ERROR_SYSTEM, "cannot start a thread");
                pthread_detach(thread);
        }
        return 0;
}
