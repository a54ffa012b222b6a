/* Connecting containers with networks while they live: /networks/{id}/connect and disconnect. */
#pragma once

#include "base/json.h"

struct engine;

/* `settings` (EndpointSettings) may be NULL. */
int engine_network_connect(struct engine *engine, const char *network, const char *container,
                           json_object *settings, struct error *err);
int engine_network_disconnect(struct engine *engine, const char *network, const char *container, bool force,
                              struct error *err);
