#include "registry/challenge.h"
#include "registry/hosts-file.h"
#include "registry/proxy.h"
#include "registry/registry.h"
#include "registry/url.h"
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
        struct registry_settings settings = { .mirrors = mirrors, .insecure = insecure, .certs_dir = (char *)"/nonexistent" };
        struct registry_endpoint *list;
        size_t count;

        ck_assert_int_eq(registry_endpoints(&settings, "docker.io", &list, &count, NULL), 0);
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
                ck_assert_int_eq(registry_endpoints(&settings, cases[i].domain, &list, &count, NULL), 0);
                ck_assert_uint_eq(count, 1);
                ck_assert_msg(list[0].insecure == cases[i].insecure, "%s", cases[i].domain);
                registry_endpoints_free(list, count);
        }
}

TEST(link_and_ranges)
{
        int64_t n = -1;
        char *next = registry_link_next("</v2/a/tags/list?last=b&n=2>; rel=\"next\"");

        ck_assert_str_eq(next, "/v2/a/tags/list?last=b&n=2");
        free(next);
        ck_assert_ptr_null(registry_link_next("</v2/a>; rel=\"prev\""));
        ck_assert_ptr_null(registry_link_next("nothing; rel=next"));
        ck_assert_ptr_null(registry_link_next(NULL));
        ck_assert_int_eq(content_range_start("bytes 5-9/10", &n), 0);
        ck_assert_int_eq(n, 5);
        ck_assert_int_eq(content_range_start("bytes */10", &n), -1);
        ck_assert_int_eq(content_range_start("items 1-2/3", &n), -1);
        ck_assert_int_eq(content_range_start(NULL, &n), -1);
        ck_assert_int_eq(upload_range_end("0-99", &n), 0);
        ck_assert_int_eq(n, 99);
        ck_assert_int_eq(upload_range_end("bytes=0-7", &n), 0);
        ck_assert_int_eq(n, 7);
        ck_assert_int_eq(upload_range_end("5-7", &n), -1);
        ck_assert_int_eq(upload_range_end("", &n), -1);
}

TEST(token_answers)
{
        static const char *const bad[] = { "", "{}", "[]", "{\"token\":\"\"}", "{\"token\":\"a\\r\\nX: y\"}", "{\"token\":1}" };
        static const char good[] = "{\"access_token\":\"t\",\"refresh_token\":\"r\",\"expires_in\":5}";
        cleanup_token_answer struct token_answer a = {};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(token_answer_parse(bad[i], strlen(bad[i]), &a, NULL) < 0, "%s", bad[i]);
        ck_assert_int_eq(token_answer_parse(good, strlen(good), &a, NULL), 0);
        ck_assert_str_eq(a.token, "t");
        ck_assert_str_eq(a.refresh_token, "r");
        ck_assert_int_eq(a.life, TOKEN_LIFE_MIN);
}

TEST(urls)
{
        static const struct {
                const char *base, *target, *result;
        } cases[] = {
                { "https://h:1/a/b?c", "/d?e", "https://h:1/d?e" },   { "https://h/a/b", "c", "https://h/a/c" },
                { "https://h/a/b", "http://x/y", "http://x/y" },      { "https://h/a/b", "//x/y", "https://x/y" },
                { "https://h/a/b?c", "?d", "https://h/a/b?d" },       { "http://h", "c", "http://h/c" },
        };
        static const struct {
                const char *url, *shown;
        } secrets[] = {
                { "https://me:pw@h/v2/?n=1", "https://h/v2/?n=1" },
                { "https://h/up?_state=secret&digest=d", "https://h/up?_state=xxxxx&digest=d" },
                { "https://h/blob?X-Amz-Signature=s", "https://h/blob?X-Amz-Signature=xxxxx" },
                { "https://h/p", "https://h/p" },
                { "https://h/t?account=a&service=s&flag", "https://h/t?account=a&service=s&flag" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_free char *got = url_resolve(cases[i].base, cases[i].target);

                ck_assert_str_eq(got, cases[i].result);
        }
        for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
                cleanup_free char *got = url_public(secrets[i].url);

                ck_assert_str_eq(got, secrets[i].shown);
        }
        cleanup_free char *origin = url_origin("http://u@h:8/x"), *none = url_origin("ftp://h/");
        ck_assert_str_eq(origin, "http://h:8");
        ck_assert_ptr_null(none);
}

