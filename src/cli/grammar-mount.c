/* -v, --tmpfs, --mount. */
#include "cli/container-grammar.h"
#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <unistd.h>

/* Relative sources are taken from where we are: the engine knows no other place. */
static char *absolute_source(const char *bind)
{
        const char *colon = strchr(bind, ':');
        cleanup_free char *source = colon ? xstrndup(bind, (size_t)(colon - bind)) : NULL;
        char cwd[4096];

        if (!source || *source != '.' || !getcwd(cwd, sizeof(cwd)))
                return xstrdup(bind);
        if (streq(source, "."))
                return string_format("%s%s", cwd, colon);
        if (string_after(source, "./"))
                return string_format("%s/%s%s", cwd, source + 2, colon);
        return string_after(source, "..") ? string_format("%s/%s%s", cwd, source, colon) : xstrdup(bind);
}

/* Removes "/." and resolves "/.." by the letter, as the shell's user means it. */
static char *clean_path(char *path)
{
        cleanup_strv char **parts = strv_split(path, '/'), **kept = NULL;
        char *joined;

        for (size_t i = 0; parts[i]; i++) {
                size_t n = strv_length(kept);

                if (!*parts[i] || streq(parts[i], "."))
                        continue;
                if (streq(parts[i], "..")) {
                        if (n) {
                                free(kept[n - 1]);
                                kept[n - 1] = NULL;
                        }
                        continue;
                }
                strv_append(&kept, parts[i]);
        }
        joined = strv_join(kept, "/");
        free(path);
        path = string_format("/%s", joined);
        free(joined);
        return path;
}

int grammar_volumes(char *const *volumes, char *const *tmpfs, struct container_config *c,
                    struct host_config *h, struct error *err)
{
        for (; volumes && *volumes; volumes++) {
                if (strchr(*volumes, ':')) {
                        if (string_after(*volumes, ":") || string_ends_with(*volumes, ":"))
                                return error_set(err, ERROR_INVALID,
                                                 "invalid spec: %s: empty section between colons", *volumes);
                        char *bind = absolute_source(*volumes), *colon = strchr(bind, ':');

                        if (!streq(bind, *volumes)) {
                                cleanup_free char *rest = xstrdup(colon),
                                                  *source = xstrndup(bind, (size_t)(colon - bind));

                                free(bind);
                                source = clean_path(source);
                                bind = string_format("%s%s", source, rest);
                        }
                        strv_append_take(&h->binds, bind);
                } else {
                        if (string_empty(*volumes))
                                return error_set(err, ERROR_INVALID, "invalid empty volume spec");
                        if (!strv_contains(c->volumes, *volumes))
                                strv_append(&c->volumes, *volumes);
                }
        }
        for (; tmpfs && *tmpfs; tmpfs++) {
                const char *colon = strchr(*tmpfs, ':');
                cleanup_free char *path =
                    colon ? xstrndup(*tmpfs, (size_t)(colon - *tmpfs)) : xstrdup(*tmpfs);

                strmap_set(&h->tmpfs, path, colon ? colon + 1 : "");
        }
        return 0;
}

/* ---- --mount ---- */

struct mount_parser {
        struct mount_config *m;
        bool bind, volume, tmpfs, image; /* kinds of options that were given */
};

static struct bind_options *bind_of(struct mount_parser *p)
{
        p->bind = true;
        if (!p->m->bind_options)
                p->m->bind_options = xcalloc(1, sizeof(*p->m->bind_options));
        return p->m->bind_options;
}

/* Volume options come with a driver's, even an empty one. */
static struct volume_options *volume_of(struct mount_parser *p)
{
        p->volume = true;
        if (!p->m->volume_options) {
                p->m->volume_options = xcalloc(1, sizeof(*p->m->volume_options));
                p->m->volume_options->driver_config =
                    xcalloc(1, sizeof(*p->m->volume_options->driver_config));
        }
        return p->m->volume_options;
}

static struct volume_driver_config *driver_of(struct mount_parser *p)
{
        return volume_of(p)->driver_config;
}

static struct tmpfs_options *tmpfs_of(struct mount_parser *p)
{
        p->tmpfs = true;
        if (!p->m->tmpfs_options)
                p->m->tmpfs_options = xcalloc(1, sizeof(*p->m->tmpfs_options));
        return p->m->tmpfs_options;
}

/* Keys that may stand alone: then they are true. 1 taken, 0 another key, -1. */
static int set_flag(struct mount_parser *p, const char *key, const char *value, struct error *err)
{
        bool flag = true, read_only = streq(key, "readonly") || streq(key, "ro");

        if (!read_only && !streq(key, "volume-nocopy") && !streq(key, "bind-nonrecursive") &&
            !streq(key, "bind-create-src"))
                return 0;
        if (value && string_to_bool(value, &flag) < 0)
                return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        if (read_only)
                p->m->read_only = flag;
        else if (streq(key, "volume-nocopy"))
                volume_of(p)->no_copy = flag;
        else if (streq(key, "bind-nonrecursive"))
                bind_of(p)->non_recursive = flag;
        else
                bind_of(p)->create_mountpoint = flag;
        return 1;
}

static int set_recursive(struct mount_parser *p, const char *value, struct error *err)
{
        struct bind_options *b = bind_of(p);

        if (streq(value, "enabled"))
                return 0;
        if (streq(value, "disabled"))
                b->non_recursive = true;
        else if (streq(value, "writable"))
                b->read_only_non_recursive = true;
        else if (streq(value, "readonly"))
                b->read_only_force_recursive = true;
        else
                return error_set(err, ERROR_INVALID,
                                 "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", "
                                 "\"writable\", or \"readonly\")",
                                 value);
        return 0;
}

