/* The data root: database, content-addressed layers, temporary files.
 *
 * Theory of operation. Everything is made below tmp/ (emptied by store_open()), flushed, renamed to its final
 * name and then recorded in the database; a crash between any two instructions leaves garbage in tmp/ or an
 * unrecorded layer folder (removed at the next start), never a half thing that is found. What keeps a layer
 * is a pin (a row: an image, a container, a build cache record) or a hold (in memory, while somebody is busy
 * with it); store_collect() removes layers that have neither. */
#pragma once

#include "store/database.h"

#include "base/fd.h"

#include <pthread.h>

struct layer_driver;
struct layer_registry;

struct store {
        char *root;  /* absolute path */
        int root_fd; /* O_PATH|O_DIRECTORY */
        int tmp_fd, layers_fd, lock_fd;
        struct database *db;
        const struct layer_driver *driver;
        struct layer_registry *layers; /* holds and layers being made (layer.c) */
        pthread_mutex_t image_lock;    /* serialises tag, create, remove */
};

/* Makes what is missing below `root`, opens the database, removes what a crash left. One process per root: a
 * second one is an ERROR_CONFLICT. */
int store_open(const char *root, struct store **ret, struct error *err);
void store_close(struct store *store);
static inline void cleanup_store_func(struct store **s)
{
        if (*s)
                store_close(*s);
}
#define cleanup_store __attribute__((cleanup(cleanup_store_func)))

/* A new empty folder tmp/NAME (0700); the name in *ret_name (heap), a descriptor as result. */
int store_tmp_directory(struct store *store, char **ret_name, struct error *err);
/* Removes tmp/NAME with all below it. */
void store_tmp_remove(struct store *store, const char *name);
/* An unnamed file on the data root's file system, read and write (O_TMPFILE). */
int store_tmp_file(struct store *store, struct error *err);

/* Removes layers without pin and hold; adds the bytes freed to *freed (may be NULL). */
int store_collect(struct store *store, int64_t *freed, struct error *err);
