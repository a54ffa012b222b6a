#include "runtime/cgroup-internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>

/* Dying processes leave their cgroup within milliseconds; this is the bound, not the wait. */
#define CGROUP_EMPTY_TIMEOUT_MS 5000

/* --- small files --------------------------------------------------------------------------------------------------- */

int cgroup_write(int dirfd, const char *file, const char *value, struct error *err)
{
        cleanup_close int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, "open %s", file);
        if (write(fd, value, strlen(value)) < 0)
                return error_errno(err, "failed to write \"%s\" to %s", value, file);
        return 0;
}

int cgroup_writef(int dirfd, struct error *err, const char *file, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {};
        va_list args;

        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        return cgroup_write(dirfd, file, text.data, err);
}

char *cgroup_read_text(int dirfd, const char *file)
{
        cleanup_error struct error ignored = {};
        char *text = NULL;
        size_t len;

        if (dirfd < 0 || file_read(dirfd, file, 4 << 20, &text, &len, &ignored) < 0)
                return NULL;
        return text;
}

bool cgroup_read_number(int dirfd, const char *file, uint64_t *ret)
{
        cleanup_free char *text = cgroup_read_text(dirfd, file);
        char *end;
        uint64_t n;

        if (!text)
                return false;
        if (strncmp(text, "max", 3) == 0) {
                *ret = UINT64_MAX;
                return true;
        }
        errno = 0;
        n = strtoull(text, &end, 10);
        if (end == text || errno)
                return false;
        *ret = n;
        return true;
}

bool cgroup_text_value(const char *text, const char *name, uint64_t *ret)
{
        size_t len = strlen(name);

        while (text && *text) {
                if (strncmp(text, name, len) == 0 && text[len] == ' ') {
                        *ret = strtoull(text + len + 1, NULL, 10);
                        return true;
                }
                text = strchr(text, '\n');
                text = text ? text + 1 : NULL;
        }
        return false;
}

/* --- making and opening ---------------------------------------------------------------------------------------------- */

static bool list_has(const char *list, const char *word)
{
        size_t len = strlen(word);

        for (const char *s = list; s; s = strchr(s, ',')) {
                s += *s == ',';
                if (strncmp(s, word, len) == 0 && (s[len] == ',' || s[len] == '\0'))
                        return true;
        }
        return false;
}

int cgroup_controller_fd(const struct cgroup *cgroup, const char *controller)
{
        const struct cgroup_layout *layout = cgroup_layout();

        for (size_t i = 0; i < layout->n_hierarchies; i++)
                if (!layout->hierarchies[i].unified && list_has(layout->hierarchies[i].controllers, controller))
                        return cgroup->fds[i];
        return layout->mode == CGROUP_V2 && cgroup->unified >= 0 ? cgroup->fds[cgroup->unified] : -1;
}

int cgroup_v2_fd(const struct cgroup *cgroup)
{
        return cgroup->unified >= 0 ? cgroup->fds[cgroup->unified] : -1;
}

const char *cgroup_path(const struct cgroup *cgroup)
{
        return cgroup->path;
}

void cgroup_free(struct cgroup *cgroup)
{
        if (!cgroup)
                return;
        for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
                if (cgroup->fds[i] >= 0)
                        close(cgroup->fds[i]);
        free(cgroup->path);
        free(cgroup);
}

/* The caller's own cgroup in a hierarchy: where relative paths start. */
static char *own_path(const struct cgroup_hierarchy *h)
{
        cleanup_free char *text = cgroup_read_text(AT_FDCWD, "/proc/self/cgroup");
        char *save = NULL;

        for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
                char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!path)
                        continue;
                *path++ = '\0';
                if (streq(controllers + 1, h->controllers))
                        return xstrdup(path);
        }
        return xstrdup("/");
}

