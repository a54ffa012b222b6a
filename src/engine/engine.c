#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/paths.h"
#include "engine/build.h"
#include "registry/transfer.h"
#include "runtime/runtime.h"
#include "runtime/cgroup.h"

#include <errno.h>
#include <sys/random.h>

/* The engine's id is made once and kept, as clients use it to tell engines apart. */
static int load_id(struct engine *engine, struct error *err)
{
        uint8_t r[16];

        if (file_read(engine->data_fd, "engine-id", 64, &engine->id, NULL, NULL) == 0)
                return 0;
        if (getrandom(r, sizeof(r), 0) != sizeof(r))
                return error_errno(err, "getrandom");
        r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
        r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
        engine->id = string_format("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                                   r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11],
                                   r[12], r[13], r[14], r[15]);
        return file_replace(engine->data_fd, "engine-id", engine->id, strlen(engine->id), 0600, false, err);
}

static int open_roots(struct engine *engine, struct error *err)
{
        const struct engine_options *o = engine->options;
        cleanup_close int exec_fd = -1;

        if (directory_make(AT_FDCWD, o->data_root, 0711, err) < 0 ||
            directory_make(AT_FDCWD, o->exec_root, 0711, err) < 0)
                return -1;
        engine->data_fd = directory_open(AT_FDCWD, o->data_root, err);
        if (engine->data_fd < 0 || directory_make(engine->data_fd, "containers", 0710, err) < 0)
                return -1;
        engine->containers_fd = directory_open(engine->data_fd, "containers", err);
        if (engine->containers_fd < 0)
                return -1;
        exec_fd = directory_open(AT_FDCWD, o->exec_root, err);
        /* Secrets of a build that a dead engine did not end. */
        return exec_fd < 0 ? -1 : tree_remove(exec_fd, BUILD_SECRETS, err);
}

static int find_protected(const char *name, char **ret, struct error *err)
{
        cleanup_free char *path = NULL;

        return program_find(name, &path, err) < 0 ? -1 : runtime_protected_binary(path, ret, err);
}

static int find_programs(struct engine *engine, struct error *err)
{
        const char *init = engine->options->init_path;

        if (find_protected("davit-shim", &engine->shim_program, err) < 0 ||
            find_protected("davit-step", &engine->step_program, err) < 0)
                return -1;
        if (!string_empty(init))
                engine->init_program = xstrdup(init);
        else if (program_find("davit-init", &engine->init_program, NULL) < 0)
                engine->init_program = xstrdup("davit-init");
        return 0;
}

