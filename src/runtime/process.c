/* The last steps of a container's process, in this order and for reasons:
 *
 *   limits, priorities, labels      need our privileges
 *   descriptors                     0-2 and the preserved ones are put in place; everything else closes at execve
 *   ids and capabilities            from here on the process is who it shall be; CAP_SYS_ADMIN alone stays when a filter has to be
 *                                   loaded without no_new_privs
 *   cwd, command                    looked up with the process's own rights, never through magic links
 *   -- the gate --
 *   seccomp, capabilities, execve   nothing else may follow the filter */
#include "runtime/caps.h"
#include "runtime/runtime-internal.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sys/prctl.h>

#include "runtime/process-internal.h"

enum { BOUNDING, EFFECTIVE, INHERITABLE, PERMITTED, AMBIENT };

/* --- text ---------------------------------------------------------------------------------------------------------------- */

int process_exit_code(const char *message)
{
        static const struct {
                const char *text;
                int code;
        } rules[] = {
                { "executable file not found", 127 }, { "no such file or directory", 127 }, { "system cannot find", 127 },
                { "permission denied", 126 },         { "is a directory", 126 },
        };

        for (size_t i = 0; message && i < ARRAY_SIZE(rules); i++)
                if (strcasestr(message, rules[i].text))
                        return rules[i].code;
        return 0;
}

const char *process_strerror(int errnum)
{
        static char text[ERROR_TEXT_MAX];

        error_number_text(errnum, text);
        return text;
}

static int exec_error(const char *name, const char *why, struct error *err)
{
        error_set(err, ERROR_INVALID, "exec: \"%s\": %s", name, why);
        if (err)
                err->exit_code = process_exit_code(err->message);
        return -1;
}

/* --- descriptors ---------------------------------------------------------------------------------------------------------- */

static int descriptors_place(struct process *p, struct error *err)
{
        int keep = 3 + (int)p->n_preserve_fds;
        int stdio[3];
        int *moved = p->n_preserve_fds ? xcalloc(p->n_preserve_fds, sizeof(int)) : NULL;

        /* Everything that is still needed goes above the numbers to be filled, sources included. */
        if (fd_raise(&p->sync, keep, err) < 0 || fd_raise(&p->extra_fd, keep, err) < 0 || fd_raise(&p->procfd, keep, err) < 0)
                return -1;
        for (int i = 0; i < 3; i++) {
                stdio[i] = fcntl(p->stdio[i] >= 0 ? p->stdio[i] : p->devnull, F_DUPFD_CLOEXEC, keep);
                if (stdio[i] < 0)
                        return error_errno(err, "standard descriptor %d", i);
        }
        for (size_t i = 0; i < p->n_preserve_fds; i++) {
                moved[i] = fcntl(p->preserve_fds[i], F_DUPFD_CLOEXEC, keep);
                if (moved[i] < 0)
                        return error_errno(err, "preserved descriptor %d", p->preserve_fds[i]);
        }
        if (syscall(SYS_close_range, (unsigned)keep, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return error_errno(err, "close_range");
        for (int i = 0; i < keep; i++)
                if (dup2(i < 3 ? stdio[i] : moved[i - 3], i) < 0)
                        return error_errno(err, "dup2");
        for (int i = 0; i < keep; i++)
                close(i < 3 ? stdio[i] : moved[i - 3]);
        free(moved);
        return 0;
}

/* The process may reopen its pipes through /dev/stdout: they become its user's. */
static void descriptors_own(const struct process *p)
{
        struct stat null, st;

        if (fstat(p->devnull, &null) < 0)
                return;
        for (int i = 0; i < 3; i++) {
                if (fstat(i, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev) || st.st_uid == p->spec->user.uid)
                        continue;
                if (fchown(i, p->spec->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL && errno != EROFS)
                        return;
        }
}

/* --- ids and capabilities --------------------------------------------------------------------------------------------------- */

static int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];

        for (int i = 0; i < 2; i++) {
                data[i].effective = (uint32_t)(effective >> (32 * i));
                data[i].permitted = (uint32_t)(permitted >> (32 * i));
                data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
        }
        return (int)syscall(SYS_capset, &header, data);
}

static int caps_load(struct process *p, struct error *err)
{
        const struct oci_capabilities *c = p->spec->capabilities;
        char **const lists[] = { c ? c->bounding : NULL, c ? c->effective : NULL, c ? c->inheritable : NULL,
                                 c ? c->permitted : NULL, c ? c->ambient : NULL };
        /* What we do not have ourselves nobody gets from us. */
        uint64_t known = caps_bounding();

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                if (caps_from_names(lists[i], &p->caps[i], err) < 0)
                        return -1;
                p->caps[i] &= known;
        }
        return 0;
}

