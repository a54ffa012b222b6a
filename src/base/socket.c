#include "base/socket.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <sys/un.h>

/* Fills `address`; a long path goes through a descriptor of its folder, which `*ret_dirfd` keeps open. */
static int unix_address(const char *path, struct sockaddr_un *address, int *ret_dirfd, struct error *err)
{
        const char *slash = strrchr(path, '/');
        cleanup_free char *folder = NULL;
        int n;

        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) < sizeof(address->sun_path)) {
                strcpy(address->sun_path, path);
                return 0;
        }
        if (!slash)
                return error_set(err, ERROR_INVALID, "socket path too long: %s", path);
        folder = xstrndup(path, (size_t)(slash - path));
        *ret_dirfd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_dirfd < 0)
                return error_errno(err, "open %s", folder);
        n = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d%s", *ret_dirfd, slash);
        if (n >= (int)sizeof(address->sun_path))
                return error_set(err, ERROR_INVALID, "socket name too long: %s", slash + 1);
        return 0;
}

int unix_connect(const char *path, int type, struct error *err)
{
        cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), dirfd = -1;
        struct sockaddr_un address;

        if (fd < 0)
                return error_errno(err, "socket");
        if (unix_address(path, &address, &dirfd, err) < 0)
                return -1;
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                if (errno != EINTR)
                        return error_errno(err, "connect %s", path);
        return take_fd(fd);
}

int unix_listen(const char *path, int type, mode_t mode, struct error *err)
{
        cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), dirfd = -1;
        struct sockaddr_un address;

        if (fd < 0)
                return error_errno(err, "socket");
        if (unix_address(path, &address, &dirfd, err) < 0)
                return -1;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                cleanup_close int probe = -1;

                if (errno != EADDRINUSE)
                        return error_errno(err, "bind %s", path);
                probe = unix_connect(path, type, NULL);
                if (probe >= 0 || errno != ECONNREFUSED)
                        return error_set(err, ERROR_CONFLICT, "%s: somebody listens there already", path);
                if (unlink(path) < 0 && errno != ENOENT)
                        return error_errno(err, "remove %s", path);
                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                        return error_errno(err, "bind %s", path);
        }
        if (chmod(path, mode) < 0)
                return error_errno(err, "chmod %s", path);
        if (listen(fd, 1024) < 0)
                return error_errno(err, "listen %s", path);
        return take_fd(fd);
}

int socket_send(int fd, const void *data, size_t len, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int) * SOCKET_MAX_FDS)];
        } control = {};
        struct iovec iov = { (void *)data, len };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > SOCKET_MAX_FDS) {
                errno = E2BIG;
                return -1;
        }
        if (n_fds) {
                message.msg_control = control.room;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header = (struct cmsghdr){ CMSG_LEN(sizeof(int) * n_fds), SOL_SOCKET, SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }
        for (;;) {
                ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

                if (n >= 0)
                        return 0;
                if (errno != EINTR)
                        return -1;
        }
}

/* Gives the caller up to `room` descriptors of a message and closes the rest. */
static size_t take_descriptors(struct msghdr *message, int *fds, size_t room)
{
        size_t count = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        int received;

                        memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (count < room)
                                fds[count++] = received;
                        else
                                close(received);
                }
        }
        return count;
}

ssize_t socket_receive(int fd, void *data, size_t size, int *fds, size_t *n_fds, int flags)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int) * SOCKET_MAX_FDS)];
        } control;
        struct iovec iov = { data, size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        size_t room = n_fds ? *n_fds : 0, count;
        ssize_t n;

        do
                n = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -1;
        count = take_descriptors(&message, fds, room);
        if (message.msg_flags & MSG_TRUNC) {
                for (size_t i = 0; i < count; i++)
                        close(fds[i]);
                errno = EMSGSIZE;
                return -1;
        }
        if (n_fds)
                *n_fds = count;
        return n;
}
