/* RUN --mount: comma-separated fields, quoted as in CSV. */
#include "build/dockerfile-internal.h"
#include "build/shell-words.h"

#include <strings.h>

static const char *const type_names[] = {
        [MOUNT_BIND] = "bind",     [MOUNT_CACHE] = "cache", [MOUNT_TMPFS] = "tmpfs",
        [MOUNT_SECRET] = "secret", [MOUNT_SSH] = "ssh",
};
static const char *const sharing_names[] = {
        [MOUNT_SHARED] = "shared",
        [MOUNT_PRIVATE] = "private",
        [MOUNT_LOCKED] = "locked",
};

/* What a field sets. */
enum field {
        FIELD_TYPE,
        FIELD_FROM,
        FIELD_SOURCE,
        FIELD_TARGET,
        FIELD_READ_ONLY,
        FIELD_READ_WRITE,
        FIELD_REQUIRED,
        FIELD_SIZE,
        FIELD_ID,
        FIELD_SHARING,
        FIELD_MODE,
        FIELD_UID,
        FIELD_GID,
        FIELD_ENV,
};
static const struct {
        const char *name;
        enum field field;
} fields[] = {
        { "type", FIELD_TYPE },
        { "from", FIELD_FROM },
        { "source", FIELD_SOURCE },
        { "src", FIELD_SOURCE },
        { "target", FIELD_TARGET },
        { "dst", FIELD_TARGET },
        { "destination", FIELD_TARGET },
        { "readonly", FIELD_READ_ONLY },
        { "ro", FIELD_READ_ONLY },
        { "readwrite", FIELD_READ_WRITE },
        { "rw", FIELD_READ_WRITE },
        { "required", FIELD_REQUIRED },
        { "size", FIELD_SIZE },
        { "id", FIELD_ID },
        { "sharing", FIELD_SHARING },
        { "mode", FIELD_MODE },
        { "uid", FIELD_UID },
        { "gid", FIELD_GID },
        { "env", FIELD_ENV },
};

struct reading {
        struct run_mount *mount;
        bool access_given, sharing_given;
};

/* One record of CSV. */
static int split_fields(const char *text, char ***ret, struct error *err)
{
        cleanup_strv char **list = strv_new();

        for (const char *p = text;; p++) {
                cleanup_strbuf struct strbuf field = {};

                if (*p == '"') {
                        for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
                                p += *p == '"';
                                strbuf_addc(&field, *p);
                        }
                        if (*p != '"' || (p[1] && p[1] != ','))
                                return error_set(err, ERROR_INVALID,
                                                 "failed to parse csv mounts: invalid quoting in \"%s\"",
                                                 text);
                        p++;
                } else {
                        for (; *p && *p != ','; p++) {
                                if (*p == '"')
                                        return error_set(err, ERROR_INVALID,
                                                         "failed to parse csv mounts: bare quote in \"%s\"",
                                                         text);
                                strbuf_addc(&field, *p);
                        }
                }
                strv_append_take(&list, strbuf_take(&field));
                if (!*p)
                        break;
        }
        *ret = take_ptr(list);
        return 0;
}

static int find_name(const char *const *names, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (streq(names[i], name))
                        return (int)i;
        return -1;
}

static int parse_number(const char *text, int base, const char *what, int64_t *ret, struct error *err)
{
        char *end;
        unsigned long value = strtoul(text, &end, base);

        if (!*text || *end || strspn(text, "0123456789") != strlen(text) || value > UINT32_MAX)
                return error_set(err, ERROR_INVALID, "invalid value %s for %s", text, what);
        *ret = (int64_t)value;
        return 0;
}

/* "64m": powers of 1024. */
static int parse_size(const char *text, int64_t *ret, struct error *err)
{
        static const char units[] = "kmgtp";
        char *end;
        double value = strtod(text, &end);
        const char *unit = *end ? strchr(units, *end | 32) : NULL;

        if (unit)
                end++;
        for (size_t i = 0; unit && i <= (size_t)(unit - units); i++)
                value *= 1024;
        end += unit && (*end | 32) == 'i';
        end += (*end | 32) == 'b';
        if (end == text || *end || value < 0 || value > 9e18)
                return error_set(err, ERROR_INVALID, "invalid value for size: %s", text);
        *ret = (int64_t)value;
        return 0;
}

static int set_flag(struct reading *r, enum field field, const char *key, const char *value,
                    struct error *err)
{
        bool on = true;

        if (value && string_to_bool(value, &on) < 0)
                return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        if (field == FIELD_REQUIRED) {
                if (!value && r->mount->type != MOUNT_SECRET && r->mount->type != MOUNT_SSH)
                        return error_set(err, ERROR_INVALID, "unexpected key '%s' for mount type '%s'", key,
                                         type_names[r->mount->type]);
                r->mount->required = on;
                return 0;
        }
        r->mount->read_only = field == FIELD_READ_ONLY ? on : !on;
        r->access_given = true;
        return 0;
}

static int set_sharing(struct reading *r, const char *value, struct error *err)
{
        int sharing = find_name(sharing_names, ARRAY_SIZE(sharing_names), value);

        if (sharing < 0)
                return error_set(err, ERROR_INVALID, "unsupported sharing value \"%s\"", value);
        r->mount->sharing = (enum mount_sharing)sharing;
        r->sharing_given = true;
        return 0;
}

static int set_field(struct reading *r, enum field field, const char *key, const char *value,
                     struct error *err)
{
        struct run_mount *m = r->mount;

