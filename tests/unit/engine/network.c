/* Networks against the real kernel: a host of our own (a fresh namespace) with the engine's networks on it.
 */
#include "suite.h"

#include "base/fd.h"
#include "engine/network-internal.h"
#include "store/database.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>

SUITE(engine_network);

struct world {
        char dir[64];
        struct database *db;
        struct networks *nets;
        struct container_config config;
        struct host_config host;
};

static void world_open(struct world *w, char *const *live, struct error *err)
{
        cleanup_free char *path = string_format("%s/db", w->dir);
        struct network_options options = { .exec_root = w->dir };

        ck_assert_msg(database_open(path, &w->db, err) == 0, "%s", error_message(err));
        ck_assert_msg(networks_open(w->db, NULL, &options, live, &w->nets, err) == 0, "%s",
                      error_message(err));
}

static void world_close(struct world *w)
{
        networks_close(w->nets);
        database_close(w->db);
        w->nets = NULL;
        w->db = NULL;
}

static int run_in_namespace(int (*body)(void *arg, struct error *err))
{
        cleanup_error struct error err = { 0 };
        cleanup_sandbox struct sandbox s = SANDBOX_NONE;
        struct sandbox_pool *pool = NULL;
        struct world w = { .dir = "/tmp/davit-unit-XXXXXX" };
        int r;

        if (geteuid() != 0)
                return 0;
        ck_assert_ptr_nonnull(mkdtemp(w.dir));
        ck_assert_int_eq(sandbox_pool_new(0, &pool, &err), 0);
        if (sandbox_take(pool, &s, &err) < 0) {
                sandbox_pool_free(pool);
                return 0;
        }
        r = sandbox_run(s.netns, body, &w, &err);
        sandbox_pool_free(pool);
        tree_remove(AT_FDCWD, w.dir, NULL);
        free(w.host.network_mode);
        ck_assert_msg(r == 0, "%s", error_message(&err));
        return r;
}

static size_t count_links(struct networks *nets)
{
        struct rtnl_link *links = NULL;
        size_t n = 0;

        link_reaper_wait(nets->reaper);
        ck_assert_int_eq(rtnl_links(nets->rtnl, &links, &n, NULL), 0);
        free(links);
        return n;
}

static struct network_member member_of(struct world *w, const char *id, const char *name)
{
        return (struct network_member){
                .id = id, .name = name, .dir = w->dir, .config = &w->config, .host = &w->host
        };
}

static int listen_inside(void *arg, struct error *err)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
        int *fd = arg;

        (void)err;
        *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(listen(*fd, 8), 0);
        return 0;
}

struct attempt {
        const char *ip;
        uint16_t port;
        int result; /* errno */
};

static int try_connect(void *arg, struct error *err)
{
        struct attempt *t = arg;
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(t->port) };
        cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd p = { fd, POLLOUT, 0 };
        socklen_t len = sizeof(t->result);

        (void)err;
        inet_pton(AF_INET, t->ip, &a.sin_addr);
        t->result = 0;
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS) {
                t->result = errno;
        } else if (poll(&p, 1, 400) <= 0) {
                t->result = ETIMEDOUT;
        } else {
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &t->result, &len);
        }
        return 0;
}

static int connect_from(int netns, const char *ip, uint16_t port)
{
        struct attempt t = { ip, port, 0 };

        if (netns < 0)
                try_connect(&t, NULL);
        else
                ck_assert_int_eq(sandbox_run(netns, try_connect, &t, NULL), 0);
        return t.result;
}

static void publish(struct world *w, const char *ip, const char *port)
{
        static struct port_binding binding;
        static struct port_map_entry entry;

        binding = (struct port_binding){ (char *)ip, (char *)port };
        entry = (struct port_map_entry){ (char *)"80/tcp", &binding, 1 };
        w->host.port_bindings = &entry;
        w->host.n_port_bindings = 1;
}

