/* The tables of the resources, one file each. */
#pragma once

#include "api/route.h"

extern const struct route_list system_routes;
