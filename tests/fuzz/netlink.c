/* Answers of rtnetlink: links, routes, addresses. */
#include "base/mem.h"
#include "network/rtnetlink.h"

#include <libmnl/libmnl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free void *copy = xmemdup(data, size);
        int left = (int)size;
        struct rtnl_interface_address address;
        struct rtnl_route route;
        struct rtnl_link link;

        /* Lengths above INT_MAX confuse libmnl; the kernel sends none. */
        for (const struct nlmsghdr *m = copy; mnl_nlmsg_ok(m, left) && m->nlmsg_len <= (uint32_t)left;
             m = mnl_nlmsg_next(m, &left)) {
                rtnl_parse_link(m, &link);
                rtnl_parse_route(m, &route);
                rtnl_parse_address(m, &address);
        }
        return 0;
}
