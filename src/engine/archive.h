/* Files of a container from outside: cp (archive), export, diff. Works on running containers through
 * /proc/PID/root and on others through a mount of their file system with volumes and binds that only one
 * thread sees. */
#pragma once

#include "base/json.h"
#include "base/stream.h"

#include <stdbool.h>

struct engine;

/* One path of a container, found and ready to be read. */
struct archive;

/* Finds `path`; ERROR_NOT_FOUND "Could not find the file PATH in container NAME". */
int engine_archive_open(struct engine *engine, const char *container, const char *path, struct archive **ret,
                        struct error *err);
/* The value of X-Docker-Container-Path-Stat before base64: {"name","size","mode","mtime","linkTarget"}; heap.
 */
char *engine_archive_stat_json(const struct archive *archive);
/* The tar of GET. */
int engine_archive_write(struct archive *archive, struct sink *out, struct error *err);
void engine_archive_close(struct archive *archive);

struct archive_put_options {
        bool no_overwrite_dir_non_dir;
        bool copy_uid_gid;
};
/* PUT: unpacks `tar` (any compression) into the folder `path`. */
int engine_archive_put(struct engine *engine, const char *container, const char *path, struct stream *tar,
                       const struct archive_put_options *options, struct error *err);

/* GET /containers/ID/export. engine_export_open() fails early so that an error has a status. */
struct export;
int engine_export_open(struct engine *engine, const char *container, struct export **ret, struct error *err);
int engine_export_write(struct export *e, struct sink *out, struct error *err);
void engine_export_close(struct export *e);

/* GET /containers/ID/changes: [{"Kind":0|1|2,"Path":"/x"}] sorted by path, or null when there are none. */
int engine_container_changes(struct engine *engine, const char *container, json_object **ret,
                             struct error *err);