TEST(proxies)
{
        static const struct {
                const char *no_proxy, *url;
                bool direct;
        } cases[] = {
                { "", "http://example.com/", false },
                { "", "http://localhost:5000/", true },
                { "", "http://127.3.0.1/", true },
                { "", "http://[::1]:5000/", true },
                { "*", "http://example.com/", true },
                { "example.com", "http://example.com/", true },
                { "example.com", "http://a.example.com/", true },
                { "example.com", "http://badexample.com/", false },
                { ".example.com", "http://example.com/", false },
                { ".example.com", "http://a.example.com/", true },
                { "*.example.com", "http://a.example.com/", true },
                { "example.com:8080", "http://example.com:8080/", true },
                { "example.com:8080", "http://example.com/", false },
                { "other, 10.0.0.0/8", "http://10.1.2.3/", true },
                { "10.0.0.0/8", "http://11.1.2.3/", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct proxy_settings s = { "proxy:3128", "http://secure:1", cases[i].no_proxy };
                cleanup_free char *got = proxy_for(&s, cases[i].url);

                ck_assert_msg((got == NULL) == cases[i].direct, "%s with %s", cases[i].url, cases[i].no_proxy);
                if (got)
                        ck_assert_str_eq(got, "http://proxy:3128");
        }
        struct proxy_settings s = { "a", "http://secure:1", "" };
        cleanup_free char *got = proxy_for(&s, "https://example.com/");
        ck_assert_str_eq(got, "http://secure:1");
}

TEST(hosts_files)
{
        static const char text[] =
            "# mirrors\nserver = \"https://registry-1.docker.io\"\n\n"
            "[host.\"https://mirror:5000/v2/hub\"]\n  capabilities = [\"pull\", 'resolve'] # no push\n  override_path = true\n"
            "  ca = \"ca.crt\"\n  client = [[\"c.cert\", \"c.key\"]]\n[host.\"https://mirror:5000/v2/hub\".header]\n"
            "  x-a = \"1\"\n  \"x-b\" = [\"2\",\n \"3\"]\n[host.\"http://plain\"]\r\nskip_verify = true\r\n";
        static const struct {
                const char *text, *complaint;
        } bad[] = {
                { "server = 1", "line 1: a string is expected" },
                { "\nfoo = \"a\"", "line 2: unknown name \"foo\"" },
                { "[other]", "line 1: the tables are [host.\"URL\"] and [host.\"URL\".header]" },
                { "[host.\"a\"]\ncapabilities = [\"fly\"]", "line 2: capabilities are pull, resolve and push" },
                { "server = \"a\" x", "line 1: nothing more is expected here" },
                { "server = \"a", "line 1: a string does not end" },
                { "[host.\"a\".header]\nx = \"a\\nb\"", "line 2: not a header" },
                { "[host.\"a\"]\nskip_verify = 1", "line 2: true or false is expected" },
        };
        cleanup_hosts_file struct hosts_file f = {};

        ck_assert_int_eq(hosts_file_parse(text, strlen(text), &f, NULL), 0);
        ck_assert_str_eq(f.server, "https://registry-1.docker.io");
        ck_assert_uint_eq(f.count, 2);
        ck_assert(f.hosts[0].pull && f.hosts[0].resolve && !f.hosts[0].push && f.hosts[0].override_path);
        ck_assert_str_eq(f.hosts[0].certificate, "c.cert");
        ck_assert_str_eq(f.hosts[0].key, "c.key");
        ck_assert_str_eq(f.hosts[0].ca_files[0], "ca.crt");
        ck_assert_str_eq(f.hosts[0].headers[2], "x-b: 3");
        ck_assert(f.hosts[1].skip_verify && f.hosts[1].push);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct hosts_file none = {};
                cleanup_error struct error err = {};

                ck_assert_int_eq(hosts_file_parse(bad[i].text, strlen(bad[i].text), &none, &err), -1);
                ck_assert_str_eq(err.message, bad[i].complaint);
        }
}
