#include "client/start.h"
#include "base/fd.h"
#include "base/paths.h"
#include "base/socket.h"
#include "base/spawn.h"
#include "base/str.h"

#include <errno.h>
#include <sys/file.h>

static int spawn_engine(const char *socket, struct error *err)
{
        cleanup_free char *program = NULL;
        cleanup_strv char **env = NULL;
        cleanup_close int listener = -1, log = -1;
        char *argv[] = { (char *)"davitd", (char *)"-H", (char *)"fd://", NULL };
        int fds[4];
        pid_t pid;

        if (program_find("davitd", &program, err) < 0)
                return -1;
        log = open(PATH_EXEC_ROOT "/davitd.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        listener = unix_listen(socket, SOCK_STREAM, 0660, err);
        if (listener < 0)
                return -1;
        for (char **e = environ; *e; e++)
                strv_append(&env, *e);
        env_set(&env, "LISTEN_FDS", "1");
        fds[0] = -1;
        fds[1] = fds[2] = log;
        fds[3] = listener;
        return spawn(&(struct spawn_options){ .program = program,
                                              .argv = argv,
                                              .env = env,
                                              .fds = fds,
                                              .n_fds = 4,
                                              .directory = "/",
                                              .new_session = true },
                     &pid, NULL, err);
}

int client_start_engine(const char *socket, struct error *err)
{
        cleanup_close int lock = -1;
        cleanup_error struct error why = {};
        int fd;

        if (directory_make(AT_FDCWD, PATH_EXEC_ROOT, 0711, &why) == 0)
                lock = open(PATH_EXEC_ROOT "/start.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock < 0)
                return error_set(
                    err, ERROR_UNAVAILABLE,
                    "Cannot connect to the Docker daemon at unix://%s. Is the docker daemon running?",
                    socket);
        while (flock(lock, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_errno(err, "lock " PATH_EXEC_ROOT "/start.lock");
        /* Somebody else may have started it while we waited. */
        fd = unix_connect(socket, SOCK_STREAM, NULL);
        if (fd >= 0)
                return fd;
        if (spawn_engine(socket, err) < 0)
                return error_context(err, "start davitd");
        return unix_connect(socket, SOCK_STREAM, err);
}
