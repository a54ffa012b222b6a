/* --subnet, --gateway, --ip-range and --aux-address of `network create` put together. */
#pragma once

#include "base/error.h"

#include <json-c/json.h>

struct ipam_options {
        char **subnet, **gateway, **ip_range, **aux_address;
};
/* [{"Subnet": …, "IPRange": …, "Gateway": …, "AuxiliaryAddresses": {…}}]. ERROR_INVALID with Docker's
 * sentences. */
int ipam_config(const struct ipam_options *o, json_object **ret, struct error *err);
