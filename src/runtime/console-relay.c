#include "runtime/console-relay.h"

#include "base/fd.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

#define BLOCK 16384

static void copy_size(int master)
{
        struct winsize size;

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
                runtime_console_resize(master, size.ws_row, size.ws_col, NULL);
}

/* What there is, from one to the other. False at the end. */
static bool copy(int from, int to)
{
        char block[BLOCK];
        ssize_t n = read(from, block, sizeof(block));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return true;
        return n > 0 && fd_write_all(to, block, (size_t)n) == n;
}

static void hand_on(int signals, pid_t pid, int master)
{
        struct signalfd_siginfo info;

        if (read(signals, &info, sizeof(info)) != sizeof(info))
                return;
        if (info.ssi_signo == SIGWINCH && master >= 0)
                copy_size(master);
        else if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGPIPE && info.ssi_signo != SIGURG)
                kill(pid, (int)info.ssi_signo);
}

/* Until the process ends and its terminal is empty. */
static void relay(int pidfd, int master, pid_t pid, int signals)
{
        struct pollfd fds[] = { { pidfd, POLLIN, 0 },
                                { signals, POLLIN, 0 },
                                { master, POLLIN, 0 },
                                { master >= 0 ? STDIN_FILENO : -1, POLLIN, 0 } };

        for (;;) {
                if (poll(fds, ARRAY_SIZE(fds), fds[0].fd < 0 ? 0 : -1) < 0 && errno != EINTR)
                        return;
                if (fds[1].revents)
                        hand_on(signals, pid, master);
                if (fds[2].revents && !copy(master, STDOUT_FILENO))
                        fds[2].fd = -1;
                if (fds[3].revents && !copy(STDIN_FILENO, master))
                        fds[3].fd = -1;
                if (fds[0].fd < 0 && (fds[2].fd < 0 || !fds[2].revents))
                        return;
                if (fds[0].revents)
                        fds[0].fd = -1;
        }
}

int console_relay(int pidfd, int master, pid_t pid, struct error *err)
{
        bool raw = master >= 0 && isatty(STDIN_FILENO);
        cleanup_close int signals = -1;
        struct termios before, wanted;
        siginfo_t info = {};
        sigset_t all;

        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        if ((signals = signalfd(-1, &all, SFD_CLOEXEC)) < 0)
                return error_errno(err, "signalfd");
        if (raw && tcgetattr(STDIN_FILENO, &before) == 0) {
                wanted = before;
                cfmakeraw(&wanted);
                tcsetattr(STDIN_FILENO, TCSANOW, &wanted);
                copy_size(master);
        }
        relay(pidfd, master, pid, signals);
        if (raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &before);
        while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return error_errno(err, "wait for the process");
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}