static int set_value(struct mount_parser *p, const char *key, const char *value, const char *field,
                     struct error *err)
{
        struct mount_config *m = p->m;
        char *end;

        if (streq(key, "type")) {
                replace_string(&m->type, value);
                for (char *c = m->type; *c; c++)
                        *c = (char)tolower((unsigned char)*c);
        } else if (streq(key, "source") || streq(key, "src")) {
                replace_string(&m->source, value);
        } else if (streq(key, "target") || streq(key, "dst") || streq(key, "destination")) {
                replace_string(&m->target, value);
        } else if (streq(key, "consistency")) {
                replace_string(&m->consistency, value);
        } else if (streq(key, "bind-propagation")) {
                replace_string(&bind_of(p)->propagation, value);
        } else if (streq(key, "bind-recursive")) {
                return set_recursive(p, value, err);
        } else if (streq(key, "volume-subpath")) {
                replace_string(&volume_of(p)->subpath, value);
        } else if (streq(key, "volume-label")) {
                grammar_set_pair(&volume_of(p)->labels, value);
        } else if (streq(key, "volume-driver")) {
                replace_string(&driver_of(p)->name, value);
        } else if (streq(key, "volume-opt")) {
                grammar_set_pair(&driver_of(p)->options, value);
        } else if (streq(key, "image-subpath")) {
                p->image = true;
                if (!m->image_options)
                        m->image_options = xcalloc(1, sizeof(*m->image_options));
                replace_string(&m->image_options->subpath, value);
        } else if (streq(key, "tmpfs-size")) {
                if (size_parse(value, &tmpfs_of(p)->size_bytes, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        } else if (streq(key, "tmpfs-mode")) {
                tmpfs_of(p)->mode = (int)strtoul(value, &end, 8);
                if (!*value || *end)
                        return error_set(err, ERROR_INVALID, "invalid value for %s: %s", key, value);
        } else {
                return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s'", key, field);
        }
        return 0;
}

static int set_field(struct mount_parser *p, const char *field, struct error *err)
{
        const char *equals = strchr(field, '=');
        cleanup_free char *key = equals ? xstrndup(field, (size_t)(equals - field)) : xstrdup(field);
        int r;

        for (char *c = key; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        r = set_flag(p, key, equals ? equals + 1 : NULL, err);
        if (r != 0)
                return r < 0 ? -1 : 0;
        if (!equals)
                return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair", field);
        return set_value(p, key, equals + 1, field, err);
}

static int check_kinds(const struct mount_parser *p, struct error *err)
{
        const struct {
                bool given;
                const char *type, *name;
        } kinds[] = { { p->volume, "volume", "volume-*" },
                      { p->bind, "bind", "bind-*" },
                      { p->tmpfs, "tmpfs", "tmpfs-*" },
                      { p->image, "image", "image-*" } };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].given && !streq(p->m->type, kinds[i].type))
                        return error_set(err, ERROR_INVALID, "cannot mix '%s' options with mount type '%s'",
                                         kinds[i].name, p->m->type);
        if (p->m->bind_options && p->m->bind_options->read_only_non_recursive && !p->m->read_only)
                return error_set(
                    err, ERROR_INVALID,
                    "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
        if (p->m->bind_options && p->m->bind_options->read_only_force_recursive && !p->m->read_only)
                return error_set(
                    err, ERROR_INVALID,
                    "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
        if (p->m->bind_options && p->m->bind_options->read_only_force_recursive &&
            !streq(p->m->bind_options->propagation, "rprivate"))
                return error_set(err, ERROR_INVALID,
                                 "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to "
                                 "be specified in conjunction");
        return 0;
}

int grammar_mount(const char *text, struct mount_config *ret, struct error *err)
{
        struct mount_parser p = { .m = ret };
        cleanup_strv char **fields = NULL;

        if (string_empty(text))
                return error_set(err, ERROR_INVALID, "EOF");
        if (grammar_split_csv(text, &fields, err) < 0)
                return -1;
        ret->type = xstrdup("volume");
        for (size_t i = 0; fields[i]; i++)
                if (set_field(&p, fields[i], err) < 0)
                        return -1;
        if (string_empty(ret->type))
                return error_set(err, ERROR_INVALID, "type is required");
        if (string_empty(ret->target))
                return error_set(err, ERROR_INVALID, "target is required");
        if (streq(ret->type, "bind") && ret->source && *ret->source == '.') {
                char cwd[4096];

                if (getcwd(cwd, sizeof(cwd))) {
                        char *joined = string_format("%s/%s", cwd, ret->source);

                        free(ret->source);
                        ret->source = clean_path(joined);
                }
        }
        return check_kinds(&p, err);
}

static void mount_config_free(struct mount_config *m)
{
        struct host_config h = { .mounts = xmemdup(m, sizeof(*m)), .n_mounts = 1 };

        json_free_fields(&host_config_table, &h);
}

int check_mount(const char *value, struct error *err)
{
        struct mount_config m = {};
        int r = grammar_mount(value, &m, err);

        mount_config_free(&m);
        return r;
}

int grammar_mounts(char *const *mounts, struct host_config *h, struct error *err)
{
        for (; mounts && *mounts; mounts++) {
                ARRAY_APPEND(h->mounts, h->n_mounts, (struct mount_config){});
                if (grammar_mount(*mounts, &h->mounts[h->n_mounts - 1], err) < 0)
                        return -1;
        }
        return 0;
}
