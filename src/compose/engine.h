/* A project's containers, networks and volumes on an engine: what is there, and how it becomes what is
 * wanted.
 *
 * The commands build on these calls; printing is theirs (struct compose_reporter). All calls may be made from
 * several threads. Docker Compose's labels mark what is ours, so either program goes on with the other's
 * project. */
#pragma once

#include "client/client.h"
#include "compose/project.h"

#include <pthread.h>

#define COMPOSE_VERSION "2.40.3" /* of Docker Compose, whose behaviour this is */

#define COMPOSE_LABEL(name) "com.docker.compose." name
#define LABEL_PROJECT COMPOSE_LABEL("project")
#define LABEL_SERVICE COMPOSE_LABEL("service")
#define LABEL_NUMBER COMPOSE_LABEL("container-number")
#define LABEL_CONFIG_HASH COMPOSE_LABEL("config-hash")
#define LABEL_ONEOFF COMPOSE_LABEL("oneoff")
#define LABEL_SLUG COMPOSE_LABEL("slug")
#define LABEL_IMAGE COMPOSE_LABEL("image")
#define LABEL_DEPENDS_ON COMPOSE_LABEL("depends_on")
#define LABEL_REPLACE COMPOSE_LABEL("replace")
#define LABEL_VERSION COMPOSE_LABEL("version")
#define LABEL_NETWORK COMPOSE_LABEL("network")
#define LABEL_VOLUME COMPOSE_LABEL("volume")
#define LABEL_WORKING_DIR COMPOSE_LABEL("project.working_dir")
#define LABEL_CONFIG_FILES COMPOSE_LABEL("project.config_files")
#define LABEL_ENVIRONMENT_FILE COMPOSE_LABEL("project.environment_file")

/* ---- Telling what is done ---- */

struct compose_event {
        const char *id, *text, *status; /* "Container x-web-1", "", "Creating"; never NULL */
        enum compose_event_kind {
                COMPOSE_EVENT_WORKING,
                COMPOSE_EVENT_DONE,
                COMPOSE_EVENT_WARNING,
                COMPOSE_EVENT_ERROR,
        } kind;
};
struct compose_reporter {
        void (*event)(void *context, const struct compose_event *event); /* from any thread */
        void (*warn)(void *context, const char *message);
        void *context;
};

struct compose_engine {
        struct client *client;
        const struct compose_project *project;
        const char *separator; /* between the parts of names: "-" or "_" */
        char **proxies;        /* NAME=value, for every container; may be NULL */
        bool dry_run;          /* nothing is changed */
        int parallel;          /* at most so many things at a time; 0 or less: any number */
        struct compose_reporter reporter;
        pthread_mutex_t lock; /* over lists of containers that several services share */
        /* What the output of hooks is given to, whole lines; may be NULL. */
        void (*hook_output)(void *context, const char *container, const char *line);
};

void compose_report(struct compose_engine *e, enum compose_event_kind kind, const char *id,
                    const char *status);
/* "Container NAME" */
void compose_report_container(struct compose_engine *e, enum compose_event_kind kind, const char *name,
                              const char *status);
void compose_warning(struct compose_engine *e, const char *format, ...) PRINTF_FORMAT(2, 3);
/* A call that changes something: with --dry-run it isn't made and has no answer. */
int compose_change(struct compose_engine *e, const char *method, const struct client_query *q,
                   json_object *body, json_object **ret, struct error *err);

/* ---- Containers that are there ---- */

struct compose_container {
        char *id, *name, *service;
        char *state; /* created, running, paused, restarting, exited, dead, removing */
        char *config_hash, *image_digest, *replace;
        int number;
        bool oneoff;
        int64_t created;
        json_object *summary; /* as GET /containers/json tells it; NULL for one that was just made */
};
struct compose_containers {
        struct compose_container **list;
        size_t count;
};
void compose_containers_deinit(struct compose_containers *c);
#define cleanup_compose_containers __attribute__((cleanup(compose_containers_deinit)))

enum compose_oneoffs { COMPOSE_NO_ONEOFFS, COMPOSE_WITH_ONEOFFS, COMPOSE_ONLY_ONEOFFS };
/* Those of the project, sorted by name. `all`: also those that don't run. */
int compose_containers_list(struct compose_engine *e, const char *project, enum compose_oneoffs oneoffs,
                            bool all, struct compose_containers *ret, struct error *err);
/* Takes away those that belong to none of these services (NULL or empty: keeps all). */
void compose_containers_keep(struct compose_containers *c, char *const *services);
/* Container `number` of a service (0: any, the lowest); NULL when there is none. */
struct compose_container *compose_containers_find(const struct compose_containers *c, const char *service,
                                                  int number);
bool compose_container_runs(const struct compose_container *c); /* or is paused or restarting */
int compose_container_inspect(struct compose_engine *e, const char *id, json_object **ret, struct error *err);
/* "web-1" for "shop-web-1", where the container has the name that is usual; else its name. Borrowed from it.
 */
const char *compose_container_short_name(const struct compose_container *c, const char *project);

