#include "base/spawn.h"

#include "base/fd.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int pidfd_of(pid_t pid)
{
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Sources are moved above the targets first, so that no dup2() overwrites one that is still needed. */
static int actions_map(posix_spawn_file_actions_t *actions, const struct spawn_options *options, int *moved)
{
        size_t n = MAX(options->n_fds, (size_t)3);

        for (size_t i = 0; i < n; i++) {
                int source = i < options->n_fds ? options->fds[i] : -1;

                if (source < 0) {
                        int flags = i == 0 ? O_RDONLY : O_WRONLY;

                        errno = posix_spawn_file_actions_addopen(actions, (int)i, "/dev/null", flags, 0);
                        if (errno)
                                return -1;
                        continue;
                }
                if (source < (int)n) {
                        moved[i] = fcntl(source, F_DUPFD_CLOEXEC, (int)n);
                        if (moved[i] < 0)
                                return -1;
                        source = moved[i];
                }
                errno = posix_spawn_file_actions_adddup2(actions, source, (int)i);
                if (errno)
                        return -1;
        }
        return 0;
}

static int attributes_fill(posix_spawnattr_t *attributes, const struct spawn_options *options)
{
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        sigset_t set;

        sigemptyset(&set);
        posix_spawnattr_setsigmask(attributes, &set);
        sigfillset(&set);
        posix_spawnattr_setsigdefault(attributes, &set);
        if (options->new_session)
                flags |= POSIX_SPAWN_SETSID;
        return posix_spawnattr_setflags(attributes, flags);
}

static int spawn_prepared(const struct spawn_options *options, posix_spawn_file_actions_t *actions,
                          posix_spawnattr_t *attributes, int *moved, pid_t *ret_pid)
{
        char *const *env = options->env ? options->env : environ;

        if (attributes_fill(attributes, options) != 0 || actions_map(actions, options, moved) < 0)
                return -1;
        if (options->directory) {
                errno = posix_spawn_file_actions_addchdir_np(actions, options->directory);
                if (errno)
                        return -1;
        }
        errno = posix_spawnp(ret_pid, options->program, actions, attributes, options->argv, env);
        return errno ? -1 : 0;
}

int spawn(const struct spawn_options *options, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int moved[SPAWN_MAX_FDS];
        pid_t pid = -1;
        int r, saved, pidfd = -1;

        if (options->n_fds > SPAWN_MAX_FDS)
                return error_set(err, ERROR_INVALID, "%s: too many descriptors", options->program);
        for (size_t i = 0; i < options->n_fds; i++)
                moved[i] = -1;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        r = spawn_prepared(options, &actions, &attributes, moved, &pid);
        saved = errno;
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        for (size_t i = 0; i < options->n_fds; i++)
                if (moved[i] >= 0)
                        close(moved[i]);
        if (r < 0 && saved == ENOENT)
                return error_set(err, ERROR_NOT_FOUND, "%s: no such program", options->program);
        if (r < 0)
                return error_errnum(err, saved, "start %s", options->program);
        if (ret_pidfd) {
                pidfd = pidfd_of(pid);
                if (pidfd < 0) {
                        error_errno(err, "pidfd of %s", options->program);
                        kill(pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                        return -1;
                }
                *ret_pidfd = pidfd;
        }
        *ret_pid = pid;
        return 0;
}

int spawn_wait(pid_t pid, int *ret_code, struct error *err)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return error_errno(err, "wait for process %d", (int)pid);
        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return 0;
}

/* Appends what can be read up to `cap`, drops the rest. Returns false at the end of the stream. */
static bool gather(int fd, struct strbuf *into, size_t cap)
{
        char block[16384];
        ssize_t n = read(fd, block, sizeof(block));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        if (n > 0 && into && into->len < cap)
                strbuf_add(into, block, MIN((size_t)n, cap - into->len));
        return n > 0;
}

/* The child's input goes through a file, so that nobody waits for anybody. Returns -1 without input. */
static int input_open(const void *input, size_t len, struct error *err)
{
        cleanup_close int fd = -1;

        fd = memfd_create("input", MFD_CLOEXEC);
        if (fd < 0 || fd_write_all(fd, input, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return error_errno(err, "input of a child");
        return take_fd(fd);
}

/* Reads both pipes until their ends, or until the child is dead and nothing is left in them. */
static int capture_loop(int pidfd, int out, int errors_fd, size_t cap, int64_t deadline, struct strbuf *output,
                        struct strbuf *errors)
{
        struct pollfd fds[3] = { { out, POLLIN, 0 }, { errors_fd, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

        for (;;) {
                int64_t left = deadline ? deadline - time_monotonic() : 0;
                int wait_ms = deadline ? (int)MAX((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, 0) : -1;
                int r;

                if (fds[0].fd < 0 && fds[1].fd < 0)
                        return 0;
                r = poll(fds, 3, fds[2].revents & POLLIN ? 0 : wait_ms);
                if (r < 0 && errno != EINTR)
                        return -1;
                if (r == 0 && deadline && time_monotonic() >= deadline) {
                        errno = ETIMEDOUT;
                        return -1;
                }
                if (fds[0].revents && !gather(out, output, cap))
                        fds[0].fd = -1;
                if (fds[1].revents && !gather(errors_fd, errors, 4096))
                        fds[1].fd = -1;
                if (fds[2].revents && !fds[0].revents && !fds[1].revents)
                        return 0;
        }
}

int spawn_capture(const struct spawn_options *options, const void *input, size_t input_len, size_t cap,
                  int64_t timeout, struct strbuf *output, struct strbuf *errors, int *ret_code,
                  struct error *err)
{
        cleanup_close int in = -1, out_read = -1, out_write = -1, err_read = -1, err_write = -1, pidfd = -1;
        struct spawn_options child = *options;
        int pair[2], fds[3], r, saved;
        pid_t pid;

        if (input && (in = input_open(input, input_len, err)) < 0)
                return -1;
        if (pipe2(pair, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        out_read = pair[0], out_write = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        err_read = pair[0], err_write = pair[1];
        fds[0] = in, fds[1] = out_write, fds[2] = err_write;
        child.fds = fds, child.n_fds = 3;
        if (spawn(&child, &pid, &pidfd, err) < 0)
                return -1;
        close(take_fd(out_write));
        close(take_fd(err_write));
        r = capture_loop(pidfd, out_read, err_read, cap, timeout ? time_monotonic() + timeout : 0, output,
                         errors);
        saved = errno;
        if (r < 0)
                kill(pid, SIGKILL);
        if (spawn_wait(pid, ret_code, err) < 0)
                return -1;
        if (r < 0 && saved == ETIMEDOUT)
                return error_set(err, ERROR_UNAVAILABLE, "%s: takes too long", options->program);
        return r < 0 ? error_errnum(err, saved, "output of %s", options->program) : 0;
}
