/* A container in the engine's memory, and what the files engine/container-*.c share.
 *
 * config.json (all under "configuration" below) is written by us, state.json by the shim while one lives
 * (shim/state.h). `lock` guards a container's members; it is not held over calls to a shim that can take
 * long, nor over I/O with clients. Operations that change a container's life (start, stop, remove, restart,
 * update, rename) take `operation` for their whole time, so that they follow one another; then `lock` for the
 * moments in which members change. */
#pragma once

#include "engine/container.h"
#include "engine/engine.h"
#include "engine/mount.h"
#include "oci/spec.h"
#include "shim/client.h"
#include "shim/state.h"

struct oci_spec;
struct oci_resources;

struct pending_attach {
        int client;
        struct shim_attach_options options;
        char *detach_keys;
        void *early;
        size_t early_len;
};

struct exec_entry {
        char id[CONTAINER_ID_SIZE];
        struct shim_exec_config config;
        bool started, running, finished;
        int exit_code, pid;
};

struct container {
        unsigned references; /* atomic; the table holds one */
        pthread_mutex_t operation, lock;
        pthread_cond_t changed;

        /* Configuration. */
        char *id, *name;  /* name without the slash */
        char **old_names; /* kept, as networks may be looking at them without `lock` */
        int64_t created;
        char *path;
        char **args;
        char *image_id; /* "sha256:…" */
        char **layers;  /* diff ids, lowest first */
        char *os;
        struct container_config config;
        struct host_config host;
        char **links; /* legacy ones, "ID:ALIAS"; host.links is empty */
        struct mount_points mounts;
        char *log_path;
        bool has_been_started;

        int dirfd; /* CONTAINER_DIR */
        struct container_state state;
        bool ready; /* made completely: found by calls and lists */
        bool removing, removed;
        bool restarting_by_us; /* between the halves of a restart: --rm does not apply */
        uint64_t exits;        /* ends seen since this engine started: what `wait` looks at */
        int last_exit;         /* the code of the last of them */
        struct pending_attach *attaches;
        size_t n_attaches;
        struct exec_entry **execs;
        size_t n_execs;
        int watch_fd; /* the subscription, owned by the watcher; -1 */
};

/* ---- engine.c ---- */
/* Calls `run` in a thread of its own, with a reference to `c` (NULL is fine) that is dropped after;
 * engine_close() waits for it. */
void engine_later(struct engine *engine, void (*run)(struct engine *engine, struct container *c),
                  struct container *c);

/* ---- container-table.c ---- */
void container_hold(struct container *c);
void container_drop(struct container *c);
DEFINE_CLEANUP(struct container *, cleanup_container_func, container_drop)
#define cleanup_container __attribute__((cleanup(cleanup_container_func)))
/* By what users type; a new reference. */
int container_find(struct engine *engine, const char *reference, struct container **ret, struct error *err);
struct container *container_by_id(struct engine *engine, const char *id);
/* Adds a new one (whose name is checked and free) under the table's lock; ERROR_CONFLICT for a name in use.
 */
int container_insert(struct engine *engine, struct container *c, struct error *err);
/* The same for recovery, for which the other calls on the table wait until container_table_loaded(). */
int container_insert_recovered(struct engine *engine, struct container *c, struct error *err);
void container_table_loaded(struct engine *engine);
void container_unlink(struct engine *engine, struct container *c);
/* A list of references to all; free with container_list_drop(). */
void container_list_all(struct engine *engine, struct container ***ret, size_t *ret_count);
void container_list_drop(struct container **list, size_t count);
/* The name's owner or NULL; the table's lock is held by the caller. */
struct container *container_named(struct engine *engine, const char *name);

/* ---- container-file.c ---- */
struct container *container_new(void);
int container_save(struct container *c, struct error *err);
int container_load(struct engine *engine, const char *id, struct container **ret, struct error *err);
char *container_dir(const struct engine *engine, const char *id);    /* heap, absolute */
char *container_socket(const struct engine *engine, const char *id); /* heap, absolute */

/* ---- container-name.c ---- */
int container_name_check(const char *name, struct error *err);
/* A free made-up name; heap. The table's lock is held. */
char *container_name_make(struct engine *engine);

/* ---- container-validate.c ---- */
/* Checks and completes the request (defaults, the image's configuration already merged). */
int container_validate(struct engine *engine, struct container_request *request, char ***warnings,
                       struct error *err);
int container_validate_resources(struct host_config *host, bool update, char ***warnings, struct error *err);
int container_validate_restart(const struct host_config *host, struct error *err);

/* ---- container-discard.c ---- */
void container_discard_limits(struct host_config *host, char ***warnings);

/* ---- container-spec.c ---- */
/* The OCI spec; `member_pid` functions look up the containers of container:X modes. `mounts` come from
 * mounts_prepare(). */
int container_spec(struct engine *engine, struct container *c, const struct network_start *network,
                   struct oci_spec *ret, struct error *err);
