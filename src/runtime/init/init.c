/* davit-init, mounted as /sbin/docker-init by --init: pid 1 that starts a command, passes signals on to it, reaps what is
 * orphaned and ends as the command ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Signals of our own faults are not the command's business. */
static const int own_signals[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };

static pid_t start(char **argv, const sigset_t *before)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        setpgid(0, 0);
        /* The command becomes the terminal's foreground group, so that its keys reach it. */
        if (isatty(STDIN_FILENO))
                tcsetpgrp(STDIN_FILENO, getpgrp());
        sigprocmask(SIG_SETMASK, before, NULL);
        execvp(argv[0], argv);
        fprintf(stderr, "exec %s: %s\n", argv[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
}

static int exit_code(int status)
{
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps everything; true once the command itself has ended. */
static int reap(pid_t command, int *ret_code)
{
        int status, ended = 0;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == command) {
                        *ret_code = exit_code(status);
                        ended = 1;
                }
        return ended;
}

int main(int argc, char **argv)
{
        sigset_t all, before;
        int code = 1;
        pid_t command;

        argv++;
        if (argc > 1 && strcmp(*argv, "--") == 0)
                argv++;
        if (!*argv) {
                fputs("usage: docker-init [--] COMMAND [ARG...]\n", stderr);
                return 1;
        }
        sigfillset(&all);
        for (size_t i = 0; i < sizeof(own_signals) / sizeof(*own_signals); i++)
                sigdelset(&all, own_signals[i]);
        sigprocmask(SIG_SETMASK, &all, &before);
        signal(SIGTTOU, SIG_IGN);
        command = start(argv, &before);
        if (command < 0) {
                perror("fork");
                return 1;
        }
        for (;;) {
                int signal_number;

                if (sigwait(&all, &signal_number) != 0)
                        continue;
                if (signal_number == SIGCHLD) {
                        if (reap(command, &code))
                                return code;
                } else {
                        kill(command, signal_number);
                }
        }
}
