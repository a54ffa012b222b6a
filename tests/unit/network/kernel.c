/* rtnetlink, nftables and sandboxes against the real kernel, on threads in network namespaces of their own.
 */
#include "suite.h"

#include "base/fd.h"
#include "base/str.h"
#include "network/nftables.h"
#include "network/port.h"
#include "network/rtnetlink.h"
#include "network/sandbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>

SUITE(network_kernel);

static int in_new_namespace(int (*body)(void *arg, struct error *err))
{
        cleanup_error struct error err = { 0 };
        cleanup_sandbox struct sandbox s = SANDBOX_NONE;
        struct sandbox_pool *pool = NULL;
        int r;

        if (geteuid() != 0)
                return 0;
        ck_assert_int_eq(sandbox_pool_new(0, &pool, &err), 0);
        if (sandbox_take(pool, &s, &err) < 0) {
                sandbox_pool_free(pool);
                return 0; /* no right to make namespaces here */
        }
        r = sandbox_run(s.netns, body, NULL, &err);
        sandbox_pool_free(pool);
        ck_assert_msg(r == 0, "%s", error_message(&err));
        return r;
}

static int add_thousand(void *arg, struct error *err)
{
        cleanup_nft struct nft *nft = NULL;
        struct nft_network network = { .bridge = "dv0", .n_subnets = 2, .masquerade = true, .icc = true };
        struct nft_publish port = { .protocol = IPPROTO_TCP, .container_port = 80 };

        (void)arg;
        ip_prefix_parse("172.17.0.0/16", &network.subnets[0]);
        ip_prefix_parse("fd00:1::/64", &network.subnets[1]);
        ip_address_parse("0.0.0.0", &port.host_ip);
        ip_address_parse("172.17.0.2", &port.container_ip);
        if (nft_open("davit", &nft, err) < 0)
                return -1;
        nft_table_replace(nft);
        nft_network_add(nft, &network);
        strcpy(network.bridge, "dv1");
        ip_prefix_parse("172.18.0.0/16", &network.subnets[0]);
        ip_prefix_parse("fd00:2::/64", &network.subnets[1]);
        nft_network_add(nft, &network);
        if (nft_commit(nft, err) < 0)
                return -1;
        for (int i = 0; i < 1000; i++) {
                port.host_port = (uint16_t)(10000 + i);
                nft_publish_add(nft, &port);
        }
        if (nft_commit(nft, err) < 0)
                return error_context(err, "add");
        ip_address_parse("127.0.0.1", &port.host_ip);
        nft_publish_add(nft, &port);
        ip_address_parse("::", &port.host_ip);
        ip_address_parse("fd00:1::2", &port.container_ip);
        nft_publish_add(nft, &port);
        if (nft_commit(nft, err) < 0)
                return error_context(err, "add more");
        nft_publish_add(nft, &port);
        ck_assert_int_lt(nft_commit(nft, NULL), 0); /* it is there */
        if (getenv("DAVIT_TEST_SHOW"))
                ck_assert_int_eq(system("nft list ruleset | grep -v ' : 172.17.0.2 . 80,'"), 0);
        ip_address_parse("0.0.0.0", &port.host_ip);
        ip_address_parse("172.17.0.2", &port.container_ip);
        for (int i = 0; i < 1000; i++) {
                port.host_port = (uint16_t)(10000 + i);
                nft_publish_remove(nft, &port);
        }
        if (nft_commit(nft, err) < 0)
                return error_context(err, "remove");
        nft_network_remove(nft, &network);
        if (nft_commit(nft, err) < 0)
                return error_context(err, "remove network");
        nft_table_replace(nft);
        nft_table_delete(nft);
        return nft_commit(nft, err);
}

TEST(nft_thousand_ports)
{
        in_new_namespace(add_thousand);
}

