/* The shim's pure machines as tables: detach keys, restart policies, health, messages. */
#include "suite.h"

#include "base/time.h"
#include "base/detach-keys.h"
#include "shim/health.h"
#include "shim/protocol.h"
#include "shim/restart.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

SUITE(shim_machines);

TEST(detach_keys_are_parsed)
{
        static const struct {
                const char *text;
                const char *keys; /* NULL: an error */
        } rows[] = {
                { NULL, "\x10\x11" },     { "", "\x10\x11" },   { "ctrl-p,ctrl-q", "\x10\x11" },
                { "a,b", "ab" },          { "ctrl-C", "\x03" }, { "ctrl-[", "\x1b" },
                { "ctrl-_,x", "\x1fx" },  { "DEL", "\x7f" },    { "ctrl-", NULL },
                { "nonsense-key", NULL }, { "a,,b", NULL },     { "ctrl-1", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct detach_keys keys;
                struct error err = { 0 };
                int r = detach_keys_parse(rows[i].text, &keys, &err);

                ck_assert_int_eq(r, rows[i].keys ? 0 : -1);
                if (rows[i].keys) {
                        ck_assert_int_eq(keys.n_keys, strlen(rows[i].keys));
                        ck_assert_int_eq(memcmp(keys.keys, rows[i].keys, keys.n_keys), 0);
                }
                error_clear(&err);
        }
}

TEST(detach_keys_are_found_however_they_come)
{
        static const struct {
                const char *keys;
                const char *typed; /* '|' separates reads */
                const char *passed;
                bool leaves;
        } rows[] = {
                { "a,b", "xyz", "xyz", false },      { "a,b", "xaby", "x", true },
                { "a,b", "xa|by", "x", true },       { "a,b", "a|x", "ax", false },
                { "a,b", "aab", "a", true },         { "a,a,b", "aaab", "a", true },
                { "a,a,b", "a|a|c|a", "aac", false }, { "a,b,a,c", "ababac", "ab", true },
                { "x", "abx", "ab", true },          { "a,b", "a|a|b", "a", true },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct detach_keys keys;
                struct error err = { 0 };
                struct strbuf passed = { 0 };
                char *typed = xstrdup(rows[i].typed), *save = NULL;
                bool leaves = false;

                ck_assert_int_eq(detach_keys_parse(rows[i].keys, &keys, &err), 0);
                for (char *part = strtok_r(typed, "|", &save); part && !leaves; part = strtok_r(NULL, "|", &save)) {
                        unsigned char out[64];
                        size_t len;

                        leaves = detach_keys_filter(&keys, (unsigned char *)part, strlen(part), out, &len);
                        strbuf_add(&passed, out, len);
                }
                ck_assert_int_eq(leaves, rows[i].leaves);
                ck_assert_str_eq(passed.data ? passed.data : "", rows[i].passed);
                strbuf_deinit(&passed);
                free(typed);
        }
}

TEST(restarts)
{
        static const struct {
                const char *name;
                int maximum, count, exit_code;
                bool manual;
                int64_t before, ran_for;
                bool again;
                int64_t delay;
        } rows[] = {
                { "", 0, 0, 1, false, 0, 0, false, 0 },
                { "no", 0, 0, 1, false, 0, 0, false, 0 },
                { "always", 0, 0, 0, false, 0, 0, true, 100 },
                { "always", 0, 3, 0, false, 100, 50, true, 200 },
                { "always", 0, 3, 0, false, 40000, 50, true, 60000 },
                { "always", 0, 3, 0, false, 60000, 50, true, 60000 },
                { "always", 0, 3, 0, false, 60000, 10000, true, 100 },
                { "always", 0, 0, 0, true, 0, 0, false, 0 },
                { "unless-stopped", 0, 0, 137, false, 0, 0, true, 100 },
                { "unless-stopped", 0, 0, 137, true, 0, 0, false, 0 },
                { "on-failure", 0, 9, 0, false, 0, 0, false, 0 },
                { "on-failure", 0, 9, 1, false, 0, 0, true, 100 },
                { "on-failure", 2, 1, 1, false, 100, 0, true, 200 },
                { "on-failure", 2, 2, 1, false, 100, 0, false, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct restart_machine machine = { rows[i].before * NSEC_PER_MSEC, rows[i].count };
                const struct restart_policy policy = { (char *)rows[i].name, rows[i].maximum };
                int64_t delay = 0;
                bool again = restart_decide(&machine, &policy, rows[i].exit_code, rows[i].manual,
                                            rows[i].ran_for * NSEC_PER_MSEC, &delay);

                ck_assert_msg(again == rows[i].again, "row %zu", i);
                ck_assert_msg(delay == rows[i].delay * NSEC_PER_MSEC, "row %zu", i);
                ck_assert_int_eq(machine.count, rows[i].count + (again ? 1 : 0));
        }
        ck_assert_int_eq(restart_policy_kind("nonsense"), -1);
}

TEST(health_follows_the_results)
{
        static const struct {
                int exit_code;
                int64_t ran_for; /* s */
                const char *status;
                int streak;
                bool changed;
        } rows[] = {
                { 1, 1, "starting", 0, false },   /* within the start period: not counted */
                { 1, 6, "starting", 1, false },   { 1, 7, "unhealthy", 2, true },
                { 1, 8, "unhealthy", 3, false },  { 0, 9, "healthy", 0, true },
                { 2, 10, "healthy", 1, false },   { 0, 11, "healthy", 0, false },
                { -1, 12, "healthy", 1, false },  { -1, 13, "unhealthy", 2, true },
        };
        struct health_config config = { .start_period = 5 * NSEC_PER_SEC, .retries = 2 };
        struct health_state *health = health_begin();

        health_defaults(&config);
        ck_assert_int_eq(config.interval, 30 * NSEC_PER_SEC);
        ck_assert_int_eq(health_delay(&config, health, 0), 5 * NSEC_PER_SEC);
        ck_assert_int_eq(health_delay(&config, health, 5 * NSEC_PER_SEC), 30 * NSEC_PER_SEC);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct health_result result = { 0, 0, rows[i].exit_code, xstrdup("x") };

                ck_assert_int_eq(health_take(health, &config, &result, rows[i].ran_for * NSEC_PER_SEC),
                                 rows[i].changed);
                ck_assert_str_eq(health->status, rows[i].status);
                ck_assert_int_eq(health->failing_streak, rows[i].streak);
        }
        ck_assert_int_eq(health->n_log, HEALTH_LOG_MAX);
        health_end(health);
}

TEST(a_success_in_the_start_period_ends_it)
{
        struct health_config config = { .start_period = 60 * NSEC_PER_SEC, .retries = 1 };
        struct health_state *health = health_begin();
        struct health_result good = { 0, 0, 0, NULL }, bad = { 0, 0, 1, NULL };

        health_defaults(&config);
        ck_assert(health_take(health, &config, &good, NSEC_PER_SEC));
        ck_assert_int_eq(health_delay(&config, health, NSEC_PER_SEC), 30 * NSEC_PER_SEC);
        ck_assert(health_take(health, &config, &bad, 2 * NSEC_PER_SEC));
        ck_assert_str_eq(health->status, "unhealthy");
        health_end(health);
}

TEST(no_health_check)
{
        char *none[] = { (char *)"NONE", NULL }, *command[] = { (char *)"CMD", (char *)"true", NULL };
        struct health_config config = { 0 };

        ck_assert(!health_is_configured(&config));
        config.test = none;
        ck_assert(!health_is_configured(&config));
        config.test = command;
        ck_assert(health_is_configured(&config));
}

TEST(messages_travel)
{
        struct shim_request request = { .type = (char *)"stop", .signal = SIGTERM, .timeout = -1 }, got = { 0 };
        struct error err = { 0 };
        int pair[2], fds[2] = { -1, -1 }, sent[1] = { 0 };
        size_t n_fds = 2;
        char *big = xmalloc(300001);

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        ck_assert_int_eq(shim_message_send(pair[0], &shim_request_table, &request, sent, 1), 0);
        ck_assert_int_eq(shim_message_receive(pair[1], &shim_request_table, &got, fds, &n_fds, &err), 1);
        ck_assert_int_eq(n_fds, 1);
        close(fds[0]);
        ck_assert_str_eq(got.type, "stop");
        ck_assert_int_eq(got.timeout, -1);
        json_free_fields(&shim_request_table, &got);
        /* A large one goes by way of a memfd. */
        memset(big, 'x', 300000);
        big[300000] = '\0';
        request.detach_keys = big;
        got = (struct shim_request){ 0 };
        n_fds = 2;
        ck_assert_int_eq(shim_message_send(pair[0], &shim_request_table, &request, sent, 1), 0);
        ck_assert_int_eq(shim_message_receive(pair[1], &shim_request_table, &got, fds, &n_fds, &err), 1);
        ck_assert_int_eq(n_fds, 1);
        close(fds[0]);
        ck_assert_int_eq(strlen(got.detach_keys), 300000);
        json_free_fields(&shim_request_table, &got);
        close(pair[0]);
        got = (struct shim_request){ 0 };
        ck_assert_int_eq(shim_message_receive(pair[1], &shim_request_table, &got, NULL, NULL, &err), 0);
        close(pair[1]);
        free(big);
}

TEST(bad_messages_are_refused)
{
        static const char *const rows[] = { "", "{", "[]", "\"x\"", "{\"signal\":\"x\"}", "{\"exec\":[]}", "{}x" };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct shim_request request = { 0 };
                struct error err = { 0 };

                ck_assert_int_eq(shim_message_decode(rows[i], strlen(rows[i]), &shim_request_table, &request, &err),
                                 -1);
                json_free_fields(&shim_request_table, &request);
                error_clear(&err);
        }
}
