/* What the parts of the OCI spec's making share: container-spec.c, container-process.c, container-device.c.
 */
#pragma once

#include "engine/container-internal.h"

#define INIT_PATH "/sbin/docker-init"

struct spec_builder {
        struct engine *engine;
        struct container *c;
        const struct network_start *network;
        struct oci_spec *spec;
        uint64_t capabilities;
};

/* The capabilities that HostConfig asks for, as a mask (caps.h). */
int spec_capabilities(const struct host_config *host, uint64_t *ret, struct error *err);
/* Fills spec->process; `capabilities` are known. */
int spec_add_process(struct spec_builder *b, struct error *err);
/* Is there to be a small init in front of the command? */
bool spec_wants_init(const struct spec_builder *b);
/* Device nodes and the device rules of the cgroup. */
int spec_add_devices(struct spec_builder *b, struct error *err);
