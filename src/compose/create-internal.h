/* Containers made by converging. */
#pragma once

#include "compose/engine.h"

int compose_container_add(struct compose_engine *e, const struct compose_service *service,
                          const struct compose_containers *others, int number, const char *digest,
                          struct compose_container **ret, struct error *err);
/* The new one has a name of its own until the old one is gone: `c` is the new one after. */
int compose_container_recreate(struct compose_engine *e, const struct compose_service *service,
                               const struct compose_containers *others, struct compose_container *c,
                               const struct compose_converge *options, const char *digest, struct error *err);
int compose_container_rename(struct compose_engine *e, const char *id, const char *name, struct error *err);
/* `c` describes a container that was just made. */
void compose_container_made(struct compose_container *c, const struct compose_service *service,
                            const char *id, const char *name, int number);
