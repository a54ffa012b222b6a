/* ssh:// hosts. */
#include "client/ssh.h"
#include "base/str.h"
#include "suite.h"

SUITE(ssh);

TEST(parts_of_an_url)
{
        cleanup_ssh_host struct ssh_host h = {};

        ck_assert_int_eq(ssh_host_parse("ssh://me@[fe80::1]:2222/run/x.sock", &h, NULL), 0);
        ck_assert_str_eq(h.user, "me");
        ck_assert_str_eq(h.host, "fe80::1");
        ck_assert_str_eq(h.port, "2222");
        ck_assert_str_eq(h.socket, "/run/x.sock");
}

TEST(a_host_alone)
{
        cleanup_ssh_host struct ssh_host h = {};

        ck_assert_int_eq(ssh_host_parse("ssh://box/", &h, NULL), 0);
        ck_assert_str_eq(h.host, "box");
        ck_assert_ptr_null(h.user);
        ck_assert_ptr_null(h.port);
        ck_assert_ptr_null(h.socket);
}

TEST(what_is_none)
{
        static const char *const wrong[] = { "ssh://",         "ssh://me@",      "ssh://me:secret@box", "ssh://box:x",
                                             "ssh://box?a=b",  "ssh://box#a",    "ssh://-oProxyCommand=x",
                                             "ssh://box/a'b",  "ssh://a b" };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct ssh_host h = {};
                cleanup_error struct error err = {};

                ck_assert_msg(ssh_host_parse(wrong[i], &h, &err) < 0, "%s", wrong[i]);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
}
