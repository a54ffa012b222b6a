#pragma once

#include "engine/volume.h"

#include <pthread.h>

#define VOLUME_ANONYMOUS_LABEL "com.docker.volume.anonymous"

struct volume_record {
        struct volume v;
        char **holders; /* ids of containers that have it among their mounts */
        char **
            makers; /* those of them that have it as an anonymous volume: only their removal takes it along */
        char **users; /* of those that run with it: counted for volumes which have to be mounted */
};

/* All volumes are in memory, sorted by name, written through to the database. `lock` guards everything. */
struct volumes {
        pthread_mutex_t lock;
        struct database *db;
        struct event_log *events;
        char *root; /* DATA_ROOT/volumes */
        int rootfd;
        struct volume_record **items;
        size_t count;
};

/* With `lock` held. */
struct volume_record *volume_find(struct volumes *vols, const char *name);
int volume_remove_record(struct volumes *vols, struct volume_record *record, struct error *err);
void volume_event(struct volumes *vols, const char *name, const char *action);

/* ---- volume-option.c ---- */
int volume_options_check(const struct strmap *options, struct error *err);
/* Whether the options want something mounted at _data (tmpfs, nfs …), as opposed to nothing or a plain bind.
 */
bool volume_options_mount(const struct strmap *options);
/* The folder that "type=none,o=bind,device=…" stands for, or NULL. */
const char *volume_options_bind(const struct strmap *options);
/* The mount options besides bind ("ro", "nosuid"), for the container's own mount. */
char **volume_options_flags(const struct strmap *options);
int volume_options_apply(const struct strmap *options, const char *mountpoint, struct error *err);