static int default_bridge(void *arg, struct error *err)
{
        struct world *w = arg;
        cleanup_network_start struct network_start first = NETWORK_START_NONE, second = NETWORK_START_NONE;
        struct network_member a = member_of(w, "aaaaaaaaaaaaaaaa", "a"),
                              b = member_of(w, "bbbbbbbbbbbbbbbb", "b");
        struct network_settings settings = { 0 };
        cleanup_strv char **warnings = NULL;
        cleanup_free char *text = NULL;
        int listener = -1;
        char *live[] = { (char *)"aaaaaaaaaaaaaaaa", NULL };
        size_t len;

        world_open(w, NULL, err);
        w->config.hostname = (char *)"web.example.com";
        publish(w, "", "8080");
        ck_assert_msg(network_container_create(w->nets, &a, NULL, &warnings, err) == 0, "%s",
                      error_message(err));
        ck_assert_str_eq(w->host.network_mode, "bridge");
        ck_assert_msg(network_container_start(w->nets, &a, &first, err) == 0, "%s", error_message(err));
        ck_assert_int_ge(first.netns, 0);
        ck_assert_uint_eq(first.n_ports, 2);
        ck_assert(!first.ports[0].relay && first.ports[1].relay);
        ck_assert_int_eq(network_container_settings(w->nets, &a, &settings, err), 0);
        ck_assert_str_eq(settings.ip_address, "172.17.0.2");
        ck_assert_str_eq(settings.gateway, "172.17.0.1");
        ck_assert_uint_eq(settings.n_ports, 1);
        json_free_fields(&network_settings_table, &settings);
        ck_assert_int_eq(file_read(AT_FDCWD, w->dir, 1, &text, &len, NULL), -1);
        text = string_format("%s/hosts", w->dir);
        {
                cleanup_free char *path = take_ptr(text);

                ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &text, &len, err), 0);
                ck_assert_ptr_nonnull(strstr(text, "172.17.0.2\tweb.example.com web\n"));
        }

        /* Taken, by us and by another. */
        ck_assert_int_eq(network_container_create(w->nets, &b, NULL, &warnings, err), 0);
        ck_assert_int_eq(network_container_start(w->nets, &b, &second, err), -1);
        ck_assert_ptr_nonnull(
            strstr(error_message(err), "Bind for 0.0.0.0:8080 failed: port is already allocated"));
        error_clear(err);
        publish(w, "127.0.0.1", "8080-8081");
        ck_assert_msg(network_container_start(w->nets, &b, &second, err) == 0, "%s", error_message(err));
        ck_assert_int_eq(second.ports[0].host_port, 8081);

        /* The way of packets: from the host by loopback and address, from another container, from itself. */
        ck_assert_int_eq(sandbox_run(first.netns, listen_inside, &listener, err), 0);
        ck_assert_int_eq(connect_from(-1, "127.0.0.1", 8080), 0);
        ck_assert_int_eq(connect_from(-1, "127.0.0.5", 8080), 0);
        ck_assert_int_eq(connect_from(-1, "172.17.0.1", 8080), 0);
        ck_assert_int_eq(connect_from(-1, "172.17.0.2", 80), 0);
        ck_assert_int_eq(connect_from(second.netns, "172.17.0.1", 8080), 0);
        ck_assert_int_eq(connect_from(second.netns, "172.17.0.2", 80), 0);
        ck_assert_int_eq(connect_from(first.netns, "172.17.0.1", 8080), 0);
        ck_assert_int_eq(connect_from(-1, "172.17.0.1", 8081), ECONNREFUSED);
        ck_assert_int_eq(connect_from(-1, "127.0.0.1", 8081), ECONNREFUSED);

        /* The engine dies and comes back: b has ended meanwhile. */
        network_start_deinit(&second);
        world_close(w);
        world_open(w, live, err);
        ck_assert_int_eq(connect_from(-1, "127.0.0.1", 8080), 0);
        ck_assert_uint_eq(count_links(w->nets), 3); /* lo, the bridge, a's veth */
        network_container_stop(w->nets, a.id);
        ck_assert_uint_eq(count_links(w->nets), 2);
        network_start_deinit(&first);
        ck_assert_int_eq(connect_from(-1, "127.0.0.1", 8080), ECONNREFUSED);
        network_container_remove(w->nets, a.id);
        network_container_remove(w->nets, b.id);
        ck_assert_uint_eq(w->nets->n_members, 0);
        close(listener);
        world_close(w);
        return 0;
}

TEST(default_bridge_and_ports)
{
        run_in_namespace(default_bridge);
}

static int make(struct world *w, const char *request, struct error *err)
{
        cleanup_json json_object *body = NULL, *answer = NULL;

        ck_assert_int_eq(json_parse_text(request, strlen(request), &body, err), 0);
        return network_create(w->nets, body, &answer, err);
}

