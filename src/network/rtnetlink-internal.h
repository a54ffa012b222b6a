#pragma once

#include "network/rtnetlink.h"

#include <libmnl/libmnl.h>

struct rtnl {
        struct mnl_socket *socket;
        unsigned portid;
        uint32_t sequence;
        char *queue; /* messages, one behind the other */
        size_t queue_len, queue_room;
        struct {
                uint32_t sequence;
                char *what; /* for errors */
        } *queued;          /* one for each message; questions may be asked in between */
        size_t n_queued;
};

/* Begins a message at the end of the queue, with room for RTNL_MESSAGE_ROOM bytes; rtnl_message_end() takes
 * it in. */
#define RTNL_MESSAGE_ROOM 1024
struct nlmsghdr *rtnl_message_begin(struct rtnl *rtnl, uint16_t type, uint16_t flags);
void rtnl_message_end(struct rtnl *rtnl, const struct nlmsghdr *message, char *what);

/* Sends a request and gives every message of the answer to `each` (1 taken, 0 not). */
int rtnl_dump(struct rtnl *rtnl, uint16_t type, int family,
              int (*each)(const struct nlmsghdr *message, void *arg), void *arg, struct error *err);