static int bounding_drop(const struct process *p, struct error *err)
{
        for (int i = 0; i <= caps_last(); i++)
                if (!(p->caps[BOUNDING] & caps_bit(i)) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
                    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
                        return error_errno(err, "drop capability %s", caps_name(i));
        return 0;
}

/* What loading a filter needs when no_new_privs is not to be set. */
static uint64_t caps_kept(const struct process *p)
{
        return p->seccomp && !p->spec->no_new_privileges ? caps_bit(CAP_SYS_ADMIN) : 0;
}

static int identity_take(struct process *p, struct error *err)
{
        const struct oci_user *u = &p->spec->user;
        uint64_t kept = caps_kept(p);

        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return error_errno(err, "keep capabilities");
        if (bounding_drop(p, err) < 0)
                return -1;
        /* A user namespace without the right to setgroups(2) is fine as long as no groups are asked for. */
        if (setgroups(u->n_additional_gids, u->additional_gids) < 0 && !(errno == EPERM && u->n_additional_gids == 0))
                return error_errno(err, "setgroups");
        if (setresgid(u->gid, u->gid, u->gid) < 0)
                return error_errno(err, "setgid %u", u->gid);
        if (setresuid(u->uid, u->uid, u->uid) < 0)
                return error_errno(err, "setuid %u", u->uid);
        if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
                return error_errno(err, "keep capabilities");
        if (caps_set(p->caps[EFFECTIVE] | kept, p->caps[PERMITTED] | kept, p->caps[INHERITABLE]) < 0)
                return error_errno(err, "unable to apply caps");
        return 0;
}

static int ambient_raise(const struct process *p, struct error *err)
{
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        for (int i = 0; i <= caps_last(); i++)
                if ((p->caps[AMBIENT] & caps_bit(i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
                        return error_errno(err, "raise ambient capability %s", caps_name(i));
        return 0;
}

/* --- working directory and command ------------------------------------------------------------------------------------------- */

/* Returns 0, or an errno. No magic links: /proc/self/fd/N would lead out to what we have open. */
static int cwd_enter(const char *cwd)
{
        cleanup_error struct error ignored = {};
        cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        char now[PATH_MAX];

        if (root < 0)
                return errno;
        fd = open_in_root(root, cwd, O_PATH, 0, &ignored);
        if (fd < 0)
                return errno;
        if (fchdir(fd) < 0)
                return errno;
        /* The kernel's own answer to "is this below the root?". */
        if (!getcwd(now, sizeof(now)) || now[0] != '/')
                return ENOENT;
        return 0;
}

static int cwd_error(const char *cwd, int errnum, struct error *err)
{
        const char *hint = errnum == ENOTDIR ? ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the "
                                               "specified host path exists and is the expected type"
                                             : "";

        error_set(err, ERROR_INVALID, "chdir to cwd (\"%s\") set in config.json failed: %s%s", cwd, process_strerror(errnum), hint);
        if (err)
                err->exit_code = errnum == EACCES ? 126 : 127;
        return -1;
}

/* 0, or the errno that says why `path` cannot be executed; EISDIR for a folder. */
static int executable_check(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return errno;
        if (S_ISDIR(st.st_mode))
                return EISDIR;
        if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
                return errno;
        return st.st_mode & 0111 ? 0 : EACCES;
}

static int executable_explain(const char *name, int errnum, struct error *err)
{
        char text[PATH_MAX + 64];

        if (errnum == EISDIR)
                return exec_error(name, "is a directory: permission denied", err);
        if (errnum == EACCES)
                return exec_error(name, "permission denied", err);
        snprintf(text, sizeof(text), "stat %s: %s", name, process_strerror(errnum));
        return exec_error(name, text, err);
}

static int executable_find(struct process *p, struct error *err)
{
        const char *name = p->spec->args[0];
        const char *path = env_get(p->env, "PATH");

        if (strchr(name, '/')) {
                int r = executable_check(name);

                if (r != 0)
                        return executable_explain(name, r, err);
                p->executable = xstrdup(name);
                return 0;
        }
        while (*name && path && *path) {
                const char *end = strchrnul(path, ':');
                cleanup_free char *candidate = end > path ? string_format("%.*s/%s", (int)(end - path), path, name)
                                                          : string_format("./%s", name);

                if (executable_check(candidate) == 0) {
                        p->executable = take_ptr(candidate);
                        return 0;
                }
                path = *end ? end + 1 : end;
        }
        return exec_error(name, "executable file not found in $PATH", err);
}

/* --- the two halves ------------------------------------------------------------------------------------------------------------- */

static void environment_make(struct process *p)
{
        const char *home;

        p->env = strv_copy(p->spec->env);
        if (!p->env)
                p->env = strv_new();
        home = env_get(p->env, "HOME");
        if (string_empty(home)) {
                cleanup_runtime_user struct runtime_user user = {};
                cleanup_error struct error ignored = {};
                cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                char uid[16];

                snprintf(uid, sizeof(uid), "%u", p->spec->user.uid);
                if (root >= 0 && runtime_resolve_user(root, uid, NULL, &user, &ignored) == 0)
                        env_set(&p->env, "HOME", user.home);
                else
                        env_set(&p->env, "HOME", "/");
        }
}

int process_prepare(struct process *p, struct error *err)
{
        const char *cwd = string_empty(p->spec->cwd) ? "/" : p->spec->cwd;
        int at_first;

        if (!p->spec->args || !p->spec->args[0])
                return error_set(err, ERROR_INVALID, "args must not be empty");
        if (cwd[0] != '/')
                return error_set(err, ERROR_INVALID, "Cwd must be an absolute path");
        if (caps_load(p, err) < 0 || process_limits(p->spec, p->lin, p->procfd, err) < 0)
                return -1;
        environment_make(p);
        if (descriptors_place(p, err) < 0)
                return -1;
        descriptors_own(p);
        umask(p->spec->user.umask ? (mode_t)*p->spec->user.umask : 022);
        if (p->spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_errno(err, "set no_new_privs");
        /* A folder that only root may enter is fine as a cwd, and so is one that only the user may. */
        at_first = cwd_enter(cwd);
        if (identity_take(p, err) < 0)
                return -1;
        if (at_first != 0) {
                int r = cwd_enter(cwd);

                if (r != 0)
                        return cwd_error(cwd, r, err);
        }
        return executable_find(p, err);
}

static int filter_load(struct process *p, struct error *err)
{
        int listener = -1;

        if (!p->seccomp)
                return 0;
        if (seccomp_program_load(p->seccomp, &listener, err) < 0)
                return -1;
        if (listener >= 0 && sync_send(p->sync, SYNC_LISTENER, 0, listener) < 0)
                return error_errno(err, "send the seccomp listener");
        if (listener >= 0)
                close(listener);
        return 0;
}

int process_execute(struct process *p, struct error *err)
{
        int errnum;

        if (filter_load(p, err) < 0)
                return -1;
        if (caps_set(p->caps[EFFECTIVE], p->caps[PERMITTED], p->caps[INHERITABLE]) < 0)
                return error_errno(err, "unable to apply caps");
        if (ambient_raise(p, err) < 0)
                return -1;
        execve(p->executable, p->spec->args, p->env);
        errnum = errno;
        error_set(err, ERROR_INVALID, "exec %s: %s", p->executable, process_strerror(errnum));
        if (err)
                err->exit_code = errnum == ENOENT ? 127 : errnum == EACCES ? 126 : 255;
        return -1;
}
