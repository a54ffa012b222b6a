/* `--user` against the container's own /etc/passwd and /etc/group, with Docker's rules. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct runtime_user {
        uint32_t uid, gid;
        uint32_t *groups; /* supplementary ones */
        size_t n_groups;
        char *home;       /* from passwd, else "/" */
        char *name;       /* from passwd, or NULL */
};
void runtime_user_deinit(struct runtime_user *user);
#define cleanup_runtime_user __attribute__((cleanup(runtime_user_deinit)))

/* `user` is "", "name", "uid", "name:group", "uid:gid"…; `group_add` are --group-add's names or numbers (may be NULL).
 * The files are opened inside `rootfd` and capped (missing ones are empty). Errors are Docker's sentences:
 * "unable to find user X: no matching entries in passwd file" (ERROR_NOT_FOUND's sibling ERROR_INVALID),
 * "uids and gids must be in range 0-2147483647". */
int runtime_resolve_user(int rootfd, const char *user, char *const *group_add, struct runtime_user *ret,
                         struct error *err);
/* The same for a running container, by its pid (through /proc/PID/root). */
int runtime_resolve_user_of(pid_t pid, const char *user, char *const *group_add, struct runtime_user *ret,
                            struct error *err);
/* The pure part: texts of passwd and group (may be "" ). */
int runtime_user_parse(const char *passwd, const char *group, const char *user, char *const *group_add,
                       struct runtime_user *ret, struct error *err);
