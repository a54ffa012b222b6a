/* davit-shim itself, driven through client.h, with a container of busybox: starts, logs, attached clients,
 * execs, stops, restarts, health. */
#include "shim/live-fixture.h"

#include "base/fd.h"
#include "base/spawn.h"
#include "base/time.h"
#include "shim/client.h"
#include "shim/log-reader.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

SUITE(shim_live);

TEST(runs_logs_and_ends)
{
        struct live f;
        struct container_state state;

        live_setup(&f);
        live_start(&f, "echo out; sleep 0.1; echo err >&2; sleep 0.1; printf end; exit 7");
        ck_assert_int_eq(live_wait_exit(&f), 7);
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_EXITED);
        ck_assert_int_eq(state.exit_code, 7);
        ck_assert_int_eq(state.pid, 0);
        ck_assert(state.started_at > 0 && state.finished_at > state.started_at);
        container_state_deinit(&state);
        live_expect_log(&f, "out\nerr\nend");
        live_teardown(&f);
}

TEST(clients_attach_before_and_after_the_start)
{
        struct live f;
        struct shim_attach_options output = { .use_stdout = true, .use_stderr = true }, replay = output;
        int first, second, third;

        live_setup(&f);
        f.config.open_stdin = f.config.stdin_once = true;
        live_prepare(&f, "echo begin; read a; echo got $a; read b; echo $b >&2; cat >/dev/null; exit 3");
        first = live_attach(&f, live_all_streams());
        OK(shim_start(f.shim, NULL, err));
        usleep(200000);
        second = live_attach(&f, output);
        replay.logs = true;
        third = live_attach(&f, replay);
        ck_assert_int_eq(write(first, "one\n", 4), 4);
        usleep(100000);
        ck_assert_int_eq(write(first, "two\n", 4), 4);
        shutdown(first, SHUT_WR);
        live_expect_client(first, true, "begin\ngot one\nEtwo\n");
        live_expect_client(second, true, "got one\nEtwo\n");
        live_expect_client(third, true, "begin\ngot one\nEtwo\n");
        ck_assert_int_eq(live_wait_exit(&f), 3);
        live_teardown(&f);
}

TEST(much_data_goes_through)
{
        struct live f;
        struct shim_attach_options output = { .use_stdout = true };
        int fd;
        char *text;

        live_setup(&f);
        f.config.log_driver[0] = '\0';
        free(f.config.log_driver);
        f.config.log_driver = xstrdup("none");
        live_prepare(&f, "yes 0123456789 | head -c 8000000");
        fd = live_attach(&f, output);
        OK(shim_start(f.shim, NULL, err));
        usleep(300000); /* the client is slow: the container waits */
        text = live_read_client(fd, true);
        ck_assert_int_eq(strlen(text), 8000000);
        free(text);
        ck_assert_int_eq(live_wait_exit(&f), 0);
        live_teardown(&f);
}

TEST(a_terminal)
{
        struct live f;
        struct shim_attach_options options = live_all_streams();
        struct shim_event event;
        int first, second;

        live_setup(&f);
        f.config.open_stdin = f.config.tty = true;
        live_start(&f, "stty -echo; read a; stty size; echo got $a; exit 5");
        usleep(200000);
        OK(shim_resize(f.shim, 30, 90, err));
        second = live_attach(&f, options);
        ck_assert_int_eq(write(second, "\x10\x11", 2), 2);
        live_expect_client(second, false, "");
        event = live_wait_event(&f, SHIM_EVENT_DETACHED);
        shim_event_deinit(&event);
        options.detach_keys = "a,b";
        first = live_attach(&f, options);
        ck_assert_int_eq(write(first, "\x10x\n", 3), 3);
        live_expect_client(first, false, "30 90\r\ngot \x10x\r\n");
        ck_assert_int_eq(live_wait_exit(&f), 5);
        live_teardown(&f);
}

static int exec_client(struct live *f, const char *id, struct shim_exec_config *config,
                       struct error *ret_error)
{
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        OK(shim_exec_create(f->shim, id, config, err));
        if (shim_exec_start(f->shim, id, pair[1], NULL, 0, 0, 0, NULL, NULL, ret_error) < 0) {
                close(pair[0]);
                pair[0] = -1;
        }
        close(pair[1]);
        return pair[0];
}

static struct shim_exec_state inspect(struct live *f, const char *id)
{
        struct shim_exec_state state;

        OK(shim_exec_inspect(f->shim, id, &state, err));
        return state;
}

