/* Requests that change something, one function each. */
#include "network/rtnetlink-internal.h"

#include "base/str.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

static struct nlmsghdr *link_begin(struct rtnl *rtnl, uint16_t type, uint16_t flags, int index)
{
        struct nlmsghdr *message = rtnl_message_begin(rtnl, type, flags);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

        info->ifi_index = index;
        return message;
}

static void link_set_up(struct nlmsghdr *message)
{
        struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

        info->ifi_flags |= IFF_UP;
        info->ifi_change |= IFF_UP;
}

void rtnl_bridge_add(struct rtnl *rtnl, const char *name, const uint8_t mac[6], unsigned mtu)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
        struct nlattr *info;

        link_set_up(message);
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        mnl_attr_put(message, IFLA_ADDRESS, 6, mac);
        if (mtu)
                mnl_attr_put_u32(message, IFLA_MTU, mtu);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("create bridge %s", name));
}

static void veth_put_peer(struct nlmsghdr *message, const struct rtnl_veth *veth)
{
        struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);

        mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(message, IFLA_IFNAME, veth->peer_name);
        mnl_attr_put(message, IFLA_ADDRESS, 6, veth->peer_mac);
        mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns);
        if (veth->mtu)
                mnl_attr_put_u32(message, IFLA_MTU, veth->mtu);
        mnl_attr_nest_end(message, peer);
}

static void port_options(struct rtnl *rtnl, const struct rtnl_veth *veth)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, 0, 0);
        struct nlattr *info, *data;

        mnl_attr_put_strz(message, IFLA_IFNAME, veth->name);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
        data = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
        mnl_attr_put_u8(message, IFLA_BRPORT_MODE, veth->hairpin);
        mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, veth->isolated);
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("set up bridge port %s", veth->name));
}

void rtnl_veth_add(struct rtnl *rtnl, const struct rtnl_veth *veth)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
        struct nlattr *info, *data;

        link_set_up(message);
        mnl_attr_put_strz(message, IFLA_IFNAME, veth->name);
        if (veth->master)
                mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)veth->master);
        if (veth->mtu)
                mnl_attr_put_u32(message, IFLA_MTU, veth->mtu);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
        data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        veth_put_peer(message, veth);
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("create veth %s", veth->name));
        if (veth->master && (veth->hairpin || veth->isolated))
                port_options(rtnl, veth);
}

void rtnl_vlan_add(struct rtnl *rtnl, const struct rtnl_vlan *vlan)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
        struct nlattr *info, *data;
        bool macvlan = streq(vlan->kind, "macvlan");

        mnl_attr_put_strz(message, IFLA_IFNAME, vlan->name);
        mnl_attr_put_u32(message, IFLA_LINK, (uint32_t)vlan->parent);
        mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)vlan->netns);
        if (macvlan)
                mnl_attr_put(message, IFLA_ADDRESS, sizeof(vlan->mac), vlan->mac);
        if (vlan->mtu)
                mnl_attr_put_u32(message, IFLA_MTU, vlan->mtu);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, vlan->kind);
        data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        if (macvlan) {
                mnl_attr_put_u32(message, IFLA_MACVLAN_MODE, (uint32_t)vlan->mode);
        } else {
                mnl_attr_put_u16(message, IFLA_IPVLAN_MODE, (uint16_t)vlan->mode);
                mnl_attr_put_u16(message, IFLA_IPVLAN_FLAGS, (uint16_t)vlan->flag);
        }
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("create %s interface %s", vlan->kind, vlan->name));
}

void rtnl_dummy_add(struct rtnl *rtnl, const char *name)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
        struct nlattr *info;

        link_set_up(message);
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "dummy");
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("create dummy interface %s", name));
}

void rtnl_tagged_add(struct rtnl *rtnl, const char *name, int parent, uint16_t tag)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
        struct nlattr *info, *data;

        link_set_up(message);
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        mnl_attr_put_u32(message, IFLA_LINK, (uint32_t)parent);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "vlan");
        data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        mnl_attr_put_u16(message, IFLA_VLAN_ID, tag);
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
        rtnl_message_end(rtnl, message, string_format("create VLAN interface %s", name));
}

void rtnl_link_up(struct rtnl *rtnl, int index, const char *name)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_SETLINK, 0, index);

        link_set_up(message);
        if (index == 0)
                mnl_attr_put_strz(message, IFLA_IFNAME, name);
        rtnl_message_end(rtnl, message, string_format("bring up %s", name));
}

