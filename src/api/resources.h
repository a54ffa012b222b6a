/* The tables of the resources, one file each. */
#pragma once

#include "api/route.h"

extern const struct route_list archive_routes, attach_websocket_routes, build_routes, build_classic_routes,
    container_routes, container_stream_routes, exec_routes, image_routes, image_transfer_routes,
    network_routes, registry_routes, swarm_routes, system_routes, volume_routes;