        switch (field) {
        case FIELD_TYPE:
                return 0; /* the first pass has seen to it */
        case FIELD_FROM:
                replace_string(&m->from, value);
                return 0;
        case FIELD_SOURCE:
                replace_string(&m->source, value);
                return 0;
        case FIELD_TARGET:
                replace_string(&m->target, value);
                return 0;
        case FIELD_ID:
                replace_string(&m->id, value);
                return 0;
        case FIELD_ENV:
                replace_string(&m->env, value);
                m->env_given = true;
                return 0;
        case FIELD_SIZE:
                return parse_size(value, &m->size, err);
        case FIELD_SHARING:
                return set_sharing(r, value, err);
        case FIELD_MODE:
                return parse_number(value, 8, key, &m->mode, err);
        case FIELD_UID:
                return parse_number(value, 10, key, &m->uid, err);
        case FIELD_GID:
                return parse_number(value, 10, key, &m->gid, err);
        default:
                return set_flag(r, field, key, value, err);
        }
}

static int unknown_key(const char *key, const char *field, struct error *err)
{
        const char *names[ARRAY_SIZE(fields)];
        cleanup_free char *hint = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                names[i] = fields[i].name;
        hint = did_you_mean(key, names, ARRAY_SIZE(fields), true);
        return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s'%s", key, field, hint);
}

static int find_field(const char *key, enum field *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                if (strcasecmp(fields[i].name, key) == 0) {
                        *ret = fields[i].field;
                        return 0;
                }
        }
        return -1;
}

/* Before expansion only a `from` with a variable is known to be wrong. */
static int read_field(struct reading *r, const char *text, const struct shell_words *rules, struct error *err)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *key = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text),
                          *value = NULL;
        enum field field = FIELD_READ_ONLY;
        int found = find_field(key, &field);

        if (!rules) {
                const char *dollar = equals ? strchr(equals, '$') : NULL;

                if (equals && found == 0 && field == FIELD_FROM && dollar && dollar[1])
                        return error_set(err, ERROR_INVALID,
                                         "'%s' doesn't support variable expansion, define alias "
                                         "stage instead",
                                         key);
                return 0;
        }
        if (!equals) {
                if (found < 0 || field < FIELD_READ_ONLY || field > FIELD_REQUIRED)
                        return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair",
                                         text);
                return set_flag(r, field, key, NULL, err);
        }
        if (found < 0)
                return unknown_key(key, text, err);
        if (shell_expand(rules, equals + 1, &value, err) < 0)
                return -1;
        return set_field(r, field, key, value, err);
}

/* The type decides what other fields mean, wherever it stands. */
static int read_type(char *const *list, const struct shell_words *rules, struct run_mount *m,
                     struct error *err)
{
        for (; list && *list; list++) {
                cleanup_free char *value = NULL, *hint = NULL;
                int type;

                if (strncasecmp(*list, "type=", 5) != 0)
                        continue;
                if (shell_expand(rules, *list + 5, &value, err) < 0)
                        return -1;
                type = find_name(type_names, ARRAY_SIZE(type_names), value);
                if (type < 0) {
                        hint = did_you_mean(value, type_names, ARRAY_SIZE(type_names), true);
                        return error_set(err, ERROR_INVALID, "unsupported mount type \"%s\"%s", value, hint);
                }
                m->type = (enum mount_type)type;
        }
        return 0;
}

static int check(struct reading *r, struct error *err)
{
        struct run_mount *m = r->mount;
        bool has_owner = m->type == MOUNT_SECRET || m->type == MOUNT_SSH || m->type == MOUNT_CACHE;
        static const char *const owner_names[] = { "mode", "uid", "gid" };
        const int64_t owner[] = { m->mode, m->uid, m->gid };

        for (size_t i = 0; i < ARRAY_SIZE(owner) && !has_owner; i++)
                if (owner[i] >= 0)
                        return error_set(err, ERROR_INVALID, "%s not allowed for \"%s\" type mounts",
                                         owner_names[i], type_names[m->type]);
        if (!r->access_given)
                m->read_only = m->type != MOUNT_CACHE && m->type != MOUNT_TMPFS;
        if (r->sharing_given && m->type != MOUNT_CACHE)
                return error_set(err, ERROR_INVALID, "invalid cache sharing set for %s mount",
                                 type_names[m->type]);
        if (m->type != MOUNT_SECRET)
                return 0;
        if (m->from)
                return error_set(err, ERROR_INVALID, "secret mount should not have a from");
        if (string_empty(m->source) && string_empty(m->target) && string_empty(m->id))
                return error_set(err, ERROR_INVALID, "invalid secret mount. one of source, target required");
        if (!string_empty(m->source) && !string_empty(m->id))
                return error_set(err, ERROR_INVALID, "both source and id can't be set");
        return 0;
}

int run_mount_parse(const char *text, const struct shell_words *rules, struct run_mount *ret,
                    struct error *err)
{
        cleanup_run_mount struct run_mount mount = { .mode = -1, .uid = -1, .gid = -1 };
        cleanup_strv char **list = NULL;
        struct reading r = { .mount = &mount };

        if (split_fields(text, &list, err) < 0)
                return -1;
        if (rules && read_type(list, rules, &mount, err) < 0)
                return -1;
        for (char **f = list; f && *f; f++)
                if (read_field(&r, *f, rules, err) < 0)
                        return -1;
        if (!rules)
                return 0;
        if (check(&r, err) < 0)
                return -1;
        *ret = mount;
        mount = (struct run_mount){};
        return 0;
}

void run_mount_deinit(struct run_mount *m)
{
        free(m->from);
        free(m->source);
        free(m->target);
        free(m->id);
        free(m->env);
        *m = (struct run_mount){};
}