static int user_networks(void *arg, struct error *err)
{
        static const struct {
                const char *request, *error;
        } bad[] = {
                { "{\"Name\":\"\"}", "invalid name: name is empty" },
                { "{\"Name\":\"host\"}", "operation is not permitted on predefined host network " },
                { "{\"Name\":\"one\"}", "network with name one already exists" },
                { "{\"Name\":\"x\",\"Driver\":\"foo\"}", "plugin \"foo\" not found" },
                { "{\"Name\":\"x\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.205.0.5/24\"}]}}",
                  "invalid network config:\ninvalid subnet 10.205.0.5/24: it should be 10.205.0.0/24" },
                { "{\"Name\":\"x\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.5.0.128/25\"}]}}",
                  "invalid pool request: Pool overlaps with other one on this address space" },
                { "{\"Name\":\"x\",\"EnableIPv4\":false}", "IPv4 or IPv6 must be enabled" },
                { "{\"Name\":\"x\",\"Options\":{\"com.docker.network.driver.mtu\":\"abc\"}}",
                  "failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing \"abc\": "
                  "invalid "
                  "syntax)" },
        };
        struct world *w = arg;
        cleanup_network_start struct network_start first = NETWORK_START_NONE, second = NETWORK_START_NONE;
        struct network_member a = member_of(w, "aaaaaaaaaaaaaaaa", "a"),
                              b = member_of(w, "bbbbbbbbbbbbbbbb", "b");
        struct endpoint_ipam_config fixed = { .ipv4_address = (char *)"10.5.0.77" };
        struct endpoint_entry entry = { (char *)"two", { .ipam_config = &fixed } };
        struct networking_config networking = { &entry, 1 };
        cleanup_json json_object *shown = NULL;
        cleanup_strv char **warnings = NULL;
        int listener = -1;

        world_open(w, NULL, err);
        ck_assert_msg(make(w, "{\"Name\":\"one\"}", err) == 0, "%s", error_message(err));
        ck_assert_msg(make(w,
                           "{\"Name\":\"two\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.5.0.0/24\"}]},"
                           "\"Options\":{\"com.docker.network.bridge.name\":\"two0\"}}",
                           err) == 0,
                      "%s", error_message(err));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                ck_assert_int_lt(make(w, bad[i].request, err), 0);
                ck_assert_str_eq(error_message(err), bad[i].error);
                error_clear(err);
        }
        w->config.hostname = (char *)"h";
        replace_string(&w->host.network_mode, "one");
        ck_assert_int_eq(network_container_create(w->nets, &a, NULL, &warnings, err), 0);
        ck_assert_msg(network_container_start(w->nets, &a, &first, err) == 0, "%s", error_message(err));
        replace_string(&w->host.network_mode, "two");
        ck_assert_msg(network_container_create(w->nets, &b, &networking, &warnings, err) == 0, "%s",
                      error_message(err));
        ck_assert_msg(network_container_start(w->nets, &b, &second, err) == 0, "%s", error_message(err));
        ck_assert_int_eq(sandbox_run(second.netns, listen_inside, &listener, err), 0);
        /* Isolated from each other, reachable from the host. */
        ck_assert_int_eq(connect_from(-1, "10.5.0.77", 80), 0);
        ck_assert_int_eq(connect_from(first.netns, "10.5.0.77", 80), ETIMEDOUT);
        ck_assert_int_eq(network_inspect(w->nets, "two", &shown, err), 0);
        ck_assert_ptr_nonnull(json_get(json_get(shown, "Containers"), b.id));
        ck_assert_int_lt(network_remove(w->nets, "two", err), 0);
        ck_assert_int_eq(err->kind, ERROR_FORBIDDEN);
        error_clear(err);
        network_container_stop(w->nets, b.id);
        ck_assert_int_eq(network_remove(w->nets, "two", err), 0);
        ck_assert_int_lt(network_container_start(w->nets, &b, &second, err), 0);
        ck_assert_ptr_nonnull(strstr(error_message(err), "not found"));
        error_clear(err);
        ck_assert_int_lt(network_remove(w->nets, "bridge", err), 0);
        error_clear(err);
        network_container_remove(w->nets, a.id);
        network_container_remove(w->nets, b.id);
        ck_assert_int_eq(network_remove(w->nets, "one", err), 0);
        ck_assert_uint_eq(count_links(w->nets), 2);
        close(listener);
        world_close(w);
        return 0;
}

TEST(user_defined_networks)
{
        run_in_namespace(user_networks);
}

static int listen_inside6(void *arg, struct error *err)
{
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
        int *fd = arg;

        (void)err;
        *fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(listen(*fd, 8), 0);
        return 0;
}

static int connect6(const char *ip, uint16_t port)
{
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        struct timeval timeout = { 1, 0 };
        cleanup_close int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

        inet_pton(AF_INET6, ip, &a.sin6_addr);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : errno;
}

