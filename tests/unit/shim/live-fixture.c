#include "shim/live-fixture.h"

#include "base/fd.h"
#include "base/paths.h"
#include "base/spawn.h"
#include "base/time.h"
#include "shim/client.h"
#include "shim/log-reader.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

static const char spec_format[] =
    "{\"ociVersion\":\"1.2.1\",\"process\":{\"terminal\":%s,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/bin/"
    "sh\","
    "\"-c\",%s],\"env\":[\"PATH=/bin\",\"A=ctr\"],\"cwd\":\"/"
    "\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],"
    "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]}},\"root\":{\"path\":\"rootfs\"},\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/"
    "dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"newinstance\","
    "\"ptmxmode=0666\",\"mode=0620\"]}],\"linux\":{\"cgroupsPath\":\"/davit-test/%s\",\"namespaces\":["
    "{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"network\"}]}}";

static void make_rootfs(const char *folder)
{
        cleanup_free char *script = string_format(
            "cd %s && mkdir -p bundle/rootfs/bin bundle/rootfs/proc bundle/rootfs/dev bundle/rootfs/tmp && "
            "cp $(command -v busybox) bundle/rootfs/bin/busybox && for a in sh cat echo sleep true false "
            "stty tty "
            "head wc env yes kill ps tr; do ln -s busybox bundle/rootfs/bin/$a; done",
            folder);
        char *argv[] = { (char *)"sh", (char *)"-c", script, NULL };
        struct spawn_options options = { .program = "/bin/sh", .argv = argv };
        pid_t pid;
        int code;

        OK(spawn(&options, &pid, NULL, err));
        OK(spawn_wait(pid, &code, err));
        ck_assert_int_eq(code, 0);
}

/* False: skipped. */
void live_setup(struct live *f)
{
        *f = (struct live){ .folder = "/tmp/shim-live-XXXXXX", .shim = -1, .watcher = -1 };
        OK(program_find("davit-shim", &f->program, err));
        ck_assert_ptr_nonnull(mkdtemp(f->folder));
        make_rootfs(f->folder);
        f->id = xstrdup(f->folder + strlen("/tmp/"));
        f->socket = string_format("%s/ctl.sock", f->folder);
        f->config.id = xstrdup(f->id);
        f->config.name = xstrdup("live");
        f->config.rootfs = string_format("%s/bundle/rootfs", f->folder);
        f->config.log_driver = xstrdup("json-file");
        f->config.log_path = string_format("%s/log", f->folder);
}

void live_prepare(struct live *f, const char *script)
{
        struct strbuf quoted = { 0 };
        struct shim_spawn_options options = {
                .program = f->program,
                .container_dir = f->folder,
                .socket = f->socket,
                .netns_fd = -1,
        };
        cleanup_free char *text = NULL;
        cleanup_close int dirfd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        json_quote(&quoted, script, strlen(script));
        text = string_format(spec_format, f->config.tty ? "true" : "false", quoted.data, f->id);
        strbuf_deinit(&quoted);
        OK(file_replace(dirfd, "bundle/config.json", text, strlen(text), 0600, false, err));
        OK(shim_config_save(dirfd, &f->config, err));
        OK(shim_spawn(&options, err));
        OK(f->watcher = shim_connect(f->socket, err));
        OK(f->shim = shim_connect(f->socket, err));
        OK(shim_subscribe(f->watcher, err));
}

void live_start(struct live *f, const char *script)
{
        live_prepare(f, script);
        OK(shim_start(f->shim, NULL, err));
}

/* The next event that is of this kind; others are dropped. */
struct shim_event live_wait_event(struct live *f, const char *kind)
{
        for (;;) {
                struct shim_event event = { 0 };
                struct pollfd wait = { f->watcher, POLLIN, 0 };
                struct error e = { 0 };
                int r;

                ck_assert_msg(poll(&wait, 1, 10000) == 1, "no event %s", kind);
                r = shim_event_receive(f->watcher, &event, &e);
                ck_assert_msg(r >= 0, "waiting for %s: %s", kind, error_message(&e));
                if (r > 0 && streq(event.event, kind)) {
                        free(take_ptr(event.event));
                        return event;
                }
                shim_event_deinit(&event);
        }
}

int live_wait_exit(struct live *f)
{
        struct shim_event event = live_wait_event(f, SHIM_EVENT_EXITED);
        int code = event.exit_code;

        shim_event_deinit(&event);
        return code;
}

struct container_state live_load_state(struct live *f)
{
        cleanup_close int dirfd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct container_state state;

        OK(container_state_load(dirfd, &state, err));
        return state;
}

void live_expect_log(struct live *f, const char *wanted)
{
        struct log_read_options options = {
                .driver = "json-file",
                .path = f->config.log_path,
                .tail = -1,
                .since = TIME_ZERO,
                .until = TIME_ZERO,
                .use_stdout = true,
                .use_stderr = true,
        };
        struct log_reader *reader;
        struct log_message message;
        struct strbuf out = { 0 };

        OK(log_reader_open(&options, &reader, err));
        while (log_reader_next(reader, &message, NULL) > 0)
                strbuf_add(&out, message.data, message.len);
        ck_assert_str_eq(out.data ? out.data : "", wanted);
        strbuf_deinit(&out);
        log_reader_close(reader);
}

/* Waits for the shim's own end: its connections are closed. */
void live_teardown(struct live *f)
{
        struct error e = { 0 };
        char byte[1];

        if (f->shim >= 0) {
                shim_stop(f->shim, SIGKILL, 0, &e);
                error_clear(&e);
                while (recv(f->shim, byte, 1, 0) > 0)
                        ;
                close(f->shim);
                close(f->watcher);
        }
        usleep(50000);
        if (f->id)
                tree_remove(AT_FDCWD, f->folder, &e);
        error_clear(&e);
        shim_config_deinit(&f->config);
        free(f->id);
        free(f->socket);
        free(f->program);
}

/* A client's end; the shim has the other. */
int live_attach(struct live *f, struct shim_attach_options options)
{
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        OK(shim_attach(f->shim, &options, pair[1], NULL, 0, err));
        close(pair[1]);
        return pair[0];
}

struct shim_attach_options live_all_streams(void)
{
        return (struct shim_attach_options){ .use_stdin = true, .use_stdout = true, .use_stderr = true };
}

/* All that comes until the end; frames are taken apart ("o:…" "e:…" without headers if there is only one
 * kind). */
char *live_read_client(int fd, bool framed)
{
        struct strbuf raw = { 0 }, out = { 0 };
        size_t at = 0;
        ssize_t n;

        do {
                n = read(fd, strbuf_reserve(&raw, 4096), 4096);
                raw.len += n > 0 ? (size_t)n : 0;
        } while (n > 0);
        ck_assert_msg(n == 0, "client: %s", strerror(errno));
        close(fd);
        strbuf_adds(&raw, "");
        if (!framed)
                return strbuf_take(&raw);
        while (at + 8 <= raw.len) {
                const unsigned char *head = (unsigned char *)raw.data + at;
                size_t len = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];

                ck_assert(head[0] == 1 || head[0] == 2);
                ck_assert_int_le(at + 8 + len, raw.len);
                if (head[0] == 2)
                        strbuf_adds(&out, "E");
                strbuf_add(&out, raw.data + at + 8, len);
                at += 8 + len;
        }
        ck_assert_int_eq(at, raw.len);
        strbuf_deinit(&raw);
        return strbuf_take(&out);
}

void live_expect_client(int fd, bool framed, const char *wanted)
{
        char *text = live_read_client(fd, framed);

        ck_assert_str_eq(text, wanted);
        free(text);
}
