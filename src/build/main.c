/* davit-step DIR: the process of one RUN (see step.c): DIR/step.json and DIR/config.json → container → its
 * end → a word on the control socket. Nothing else runs in it. */
#include "build/build-internal.h"

#include "runtime/runtime.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#define CONTROL_FD 3
#define NETNS_FD 4
#define CONFIG_MAX (4 << 20)

static void tell(const struct error *err, int code)
{
        cleanup_json json_object *result = json_object_new_object();
        cleanup_free char *text = NULL;

        json_object_object_add(result, "exit", json_object_new_int(code));
        if (err && err->kind != ERROR_NONE)
                json_set_string(result, "error", error_message(err));
        text = json_format(result);
        fd_write_all(CONTROL_FD, text, strlen(text));
}

static int load(int dirfd, const char *name, const struct json_table *table, void *out, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(dirfd, name, CONFIG_MAX, &text, &len, err) < 0)
                return -1;
        return json_bind_text(table, text, len, out, err);
}

/* Until the container ends; it is killed when the leash hangs up. */
static int await(struct runtime_container *c)
{
        struct pollfd fds[] = { { c->pidfd, POLLIN, 0 }, { CONTROL_FD, POLLRDHUP, 0 } };
        siginfo_t info = {};

        for (;;) {
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
                        break;
                if (fds[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) {
                        runtime_kill(c, SIGKILL, true, NULL);
                        fds[1].fd = -1;
                }
                if (fds[0].revents)
                        break;
        }
        while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR)
                ;
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int run(const char *dir, int dirfd, int *ret_code, struct error *err)
{
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_seccomp_program struct seccomp_program program = {};
        struct step_request request = {};
        struct runtime_options options;
        struct runtime_container *container;
        int r;

        if (load(dirfd, "config.json", &oci_spec_table, &spec, err) < 0 ||
            load(dirfd, "step.json", &step_request_table, &request, err) < 0)
                return -1;
        if (!string_empty(request.seccomp) && seccomp_program_read(AT_FDCWD, request.seccomp, &program, err) < 0)
                return -1;
        runtime_options_init(&options);
        options.id = request.id;
        options.bundle = dir;
        options.spec = &spec;
        options.root = (struct runtime_root){ request.lowers, request.upper, request.work, true };
        options.stdio[1] = 1;
        options.stdio[2] = 2;
        options.netns_fd = request.has_netns ? NETNS_FD : -1;
        options.seccomp = string_empty(request.seccomp) ? NULL : &program;
        r = runtime_create(&options, &container, err);
        if (r == 0) {
                r = runtime_start(container, err);
                *ret_code = await(container);
                runtime_delete(container, &spec, dir, NULL);
        }
        json_free_fields(&step_request_table, &request);
        return r;
}

int main(int argc, char **argv)
{
        cleanup_error struct error err = {};
        cleanup_close int dirfd = -1;
        int code = 0;

        if (argc != 2) {
                fputs("davit-step runs the steps of builds for davitd.\n", stderr);
                return 2;
        }
        if ((dirfd = directory_open(AT_FDCWD, argv[1], &err)) < 0 || run(argv[1], dirfd, &code, &err) < 0)
                code = err.exit_code ? err.exit_code : 125;
        tell(&err, code);
        return 0;
}
