/* Internet addresses and prefixes of either family as plain values. Pure. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip_address {
        int family; /* AF_INET, AF_INET6; AF_UNSPEC (0): none */
        uint8_t bytes[16];
};
/* Addresses below may have host bits: 10.0.0.5/24 is an interface's address. */
struct ip_prefix {
        struct ip_address address;
        unsigned length;
};

#define IP_TEXT_SIZE 64 /* room for any printed prefix */

static inline unsigned ip_bits(int family)
{
        return family == AF_INET ? 32 : 128;
}
static inline bool ip_given(const struct ip_address *a)
{
        return a->family != AF_UNSPEC;
}
/* Return -1 without an error object: every caller has a sentence of its own. IPv4-mapped IPv6 becomes IPv4.
 */
int ip_address_parse(const char *text, struct ip_address *ret);
int ip_prefix_parse(const char *text, struct ip_prefix *ret);
/* Into a buffer of IP_TEXT_SIZE, which is returned. */
const char *ip_address_format(const struct ip_address *a, char *buffer);
const char *ip_prefix_format(const struct ip_prefix *p, char *buffer);

int ip_address_compare(const struct ip_address *a, const struct ip_address *b);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_address *a);
bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b);
/* The prefix without host bits, its last address (the broadcast address of IPv4), an address `n` further on.
 */
struct ip_prefix ip_prefix_network(const struct ip_prefix *p);
struct ip_address ip_prefix_last(const struct ip_prefix *p);
struct ip_address ip_address_add(const struct ip_address *a, uint64_t n);
bool ip_address_is_loopback(const struct ip_address *a);
bool ip_address_is_any(const struct ip_address *a);

#define MAC_TEXT_SIZE 18
/* "02:42:ac:11:00:02", also with '-'. -1 if it isn't one of six octets. */
int mac_parse(const char *text, uint8_t ret[6]);
const char *mac_format(const uint8_t mac[6], char *buffer);
/* Random, locally administered, unicast. */
void mac_random(uint8_t ret[6]);
