/* What `buildx imagetools inspect` and `create` share. */
#pragma once

#include "cli/registry-call.h"

/* With its default tag; `ret_whole` as buildx writes it: "docker.io/library/busybox:latest". */
int imagetools_reference(const char *text, struct reference *ret, char **ret_whole, struct error *err);
/* A manifest; "REFERENCE: not found" and the registry's complaints in buildx's words. */
int imagetools_get(struct cli *cli, const struct reference *r, const char *name, struct remote_manifest *ret,
                   struct error *err);

extern const struct command imagetools_create_command;
