/* Containers without running them: names, checks of requests, words of `ps`, limits, and recovery from what a
 * killed engine leaves on the disk. */
#include "base/fd.h"
#include "engine/container-internal.h"
#include "engine/container-spec-internal.h"
#include "runtime/caps.h"
#include "suite.h"

#include <sched.h>
#include <sys/mount.h>

SUITE(engine_container);

TEST(names)
{
        static const char *const good[] = { "ab", "a1", "9z", "A_b.c-d", "/ab" };
        static const char *const bad[] = { "", "a", "-ab", ".ab", "a b", "a/b", "a\xc3\xa9", "//ab", "ab\n" };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                ck_assert_int_eq(container_name_check(good[i], NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cleanup_error struct error err = {};

                ck_assert_int_eq(container_name_check(bad[i], &err), -1);
                ck_assert_int_eq(err.kind, ERROR_INVALID);
        }
}

/* ---- Requests ---- */

static void check_request(const char *body, const char *want)
{
        static const struct engine_options options = {};
        struct engine engine = { .options = &options };
        cleanup_container_request struct container_request request = {};
        cleanup_error struct error err = {};
        cleanup_json json_object *tree = NULL;
        cleanup_strv char **warnings = NULL;
        int r;

        ck_assert_int_eq(json_parse_text(body, strlen(body), &tree, NULL), 0);
        r = container_request_parse(tree, &request, &err);
        if (r == 0 && !request.host.log_config.type)
                request.host.log_config.type = xstrdup("json-file");
        if (r == 0)
                r = container_validate(&engine, &request, &warnings, &err);
        ck_assert_msg(want ? r < 0 : r == 0, "%s: %s", body, error_message(&err));
        if (want)
                ck_assert_str_eq(error_message(&err), want);
}

#define HOST(text) "{\"Image\":\"x\",\"HostConfig\":{" text "}}"

TEST(requests)
{
        check_request("{\"Image\":\"x\"}", NULL);
        check_request(HOST("\"Memory\":6291456"), NULL);
        check_request(HOST("\"Memory\":6291455"), "Minimum memory limit allowed is 6MB");
        check_request(HOST("\"Memory\":-1"), "Minimum memory limit allowed is 6MB");
        check_request(HOST("\"Memory\":8388608,\"MemorySwap\":7388608"),
                      "Minimum memoryswap limit should be larger than memory limit, see usage");
        check_request(HOST("\"MemorySwap\":8388608"),
                      "You should always set the Memory limit when using Memoryswap limit, see usage");
        check_request(HOST("\"CpuQuota\":10"), "CPU cfs quota can not be less than 1ms (i.e. 1000)");
        check_request(HOST("\"NanoCpus\":100000000,\"CpuPeriod\":1000"),
                      "Conflicting options: Nano CPUs and CPU Period cannot both be set");
        check_request(
            HOST("\"RestartPolicy\":{\"Name\":\"x\"}"),
            "invalid restart policy: unknown policy 'x'; use one of 'no', 'always', 'on-failure', or "
            "'unless-stopped'");
        check_request(HOST("\"RestartPolicy\":{\"Name\":\"always\"},\"AutoRemove\":true"),
                      "can't create 'AutoRemove' container with restart policy");
        check_request(HOST("\"CapAdd\":[\"nonsense\"]"),
                      "invalid CapAdd: unknown capability: \"CAP_NONSENSE\"");
        check_request(HOST("\"IpcMode\":\"nonsense\""), "invalid IPC mode: nonsense");
        check_request(HOST("\"Isolation\":\"hyperv\""), "invalid isolation (hyperv): linux only supports 'default'");
        check_request(HOST("\"Runtime\":\"nonsense\""), "unknown or invalid runtime name: nonsense");
        check_request("{\"Image\":\"x\",\"WorkingDir\":\"a/b\"}",
                      "the working directory 'a/b' is invalid, it needs to be an absolute path");
        check_request("{\"Image\":\"x\",\"StopSignal\":\"NOPE\"}", "invalid signal: NOPE");
        check_request("{\"Image\":\"x\",\"Healthcheck\":{\"Interval\":10}}",
                      "Interval in Healthcheck cannot be less than 1ms");
}

static void check_capabilities(const char *body, const char *name, bool has)
{
        cleanup_container_request struct container_request request = {};
        cleanup_json json_object *tree = NULL;
        uint64_t mask = 0;

        ck_assert_int_eq(json_parse_text(body, strlen(body), &tree, NULL), 0);
        ck_assert_int_eq(container_request_parse(tree, &request, NULL), 0);
        ck_assert_int_eq(spec_capabilities(&request.host, &mask, NULL), 0);
        ck_assert_msg(!(mask & caps_bit(caps_number(name))) == !has, "%s: %s", body, name);
}

TEST(capabilities)
{
        check_capabilities(HOST(""), "CAP_CHOWN", true);
        check_capabilities(HOST(""), "CAP_SYS_ADMIN", false);
        check_capabilities(HOST("\"CapDrop\":[\"CAP_CHOWN\"]"), "CAP_CHOWN", false);
        check_capabilities(HOST("\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CAP_CHOWN\"]"), "CAP_CHOWN", true);
        check_capabilities(HOST("\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CAP_CHOWN\"]"), "CAP_KILL", false);
        check_capabilities(HOST("\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"CAP_CHOWN\"]"), "CAP_CHOWN", false);
        check_capabilities(HOST("\"Privileged\":true,\"CapDrop\":[\"CAP_CHOWN\"]"), "CAP_CHOWN", true);
}

TEST(limits)
{
        cleanup_container_request struct container_request request = {};
        static const char body[] =
            HOST("\"Memory\":8388608,\"NanoCpus\":1500000000,\"PidsLimit\":7,\"CpuShares\":3");
        struct oci_resources resources = {};
        cleanup_json json_object *tree = NULL;

        ck_assert_int_eq(json_parse_text(body, strlen(body), &tree, NULL), 0);
        ck_assert_int_eq(container_request_parse(tree, &request, NULL), 0);
        ck_assert_int_eq(container_resources(&request.host, &resources, NULL), 0);
        ck_assert_int_eq(*resources.memory->limit, 8388608);
        ck_assert_int_eq(*resources.cpu->period, 100000);
        ck_assert_int_eq(*resources.cpu->quota, 150000);
        ck_assert_int_eq(*resources.cpu->shares, 3);
        ck_assert_int_eq(*resources.pids->limit, 7);
        ck_assert_ptr_null(resources.memory->swap);
        json_free_fields(&oci_resources_table, &resources);
}

/* ---- Words ---- */

static void check_status(const char *status, int exit_code, bool finished, const char *health,
                         const char *want)
{
        cleanup_container struct container *c = container_new();
        cleanup_free char *text = NULL;

        replace_string(&c->state.status, status);
        c->state.exit_code = exit_code;
        if (!streq(status, STATUS_CREATED))
                c->state.started_at = time_now() - 5 * NSEC_PER_SEC - NSEC_PER_SEC / 2;
        if (finished)
                c->state.finished_at = time_now() - 125 * NSEC_PER_SEC;
        if (health) {
                c->state.health = xcalloc(1, sizeof(*c->state.health));
                c->state.health->status = xstrdup(health);
        }
        text = container_status_text(c);
        ck_assert_str_eq(text, want);
}

TEST(status_texts)
{
        check_status(STATUS_CREATED, 0, false, NULL, "Created");
        check_status(STATUS_RUNNING, 0, false, NULL, "Up 5 seconds");
        check_status(STATUS_RUNNING, 0, true, NULL, "Up 5 seconds");
        check_status(STATUS_RUNNING, 0, false, "starting", "Up 5 seconds (health: starting)");
        check_status(STATUS_RUNNING, 0, false, "healthy", "Up 5 seconds (healthy)");
        check_status(STATUS_PAUSED, 0, false, NULL, "Up 5 seconds (Paused)");
        check_status(STATUS_EXITED, 137, true, NULL, "Exited (137) 2 minutes ago");
        check_status(STATUS_RESTARTING, 1, true, NULL, "Restarting (1) 2 minutes ago");
        check_status(STATUS_DEAD, 1, true, NULL, "Dead");
}

/* ---- Recovery ---- */

struct room {
        char path[64];
        char *data, *exec;
        struct engine_options options;
};

static void open_room(struct room *r)
{
        ck_assert_int_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
        ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        strcpy(r->path, "/tmp/davit-unit-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(r->path));
        r->data = string_format("%s/data", r->path);
        r->exec = string_format("%s/exec", r->path);
        r->options = (struct engine_options){ .data_root = r->data,
                                              .exec_root = r->exec,
                                              .network = { .bridge = "none", .exec_root = r->exec } };
}

static void close_room(struct room *r)
{
        ck_assert_int_eq(tree_remove(AT_FDCWD, r->path, NULL), 0);
        free(r->data);
        free(r->exec);
}

static void put(struct room *r, char digit, const char *file, const char *text)
{
        char id[CONTAINER_ID_SIZE];
        cleanup_free char *folder = NULL, *path = NULL;

        memset(id, digit, CONTAINER_ID_SIZE - 1);
        id[CONTAINER_ID_SIZE - 1] = 0;
        folder = string_format("%s/containers/%s", r->data, id);
        ck_assert_int_eq(directory_make(AT_FDCWD, folder, 0700, NULL), 0);
        if (!file)
                return;
        path = string_format("%s/%s", folder, file);
        ck_assert_int_eq(file_replace(AT_FDCWD, path, text, strlen(text), 0600, false, NULL), 0);
}

static void put_container(struct room *r, char digit, const char *name, bool started, const char *state)
{
        char id[CONTAINER_ID_SIZE];
        cleanup_free char *text = NULL;

        memset(id, digit, CONTAINER_ID_SIZE - 1);
        id[CONTAINER_ID_SIZE - 1] = 0;
        text = string_format("{\"Id\":\"%s\",\"Name\":\"%s\",\"Path\":\"true\",\"Config\":{\"Image\":\"x\"},"
                             "\"HostConfig\":{\"NetworkMode\":\"none\"},\"HasBeenStarted\":%s}",
                             id, name, started ? "true" : "false");
        put(r, digit, "config.json", text);
        if (state)
                put(r, digit, "state.json", state);
}

static void check_state(struct engine *engine, const char *name, const char *status, int exit_code)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error err = {};

        ck_assert_msg(container_find(engine, name, &c, &err) == 0, "%s", error_message(&err));
        ck_assert_str_eq(c->state.status, status);
        ck_assert_int_eq(c->state.exit_code, exit_code);
}

TEST(recovery)
{
        cleanup_error struct error err = {};
        cleanup_free char *same_boot = NULL;
        struct engine *engine;
        struct container_counts counts;
        char boot[37];
        struct room r;

        open_room(&r);
        ck_assert_int_eq(boot_id_read(boot, NULL), 0);
        /* A pid that is not there: the start time tells that it is not the container's. */
        same_boot = string_format(
            "{\"Status\":\"running\",\"pid\":4194300,\"pid_start\":1,\"boot_id\":\"%s\"}", boot);
        put(&r, '1', NULL, NULL);                /* being made, or removed */
        put(&r, '2', "config.json", "{\"Id\":"); /* torn: kept for somebody to look at */
        put_container(&r, '3', "created", false, NULL);
        put_container(&r, '4', "ran", true, "{\"Status\":\"exited\",\"ExitCode\":3}");
        put_container(&r, '5', "crashed", true, same_boot);
        put_container(
            &r, '6', "rebooted", true,
            "{\"Status\":\"running\",\"pid\":4194300,\"boot_id\":\"00000000-0000-0000-0000-000000000000\"}");
        put_container(&r, '7', "torn-state", true, "");
        put_container(&r, '8', "ran", true, NULL); /* a name that is taken */
        ck_assert_msg(engine_open(&r.options, &engine, &err) == 0, "%s", error_message(&err));
        engine_container_counts(engine, &counts);
        ck_assert_int_eq(counts.all, 5);
        ck_assert_int_eq(counts.running, 0);
        check_state(engine, "created", STATUS_CREATED, 0);
        check_state(engine, "crashed", STATUS_EXITED, 137);
        check_state(engine, "rebooted", STATUS_EXITED, 137);
        check_state(engine, "torn-state", STATUS_CREATED, 0);
        check_state(engine, "555", STATUS_EXITED, 137);
        ck_assert_int_ne(faccessat(engine->containers_fd,
                                   "1111111111111111111111111111111111111111111111111111111111111111", F_OK,
                                   0),
                         0);
        ck_assert_int_eq(faccessat(engine->containers_fd,
                                   "2222222222222222222222222222222222222222222222222222222222222222", F_OK,
                                   0),
                         0);
        engine_close(engine);
        close_room(&r);
}
