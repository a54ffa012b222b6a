/* The short syntax of `volumes`: [SOURCE:]TARGET[:OPTIONS]. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct mount_spec {
        bool bind; /* SOURCE is a path of the host; else a volume, anonymous when there is none */
        const char *source, *target;
        bool read_only, no_copy;
        const char *propagation, *selinux;
};

/* ERROR_INVALID `invalid spec: X: …`. Colons inside of ${…} are none. */
int mount_spec_parse(struct arena *arena, const char *text, struct mount_spec *ret, struct error *err);