/* A project as its containers, networks and volumes tell it, for commands that are given a name alone. */
int compose_project_observed(struct compose_engine *e, const char *name, struct compose_project **ret,
                             struct error *err);

/* ---- In the order of dependencies ---- */

typedef int (*compose_service_function)(struct compose_engine *e, const struct compose_service *service,
                                        void *context, struct error *err);
/* For each service: when those that it depends on are done, or (`reverse`) when those that depend on it are.
 */
int compose_each_service(struct compose_engine *e, bool reverse, compose_service_function function,
                         void *context, struct error *err);
typedef int (*compose_container_function)(struct compose_engine *e, struct compose_container *c,
                                          void *context, struct error *err);
/* For each container at once. */
int compose_each_container(struct compose_engine *e, struct compose_containers *containers,
                           compose_container_function function, void *context, struct error *err);

/* ---- Networks and volumes ---- */

/* Makes what is missing. Externals that aren't there are an ERROR_NOT_FOUND. */
int compose_networks_ensure(struct compose_engine *e, struct error *err);
int compose_volumes_ensure(struct compose_engine *e, struct error *err);
int compose_network_remove(struct compose_engine *e, const struct compose_network *network, bool *ret_found,
                           struct error *err);
int compose_volume_remove(struct compose_engine *e, const struct compose_volume *volume, bool *ret_found,
                          struct error *err);

/* ---- Containers as the services want them ---- */

enum compose_recreate { COMPOSE_RECREATE_CHANGED, COMPOSE_RECREATE_ALWAYS, COMPOSE_RECREATE_NEVER };
struct compose_converge {
        char *const *services; /* those that were named; NULL or empty: all */
        enum compose_recreate recreate, recreate_dependencies;
        bool renew_volumes; /* anonymous volumes are not taken over */
        bool remove_orphans, ignore_orphans;
        int64_t timeout;      /* seconds until a stopping container is killed; -1: its own */
        struct strmap images; /* image name → digest; filled by compose_images_resolve() */
};
/* Networks, volumes, orphans, then for every service as many containers as it wants: those that changed are
 * made anew, those that are too many removed. *ret are the project's containers after. */
int compose_converge(struct compose_engine *e, struct compose_converge *options,
                     struct compose_containers *ret, struct error *err);
/* The digests that the services' images have on the engine: image name → id; missing ones are left out. */
int compose_images_resolve(struct compose_engine *e, struct strmap *ret, struct error *err);

/* One container of a service. */
struct compose_create {
        int number;       /* 0: a one-off container */
        const char *name; /* NULL: by service and number */
        const char *image_digest;
        const struct compose_container *replaced;
        bool renew_volumes;
        bool attach_stdin, auto_remove, service_aliases;
        const struct strmap *labels; /* beside those of the service; may be NULL */
};
int compose_container_create(struct compose_engine *e, const struct compose_service *service,
                             const struct compose_containers *others, const struct compose_create *options,
                             char **ret_id, struct error *err);
/* "PROJECT-SERVICE-NUMBER", or container_name; heap. */
char *compose_container_name(const struct compose_engine *e, const struct compose_service *service,
                             int number);

/* ---- Their life ---- */

struct compose_start {
        bool wait;            /* until all run and are healthy */
        int64_t wait_timeout; /* ns; 0: none */
        /* Called just before a container is started; may be NULL. */
        void (*before)(void *context, struct compose_container *c);
        void *context;
};
/* Starts what doesn't run in the order of dependencies, waiting for their conditions. A service that wants
 * containers and has none is an error. */
int compose_start(struct compose_engine *e, struct compose_containers *containers,
                  const struct compose_start *options, struct error *err);
/* Waits for what a service depends on; `timeout_at` on the monotonic clock, 0: forever. */
int compose_wait_dependencies(struct compose_engine *e, const struct compose_service *service,
                              const struct compose_containers *containers, int64_t timeout_at,
                              struct error *err);
int compose_container_start(struct compose_engine *e, const struct compose_service *service,
                            struct compose_container *c, struct error *err);
struct compose_stop {
        int64_t timeout; /* seconds; -1: the container's own */
        bool remove;     /* and take it away, */
        bool volumes;    /* with its anonymous volumes */
};
int compose_container_stop(struct compose_engine *e, const struct compose_service *service,
                           struct compose_container *c, int64_t timeout, struct error *err);
int compose_container_remove(struct compose_engine *e, struct compose_container *c, bool force, bool volumes,
                             struct error *err);
/* Stops (and removes) in reverse order of dependencies, dependents first. */
int compose_stop(struct compose_engine *e, struct compose_containers *containers,
                 const struct compose_stop *options, struct error *err);
int compose_restart(struct compose_engine *e, struct compose_containers *containers, int64_t timeout,
                    struct error *err);
/* Commands of `post_start` and `pre_stop`, one after the other. */
int compose_hooks_run(struct compose_engine *e, const struct compose_service *service,
                      const struct compose_hook *hooks, size_t count, const struct compose_container *c,
                      struct error *err);
/* Secrets and configs that are no files, as files of the created container. */
int compose_files_inject(struct compose_engine *e, const struct compose_service *service, const char *id,
                         struct error *err);