TEST(execs)
{
        char *cmd[] = { (char *)"sh", (char *)"-c",
                        (char *)"echo $A $B; sleep 0.1; echo e >&2; sleep 0.1; read x; echo $x; pwd; exit 9",
                        NULL };
        char *bad[] = { (char *)"no-such-command", NULL };
        char *env[] = { (char *)"B=exec", NULL };
        struct shim_exec_config config = { .cmd = cmd, .env = env, .workdir = (char *)"/tmp" };
        struct shim_exec_state state;
        struct shim_event event;
        struct error e = { 0 };
        struct live f;
        int fd;

        live_setup(&f);
        live_start(&f, "sleep 60");
        config.attach_stdin = config.attach_stdout = config.attach_stderr = true;
        fd = exec_client(&f, "one", &config, &e);
        ck_assert_msg(fd >= 0, "%s", error_message(&e));
        state = inspect(&f, "one");
        ck_assert(state.running && state.pid > 0);
        shim_exec_state_deinit(&state);
        ck_assert_int_eq(write(fd, "line\n", 5), 5);
        live_expect_client(fd, true, "ctr exec\nEe\nline\n/tmp\n");
        event = live_wait_event(&f, SHIM_EVENT_EXEC_EXITED);
        ck_assert_str_eq(event.exec_id, "one");
        ck_assert_int_eq(event.exit_code, 9);
        shim_event_deinit(&event);
        state = inspect(&f, "one");
        ck_assert(!state.running && state.finished);
        ck_assert_int_eq(state.exit_code, 9);
        shim_exec_state_deinit(&state);
        config.cmd = bad;
        fd = exec_client(&f, "two", &config, &e);
        ck_assert_int_eq(fd, -1);
        ck_assert_int_eq(e.exit_code, 127);
        ck_assert_ptr_nonnull(strstr(e.message, "executable file not found in $PATH"));
        error_clear(&e);
        ck_assert_int_eq(shim_exec_inspect(f.shim, "none", &state, &e), -1);
        ck_assert_int_eq(e.kind, ERROR_NOT_FOUND);
        error_clear(&e);
        live_teardown(&f);
}

TEST(stop_does_not_wait_in_vain)
{
        struct live f;
        int64_t before;

        live_setup(&f);
        live_start(&f, "exec sleep 60"); /* has no handler: SIGTERM would never reach it */
        before = time_monotonic();
        OK(shim_stop(f.shim, SIGTERM, 10 * NSEC_PER_SEC, err));
        ck_assert(time_monotonic() - before < 2 * NSEC_PER_SEC);
        ck_assert_int_eq(live_wait_exit(&f), 137);
        live_teardown(&f);
}

TEST(stop_lets_a_handler_run_and_then_kills)
{
        struct live f;
        int64_t before;

        live_setup(&f);
        live_start(&f, "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.1; done");
        usleep(300000);
        OK(shim_stop(f.shim, SIGTERM, 10 * NSEC_PER_SEC, err));
        ck_assert_int_eq(live_wait_exit(&f), 4);
        live_expect_log(&f, "ready\nbye\n");
        live_teardown(&f);

        live_setup(&f);
        live_start(&f, "trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done");
        usleep(300000);
        before = time_monotonic();
        OK(shim_stop(f.shim, SIGTERM, NSEC_PER_SEC / 2, err));
        ck_assert(time_monotonic() - before > NSEC_PER_SEC / 3);
        ck_assert_int_eq(live_wait_exit(&f), 137);
        live_teardown(&f);
}

TEST(restarts_and_stops_restarting)
{
        struct shim_event event;
        struct container_state state;
        struct live f;

        live_setup(&f);
        f.config.restart.name = xstrdup("on-failure");
        f.config.restart.maximum_retry_count = 2;
        live_start(&f, "echo run; exit 3");
        for (int i = 0; i < 3; i++) {
                event = live_wait_event(&f, SHIM_EVENT_EXITED);
                ck_assert_int_eq(event.exit_code, 3);
                ck_assert_int_eq(event.restarting, i < 2);
                shim_event_deinit(&event);
        }
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_EXITED);
        ck_assert_int_eq(state.restart_count, 2);
        container_state_deinit(&state);
        live_expect_log(&f, "run\nrun\nrun\n");
        live_teardown(&f);

        live_setup(&f);
        f.config.restart.name = xstrdup("always");
        live_start(&f, "exit 0");
        event = live_wait_event(&f, SHIM_EVENT_EXITED);
        ck_assert(event.restarting);
        shim_event_deinit(&event);
        OK(shim_stop(f.shim, SIGTERM, 0, err));
        do {
                event = live_wait_event(&f, SHIM_EVENT_EXITED);
                shim_event_deinit(&event);
        } while (event.restarting);
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_EXITED);
        ck_assert(state.manually_stopped);
        container_state_deinit(&state);
        live_teardown(&f);
}

