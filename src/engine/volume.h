/* Volumes of the local driver: DATA_ROOT/volumes/NAME/_data and a row in the database. All calls are
 * thread-safe. */
#pragma once

#include "base/filters.h"
#include "base/json.h"
#include "base/str.h"

#include <stdint.h>

struct database;
struct event_log;
struct volumes;

struct volume {
        char *name, *driver, *mountpoint;
        struct strmap labels, options; /* `given` tells null from {} */
        int64_t created;
};
void volume_deinit(struct volume *v);
#define cleanup_volume __attribute__((cleanup(volume_deinit)))

/* `live`: ids of containers that run; volumes mounted for others only are unmounted. */
int volumes_open(struct database *db, struct event_log *events, const char *data_root, char *const *live,
                 struct volumes **ret, struct error *err);
void volumes_close(struct volumes *vols);

/* Creates a volume or finds the one of that name (then the rest is not looked at, as in Docker). `name` NULL
 * or "": an anonymous one (64 hex digits, label com.docker.volume.anonymous). `driver` NULL or "": local. */
int volume_create(struct volumes *vols, const char *name, const char *driver, const struct strmap *options,
                  const struct strmap *labels, struct volume *ret, struct error *err);
int volume_get(struct volumes *vols, const char *name, struct volume *ret, struct error *err);
/* ERROR_CONFLICT "remove NAME: volume is in use - [ID, …]". With `force` a missing one is no error. */
int volume_remove(struct volumes *vols, const char *name, bool force, struct error *err);

/* Which containers hold a volume: taken at their creation, dropped at their removal. `anonymous`: it wasn't
 * asked for by its name. */
int volume_reference(struct volumes *vols, const char *name, const char *container_id, bool anonymous,
                     struct error *err);
/* Drops all references of a container; `remove_anonymous` (rm -v, --rm) also removes those that it held
 * as anonymous ones and nobody holds now. */
void volume_release(struct volumes *vols, const char *container_id, bool remove_anonymous);

/* Makes the volume's content available (tmpfs, nfs and the like are mounted while somebody runs with them)
 * and gives its path and further options for the container's bind mount ("ro"; may be NULL), both heap.
 * volume_unmount() is called once for each container when it ends. */
int volume_mount(struct volumes *vols, const char *name, const char *container_id, char **ret_path,
                 char ***ret_flags, struct error *err);
void volume_unmount(struct volumes *vols, const char *container_id);

/* ---- The API's /volumes ---- */
int volume_create_json(struct volumes *vols, json_object *request, json_object **ret, struct error *err);
int volume_inspect(struct volumes *vols, const char *name, json_object **ret, struct error *err);
int volume_list(struct volumes *vols, const struct filters *filters, json_object **ret, struct error *err);
/* `all_by_default`: API versions before 1.42 prune named volumes, too. */
int volume_prune(struct volumes *vols, const struct filters *filters, bool all_by_default, json_object **ret,
                 struct error *err);
/* An array of volumes with UsageData {RefCount, Size} for /system/df. */
int volume_usage(struct volumes *vols, json_object **ret, struct error *err);