/* A new cpuset folder has no CPUs: it takes its parent's. */
static void cpuset_inherit(int parent, int child)
{
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                cleanup_free char *own = cgroup_read_text(child, files[i]);
                cleanup_free char *value = NULL;

                if (!own || own[strspn(own, " \n")])
                        continue;
                value = cgroup_read_text(parent, files[i]);
                if (value)
                        cgroup_write(child, files[i], value, NULL);
        }
}

/* Every controller that the parent has is handed down; those that cannot be are not fatal until something needs them. */
static void controllers_enable(int parent)
{
        cleanup_free char *text = cgroup_read_text(parent, "cgroup.controllers");
        cleanup_free char *enabled = cgroup_read_text(parent, "cgroup.subtree_control");
        char *save = NULL;

        for (char *word = text ? strtok_r(text, " \n", &save) : NULL; word; word = strtok_r(NULL, " \n", &save)) {
                cleanup_free char *value = string_format("+%s", word);

                if (!enabled || !strstr(enabled, word))
                        cgroup_write(parent, "cgroup.subtree_control", value, NULL);
        }
}

struct walk {
        const struct cgroup_hierarchy *hierarchy;
        bool make;
        bool existed; /* the last component */
};

static int walk_step(struct walk *walk, int at, const char *name, struct error *err)
{
        int next;

        walk->existed = true;
        if (walk->make && walk->hierarchy->unified && cgroup_layout()->mode == CGROUP_V2)
                controllers_enable(at);
        if (walk->make && mkdirat(at, name, 0755) == 0)
                walk->existed = false;
        else if (walk->make && errno != EEXIST)
                return error_errno(err, "mkdir %s", name);
        next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
                return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "no such cgroup") : error_errno(err, "open %s", name);
        if (walk->make && !walk->existed && list_has(walk->hierarchy->controllers, "cpuset"))
                cpuset_inherit(at, next);
        return next;
}

static int hierarchy_open(struct walk *walk, const char *path, struct error *err)
{
        cleanup_free char *own = path[0] == '/' ? NULL : own_path(walk->hierarchy);
        cleanup_free char *full = string_format("%s/%s", own ? own : "", path);
        cleanup_close int at = directory_open(AT_FDCWD, walk->hierarchy->mountpoint, err);
        char *save = NULL;

        if (at < 0)
                return -1;
        for (char *word = strtok_r(full, "/", &save); word; word = strtok_r(NULL, "/", &save)) {
                int next;

                if (streq(word, "..") || streq(word, "."))
                        return error_set(err, ERROR_INVALID, "invalid cgroup path");
                next = walk_step(walk, at, word, err);
                if (next < 0)
                        return error_context(err, "cgroup %s: %s", walk->hierarchy->mountpoint, path);
                close(at);
                at = next;
        }
        return take_fd(at);
}

static struct cgroup *cgroup_new(const char *path)
{
        struct cgroup *cgroup = xcalloc(1, sizeof(*cgroup));

        cgroup->path = xstrdup(path);
        cgroup->unified = -1;
        for (size_t i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
                cgroup->fds[i] = -1;
        return cgroup;
}

static int path_check(const char *path, struct error *err)
{
        if (string_empty(path) || path[strspn(path, "/")] == '\0')
                return error_set(err, ERROR_INVALID, "invalid cgroup path \"%s\"", path ? path : "");
        if (strchr(path, ':') && !strchr(path, '/'))
                return error_set(err, ERROR_UNSUPPORTED, "cgroup \"%s\": systemd's slices are not supported yet", path);
        return 0;
}

static bool has_processes(int fd)
{
        cleanup_free char *text = cgroup_read_text(fd, "cgroup.procs");

        return text && *text;
}

int cgroup_create(const char *path, bool shared, struct cgroup **ret, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();
        cleanup_cgroup struct cgroup *cgroup = NULL;

        if (path_check(path, err) < 0)
                return -1;
        if (layout->n_hierarchies == 0)
                return error_set(err, ERROR_SYSTEM, "no cgroup file system is mounted");
        cgroup = cgroup_new(path);
        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                struct walk walk = { .hierarchy = &layout->hierarchies[i], .make = true };

                cgroup->fds[i] = hierarchy_open(&walk, path, err);
                if (cgroup->fds[i] < 0)
                        return -1;
                if (layout->hierarchies[i].unified)
                        cgroup->unified = (int)i;
                if (walk.existed && !shared && has_processes(cgroup->fds[i]))
                        return error_set(err, ERROR_CONFLICT, "container's cgroup is not empty: %s", path);
        }
        *ret = take_ptr(cgroup);
        return 0;
}

