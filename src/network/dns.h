/* DNS messages as the embedded server of user-defined networks needs them (RFC 1035, 6891), and the names of
 * those networks' endpoints. Parsing and answering are pure; names come from small files that davitd writes:
 *
 *     DIRECTORY/NETWORK_ID/CONTAINER_ID   lines "address IP" and "name NAME" (what it answers to)
 *     DIRECTORY/resolver/CONTAINER_ID     what one container's server knows: "network ID NAME", "server IP"
 *                                         (none: the host's, which are asked from the host's namespace),
 *                                         "link NETWORK_ID ALIAS NAME" (the container's own names for
 * others), "external no" (it is on internal networks only) */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "network/address.h"

#include <stdint.h>
#include <time.h>

#define DNS_NAME_MAX 256
#define DNS_UDP_SIZE 512 /* without EDNS */
#define DNS_MESSAGE_MAX 65535
#define DNS_TTL 600

enum { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28, DNS_TYPE_OPT = 41, DNS_TYPE_ANY = 255 };
enum { DNS_OK = 0, DNS_FORMAT_ERROR = 1, DNS_SERVER_FAILURE = 2, DNS_NO_NAME = 3, DNS_NOT_IMPLEMENTED = 4 };

struct dns_query {
        uint16_t id, type;
        bool recursion;
        char name[DNS_NAME_MAX]; /* lower case, without the last dot */
        size_t question_end;     /* the question is the message from 12 to here */
        uint16_t udp_size;       /* what the client takes by UDP */
        bool edns;
};
/* One standard query with one question of class IN. -1 for anything else. */
int dns_query_parse(const uint8_t *message, size_t len, struct dns_query *ret);

/* Writes an answer's head and question (and OPT when the query had one) without records; returns its length.
 */
size_t dns_answer_begin(const uint8_t *query_message, const struct dns_query *q, int code, uint8_t *answer,
                        size_t room);
/* A and AAAA records for `addresses` of the asked family, cut (with the TC bit) to `limit` bytes. */
size_t dns_answer_addresses(const uint8_t *query_message, const struct dns_query *q,
                            const struct ip_address *addresses, size_t count, uint8_t *answer, size_t limit);
size_t dns_answer_name(const uint8_t *query_message, const struct dns_query *q, const char *name,
                       uint8_t *answer, size_t limit);
/* "4.3.2.1.in-addr.arpa", "….ip6.arpa". -1 when it is none. */
int dns_reverse_parse(const char *name, struct ip_address *ret);

/* ---- Names ---- */

struct dns_endpoint {
        char *container, **names;
        struct ip_address addresses[2];
        size_t n_addresses;
};
struct dns_network {
        char *id, *name;
        struct timespec changed; /* of the folder, when it was read */
        struct dns_endpoint *endpoints;
        size_t n_endpoints;
        struct strmap links; /* alias → name */
};
/* One container's view; zero-initialise, dns_view_deinit(). */
struct dns_view {
        int dirfd; /* DIRECTORY */
        char *id;  /* the container */
        struct timespec changed;
        struct dns_network *networks;
        size_t n_networks;
        char **servers;
        bool host_servers; /* they are those of the host's resolv.conf, as it was then: */
        struct timespec host_changed;
        bool no_external;
        unsigned turn; /* several addresses of one name are given in turn */
};
/* Reads what has changed since the last time. */
void dns_view_refresh(struct dns_view *view);
/* Whom to ask about other names; the host's file is looked at again. NULL-terminated, the view's. */
char *const *dns_view_servers(struct dns_view *view);
void dns_view_deinit(struct dns_view *view);
/* The addresses of a name (also as NAME.NETWORK): 1 known (maybe none of that family), 0 not ours. */
int dns_view_find(struct dns_view *view, const char *name, int family, struct ip_address **ret,
                  size_t *ret_count);
/* "NAME.NETWORK" of an address; heap, NULL. */
char *dns_view_reverse(const struct dns_view *view, const struct ip_address *address);
