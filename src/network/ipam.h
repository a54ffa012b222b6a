/* Address management: which subnet a network gets, which address an endpoint. Pure; the state is the
 * caller's. */
#pragma once

#include "base/error.h"
#include "network/address.h"

#include <stddef.h>

/* `base` is cut into subnets of length `size`. */
struct ipam_pool {
        struct ip_prefix base;
        unsigned size;
};

/* Docker's ranges, but cut into /22 (as many addresses as a bridge has ports): 172.17.0.0/16 whole for the
 * default bridge, 172.18.0.0/15 to 172.31.255.255 and 192.168.0.0/16 in pieces. */
extern const struct ipam_pool ipam_default_pools[];
extern const size_t ipam_n_default_pools;

/* "base=10.0.0.0/8,size=24" (--default-address-pool). */
int ipam_pool_parse(const char *text, struct ipam_pool *ret, struct error *err);

/* The first subnet of `family` from the pools that overlaps none of `taken` (networks that exist, the host's
 * routes and addresses). ERROR_FORBIDDEN "all predefined address pools have been fully subnetted". */
int ipam_choose_subnet(const struct ipam_pool *pools, size_t n_pools, int family,
                       const struct ip_prefix *taken, size_t n_taken, struct ip_prefix *ret,
                       struct error *err);
/* A /64 of fd00::/8 that is the network's own (from its id). */
void ipam_unique_local(const char *id, struct ip_prefix *ret);

/* The lowest address of `range` (within `subnet`) that is not among `taken` (sorted by ip_address_compare)
 * and is neither the network's nor the broadcast address. -1 when there is none. */
int ipam_choose_address(const struct ip_prefix *subnet, const struct ip_prefix *range,
                        const struct ip_address *taken, size_t n_taken, struct ip_address *ret);