/* IPv6, a host that lost its bridges (a reboot), names for the shims, a firewall beside us. */
static int ipv6_and_reboot(void *arg, struct error *err)
{
        struct world *w = arg;
        cleanup_network_start struct network_start first = NETWORK_START_NONE;
        struct network_member a = member_of(w, "aaaaaaaaaaaaaaaa", "a");
        struct network_settings settings = { 0 };
        cleanup_strv char **warnings = NULL;
        cleanup_free char *path = NULL, *text = NULL, *id = NULL;
        int listener = -1;
        size_t len;

        if (access("/proc/sys/net/ipv6", F_OK) < 0)
                return 0;
        world_open(w, NULL, err);
        ck_assert_uint_eq(strv_length((char **)networks_warnings(w->nets)), 0);
        ck_assert_msg(make(w,
                           "{\"Name\":\"six\",\"EnableIPv6\":true,\"IPAM\":{\"Config\":"
                           "[{\"Subnet\":\"fd00:db8:6::/64\"}]}}",
                           err) == 0,
                      "%s", error_message(err));
        w->config.hostname = (char *)"h";
        replace_string(&w->host.network_mode, "six");
        publish(w, "", "8080");
        ck_assert_int_eq(network_container_create(w->nets, &a, NULL, &warnings, err), 0);
        ck_assert_msg(network_container_start(w->nets, &a, &first, err) == 0, "%s", error_message(err));
        ck_assert_int_eq(network_container_settings(w->nets, &a, &settings, err), 0);
        ck_assert_str_eq(settings.networks[0].settings.global_ipv6_address, "fd00:db8:6::2");
        ck_assert_str_eq(settings.networks[0].settings.ipv6_gateway, "fd00:db8:6::1");
        id = xstrdup(settings.networks[0].settings.network_id);
        json_free_fields(&network_settings_table, &settings);
        ck_assert_int_eq(sandbox_run(first.netns, listen_inside6, &listener, err), 0);
        ck_assert_int_eq(connect6("fd00:db8:6::2", 80), 0);
        ck_assert_int_eq(connect6("fd00:db8:6::1", 8080), 0);
        ck_assert_int_eq(connect_from(-1, "127.0.0.1", 8080), 0);
        ck_assert(first.ports[1].relay); /* ::1 */
        ck_assert_int_ge(first.dns_fds[1], 0);
        path = string_format("%s/networks/%s/%s", w->dir, id, a.id);
        ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &text, &len, err), 0);
        ck_assert_ptr_nonnull(strstr(text, "address fd00:db8:6::2\nname a\nname aaaaaaaaaaaa\nname h\n"));
        for (size_t i = 0; i < w->nets->n_records; i++)
                if (*w->nets->records[i]->bridge)
                        rtnl_link_delete(w->nets->rtnl, w->nets->records[i]->bridge);
        ck_assert_int_eq(rtnl_commit(w->nets->rtnl, err), 0);
        network_start_deinit(&first);
        world_close(w);
        ck_assert_int_eq(
            system("nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward "
                   "priority 0; policy drop; }'"),
            0);
        world_open(w, NULL, err);
        ck_assert_uint_eq(strv_length((char **)networks_warnings(w->nets)), 1);
        ck_assert_int_ne(access(path, F_OK), 0);
        ck_assert_msg(network_container_start(w->nets, &a, &first, err) == 0, "%s", error_message(err));
        network_container_remove(w->nets, a.id);
        ck_assert_int_ne(access(path, F_OK), 0);
        ck_assert_int_eq(network_remove(w->nets, "six", err), 0);
        ck_assert_uint_eq(count_links(w->nets), 2);
        close(listener);
        world_close(w);
        return 0;
}

TEST(ipv6_reboot_names_firewall)
{
        run_in_namespace(ipv6_and_reboot);
}

static const struct {
        struct resolv_conf_request request;
        const char *lines;
} resolv_cases[] = {
        { { .host_text = "nameserver 10.0.0.1\nsearch a b\noptions x\n" },
          "nameserver 10.0.0.1\nsearch a b\noptions x\n" },
        { { .host_text = "nameserver 127.0.0.53\n" }, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n" },
        { { .host_text = "nameserver 127.0.0.53\n", .keep_loopback = true }, "nameserver 127.0.0.53\n" },
        { { .host_text = "nameserver ::1\nnameserver fd00::1\n# c\n;x\n\tdomain\tex.org\r\n" },
          "nameserver fd00::1\nsearch ex.org\n" },
        { { .host_text = "nameserver 10.0.0.1\nsearch a\n",
            .dns = (char *[]){ (char *)"1.1.1.1", NULL },
            .search = (char *[]){ (char *)".", NULL },
            .options = (char *[]){ (char *)"ndots:2", NULL } },
          "nameserver 1.1.1.1\noptions ndots:2\n" },
        { { .host_text = "nameserver 10.0.0.1\n", .internal = true },
          "nameserver 127.0.0.11\noptions ndots:0\n" },
        { { .host_text = "", .internal = true, .options = (char *[]){ (char *)"use-vc", NULL } },
          "nameserver 127.0.0.11\noptions use-vc ndots:0\n" },
};

TEST(resolv_conf)
{
        for (size_t i = 0; i < ARRAY_SIZE(resolv_cases); i++) {
                struct resolv_conf_request q = resolv_cases[i].request;
                cleanup_free char *text = NULL;
                char *from, *to;

                q.host_path = "/etc/resolv.conf";
                text = resolv_conf_make(&q);
                from = strstr(text, "\n\n") + 2;
                to = strstr(from, "\n#");
                *to = '\0';
                ck_assert_str_eq(from, resolv_cases[i].lines);
        }
}