/* A container's network namespace, for networks that join or connect. */
static int netns_of(void *arg, const char *id, struct error *err)
{
        struct engine *engine = arg;
        cleanup_container struct container *c = NULL;
        cleanup_free char *path = NULL;
        int pid, fd;

        if (container_find(engine, id, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        pid = container_state_is_up(&c->state) ? c->state.pid : 0;
        if (!pid)
                error_set(err, ERROR_CONFLICT, "container %s is %s", c->name,
                          c->state.status ? c->state.status : "created");
        pthread_mutex_unlock(&c->lock);
        if (!pid)
                return -1;
        path = string_format("/proc/%d/ns/net", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? error_errno(err, "%s", path) : fd;
}

static int ports_of(void *arg, const char *id, const struct shim_port *ports, size_t count, const int *fds,
                    struct error *err)
{
        struct engine *engine = arg;
        cleanup_container struct container *c = container_by_id(engine, id);
        cleanup_close int shim = -1;

        if (!c)
                return error_set(err, ERROR_NOT_FOUND, "No such container: %s", id);
        shim = container_shim(engine, c, err);
        return shim < 0 ? -1 : shim_ports(shim, ports, count, fds, err);
}

static int dns_of(void *arg, const char *id, const char *directory, const int fds[2], struct error *err)
{
        struct engine *engine = arg;
        cleanup_container struct container *c = container_by_id(engine, id);
        cleanup_close int shim = -1;

        if (!c)
                return error_set(err, ERROR_NOT_FOUND, "No such container: %s", id);
        shim = container_shim(engine, c, err);
        return shim < 0 ? -1 : shim_dns(shim, directory, fds, err);
}

int engine_open(const struct engine_options *options, struct engine **ret, struct error *err)
{
        struct engine *engine = xcalloc(1, sizeof(*engine));
        cleanup_strv char **live = NULL;

        engine->options = options;
        cgroup_mode(); /* found once, before there are threads */
        engine->data_fd = engine->containers_fd = -1;
        pthread_rwlock_init(&engine->lock, NULL);
        pthread_mutex_init(&engine->tasks_lock, NULL);
        pthread_cond_init(&engine->tasks_ended, NULL);
        pthread_cond_init(&engine->loading_ended, NULL);
        if (open_roots(engine, err) < 0 || find_programs(engine, err) < 0 || load_id(engine, err) < 0 ||
            store_open(options->data_root, &engine->store, err) < 0 ||
            event_log_new(engine->store->db, &engine->events, err) < 0 ||
            transfer_prepare(engine->store, err) < 0 || container_live_ids(engine, &live, err) < 0 ||
            volumes_open(engine->store->db, engine->events, options->data_root, live, &engine->volumes, err) <
                0 ||
            networks_open(engine->store->db, engine->events, &options->network, live, &engine->networks,
                          err) < 0) {
                engine_close(engine);
                return -1;
        }
        networks_set_engine(engine->networks, engine,
                            &(struct network_hooks){ .netns = netns_of, .ports = ports_of, .dns = dns_of });
        if (container_watcher_open(engine, err) < 0 || container_recover_all(engine, live, err) < 0) {
                engine_close(engine);
                return -1;
        }
        *ret = engine;
        return 0;
}

struct task {
        struct engine *engine;
        void (*run)(struct engine *engine, struct container *c);
        struct container *c;
};

static void *task_thread(void *arg)
{
        struct task *task = arg;
        struct engine *engine = task->engine;

        task->run(engine, task->c);
        if (task->c)
                container_drop(task->c);
        free(task);
        pthread_mutex_lock(&engine->tasks_lock);
        engine->n_tasks--;
        pthread_cond_signal(&engine->tasks_ended);
        pthread_mutex_unlock(&engine->tasks_lock);
        return NULL;
}

void engine_later(struct engine *engine, void (*run)(struct engine *engine, struct container *c),
                  struct container *c)
{
        struct task *task = xmemdup(&(struct task){ engine, run, c }, sizeof(*task));
        pthread_attr_t attributes;
        pthread_t thread;
        int r;

        if (c)
                container_hold(c);
        pthread_mutex_lock(&engine->tasks_lock);
        engine->n_tasks++;
        pthread_mutex_unlock(&engine->tasks_lock);
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        r = pthread_create(&thread, &attributes, task_thread, task);
        pthread_attr_destroy(&attributes);
        if (r != 0) {
                log_error("cannot start a thread: %s", strerror(r));
                pthread_mutex_lock(&engine->tasks_lock);
                engine->n_tasks--;
                pthread_mutex_unlock(&engine->tasks_lock);
                if (c)
                        container_drop(c);
                free(task);
        }
}

void engine_close(struct engine *engine)
{
        __atomic_store_n(&engine->closing, true, __ATOMIC_RELEASE);
        if (engine->has_loader)
                pthread_join(engine->loader, NULL);
        pthread_mutex_lock(&engine->tasks_lock);
        while (engine->n_tasks > 0)
                pthread_cond_wait(&engine->tasks_ended, &engine->tasks_lock);
        pthread_mutex_unlock(&engine->tasks_lock);
        container_order_free(engine);
        container_watcher_close(engine);
        for (size_t i = 0; i < engine->n_containers; i++)
                container_drop(engine->containers[i]);
        free(engine->containers);
        if (engine->networks)
                networks_close(engine->networks);
        if (engine->volumes)
                volumes_close(engine->volumes);
        event_log_free(engine->events);
        if (engine->store)
                store_close(engine->store);
        if (engine->containers_fd >= 0)
                close(engine->containers_fd);
        if (engine->data_fd >= 0)
                close(engine->data_fd);
        pthread_rwlock_destroy(&engine->lock);
        pthread_mutex_destroy(&engine->tasks_lock);
        pthread_cond_destroy(&engine->tasks_ended);
        pthread_cond_destroy(&engine->loading_ended);
        free(engine->shim_program);
        free(engine->step_program);
        free(engine->init_program);
        free(engine->id);
        free(engine);
}