TEST(pauses)
{
        struct container_state state;
        struct error e = { 0 };
        struct live f;

        live_setup(&f);
        live_start(&f, "sleep 60");
        OK(shim_pause(f.shim, err));
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_PAUSED);
        container_state_deinit(&state);
        ck_assert_int_eq(shim_pause(f.shim, &e), -1);
        ck_assert_int_eq(e.kind, ERROR_CONFLICT);
        error_clear(&e);
        OK(shim_unpause(f.shim, err));
        OK(shim_pause(f.shim, err));
        OK(shim_stop(f.shim, SIGTERM, NSEC_PER_SEC, err));
        ck_assert_int_eq(live_wait_exit(&f), 137);
        live_teardown(&f);
}

TEST(health_is_checked)
{
        char *test[] = { (char *)"CMD-SHELL", (char *)"echo fine; test -e /tmp/ok", NULL };
        struct shim_event event;
        struct container_state state;
        struct live f;

        live_setup(&f);
        f.config.health.test = strv_copy(test);
        f.config.health.interval = 100 * NSEC_PER_MSEC;
        f.config.health.retries = 2;
        live_start(&f, "sleep 0.6; echo >/tmp/ok; sleep 60");
        event = live_wait_event(&f, SHIM_EVENT_HEALTH);
        ck_assert_str_eq(event.health, "unhealthy");
        shim_event_deinit(&event);
        state = live_load_state(&f);
        ck_assert_ptr_nonnull(state.health);
        ck_assert_int_ge(state.health->n_log, 2);
        ck_assert_str_eq(state.health->log[0].output, "fine\n");
        ck_assert_int_eq(state.health->log[0].exit_code, 1);
        container_state_deinit(&state);
        event = live_wait_event(&f, SHIM_EVENT_HEALTH);
        ck_assert_str_eq(event.health, "healthy");
        shim_event_deinit(&event);
        live_teardown(&f);
}

TEST(a_failed_start_is_told)
{
        struct container_state state;
        struct error e = { 0 };
        struct live f;
        cleanup_free char *text = NULL;
        cleanup_close int dirfd = -1;

        live_setup(&f);
        free(f.config.rootfs);
        f.config.rootfs = string_format("%s/bundle/rootfs", f.folder);
        strmap_set(&f.config.log_options, "max-size", "abc");
        live_prepare(&f, "true");
        ck_assert_int_eq(shim_start(f.shim, NULL, &e), -1);
        ck_assert_str_eq(e.message, "failed to initialize logging driver: invalid size: 'abc'");
        error_clear(&e);
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_CREATED);
        ck_assert_int_eq(state.exit_code, 128);
        container_state_deinit(&state);
        live_teardown(&f);
}

TEST(a_killed_shim_takes_its_container_along)
{
        struct container_state state;
        struct live f;
        cleanup_close int dirfd = -1;
        int pid, tries = 0;

        live_setup(&f);
        live_start(&f, "sleep 60");
        state = live_load_state(&f);
        pid = state.pid;
        ck_assert_int_eq(kill(pid, 0), 0);
        ck_assert_int_eq(kill(state.shim_pid, SIGKILL), 0);
        while (process_start_time(pid) == state.pid_start && tries++ < 100) {
                cleanup_free char *stat = NULL;
                char path[40];
                size_t len;

                snprintf(path, sizeof(path), "/proc/%d/stat", pid);
                if (file_read(AT_FDCWD, path, 4096, &stat, &len, NULL) < 0 || strstr(stat, ") Z"))
                        break;
                usleep(20000);
        }
        ck_assert_int_lt(tries, 100);
        container_state_deinit(&state);
        dirfd = open(f.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        OK(shim_bury(dirfd, NULL, err));
        state = live_load_state(&f);
        ck_assert_str_eq(state.status, STATUS_EXITED);
        ck_assert_int_eq(state.exit_code, 137);
        container_state_deinit(&state);
        live_teardown(&f);
}

TEST(the_shim_is_small)
{
        struct container_state state;
        struct live f;
        cleanup_fclose FILE *file = NULL;
        char path[64], line[128];
        long pss = 0;

        live_setup(&f);
        live_start(&f, "echo one; sleep 60");
        usleep(200000);
        state = live_load_state(&f);
        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", state.shim_pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, "Pss:", 4) == 0)
                        pss = strtol(line + 4, NULL, 10);
        fprintf(stderr, "davit-shim: PSS %ld kB\n", pss);
        container_state_deinit(&state);
        live_teardown(&f);
}