int cgroup_open(const char *path, struct cgroup **ret, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();
        cleanup_cgroup struct cgroup *cgroup = NULL;
        bool any = false;

        if (path_check(path, err) < 0)
                return -1;
        cgroup = cgroup_new(path);
        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                struct walk walk = { .hierarchy = &layout->hierarchies[i] };
                cleanup_error struct error missing = {};

                cgroup->fds[i] = hierarchy_open(&walk, path, &missing);
                if (cgroup->fds[i] < 0)
                        continue;
                any = true;
                if (layout->hierarchies[i].unified)
                        cgroup->unified = (int)i;
        }
        if (!any)
                return error_set(err, ERROR_NOT_FOUND, "no such cgroup: %s", path);
        *ret = take_ptr(cgroup);
        return 0;
}

/* --- members ----------------------------------------------------------------------------------------------------------- */

/* A thread that moves itself through "tasks" does not take the lock that all forks of the machine wait for: milliseconds. */
int cgroup_join(struct cgroup *cgroup, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();

        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                if (cgroup->fds[i] < 0 || layout->hierarchies[i].unified)
                        continue;
                if (cgroup_write(cgroup->fds[i], "tasks", "0", err) < 0)
                        return error_context(err, "cgroup %s", layout->hierarchies[i].name);
        }
        return 0;
}

int cgroup_add(struct cgroup *cgroup, pid_t pid, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();

        for (size_t i = 0; i < layout->n_hierarchies; i++)
                if (cgroup->fds[i] >= 0 && cgroup_writef(cgroup->fds[i], err, "cgroup.procs", "%d", (int)pid) < 0)
                        return error_context(err, "cgroup %s", layout->hierarchies[i].name);
        return 0;
}

/* Waits until `name` in cgroup.events is `value`. */
static int events_wait(int dirfd, const char *name, uint64_t value, struct error *err)
{
        cleanup_close int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, "open cgroup.events");
        for (;;) {
                char text[512];
                ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
                struct pollfd p = { .fd = fd, .events = POLLPRI };
                uint64_t now = !value;

                if (n < 0)
                        return errno == ENODEV ? 0 : error_errno(err, "read cgroup.events");
                text[n] = '\0';
                if (cgroup_text_value(text, name, &now) && now == value)
                        return 0;
                n = poll(&p, 1, CGROUP_EMPTY_TIMEOUT_MS);
                if (n == 0)
                        return error_set(err, ERROR_SYSTEM, "cgroup: timeout waiting for %s %llu", name, (unsigned long long)value);
                if (n < 0 && errno != EINTR)
                        return error_errno(err, "poll cgroup.events");
        }
}

