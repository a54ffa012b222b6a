#include "registry/challenge.h"
#include "registry/registry.h"
#include "suite.h"

SUITE(challenge);

static void check(const char *header, enum challenge_scheme scheme, const char *realm, const char *service, const char *scope)
{
        struct challenge c;

        challenge_parse(header, &c);
        ck_assert_int_eq(c.scheme, scheme);
        ck_assert_pstr_eq(c.realm, realm);
        ck_assert_pstr_eq(c.service, service);
        ck_assert_pstr_eq(c.scope, scope);
        challenge_deinit(&c);
}

TEST(parses)
{
        check("Basic realm=\"test\"", CHALLENGE_BASIC, "test", NULL, NULL);
        check("Bearer realm=\"https://a/token\",service=\"the service\",scope=\"repository:a/b:pull,push\"", CHALLENGE_BEARER,
              "https://a/token", "the service", "repository:a/b:pull,push");
        check("bearer  realm = x , service=\"a \\\" b\"", CHALLENGE_BEARER, "x", "a \" b", NULL);
        check("Basic realm=\"a\", Bearer realm=\"b\"", CHALLENGE_BEARER, "b", NULL, NULL);
        check("Bearer realm=\"b\", Basic realm=\"a\"", CHALLENGE_BEARER, "b", NULL, NULL);
        check("Negotiate", CHALLENGE_NONE, NULL, NULL, NULL);
        check("Bearer realm=\"open", CHALLENGE_BEARER, "open", NULL, NULL);
        check("", CHALLENGE_NONE, NULL, NULL, NULL);
        check(",,=,\"", CHALLENGE_NONE, NULL, NULL, NULL);
}

TEST(auth_header)
{
        cleanup_registry_auth struct registry_auth a = {}, b = {};
        cleanup_error struct error err = {};

        /* {"username":"me","password":"pw?>"} in base64url without padding */
        ck_assert_int_eq(registry_auth_decode("eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJwdz8-In0", &a, NULL), 0);
        ck_assert_str_eq(a.username, "me");
        ck_assert_str_eq(a.password, "pw?>");
        /* {"auth":"bWU6cDp3"} = me:p:w */
        ck_assert_int_eq(registry_auth_decode("eyJhdXRoIjoiYldVNmNEcDMifQ==", &b, NULL), 0);
        ck_assert_str_eq(b.username, "me");
        ck_assert_str_eq(b.password, "p:w");
        ck_assert_int_eq(registry_auth_decode("%%%", &b, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
}

TEST(endpoints)
{
        char *mirrors[] = { (char *)"http://mirror:5000", (char *)"https://other/", NULL };
        char *insecure[] = { (char *)"10.0.0.0/8", (char *)"plain:80", NULL };
        struct registry_settings settings = { .mirrors = mirrors, .insecure = insecure };
        struct registry_endpoint *list;
        size_t count;

        registry_endpoints(&settings, "docker.io", &list, &count);
        ck_assert_uint_eq(count, 3);
        ck_assert_str_eq(list[0].host, "mirror:5000");
        ck_assert(list[0].plain && list[0].mirror);
        ck_assert_str_eq(list[1].host, "other");
        ck_assert(!list[1].insecure);
        ck_assert_str_eq(list[2].host, "registry-1.docker.io");
        registry_endpoints_free(list, count);
        static const struct {
                const char *domain;
                bool insecure;
        } cases[] = { { "localhost:5000", true }, { "127.9.0.1:1", true }, { "[::1]:5000", true }, { "10.1.2.3:5000", true },
                      { "11.1.2.3", false }, { "plain:80", true }, { "example.com", false } };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                registry_endpoints(&settings, cases[i].domain, &list, &count);
                ck_assert_uint_eq(count, 1);
                ck_assert_msg(list[0].insecure == cases[i].insecure, "%s", cases[i].domain);
                registry_endpoints_free(list, count);
        }
}
