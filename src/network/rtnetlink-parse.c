/* What the kernel answers: links, routes, addresses. */
#include "network/rtnetlink-internal.h"

#include "base/mem.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* Copies an attribute's string, cut to the room. */
static void attr_string(const struct nlattr *attr, char *dst, size_t room)
{
        size_t len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

        len = MIN(len, room - 1);
        memcpy(dst, mnl_attr_get_payload(attr), len);
        dst[len] = '\0';
}

static uint32_t attr_u32(const struct nlattr *attr)
{
        uint32_t value = 0;

        memcpy(&value, mnl_attr_get_payload(attr), MIN(sizeof(value), mnl_attr_get_payload_len(attr)));
        return value;
}

static int attr_address(const struct nlattr *attr, int family, struct ip_address *ret)
{
        size_t size = family == AF_INET ? 4 : 16;

        if (mnl_attr_get_payload_len(attr) != size)
                return -1;
        *ret = (struct ip_address){ .family = family };
        memcpy(ret->bytes, mnl_attr_get_payload(attr), size);
        return 0;
}

static bool has_header(const struct nlmsghdr *message, uint16_t type, size_t size)
{
        return message->nlmsg_type == type && mnl_nlmsg_get_payload_len(message) >= size;
}

int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link *ret)
{
        struct rtnl_link link = { 0 };
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr, *inner;

        if (!has_header(message, RTM_NEWLINK, sizeof(*info)))
                return 0;
        link.index = info->ifi_index;
        link.flags = info->ifi_flags;
        mnl_attr_for_each(attr, message, sizeof(*info))
        {
                switch (mnl_attr_get_type(attr)) {
                case IFLA_IFNAME:
                        attr_string(attr, link.name, sizeof(link.name));
                        break;
                case IFLA_MTU:
                        link.mtu = attr_u32(attr);
                        break;
                case IFLA_MASTER:
                        link.master = (int)attr_u32(attr);
                        break;
                case IFLA_ADDRESS:
                        if (mnl_attr_get_payload_len(attr) == 6)
                                memcpy(link.mac, mnl_attr_get_payload(attr), 6);
                        break;
                case IFLA_LINKINFO:
                        mnl_attr_for_each_nested(inner, attr) if (mnl_attr_get_type(inner) == IFLA_INFO_KIND)
                            attr_string(inner, link.kind, sizeof(link.kind));
                        break;
                default:
                        break;
                }
        }
        *ret = link;
        return 1;
}

int rtnl_parse_route(const struct nlmsghdr *message, struct rtnl_route *ret)
{
        struct rtnl_route route = { 0 };
        const struct rtmsg *info = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr;

        if (!has_header(message, RTM_NEWROUTE, sizeof(*info)) || info->rtm_type != RTN_UNICAST ||
            (info->rtm_family != AF_INET && info->rtm_family != AF_INET6) ||
            info->rtm_table != RT_TABLE_MAIN || info->rtm_dst_len > ip_bits(info->rtm_family))
                return 0;
        route.destination.address.family = info->rtm_family;
        route.destination.length = info->rtm_dst_len;
        mnl_attr_for_each(attr, message, sizeof(*info))
        {
                switch (mnl_attr_get_type(attr)) {
                case RTA_DST:
                        if (attr_address(attr, info->rtm_family, &route.destination.address) < 0)
                                return 0;
                        break;
                case RTA_GATEWAY:
                        if (attr_address(attr, info->rtm_family, &route.gateway) < 0)
                                return 0;
                        break;
                case RTA_OIF:
                        route.index = (int)attr_u32(attr);
                        break;
                case RTA_PRIORITY:
                        route.priority = attr_u32(attr);
                        break;
                default:
                        break;
                }
        }
        *ret = route;
        return 1;
}