static int make_sandboxes(void *arg, struct error *err)
{
        cleanup_rtnl struct rtnl *host = NULL;
        struct sandbox_pool *pool = NULL;
        struct sandbox s[50];
        struct rtnl_link bridge, *links = NULL;
        struct ip_prefix address;
        uint8_t mac[6];
        size_t n = 0;

        (void)arg;
        if (rtnl_open(&host, err) < 0 || sandbox_pool_new(2, &pool, err) < 0)
                return -1;
        mac_random(mac);
        rtnl_bridge_add(host, "dv0", mac, 1450);
        if (rtnl_commit(host, err) < 0)
                return -1;
        ck_assert_int_eq(rtnl_link_find(host, "dv0", &bridge, err), 1);
        ck_assert_uint_eq(bridge.mtu, 1450);
        ck_assert_str_eq(bridge.kind, "bridge");
        ip_prefix_parse("10.9.0.1/16", &address);
        rtnl_address_add(host, bridge.index, &address);
        if (rtnl_commit(host, err) < 0)
                return -1;
        for (int i = 0; i < 50; i++) {
                struct sandbox_interface iface = {
                        .kind = "veth", .master = bridge.index, .n_addresses = 2, .hairpin = true
                };

                snprintf(iface.host_name, sizeof(iface.host_name), "veth%d", i);
                strcpy(iface.name, "eth0");
                mac_random(iface.mac);
                iface.addresses[0] = address;
                iface.addresses[0].address = ip_address_add(&address.address, (uint64_t)i + 1);
                ip_prefix_parse("fd00:9::2/64", &iface.addresses[1]);
                ip_address_parse("10.9.0.1", &iface.gateways[0]);
                ip_address_parse("fd00:9::1", &iface.gateways[1]);
                if (sandbox_take(pool, &s[i], err) < 0 || sandbox_attach(&s[i], host, &iface, err) < 0)
                        return -1;
        }
        if (rtnl_links(host, &links, &n, err) < 0)
                return -1;
        ck_assert_uint_eq(n, 52);
        free(links);
        for (int i = 0; i < 50; i++) {
                struct rtnl_route *routes;
                char name[IFNAMSIZ];

                ck_assert_int_eq(rtnl_routes(s[i].rtnl, &routes, &n, err), 0);
                ck_assert_uint_ge(n, 3);
                free(routes);
                ck_assert_int_eq(sandbox_free_name(&s[i], "eth", name, err), 0);
                ck_assert_str_eq(name, "eth1");
                ck_assert_int_eq(sandbox_detach(&s[i], "eth0", err), 0);
                sandbox_deinit(&s[i]);
        }
        if (rtnl_links(host, &links, &n, err) < 0)
                return -1;
        ck_assert_uint_eq(n, 2); /* lo and the bridge */
        free(links);
        sandbox_pool_free(pool);
        rtnl_link_delete(host, "dv0");
        rtnl_link_delete(host, "nosuch");
        ck_assert_int_lt(rtnl_commit(host, err), 0);
        ck_assert_int_eq(err->errnum, ENODEV);
        error_clear(err);
        return 0;
}

TEST(fifty_sandboxes_leave_nothing)
{
        in_new_namespace(make_sandboxes);
}

TEST(bound_ports_are_exclusive)
{
        cleanup_error struct error err = { 0 };
        struct ip_address loopback, any6;
        int first, second;
        uint16_t port = 0;

        ip_address_parse("127.0.0.1", &loopback);
        ip_address_parse("::1", &any6);
        for (port = 23000; port < 23100; port++)
                if ((first = port_bind(&loopback, port, IPPROTO_TCP, false, &err)) >= 0)
                        break;
                else
                        error_clear(&err);
        ck_assert_int_ge(first, 0);
        second = port_bind(&loopback, port, IPPROTO_TCP, false, &err);
        ck_assert_int_lt(second, 0);
        ck_assert_int_eq(err.errnum, EADDRINUSE);
        error_clear(&err);
        second = port_bind(&loopback, port, IPPROTO_UDP, false, &err);
        ck_assert_int_ge(second, 0);
        close(second);
        close(first);
        first = port_bind(&loopback, port, IPPROTO_TCP, true, &err);
        ck_assert_int_ge(first, 0);
        /* A connection that was served and lingers doesn't block the port. */
        {
                struct sockaddr_in a = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), served;

                ck_assert_int_eq(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
                served = accept(first, NULL, NULL);
                close(served);
                close(client);
        }
        ck_assert_int_lt(port_bind(&loopback, port, IPPROTO_TCP, false, &err), 0);
        error_clear(&err);
        close(first);
        first = port_bind(&loopback, port, IPPROTO_TCP, true, &err);
        ck_assert_msg(first >= 0, "%s", error_message(&err));
        close(first);
}