static void pause_ms(long ms)
{
        nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static int freeze_v1(int fd, bool frozen, struct error *err)
{
        const char *wanted = frozen ? "FROZEN" : "THAWED";

        if (fd < 0)
                return error_set(err, ERROR_UNSUPPORTED, "no freezer cgroup");
        /* The kernel reports no event here: it asks for looking again, and for writing again. */
        for (int i = 0; i < CGROUP_EMPTY_TIMEOUT_MS; i++) {
                cleanup_free char *state = NULL;

                if (cgroup_write(fd, "freezer.state", wanted, err) < 0)
                        return -1;
                state = cgroup_read_text(fd, "freezer.state");
                if (state && strncmp(state, wanted, 6) == 0)
                        return 0;
                pause_ms(1);
        }
        cgroup_write(fd, "freezer.state", "THAWED", NULL);
        return error_set(err, ERROR_SYSTEM, "unable to freeze");
}

int cgroup_freeze(struct cgroup *cgroup, bool frozen, struct error *err)
{
        int fd = cgroup_v2_fd(cgroup);

        if (fd < 0 || faccessat(fd, "cgroup.freeze", F_OK, 0) < 0)
                return freeze_v1(cgroup_controller_fd(cgroup, "freezer"), frozen, err);
        if (cgroup_write(fd, "cgroup.freeze", frozen ? "1" : "0", err) < 0)
                return -1;
        return events_wait(fd, "frozen", frozen, err);
}

bool cgroup_is_frozen(struct cgroup *cgroup)
{
        int fd = cgroup_v2_fd(cgroup);
        cleanup_free char *text = NULL;
        uint64_t frozen = 0;

        if (fd >= 0 && cgroup_read_number(fd, "cgroup.freeze", &frozen) && frozen)
                return true;
        text = cgroup_read_text(cgroup_controller_fd(cgroup, "freezer"), "freezer.state");
        return text && cgroup_mode() != CGROUP_V2 && strncmp(text, "THAWED", 6) != 0;
}

static int pids_collect(int dirfd, pid_t **pids, size_t *count, int depth, struct error *err)
{
        cleanup_free char *text = cgroup_read_text(dirfd, "cgroup.procs");
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;
        char *save = NULL;

        for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
                ARRAY_APPEND(*pids, *count, (pid_t)atoi(line));
        if (depth > 32 || directory_list(dirfd, ".", &dir, err) < 0)
                return depth > 32 ? 0 : -1;
        while ((entry = readdir(dir))) {
                cleanup_close int sub = -1;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                sub = openat(dirfd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (sub >= 0 && pids_collect(sub, pids, count, depth + 1, err) < 0)
                        return -1;
        }
        return 0;
}

/* The folder whose members count: v2's, else that of devices, else any. */
static int members_fd(const struct cgroup *cgroup)
{
        int fd = cgroup_v2_fd(cgroup);

        if (fd < 0)
                fd = cgroup_controller_fd(cgroup, "devices");
        for (size_t i = 0; fd < 0 && i < CGROUP_HIERARCHIES_MAX; i++)
                fd = cgroup->fds[i];
        return fd;
}

int cgroup_pids(struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_count, struct error *err)
{
        cleanup_free pid_t *pids = NULL;
        size_t count = 0;

        if (pids_collect(members_fd(cgroup), &pids, &count, 0, err) < 0)
                return -1;
        *ret_pids = take_ptr(pids);
        *ret_count = count;
        return 0;
}

int cgroup_kill(struct cgroup *cgroup, int signal, struct error *err)
{
        int fd = cgroup_v2_fd(cgroup);
        size_t count = 1;

        if (signal == SIGKILL && fd >= 0 && cgroup_write(fd, "cgroup.kill", "1", NULL) == 0)
                return 0;
        /* With SIGKILL again until none is left, for those that were just being forked. */
        for (int i = 0; i < (signal == SIGKILL ? 100 : 1) && count; i++) {
                cleanup_free pid_t *pids = NULL;

                if (cgroup_pids(cgroup, &pids, &count, err) < 0)
                        return -1;
                for (size_t j = 0; j < count; j++)
                        if (pids[j] > 0)
                                kill(pids[j], signal);
                if (signal == SIGKILL && cgroup_mode() == CGROUP_V1)
                        cgroup_write(cgroup_controller_fd(cgroup, "freezer"), "freezer.state", "THAWED", NULL);
                if (signal == SIGKILL && count)
                        pause_ms(1);
        }
        return 0;
}

/* --- removal -------------------------------------------------------------------------------------------------------------- */

static int folder_remove(const char *mountpoint, int fd, struct error *err);

static int children_remove(int fd, const char *mountpoint, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;

        if (directory_list(fd, ".", &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir))) {
                cleanup_close int sub = -1;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                sub = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (sub >= 0 && children_remove(sub, mountpoint, err) < 0)
                        return -1;
                if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != EBUSY)
                        return error_errno(err, "remove cgroup %s", entry->d_name);
        }
        return 0;
}

