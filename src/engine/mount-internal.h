#pragma once

#include "engine/mount.h"

/* ---- mount-syntax.c: pure ---- */

/* "[SOURCE:]DESTINATION[:MODE]" of HostConfig.Binds. ERROR_INVALID with Docker's sentences. */
int mount_parse_bind(const char *text, const char *volume_driver, struct mount_point *ret, struct error *err);
/* One of HostConfig.Mounts. Does not look at the source. */
int mount_parse_config(const struct mount_config *config, struct mount_point *ret, struct error *err);
/* A path and its options of HostConfig.Tmpfs. */
int mount_parse_tmpfs(const char *path, const char *options, struct mount_point *ret, struct error *err);
/* "CONTAINER[:ro|:rw]". */
int mount_parse_volumes_from(const char *text, char **ret_container, bool *ret_rw, struct error *err);
void mount_point_deinit(struct mount_point *point);

/* ---- mount-prepare.c ---- */
/* Checks "size=64k,noexec" words; ERROR_INVALID "invalid tmpfs option \"bogus\"". */
int mount_tmpfs_options_check(const char *options, struct error *err);

/* ---- mount-copy.c ---- */