/* HostConfig's limits alone, for update. */
int container_resources(const struct host_config *host, struct oci_resources *ret, struct error *err);
int container_layers(const struct container *c, struct digest **ret, size_t *ret_count, struct error *err);
char *container_shm(const struct engine *engine, const char *id); /* heap */
char *container_cgroup_path(const struct engine *engine, const struct container *c);

/* ---- container-start.c ---- */
/* Both with `operation` held. */
int container_start_locked(struct engine *engine, struct container *c, const char *detach_keys,
                           struct error *err);
/* A restart policy's wish that no shim can grant: failures are logged. `_later`: in a thread of its own. */
void container_start_again(struct engine *engine, struct container *c);
void container_start_later(struct engine *engine, struct container *c);
/* Gives back what a run took: network, mounted volumes. Idempotent. */
void container_release_run(struct engine *engine, struct container *c);

/* Compiling rules takes 13 ms, so that the result is kept under the rules' digest. The file's path (heap) in
 * *ret; the rules lose their list of calls. */
int engine_seccomp_cached(struct engine *engine, struct oci_seccomp *rules, char **ret, struct error *err);

/* ---- container-watch.c ---- */
int container_watcher_open(struct engine *engine, struct error *err);
void container_watcher_close(struct engine *engine);
/* Follows the shim on this (subscribed) connection from now on; takes `shim` over. */
void container_watch(struct engine *engine, struct container *c, int shim);

/* ---- container-remove.c ---- */
int container_remove_locked(struct engine *engine, struct container *c, bool force, bool volumes,
                            struct error *err);
/* In a thread of its own: --rm after an exit. */
void container_remove_later(struct engine *engine, struct container *c);

/* ---- container-recover.c ---- */
/* Does its work in a thread of its own (engine->loader), as a machine may have thousands of stopped
 * containers. `live` are the ids of container_live_ids(). */
int container_recover_all(struct engine *engine, char *const *live, struct error *err);
/* Ids of containers whose shims live; a list. Works before the containers are loaded. */
int container_live_ids(const struct engine *engine, char ***ret, struct error *err);
/* Ends what a dead shim left running, and says so in state.json. */
void container_bury(struct engine *engine, struct container *c);
bool container_was_started(const struct container *c);
/* Does the policy bring it back when its shim or the machine has died? */
bool container_should_restart(const struct container *c);
/* Removes what belongs to an id that has no config.json. */
void container_clear(struct engine *engine, const char *id);

/* ---- container-order.c ---- */
/* Before container_order_start(): this one comes back. */
void container_order_add(struct engine *engine, struct container *c);
void container_order_start(struct engine *engine);
void container_order_free(struct engine *engine);

/* ---- container-link.c ---- */
/* HostConfig.Links of a new container becomes its `links`. */
int container_links_take(struct engine *engine, struct container *c, struct error *err);
/* The links as the networks want them, with what they point to. */
struct container_links {
        struct network_link *items;
        struct container **others;
        char **texts;
        size_t count;
};
void container_links_open(struct engine *engine, struct container *c, struct container_links *ret);
void container_links_close(struct container_links *links);
/* The container has a new address: tells those that link to it. */
void container_links_moved(struct engine *engine, const struct container *c);
/* As inspect shows them; NULL without. */
json_object *container_links_json(struct engine *engine, struct container *c);
/* Adds the names that others' links give to the container. */
void container_link_names(struct engine *engine, const struct container *c, json_object *names);
/* What "PARENT/ALIAS" leads to (a new reference), or NULL. */
struct container *container_by_link(struct engine *engine, const char *reference);
int container_link_remove(struct engine *engine, const char *reference, struct error *err);

/* ---- container-inspect.c ---- */
json_object *container_mounts_json(const struct container *c);

/* ---- container-list.c ---- */
/* "Up 3 seconds (healthy)"; heap. */
char *container_status_text(const struct container *c);
/* The filter `until`: TIME_ZERO when absent. */
int container_until_filter(const struct filters *filters, int64_t *ret, struct error *err);
/* Bytes of the writable layer, and with all layers below (either may be NULL). */
void container_sizes(struct engine *engine, struct container *c, int64_t *ret_rw, int64_t *ret_root);

/* ---- container-event.c ---- */
/* Publishes ("start", "die" with exitCode …) with image, name and labels added. `extra` may be NULL. */
void container_event(struct engine *engine, struct container *c, const char *action,
                     const struct strmap *extra);

/* With `lock` held: a copy of the state, waking those who wait. */
void container_set_state(struct container *c, struct container_state *state); /* takes it over */
bool container_is_running(struct container *c);                               /* takes `lock` */
/* A connection to the container's shim; ERROR_CONFLICT "container X is not running". */
int container_shim(struct engine *engine, struct container *c, struct error *err);
/* For the failure of a call on container_shim(): a shim that ended meanwhile is a container that does not
 * run. Returns -1. */
int container_shim_failed(const struct container *c, struct error *err);
struct network_member container_member(const struct engine *engine, const struct container *c,
                                       char **ret_dir);