int rtnl_parse_address(const struct nlmsghdr *message, struct rtnl_interface_address *ret)
{
        struct rtnl_interface_address address = { 0 };
        const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr;
        bool local = false;

        if (!has_header(message, RTM_NEWADDR, sizeof(*info)) ||
            (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) ||
            info->ifa_prefixlen > ip_bits(info->ifa_family))
                return 0;
        address.index = (int)info->ifa_index;
        address.address.length = info->ifa_prefixlen;
        mnl_attr_for_each(attr, message, sizeof(*info))
        {
                int type = mnl_attr_get_type(attr);

                /* On point-to-point links IFA_ADDRESS is the other end's; IFA_LOCAL is ours. */
                if (type == IFA_LOCAL || (type == IFA_ADDRESS && !local)) {
                        if (attr_address(attr, info->ifa_family, &address.address.address) < 0)
                                return 0;
                        local = type == IFA_LOCAL;
                }
        }
        if (!ip_given(&address.address.address))
                return 0;
        *ret = address;
        return 1;
}

struct links {
        struct rtnl_link *items;
        size_t count;
};

static int take_link(const struct nlmsghdr *message, void *arg)
{
        struct links *links = arg;
        struct rtnl_link link;

        if (rtnl_parse_link(message, &link) > 0)
                ARRAY_APPEND(links->items, links->count, link);
        return 1;
}

int rtnl_links(struct rtnl *rtnl, struct rtnl_link **ret, size_t *ret_count, struct error *err)
{
        struct links links = { 0 };

        if (rtnl_dump(rtnl, RTM_GETLINK, AF_UNSPEC, take_link, &links, err) < 0) {
                free(links.items);
                return -1;
        }
        *ret = links.items;
        *ret_count = links.count;
        return 0;
}

int rtnl_link_find(struct rtnl *rtnl, const char *name, struct rtnl_link *ret, struct error *err)
{
        char buffer[8192];
        struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
        ssize_t n;
        int left;

        if (strlen(name) >= IFNAMSIZ)
                return 0;
        message->nlmsg_type = RTM_GETLINK;
        message->nlmsg_flags = NLM_F_REQUEST;
        message->nlmsg_seq = ++rtnl->sequence;
        mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        if (mnl_socket_sendto(rtnl->socket, message, message->nlmsg_len) < 0)
                return error_errno(err, "ask for interface %s", name);
        n = mnl_socket_recvfrom(rtnl->socket, buffer, sizeof(buffer));
        if (n < 0)
                return error_errno(err, "ask for interface %s", name);
        left = (int)n;
        for (const struct nlmsghdr *m = (void *)buffer; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
                if (m->nlmsg_type == NLMSG_ERROR)
                        return 0;
                if (rtnl_parse_link(m, ret) > 0)
                        return 1;
        }
        return 0;
}

struct routes {
        struct rtnl_route *items;
        size_t count;
};

static int take_route(const struct nlmsghdr *message, void *arg)
{
        struct routes *routes = arg;
        struct rtnl_route route;

        if (rtnl_parse_route(message, &route) > 0)
                ARRAY_APPEND(routes->items, routes->count, route);
        return 1;
}

int rtnl_routes(struct rtnl *rtnl, struct rtnl_route **ret, size_t *ret_count, struct error *err)
{
        struct routes routes = { 0 };

        if (rtnl_dump(rtnl, RTM_GETROUTE, AF_UNSPEC, take_route, &routes, err) < 0) {
                free(routes.items);
                return -1;
        }
        *ret = routes.items;
        *ret_count = routes.count;
        return 0;
}

struct addresses {
        struct rtnl_interface_address *items;
        size_t count;
};

static int take_address(const struct nlmsghdr *message, void *arg)
{
        struct addresses *addresses = arg;
        struct rtnl_interface_address address;

        if (rtnl_parse_address(message, &address) > 0)
                ARRAY_APPEND(addresses->items, addresses->count, address);
        return 1;
}

int rtnl_addresses(struct rtnl *rtnl, struct rtnl_interface_address **ret, size_t *ret_count,
                   struct error *err)
{
        struct addresses addresses = { 0 };

        if (rtnl_dump(rtnl, RTM_GETADDR, AF_UNSPEC, take_address, &addresses, err) < 0) {
                free(addresses.items);
                return -1;
        }
        *ret = addresses.items;
        *ret_count = addresses.count;
        return 0;
}
