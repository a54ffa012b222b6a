/* Docker's rules, in short. `--user A[:B]`: A is looked up in passwd by name and, when numeric, by uid; a numeric A that is
 * not there stands for itself. Without B the gid and the supplementary groups come from passwd and group; with B the gid is
 * B's and supplementary groups are none. --group-add always appends. The first matching line wins; lines may be malformed. */
#include "runtime/user.h"
#include "base/fd.h"
#include "base/str.h"

#include <inttypes.h>
#include <limits.h>

/* Most bytes of passwd or group that are read; larger files are an error, not a truncation. */
#define USER_FILE_MAX (8 << 20)
#define USER_GROUPS_MAX 65536

void runtime_user_deinit(struct runtime_user *user)
{
        free(user->groups);
        free(user->home);
        free(user->name);
        memset(user, 0, sizeof(*user));
}

/* One line of passwd or group: up to seven fields that point into the text. */
struct line {
        const char *field[7];
        size_t len[7];
        size_t count;
};

static bool line_next(const char **text, struct line *line)
{
        const char *s = *text, *end;

        if (!*s)
                return false;
        end = strchrnul(s, '\n');
        *text = *end ? end + 1 : end;
        memset(line, 0, sizeof(*line));
        while (line->count < ARRAY_SIZE(line->field)) {
                const char *colon = memchr(s, ':', (size_t)(end - s));
                const char *stop = colon ? colon : end;

                line->field[line->count] = s;
                line->len[line->count++] = (size_t)(stop - s);
                if (!colon)
                        break;
                s = colon + 1;
        }
        return true;
}

static bool field_is(const struct line *line, size_t i, const char *s, size_t len)
{
        return line->len[i] == len && memcmp(line->field[i], s, len) == 0;
}

/* Decimal up to INT_MAX; false for anything else. An empty field counts as 0, as Docker's reader takes it. */
static bool field_number(const struct line *line, size_t i, uint32_t *ret)
{
        uint64_t n = 0;

        if (line->len[i] > 10)
                return false;
        for (size_t j = 0; j < line->len[i]; j++) {
                if (line->field[i][j] < '0' || line->field[i][j] > '9')
                        return false;
                n = n * 10 + (uint64_t)(line->field[i][j] - '0');
        }
        if (n > INT32_MAX)
                return false;
        *ret = (uint32_t)n;
        return true;
}

enum id_text { ID_NAME, ID_NUMBER, ID_OUT_OF_RANGE };

static enum id_text id_parse(const char *s, size_t len, uint32_t *ret)
{
        uint64_t n = 0;
        size_t i = len && (s[0] == '-' || s[0] == '+') ? 1 : 0;

        if (i == len)
                return ID_NAME;
        for (; i < len; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return ID_NAME;
                n = n > UINT32_MAX ? n : n * 10 + (uint64_t)(s[i] - '0');
        }
        if (n > INT32_MAX || s[0] == '-')
                return ID_OUT_OF_RANGE;
        *ret = (uint32_t)n;
        return ID_NUMBER;
}

static int out_of_range(struct error *err)
{
        return error_set(err, ERROR_INVALID, "uids and gids must be in range 0-2147483647");
}

static void group_append(struct runtime_user *user, uint32_t gid)
{
        for (size_t i = 0; i < user->n_groups; i++)
                if (user->groups[i] == gid)
                        return;
        ARRAY_APPEND(user->groups, user->n_groups, gid);
}

static bool list_has(const char *list, size_t len, const char *name, size_t name_len)
{
        const char *end = list + len;

        while (list <= end) {
                const char *comma = memchr(list, ',', (size_t)(end - list));
                size_t n = (size_t)((comma ? comma : end) - list);

                if (n == name_len && n > 0 && memcmp(list, name, n) == 0)
                        return true;
                if (!comma)
                        break;
                list = comma + 1;
        }
        return false;
}