static int folder_remove(const char *mountpoint, int fd, struct error *err)
{
        char link[40], path[4096];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return error_errno(err, "cgroup");
        path[n] = '\0';
        if (string_ends_with(path, " (deleted)"))
                return 0;
        for (int i = 0; i < CGROUP_EMPTY_TIMEOUT_MS; i++) {
                if (rmdir(path) == 0 || errno == ENOENT)
                        return 0;
                if (errno != EBUSY && errno != ENOTEMPTY)
                        return error_errno(err, "remove cgroup %s", path);
                if (children_remove(fd, mountpoint, err) < 0)
                        return -1;
                if (rmdir(path) == 0 || errno == ENOENT)
                        return 0;
                pause_ms(1);
        }
        return error_set(err, ERROR_SYSTEM, "remove cgroup %s: still has processes", path);
}

int cgroup_remove(struct cgroup *cgroup, struct error *err)
{
        const struct cgroup_layout *layout = cgroup_layout();
        int fd = cgroup_v2_fd(cgroup);

        if (fd >= 0 && events_wait(fd, "populated", 0, err) < 0)
                return -1;
        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                if (cgroup->fds[i] < 0)
                        continue;
                if (folder_remove(layout->hierarchies[i].mountpoint, cgroup->fds[i], err) < 0)
                        return -1;
                close(cgroup->fds[i]);
                cgroup->fds[i] = -1;
        }
        cgroup->unified = -1;
        return 0;
}

/* --- limits and out-of-memory ------------------------------------------------------------------------------------------ */

int cgroup_apply(struct cgroup *cgroup, const struct oci_resources *resources, bool initial, struct error *err)
{
        static const struct oci_resources none;
        const struct oci_resources *r = resources ? resources : &none;

        if ((cgroup_mode() == CGROUP_V2 ? cgroup_apply_v2 : cgroup_apply_v1)(cgroup, r, err) < 0)
                return -1;
        return initial ? cgroup_devices_apply(cgroup, r, err) : 0;
}

static int oom_fd_v1(int fd, struct error *err)
{
        cleanup_close int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        cleanup_close int control = openat(fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);

        if (event < 0 || control < 0)
                return error_errno(err, "memory.oom_control");
        if (cgroup_writef(fd, err, "cgroup.event_control", "%d %d", event, control) < 0)
                return -1;
        return take_fd(event);
}

int cgroup_oom_fd(struct cgroup *cgroup, struct error *err)
{
        int fd = cgroup_controller_fd(cgroup, "memory");
        cleanup_close int notify = -1;
        char path[64];

        if (fd < 0)
                return error_set(err, ERROR_UNSUPPORTED, "no memory cgroup");
        if (cgroup_mode() != CGROUP_V2)
                return oom_fd_v1(fd, err);
        notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        snprintf(path, sizeof(path), "/proc/self/fd/%d/memory.events", fd);
        if (notify < 0 || inotify_add_watch(notify, path, IN_MODIFY) < 0)
                return error_errno(err, "watch memory.events");
        return take_fd(notify);
}

uint64_t cgroup_oom_kills(struct cgroup *cgroup)
{
        int fd = cgroup_controller_fd(cgroup, "memory");
        cleanup_free char *text = cgroup_read_text(fd, cgroup_mode() == CGROUP_V2 ? "memory.events" : "memory.oom_control");
        uint64_t n = 0;

        return cgroup_text_value(text, "oom_kill", &n) ? n : 0;
}
