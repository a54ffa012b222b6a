/* DNS messages and the names behind them. */
#include "suite.h"

#include "base/fd.h"
#include "network/dns.h"

#include <stdio.h>
#include <string.h>

SUITE(network_dns);

/* A question for `name` as a resolver sends it; with EDNS when `edns`. */
static size_t question(const char *name, int type, bool edns, uint8_t *out)
{
        size_t at = 12;

        memset(out, 0, 12);
        out[0] = 0x12;
        out[1] = 0x34;
        out[2] = 1;
        out[5] = 1;
        out[11] = edns;
        while (*name) {
                size_t len = strcspn(name, ".");

                out[at++] = (uint8_t)len;
                memcpy(out + at, name, len);
                at += len;
                name += len + (name[len] == '.');
        }
        out[at++] = 0;
        out[at++] = 0;
        out[at++] = (uint8_t)type;
        out[at++] = 0;
        out[at++] = 1;
        if (edns) {
                memcpy(out + at, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
                at += 11;
        }
        return at;
}

TEST(queries)
{
        uint8_t message[512];
        struct dns_query q;
        size_t len = question("Web.Example", DNS_TYPE_A, true, message);

        ck_assert_int_eq(dns_query_parse(message, len, &q), 0);
        ck_assert_str_eq(q.name, "web.example");
        ck_assert(q.edns && q.udp_size == 1232 && q.recursion && q.id == 0x1234);
        for (size_t cut = 0; cut < q.question_end; cut++)
                ck_assert_int_lt(dns_query_parse(message, cut, &q), 0);
        message[12] = 64; /* a label that is too long, or a pointer */
        ck_assert_int_lt(dns_query_parse(message, len, &q), 0);
        message[12] = 0xc0;
        ck_assert_int_lt(dns_query_parse(message, len, &q), 0);
        len = question("a", DNS_TYPE_A, false, message);
        message[2] = 0x81; /* an answer */
        ck_assert_int_lt(dns_query_parse(message, len, &q), 0);
}

TEST(answers)
{
        uint8_t message[512], answer[512];
        struct ip_address addresses[40];
        struct dns_query q;
        size_t len = question("web", DNS_TYPE_A, false, message);

        ck_assert_int_eq(dns_query_parse(message, len, &q), 0);
        for (int i = 0; i < 40; i++) {
                char text[32];

                snprintf(text, sizeof(text), "10.0.0.%d", i);
                ip_address_parse(text, &addresses[i]);
        }
        len = dns_answer_addresses(message, &q, addresses, 2, answer, sizeof(answer));
        ck_assert_uint_eq(len, q.question_end + 2 * 16);
        ck_assert(answer[0] == 0x12 && answer[2] & 0x80 && answer[7] == 2);
        ck_assert_int_eq(memcmp(answer + len - 4, "\x0a\0\0\1", 4), 0);
        len = dns_answer_addresses(message, &q, addresses, 40, answer, sizeof(answer));
        ck_assert_uint_le(len, sizeof(answer));
        ck_assert(answer[2] & 2); /* cut */
        len = dns_answer_addresses(message, &q, NULL, 0, answer, sizeof(answer));
        ck_assert_uint_eq(len, q.question_end);
        len = dns_answer_name(message, &q, "web.net", answer, sizeof(answer));
        ck_assert_uint_eq(len, q.question_end + 12 + 9);
}

TEST(reverse_names)
{
        static const char *const bad[] = { "1.2.3.in-addr.arpa",
                                           "1.2.3.256.in-addr.arpa",
                                           "1.2.3.4.5.in-addr.arpa",
                                           ".in-addr.arpa",
                                           "a.b.c.d.in-addr.arpa",
                                           "1.ip6.arpa",
                                           "x" };
        struct ip_address a;
        char text[IP_TEXT_SIZE];

        ck_assert_int_eq(dns_reverse_parse("2.0.17.172.in-addr.arpa", &a), 0);
        ck_assert_str_eq(ip_address_format(&a, text), "172.17.0.2");
        ck_assert_int_eq(
            dns_reverse_parse("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", &a),
            0);
        ck_assert_str_eq(ip_address_format(&a, text), "fd00::2");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(dns_reverse_parse(bad[i], &a) < 0, "%s", bad[i]);
}

static void put(const char *dir, const char *name, const char *text)
{
        cleanup_free char *path = string_format("%s/%s", dir, name);

        ck_assert_int_eq(file_replace(AT_FDCWD, path, text, strlen(text), 0644, false, NULL), 0);
}

TEST(names)
{
        char dir[] = "/tmp/davit-unit-XXXXXX";
        cleanup_free char *net = NULL, *resolver = NULL, *name = NULL;
        struct dns_view view = { .dirfd = -1 };
        struct ip_address *found = NULL, address;
        size_t n;

        ck_assert_ptr_nonnull(mkdtemp(dir));
        net = string_format("%s/net1", dir);
        resolver = string_format("%s/resolver", dir);
        ck_assert_int_eq(mkdir(net, 0755) + mkdir(resolver, 0755), 0);
        put(dir, "resolver/me", "network net1 front\nserver 9.9.9.9\n");
        put(dir, "net1/a", "address 10.0.0.2\naddress fd00::2\nname web\nname shared\n");
        put(dir, "net1/b", "address 10.0.0.3\nname db\nname shared\n");
        view.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        view.id = xstrdup("me");
        dns_view_refresh(&view);
        ck_assert_uint_eq(view.n_networks, 1);
        ck_assert_str_eq(view.servers[0], "9.9.9.9");
        ck_assert_int_eq(dns_view_find(&view, "WEB", AF_INET, &found, &n), 1);
        ck_assert_uint_eq(n, 1);
        free(found);
        ck_assert_int_eq(dns_view_find(&view, "web.front", AF_INET6, &found, &n), 1);
        ck_assert_uint_eq(n, 1);
        free(found);
        ck_assert_int_eq(dns_view_find(&view, "db", AF_INET6, &found, &n), 1);
        ck_assert_uint_eq(n, 0);
        free(found);
        ck_assert_int_eq(dns_view_find(&view, "shared", AF_INET, &found, &n), 1);
        ck_assert_uint_eq(n, 2);
        free(found);
        ck_assert_int_eq(dns_view_find(&view, "other", AF_INET, &found, &n), 0);
        ip_address_parse("10.0.0.3", &address);
        name = dns_view_reverse(&view, &address);
        ck_assert_str_eq(name, "db.front");
        put(dir, "net1/c", "address 10.0.0.4\nname new\n");
        dns_view_refresh(&view);
        ck_assert_int_eq(dns_view_find(&view, "new", AF_INET, &found, &n), 1);
        free(found);
        dns_view_deinit(&view);
        tree_remove(AT_FDCWD, dir, NULL);
}