static int user_find(const char *passwd, const char *name, size_t len, struct runtime_user *user, struct error *err)
{
        uint32_t wanted = 0;
        enum id_text kind = len ? id_parse(name, len, &wanted) : ID_NUMBER;
        struct line line;

        while (line_next(&passwd, &line)) {
                uint32_t uid, gid;

                if (line.count < 4 || line.len[0] == 0 || !field_number(&line, 2, &uid) || !field_number(&line, 3, &gid))
                        continue;
                if (!(len && field_is(&line, 0, name, len)) && !(kind == ID_NUMBER && uid == wanted))
                        continue;
                user->uid = uid;
                user->gid = gid;
                user->name = xstrndup(line.field[0], line.len[0]);
                if (line.count > 5 && line.len[5] > 0)
                        user->home = xstrndup(line.field[5], line.len[5]);
                return 0;
        }
        if (kind == ID_OUT_OF_RANGE)
                return out_of_range(err);
        if (kind == ID_NAME)
                return error_set(err, ERROR_INVALID, "unable to find user %.*s: no matching entries in passwd file",
                                 (int)len, name);
        user->uid = wanted;
        return 0;
}

static int group_find(const char *group, const char *name, size_t len, uint32_t *ret, struct error *err)
{
        uint32_t wanted = 0, gid;
        enum id_text kind = id_parse(name, len, &wanted);
        struct line line;

        while (line_next(&group, &line)) {
                if (line.count < 3 || !field_number(&line, 2, &gid))
                        continue;
                if (field_is(&line, 0, name, len) || (kind == ID_NUMBER && gid == wanted)) {
                        *ret = gid;
                        return 0;
                }
        }
        if (kind == ID_OUT_OF_RANGE)
                return out_of_range(err);
        if (kind == ID_NAME)
                return error_set(err, ERROR_INVALID, "unable to find group %.*s: no matching entries in group file",
                                 (int)len, name);
        *ret = wanted;
        return 0;
}

static void groups_of(const char *group, struct runtime_user *user)
{
        struct line line;
        uint32_t gid;

        while (user->name && line_next(&group, &line) && user->n_groups < USER_GROUPS_MAX)
                if (line.count >= 4 && field_number(&line, 2, &gid) &&
                    list_has(line.field[3], line.len[3], user->name, strlen(user->name)))
                        group_append(user, gid);
}

static int user_fill(const char *passwd, const char *group, const char *spec, char *const *group_add,
                     struct runtime_user *user, struct error *err)
{
        const char *colon = strchr(spec, ':');
        size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
        bool explicit_group = colon && colon[1];

        if (user_find(passwd, spec, len, user, err) < 0)
                return -1;
        if (explicit_group && group_find(group, colon + 1, strlen(colon + 1), &user->gid, err) < 0)
                return -1;
        /* The primary group is a supplementary one too, else a negative permission of it could be dodged. */
        group_append(user, user->gid);
        if (!explicit_group)
                groups_of(group, user);
        for (size_t i = 0; group_add && group_add[i]; i++) {
                uint32_t gid;

                if (group_find(group, group_add[i], strlen(group_add[i]), &gid, err) < 0)
                        return -1;
                group_append(user, gid);
        }
        if (!user->home)
                user->home = xstrdup("/");
        return 0;
}

int runtime_user_parse(const char *passwd, const char *group, const char *spec, char *const *group_add,
                       struct runtime_user *ret, struct error *err)
{
        cleanup_runtime_user struct runtime_user user = {};

        if (user_fill(passwd, group, spec ? spec : "", group_add, &user, err) < 0)
                return -1;
        *ret = user;
        memset(&user, 0, sizeof(user));
        return 0;
}

/* A file of the image, "" when it is missing. Only regular files: a FIFO would block. */
static int read_in_root(int rootfd, const char *path, char **ret, struct error *err)
{
        cleanup_error struct error ignored = {};
        cleanup_close int fd = open_in_root(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &ignored);
        struct stat st;
        size_t len;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                *ret = xstrdup("");
                return 0;
        }
        if (fd_read_file(fd, USER_FILE_MAX, ret, &len, err) < 0)
                return error_context(err, "%s", path);
        return 0;
}

int runtime_resolve_user(int rootfd, const char *spec, char *const *group_add, struct runtime_user *ret, struct error *err)
{
        cleanup_free char *passwd = NULL, *group = NULL;

        if (read_in_root(rootfd, "etc/passwd", &passwd, err) < 0 || read_in_root(rootfd, "etc/group", &group, err) < 0)
                return -1;
        return runtime_user_parse(passwd, group, spec, group_add, ret, err);
}

int runtime_resolve_user_of(pid_t pid, const char *spec, char *const *group_add, struct runtime_user *ret,
                            struct error *err)
{
        char path[64];
        cleanup_close int rootfd = -1;

        snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
        rootfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (rootfd < 0)
                return error_errno(err, "open %s", path);
        return runtime_resolve_user(rootfd, spec, group_add, ret, err);
}
