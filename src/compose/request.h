/* A service as the body of POST /containers/create. */
#pragma once

#include "compose/engine.h"
#include "oci/container-config.h"

struct compose_request {
        struct container_config config;
        struct host_config host;
        struct networking_config networking;
};
void compose_request_deinit(struct compose_request *r);
#define cleanup_compose_request __attribute__((cleanup(compose_request_deinit)))

/* `others` are the project's containers: what "service:X" and links mean. `replaced` (inspected; may be NULL)
 * is the container whose anonymous volumes are taken over. */
int compose_request_make(struct compose_engine *e, const struct compose_service *service,
                         const struct compose_containers *others, const struct compose_create *options,
                         json_object *replaced, struct compose_request *ret, struct error *err);
json_object *compose_request_json(const struct compose_request *r);

/* ---- Parts of it ---- */

int compose_request_mounts(struct compose_engine *e, const struct compose_service *service,
                           json_object *replaced, struct compose_request *r, struct error *err);
int compose_request_networks(struct compose_engine *e, const struct compose_service *service,
                             const struct compose_containers *others, const struct compose_create *options,
                             struct compose_request *r, struct error *err);
void compose_request_resources(const struct compose_service *service, struct host_config *h);
int compose_request_ports(const struct compose_service *service, struct compose_request *r,
                          struct error *err);
/* "container:ID" for "service:X"; a copy of everything else. NULL for NULL. */
int compose_request_mode(const char *mode, const struct compose_containers *others, char **ret,
                         struct error *err);
