/* The engine: everything that davitd knows, whoever asks. Its parts are opened in an order that mends what a
 * dead engine left behind; there is no other recovery. */
#pragma once

#include "engine/event.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "registry/registry.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct container;
struct container_watcher;
struct build_gc;

/* What davitd was told (flags, daemon.json). Borrowed strings, valid as long as the engine. NULL and 0: the
 * default. */
struct engine_options {
        const char *data_root, *exec_root; /* absolute */
        struct network_options network;
        const char *cgroup_parent;     /* "/davit" */
        const char *default_runtime;   /* "davit-runtime" */
        const struct strmap *runtimes; /* --add-runtime: name → path */
        const char *default_ipc_mode;  /* "private" */
        const char *default_cgroupns_mode;
        int64_t default_shm_size; /* 64 MiB */
        const char *log_driver;   /* "json-file" */
        const struct strmap *log_options;
        char *const *default_ulimits; /* "nofile=1024:2048" */
        const char *seccomp_profile;  /* path, "unconfined" or "builtin" */
        const char *init_path;
        bool init, no_new_privileges, debug;
        bool live_restore;   /* only for `info`: containers always live on */
        char *const *labels; /* of the engine, for `info` */
        struct registry_settings registries;
        const struct build_gc *build_gc;
};

struct engine {
        const struct engine_options *options;
        char *id;    /* of this engine, kept in the data root */
        int data_fd; /* the data root */
        int containers_fd;
        struct store *store;
        struct event_log *events;
        struct networks *networks;
        struct volumes *volumes;
        char *shim_program, *step_program; /* protected copies: runtime_protected_binary() */
        char *init_program;
        struct container_watcher *watcher;

        pthread_mutex_t tasks_lock;
        pthread_cond_t tasks_ended;
        unsigned n_tasks;      /* threads of engine_later() */
        atomic_uint gc_wanted; /* builds that ended since a thread looked at the build cache */
        /* Containers are loaded beside the first calls: those that look at the table wait for it. */
        bool loaded;
        pthread_cond_t loading_ended; /* with tasks_lock */
        pthread_t loader;
        bool has_loader;

        pthread_rwlock_t lock;         /* the table of containers */
        struct container **containers; /* sorted by id */
        size_t n_containers;
        struct start_order *order; /* container-order.c */
        bool closing;              /* atomic */
        bool has_links; /* some container has or had a legacy link: else nobody looks for them */
};

/* Opens the roots (made when missing), recovers and is ready for calls. One engine per data root:
 * ERROR_CONFLICT. */
int engine_open(const struct engine_options *options, struct engine **ret, struct error *err);
/* Containers go on without it. */
void engine_close(struct engine *engine);
