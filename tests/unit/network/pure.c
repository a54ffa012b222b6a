/* Addresses, address management, port grammar. */
#include "suite.h"

#include "base/str.h"
#include "network/interface-sysctl.h"
#include "network/ipam.h"
#include "network/port.h"

#include <netinet/in.h>
#include <stdio.h>

SUITE(network_pure);

static struct ip_prefix prefix(const char *text)
{
        struct ip_prefix p;

        ck_assert_msg(ip_prefix_parse(text, &p) == 0, "%s", text);
        return p;
}

static struct ip_address address(const char *text)
{
        struct ip_address a;

        ck_assert_msg(ip_address_parse(text, &a) == 0, "%s", text);
        return a;
}

TEST(prefixes)
{
        static const char *const bad[] = { "",        "/",          "1.2.3.4", "1.2.3.4/",   "1.2.3.4/33",
                                           "1.2.3/8", "1.2.3.4/-1", "::1/129", "1.2.3.4/8x", "1.2.3.4/0008",
                                           "::/ 1" };
        struct ip_prefix a, p = prefix("10.1.2.3/12");
        char text[IP_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(ip_prefix_parse(bad[i], &a) < 0, "%s", bad[i]);
        a = ip_prefix_network(&p);
        ck_assert_str_eq(ip_prefix_format(&a, text), "10.0.0.0/12");
        a.address = ip_prefix_last(&p);
        ck_assert_str_eq(ip_address_format(&a.address, text), "10.15.255.255");
        p = prefix("10.0.0.0/8");
        a = prefix("10.9.0.0/16");
        ck_assert(ip_prefix_overlap(&a, &p) && ip_prefix_overlap(&p, &a));
        a = prefix("11.0.0.0/16");
        ck_assert(!ip_prefix_overlap(&a, &p));
        p = prefix("0.0.0.0/0");
        ck_assert(ip_prefix_overlap(&a, &p));
        a = prefix("fd00::/64");
        ck_assert(!ip_prefix_overlap(&a, &p));
        p.address = ip_address_add(&a.address, 0x10005);
        ck_assert_str_eq(ip_address_format(&p.address, text), "fd00::1:5");
        p.address = address("::ffff:1.2.3.4");
        ck_assert_int_eq(p.address.family, AF_INET);
}

TEST(hardware_addresses)
{
        uint8_t mac[6];
        char text[MAC_TEXT_SIZE];

        ck_assert_int_eq(mac_parse("02:42:AC-11:00:99", mac), 0);
        ck_assert_str_eq(mac_format(mac, text), "02:42:ac:11:00:99");
        ck_assert_int_lt(mac_parse("zz", mac), 0);
        ck_assert_int_lt(mac_parse("02:42:ac:11:00:9g", mac), 0);
        mac_random(mac);
        ck_assert_int_eq(mac[0] & 3, 2);
}

TEST(subnets)
{
        struct ip_prefix taken[3] = { prefix("172.17.0.0/16"), prefix("172.16.0.0/14"),
                                      prefix("172.20.0.0/22") };
        struct ip_prefix p;
        struct ipam_pool pool;
        cleanup_error struct error err = { 0 };
        char text[IP_TEXT_SIZE];

        ck_assert_int_eq(
            ipam_choose_subnet(ipam_default_pools, ipam_n_default_pools, AF_INET, NULL, 0, &p, &err), 0);
        ck_assert_str_eq(ip_prefix_format(&p, text), "172.17.0.0/16");
        ck_assert_int_eq(
            ipam_choose_subnet(ipam_default_pools, ipam_n_default_pools, AF_INET, taken, 1, &p, &err), 0);
        ck_assert_str_eq(ip_prefix_format(&p, text), "172.18.0.0/22");
        ck_assert_int_eq(
            ipam_choose_subnet(ipam_default_pools, ipam_n_default_pools, AF_INET, taken, 3, &p, &err), 0);
        ck_assert_str_eq(ip_prefix_format(&p, text), "172.20.4.0/22");
        ck_assert_int_eq(ipam_pool_parse("base=10.5.0.0/24,size=26", &pool, &err), 0);
        for (int i = 0; i < 3; i++)
                taken[i] = prefix(i == 0 ? "10.5.0.0/25" : i == 1 ? "10.5.0.128/28" : "10.5.0.192/32");
        ck_assert_int_lt(ipam_choose_subnet(&pool, 1, AF_INET, taken, 3, &p, &err), 0);
        ck_assert_int_eq(err.kind, ERROR_FORBIDDEN);
        error_clear(&err);
        ck_assert_int_eq(ipam_choose_subnet(&pool, 1, AF_INET, taken, 2, &p, &err), 0);
        ck_assert_str_eq(ip_prefix_format(&p, text), "10.5.0.192/26");
        ck_assert_int_eq(ipam_pool_parse("base=255.255.0.0/16,size=17", &pool, &err), 0);
        taken[0] = prefix("255.255.0.0/16");
        ck_assert_int_lt(ipam_choose_subnet(&pool, 1, AF_INET, taken, 1, &p, NULL), 0);
        ck_assert_int_lt(ipam_pool_parse("base=10.0.0.0/24,size=16", &pool, NULL), 0);
        ck_assert_int_lt(ipam_pool_parse("base=10.0.0.0/24", &pool, NULL), 0);
        ck_assert_int_lt(ipam_pool_parse("size=10", &pool, NULL), 0);
        ck_assert_int_lt(ipam_pool_parse("base=x,size=24", &pool, NULL), 0);
        ck_assert_int_lt(ipam_pool_parse("base=10.0.0.0/8,size=99", &pool, NULL), 0);
}

TEST(addresses)
{
        struct ip_prefix subnet = prefix("10.2.3.0/29"), range = subnet;
        struct ip_address taken[8], a;
        size_t n = 0;
        char text[IP_TEXT_SIZE];

        taken[n++] = address("10.2.3.1");
        for (int i = 2; i <= 6; i++) {
                ck_assert_int_eq(ipam_choose_address(&subnet, &range, taken, n, &a), 0);
                snprintf(text, sizeof(text), "10.2.3.%d", i);
                taken[n] = address(text);
                ck_assert_int_eq(ip_address_compare(&a, &taken[n]), 0);
                n++;
        }
        ck_assert_int_lt(ipam_choose_address(&subnet, &range, taken, n, &a), 0);
        subnet = prefix("10.201.0.0/16");
        range = prefix("10.201.5.0/24");
        ck_assert_int_eq(ipam_choose_address(&subnet, &range, NULL, 0, &a), 0);
        ck_assert_str_eq(ip_address_format(&a, text), "10.201.5.0");
        subnet = range = prefix("fd00::/64");
        taken[0] = address("fd00::1");
        ck_assert_int_eq(ipam_choose_address(&subnet, &range, taken, 1, &a), 0);
        ck_assert_str_eq(ip_address_format(&a, text), "fd00::2");
        ipam_unique_local("abc", &subnet);
        ck_assert_uint_eq(subnet.address.bytes[0], 0xfd);
        ck_assert_uint_eq(subnet.length, 64);
}

TEST(ports)
{
        static const char *const bad[] = { "",   "x",   "70000", "80/",       "80/foo",
                                           "-1", "8 0", "/tcp",  "80/tcp/udp" };
        uint16_t first, last;
        int protocol;
        char text[PORT_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(port_parse(bad[i], &first, &protocol, NULL) < 0 || streq(bad[i], "80/"), "%s",
                              bad[i]);
        ck_assert_int_eq(port_parse("53/UDP", &first, &protocol, NULL), 0);
        ck_assert_str_eq(port_format(first, protocol, text), "53/udp");
        ck_assert_int_eq(port_range_parse("8000-8010", &first, &last, NULL), 0);
        ck_assert_int_eq(first, 8000);
        ck_assert_int_eq(last, 8010);
        ck_assert_int_eq(port_range_parse("", &first, &last, NULL), 0);
        ck_assert_int_eq(first + last, 0);
        ck_assert_int_lt(port_range_parse("8010-8000", &first, &last, NULL), 0);
        ck_assert_int_lt(port_range_parse("8010-", &first, &last, NULL), 0);
        ck_assert_int_lt(port_range_parse("-", &first, &last, NULL), 0);
        port_dynamic_range(&first, &last);
        ck_assert(first > 0 && first <= last);
}

TEST(interface_sysctls)
{
        static const char *const bad[] = { "",
                                           "foo",
                                           "net.ipv4.ip_forward=1",
                                           "net.ipv4.conf.eth0.log_martians=1",
                                           "kernel.conf.IFNAME.x=1",
                                           "net.ipv4.conf.IFNAME.log_martians",
                                           "net.ipv4.conf.IFNAME.a.b=1",
                                           "net.ipv4.conf.IFNAME.=1",
                                           "net.ipv4.conf/../x.IFNAME.a=1",
                                           "net.ipv4.conf.IFNAME.../../x=1",
                                           "net.ipv4.conf.IFNAME.a=1,foo" };
        cleanup_interface_sysctls struct interface_sysctls list = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(interface_sysctls_parse(bad[i], &list, NULL) < 0, "%s", bad[i]);
        ck_assert_int_eq(interface_sysctls_parse("net.ipv4.conf.IFNAME.log_martians=1,"
                                                 "net.ipv6.neigh.ifname.mcast_solicit=5",
                                                 &list, NULL),
                         0);
        ck_assert_uint_eq(list.count, 2);
        ck_assert_str_eq(list.items[1].directory, "net/ipv6/neigh");
        ck_assert_str_eq(list.items[1].name, "mcast_solicit");
        ck_assert_str_eq(list.items[1].value, "5");
}