void rtnl_link_down(struct rtnl *rtnl, const char *name)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_SETLINK, 0, 0);
        struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

        info->ifi_change |= IFF_UP;
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        rtnl_message_end(rtnl, message, string_format("bring down %s", name));
}

void rtnl_link_rename(struct rtnl *rtnl, int index, const char *name)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_SETLINK, 0, index);

        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        rtnl_message_end(rtnl, message, string_format("rename interface to %s", name));
}

void rtnl_link_delete(struct rtnl *rtnl, const char *name)
{
        struct nlmsghdr *message = link_begin(rtnl, RTM_DELLINK, 0, 0);

        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        rtnl_message_end(rtnl, message, string_format("delete interface %s", name));
}

static void address_message(struct rtnl *rtnl, uint16_t type, int index, const struct ip_prefix *address,
                            const char *what)
{
        uint16_t flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;
        struct nlmsghdr *message = rtnl_message_begin(rtnl, type, flags);
        struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
        int family = address->address.family;
        size_t size = family == AF_INET ? 4 : 16;
        char text[IP_TEXT_SIZE];

        info->ifa_family = (uint8_t)family;
        info->ifa_prefixlen = (uint8_t)address->length;
        info->ifa_index = (uint32_t)index;
        /* The address is chosen by us: nobody else has it, so it is usable at once. */
        if (family == AF_INET6)
                info->ifa_flags = IFA_F_NODAD;
        mnl_attr_put(message, IFA_LOCAL, size, address->address.bytes);
        mnl_attr_put(message, IFA_ADDRESS, size, address->address.bytes);
        if (family == AF_INET && address->length < 31 && type == RTM_NEWADDR) {
                struct ip_address last = ip_prefix_last(address);

                mnl_attr_put(message, IFA_BROADCAST, size, last.bytes);
        }
        rtnl_message_end(rtnl, message,
                         string_format("%s address %s", what, ip_prefix_format(address, text)));
}

void rtnl_address_add(struct rtnl *rtnl, int index, const struct ip_prefix *address)
{
        address_message(rtnl, RTM_NEWADDR, index, address, "add");
}

void rtnl_address_delete(struct rtnl *rtnl, int index, const struct ip_prefix *address)
{
        address_message(rtnl, RTM_DELADDR, index, address, "delete");
}

static struct nlmsghdr *route_begin(struct rtnl *rtnl, uint16_t type, int index,
                                    const struct ip_prefix *destination, const struct ip_address *gateway)
{
        uint16_t flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
        struct nlmsghdr *message = rtnl_message_begin(rtnl, type, flags);
        struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
        int family = destination->address.family;
        size_t size = family == AF_INET ? 4 : 16;

        info->rtm_family = (uint8_t)family;
        info->rtm_dst_len = (uint8_t)destination->length;
        info->rtm_table = RT_TABLE_MAIN;
        info->rtm_type = RTN_UNICAST;
        info->rtm_protocol = RTPROT_BOOT;
        info->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
        if (type == RTM_DELROUTE)
                info->rtm_scope = RT_SCOPE_NOWHERE;
        if (destination->length > 0)
                mnl_attr_put(message, RTA_DST, size, destination->address.bytes);
        if (gateway)
                mnl_attr_put(message, RTA_GATEWAY, size, gateway->bytes);
        mnl_attr_put_u32(message, RTA_OIF, (uint32_t)index);
        return message;
}

void rtnl_route_add(struct rtnl *rtnl, int index, const struct ip_prefix *destination,
                    const struct ip_address *gateway)
{
        struct nlmsghdr *message = route_begin(rtnl, RTM_NEWROUTE, index, destination, gateway);
        char text[IP_TEXT_SIZE];

        rtnl_message_end(rtnl, message,
                         string_format("add route to %s", ip_prefix_format(destination, text)));
}

void rtnl_route_delete(struct rtnl *rtnl, int index, const struct ip_prefix *destination)
{
        struct nlmsghdr *message = route_begin(rtnl, RTM_DELROUTE, index, destination, NULL);
        char text[IP_TEXT_SIZE];

        rtnl_message_end(rtnl, message,
                         string_format("delete route to %s", ip_prefix_format(destination, text)));
}
