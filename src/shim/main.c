/* davit-shim CONTAINER_DIR: the guardian of one container (design part 6). Started by davitd with the
 * descriptors that shim/config.h describes. */
#include "shim/shim-internal.h"

#include "base/fd.h"
#include "base/log.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

static int state_open(struct shim *shim, struct error *err)
{
        cleanup_error struct error why = { 0 };
        char boot_id[37];

        if (boot_id_read(boot_id, err) < 0)
                return -1;
        /* What the last shim wrote is where we go on: a start by hand begins to count anew, the rest stays.
         */
        if (container_state_load(shim->dirfd, &shim->state, &why) < 0)
                container_state_init(&shim->state);
        shim->state.restart_count = 0;
        shim->state.shim_pid = getpid();
        replace_string(&shim->state.boot_id, boot_id);
        return 0;
}

static void client_detached(void *data)
{
        struct shim_event event = { .event = (char *)SHIM_EVENT_DETACHED };

        control_event(data, &event);
}

/* What we were started with is not the container's. */
static void close_on_exec(int end)
{
        for (int fd = SHIM_FD_CONTROL; fd < end; fd++)
                fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The sockets that we were started with. */
static int network_open(struct shim *shim, struct error *err)
{
        size_t n_ports = shim->config.n_ports;
        cleanup_free int *fds = xcalloc(n_ports + 2, sizeof(*fds));

        for (size_t i = 0; i < n_ports + 2; i++)
                fds[i] = SHIM_FD_PORTS + (int)i;
        if (ports_open(shim, fds, err) < 0)
                return -1;
        return string_empty(shim->config.dns_directory)
                   ? 0
                   : dns_open(shim, shim->config.dns_directory, fds + n_ports, err);
}

static int shim_open(struct shim *shim, const char *directory, struct error *err)
{
        shim->directory = directory;
        shim->dirfd = directory_open(AT_FDCWD, directory, err);
        if (shim->dirfd < 0 || shim_config_load(shim->dirfd, &shim->config, err) < 0)
                return -1;
        close_on_exec(SHIM_FD_PORTS + (int)shim->config.n_ports +
                      (string_empty(shim->config.dns_directory) ? 0 : 2));
        health_defaults(&shim->config.health);
        shim->netns = shim->config.has_netns ? SHIM_FD_NETNS : -1;
        if (loop_init(&shim->loop, err) < 0 || reap_open(shim, err) < 0 || state_open(shim, err) < 0)
                return -1;
        shim->linger.loop = &shim->loop;
        streams_init(&shim->streams, &shim->loop, &shim->linger);
        shim->streams.tty = shim->config.tty;
        shim->streams.stdin_once = shim->config.stdin_once;
        shim->streams.detached = client_detached;
        shim->streams.data = shim;
        if (network_open(shim, err) < 0)
                return -1;
        return control_open(shim, err);
}

/* The parent ends when the child is on its own, so that davitd has nothing to reap later. */
static void leave_parent(void)
{
        pid_t pid = fork();

        if (pid != 0)
                _exit(pid < 0 ? 1 : 0);
}

int main(int argc, char **argv)
{
        cleanup_error struct error failure = { 0 };
        struct shim shim = {
                .listener = SHIM_FD_CONTROL,
                .oom_fd = -1,
                .listener_source.fd = -1,
                .signal_source.fd = -1,
                .oom_source.fd = -1,
        };

        if (argc != 2) {
                fputs("usage: davit-shim CONTAINER_DIR (started by davitd)\n", stderr);
                return 125;
        }
        leave_parent();
        /* One arena that grows in few steps; what a start or an exec needed is given back when it runs. */
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_TOP_PAD, 64 << 10);
        mallopt(M_MMAP_THRESHOLD, 64 << 10);
        signal(SIGPIPE, SIG_IGN);
        umask(0022);
        prctl(PR_SET_NAME, "davit-shim");
        if (shim_open(&shim, argv[1], &failure) < 0) {
                log_error("%s", error_message(&failure));
                return 1;
        }
        if (log_options_parse(shim.config.log_driver, &shim.config.log_options, &shim.log_options, &failure) <
            0) {
                /* Told to whoever starts the container. */
                shim.log_failure = take_ptr(failure.message);
                error_clear(&failure);
        }
        if (loop_run(&shim.loop, &failure) < 0)
                log_error("%s", error_message(&failure));
        return 0;
}
