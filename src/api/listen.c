#include "api/listen.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <sys/un.h>

#define FIRST_PASSED_FD 3

static int group_id(const char *name, gid_t *ret, struct error *err)
{
        struct group group, *found = NULL;
        char buffer[16384];
        uint64_t number = UINT64_MAX;

        if (getgrnam_r(name, &group, buffer, sizeof(buffer), &found) == 0 && found)
                *ret = found->gr_gid;
        else if (string_to_uint64(name, &number, NULL) == 0 && number < UINT32_MAX)
                *ret = (gid_t)number;
        else
                return error_set(err, ERROR_INVALID, "group %s not found", name);
        return 0;
}

static int give_to_group(const char *path, const char *group, struct error *err)
{
        gid_t gid = (gid_t)-1;

        if (!group) {
                if (group_id("docker", &gid, NULL) < 0 && group_id("davit", &gid, NULL) < 0)
                        return 0;
        } else if (*group == '\0') {
                return 0;
        } else if (group_id(group, &gid, err) < 0) {
                return -1;
        }
        if (chown(path, (uid_t)-1, gid) < 0)
                return error_errno(err, "chown %s", path);
        return 0;
}

static int make_parent(const char *path, struct error *err)
{
        const char *slash = strrchr(path, '/');
        cleanup_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : NULL;

        if (string_empty(parent))
                return 0;
        return directory_make(AT_FDCWD, parent, 0711, err);
}

static int open_unix(struct listeners *l, const char *path, const char *group, struct error *err)
{
        int fd;

        if (path[0] != '/')
                return error_set(err, ERROR_INVALID, "the path of a socket must be absolute: %s", path);
        if (make_parent(path, err) < 0)
                return -1;
        fd = unix_listen(path, SOCK_STREAM, 0660, err);
        if (fd < 0)
                return -1;
        ARRAY_APPEND(l->fds, l->count, fd);
        strv_append(&l->paths, path);
        return give_to_group(path, group, err);
}

/* sd_listen_fds(3): the number of descriptors that were passed to this process. Without LISTEN_PID they come from `davit`
 * (client/start.c), which cannot know our pid beforehand. */
static int passed_fds(void)
{
        const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
        int64_t number;

        if (!count || (pid && (string_to_int64(pid, &number, NULL) < 0 || number != getpid())))
                return 0;
        return string_to_int64(count, &number, NULL) == 0 && number > 0 && number < 1000 ? (int)number : 0;
}

static int take_passed(struct listeners *l, const char *which, struct error *err)
{
        int count = passed_fds();
        int64_t wanted = -1;
        bool found = false;

        if (*which && string_to_int64(which, &wanted, NULL) < 0)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "fd://%s: descriptors by name are not supported, give a number", which);
        for (int fd = FIRST_PASSED_FD; fd < FIRST_PASSED_FD + count; fd++) {
                if (wanted >= 0 && fd != wanted)
                        continue;
                if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                        return error_errno(err, "fd://%d", fd);
                ARRAY_APPEND(l->fds, l->count, fd);
                found = true;
        }
        if (!found)
                return error_set(err, ERROR_INVALID,
                                 "no sockets found via socket activation: make sure the service was "
                                 "started by systemd");
        return 0;
}

int listeners_open(char *const *hosts, const char *group, struct listeners *ret, struct error *err)
{
        struct listeners l = {};

        for (; *hosts; hosts++) {
                const char *path = string_after(*hosts, "unix://"), *which = string_after(*hosts, "fd://");
                int r = path    ? open_unix(&l, path, group, err)
                        : which ? take_passed(&l, which, err)
                                : error_set(err, ERROR_INVALID, "invalid bind address (%s)", *hosts);

                if (r < 0) {
                        error_context(err, "failed to load listeners");
                        for (size_t i = 0; i < l.count; i++)
                                close(l.fds[i]);
                        listeners_deinit(&l);
                        return -1;
                }
        }
        /* What containers or helpers inherit must not look activated. */
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
        *ret = l;
        return 0;
}

void listeners_deinit(struct listeners *l)
{
        for (char **path = l->paths; path && *path; path++)
                unlink(*path);
        strv_free(l->paths);
        free(l->fds);
        *l = (struct listeners){};
}

void notify_ready(void)
{
        static const char message[] = "READY=1";
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        cleanup_close int fd = -1;
        size_t len = path ? strlen(path) : 0;

        if (len < 2 || len >= sizeof(address.sun_path))
                return;
        memcpy(address.sun_path, path, len);
        if (address.sun_path[0] == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        unsetenv("NOTIFY_SOCKET");
}
