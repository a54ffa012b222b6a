/* The grammars of -v, --mount, --tmpfs and --volumes-from as the engine sees them. */
#include "engine/mount-internal.h"

#include "base/path.h"

#include <inttypes.h>

static const char *const propagation_words[] = {
        "private", "rprivate", "slave", "rslave", "shared", "rshared"
};
static const struct mode_word {
        const char *word;
        int category; /* at most one of each */
} mode_words[] = {
        { "rw", 0 },         { "ro", 0 },       { "z", 1 },         { "Z", 1 },
        { "private", 2 },    { "rprivate", 2 }, { "slave", 2 },     { "rslave", 2 },
        { "shared", 2 },     { "rshared", 2 },  { "nocopy", 3 },    { "copy", 3 },
        { "consistent", 4 }, { "cached", 4 },   { "delegated", 4 }, { "default", 4 },
};

void mount_point_deinit(struct mount_point *point)
{
        json_free_fields(&mount_point_table, point);
        *point = (struct mount_point){ 0 };
}

void mount_points_deinit(struct mount_points *points)
{
        for (size_t i = 0; i < points->count; i++)
                mount_point_deinit(&points->items[i]);
        free(points->items);
        *points = (struct mount_points){ 0 };
}

static bool is_propagation(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++)
                if (streq(propagation_words[i], word))
                        return true;
        return false;
}

static bool mode_valid(const char *mode)
{
        cleanup_strv char **words = strv_split(mode, ',');
        unsigned seen = 0;

        if (!*mode)
                return true;
        for (char **w = words; *w; w++) {
                const struct mode_word *known = NULL;

                for (size_t i = 0; i < ARRAY_SIZE(mode_words); i++)
                        if (streq(mode_words[i].word, *w))
                                known = &mode_words[i];
                if (!known || seen & 1U << known->category)
                        return false;
                seen |= 1U << known->category;
        }
        return true;
}

/* What has to hold for every mount point; the errors are without their prefix. */
static int check_point(const struct mount_point *p, struct error *err)
{
        cleanup_free char *cleaned = NULL;

        if (string_empty(p->destination))
                return error_set(err, ERROR_INVALID, "field Target must not be empty");
        cleaned = path_clean(p->destination);
        if (streq(cleaned, "/"))
                return error_set(err, ERROR_INVALID, "invalid specification: destination can't be '/'");
        if (p->destination[0] != '/')
                return error_set(err, ERROR_INVALID, "invalid mount path: '%s' mount path must be absolute",
                                 p->destination);
        if (streq(p->type, "bind")) {
                if (string_empty(p->source))
                        return error_set(err, ERROR_INVALID, "field Source must not be empty");
                if (!string_empty(p->propagation) && !is_propagation(p->propagation))
                        return error_set(err, ERROR_INVALID, "invalid propagation mode: %s", p->propagation);
                if (p->source[0] != '/')
                        return error_set(err, ERROR_INVALID,
                                         "invalid mount path: '%s' mount path must be absolute", p->source);
        }
        return 0;
}

static int type_context(const struct mount_point *p, struct error *err)
{
        return error_context(err, "invalid mount config for type \"%s\"", p->type);
}

/* Cleans the paths and fills what wasn't said. */
static void complete(struct mount_point *p)
{
        char *cleaned = path_clean(p->destination);

        free(p->destination);
        p->destination = cleaned;
        if (streq(p->type, "bind")) {
                cleaned = path_clean(p->source);
                free(p->source);
                p->source = cleaned;
                if (string_empty(p->propagation))
                        replace_string(&p->propagation, "rprivate");
        }
}

static int bind_fields(const char *text, char **fields, const char *volume_driver, struct mount_point *p,
                       struct error *err)
{
        size_t n = strv_length(fields);
        const char *mode = n == 3 ? fields[2] : "";
        cleanup_strv char **words = NULL;

        if (n > 3 || (n == 2 && mode_valid(fields[1])))
                return error_set(err, ERROR_INVALID, "invalid volume specification: '%s'", text);
        if (!mode_valid(mode))
                return error_set(err, ERROR_INVALID, "invalid mode: %s", mode);
        p->source = xstrdup(n > 1 ? fields[0] : "");
        p->destination = xstrdup(n > 1 ? fields[1] : fields[0]);
        p->type = xstrdup(p->source[0] == '/' ? "bind" : "volume");
        p->mode = xstrdup(mode);
        p->rw = true;
        p->create_source = true;
        words = strv_split(mode, ',');
        for (char **w = words; *w; w++) {
                p->rw = p->rw && !streq(*w, "ro");
                p->no_copy = p->no_copy || streq(*w, "nocopy");
                if (is_propagation(*w))
                        replace_string(&p->propagation, *w);
        }
        if (check_point(p, err) < 0) {
                type_context(p, err);
                return error_context(err, "invalid volume specification: '%s'", text);
        }
        if (streq(p->type, "volume")) {
                if (p->propagation) {
                        error_set(err, ERROR_INVALID, "field BindOptions must not be specified");
                        type_context(p, err);
                        return error_context(err, "invalid volume specification: '%s'", text);
                }
                p->driver = xstrdup(volume_driver);
        }
        return 0;
}

/* A volume's name is kept in `name`; `source` is filled when it is known where it lies. */
static void name_from_source(struct mount_point *p)
{
        if (streq(p->type, "volume")) {
                p->name = p->source;
                p->source = NULL;
        }
}

int mount_parse_bind(const char *text, const char *volume_driver, struct mount_point *ret, struct error *err)
{
        cleanup_strv char **fields = strv_split(text, ':');
        struct mount_point p = { 0 };

        if (bind_fields(text, fields, volume_driver, &p, err) < 0) {
                mount_point_deinit(&p);
                return -1;
        }
        complete(&p);
        name_from_source(&p);
        *ret = p;
        return 0;
}

/* Go's filepath.IsLocal. */
static bool path_is_local(const char *path)
{
        cleanup_free char *cleaned = path_clean(path);

        return *path && cleaned[0] != '/' && !streq(cleaned, "..") && !string_after(cleaned, "../");
}

static int check_volume(const struct mount_config *c, struct error *err)
{
        bool anonymous = string_empty(c->source);

        if (c->volume_options && !string_empty(c->volume_options->subpath)) {
                if (anonymous)
                        return error_set(err, ERROR_INVALID,
                                         "must not set Subpath when using anonymous volumes");
                if (!path_is_local(c->volume_options->subpath))
                        return error_set(err, ERROR_INVALID,
                                         "subpath must be a relative path within the volume");
        }
        if (anonymous && c->read_only)
                return error_set(err, ERROR_INVALID,
                                 "must not set ReadOnly mode when using anonymous volumes");
        return 0;
}

static int check_bind(const struct mount_config *c, struct error *err)
{
        const struct bind_options *o = c->bind_options;

        if (!o)
                return 0;
        if (o->read_only_non_recursive && !c->read_only)
                return error_set(err, ERROR_INVALID,
                                 "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive");
        if (o->read_only_force_recursive && !c->read_only)
                return error_set(err, ERROR_INVALID,
                                 "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive");
        if (o->read_only_non_recursive && o->read_only_force_recursive)
                return error_set(err, ERROR_INVALID,
                                 "mount options conflict: ReadOnlyNonRecursive && "
                                 "BindOptions.ReadOnlyForceRecursive");
        return 0;
}

static int check_tmpfs(const struct mount_config *c, struct error *err)
{
        if (!string_empty(c->source))
                return error_set(err, ERROR_INVALID, "field Source must not be specified");
        if (c->tmpfs_options && c->tmpfs_options->size_bytes < 0)
                return error_set(err, ERROR_INVALID, "invalid tmpfs size: %" PRId64,
                                 c->tmpfs_options->size_bytes);
        return 0;
}

/* The types, their own checks, and which options belong to another. */
static const struct mount_type {
        const char *name;
        int (*check)(const struct mount_config *c, struct error *err);
        bool bind_options, volume_options, tmpfs_options;
} mount_types[] = {
        { "bind", check_bind, true, false, false },
        { "volume", check_volume, false, true, false },
        { "tmpfs", check_tmpfs, false, false, true },
};

static int check_options(const struct mount_type *type, const struct mount_config *c, struct error *err)
{
        const char *extra = c->bind_options && !type->bind_options       ? "BindOptions"
                            : c->volume_options && !type->volume_options ? "VolumeOptions"
                            : c->tmpfs_options && !type->tmpfs_options   ? "TmpfsOptions"
                            : c->image_options                           ? "ImageOptions"
                                                                         : NULL;

        if (extra)
                return error_set(err, ERROR_INVALID, "field %s must not be specified", extra);
        return type->check(c, err);
}

/* [["exec"], ["size", "1m"]] as words. */
static void add_tmpfs_words(const struct tmpfs_options *o, struct strbuf *words)
{
        size_t n = o->options && json_object_is_type(o->options, json_type_array)
                       ? json_object_array_length(o->options)
                       : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *pair = json_object_array_get_idx(o->options, i);

                if (!json_object_is_type(pair, json_type_array))
                        continue;
                for (size_t k = 0; k < json_object_array_length(pair) && k < 2; k++)
                        strbuf_addf(words, "%s%s",
                                    k            ? "="
                                    : words->len ? ","
                                                 : "",
                                    json_object_get_string(json_object_array_get_idx(pair, k)));
        }
}

static char *tmpfs_words(const struct tmpfs_options *o)
{
        struct strbuf words = { 0 };

        if (!o)
                return NULL;
        if (o->mode)
                strbuf_addf(&words, "mode=%o", (unsigned)o->mode);
        if (o->size_bytes)
                strbuf_addf(&words, "%ssize=%" PRId64, words.len ? "," : "", o->size_bytes);
        add_tmpfs_words(o, &words);
        return strbuf_take(&words);
}

static void take_options(const struct mount_config *c, struct mount_point *p)
{
        if (c->bind_options) {
                p->propagation = xstrdup(c->bind_options->propagation);
                p->create_source = c->bind_options->create_mountpoint;
                p->no_recursive = c->bind_options->non_recursive;
                p->read_only_non_recursive = c->bind_options->read_only_non_recursive;
                p->read_only_force_recursive = c->bind_options->read_only_force_recursive;
        }
        if (c->volume_options) {
                p->no_copy = c->volume_options->no_copy;
                p->subpath = xstrdup(c->volume_options->subpath);
                if (c->volume_options->driver_config)
                        p->driver = xstrdup(c->volume_options->driver_config->name);
        }
        p->tmpfs_options = tmpfs_words(c->tmpfs_options);
}

int mount_parse_config(const struct mount_config *config, struct mount_point *ret, struct error *err)
{
        const struct mount_type *type = NULL;
        struct mount_point p = { .type = xstrdup(config->type ? config->type : ""),
                                 .source = xstrdup(config->source ? config->source : ""),
                                 .destination = xstrdup(config->target ? config->target : ""),
                                 .mode = xstrdup(""),
                                 .rw = !config->read_only,
                                 .from_mounts = true };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(mount_types); i++)
                if (streq(mount_types[i].name, p.type))
                        type = &mount_types[i];
        take_options(config, &p);
        r = check_point(&p, err);
        if (r == 0 && !type)
                r = streq(p.type, "image") || streq(p.type, "npipe") || streq(p.type, "cluster")
                        ? error_set(err, ERROR_UNSUPPORTED, "mounts of this type are not supported")
                        : error_set(err, ERROR_INVALID, "mount type unknown");
        if (r == 0)
                r = check_options(type, config, err);
        if (r == 0 && p.tmpfs_options)
                r = mount_tmpfs_options_check(p.tmpfs_options, err);
        if (r < 0) {
                type_context(&p, err);
                mount_point_deinit(&p);
                return -1;
        }
        complete(&p);
        name_from_source(&p);
        *ret = p;
        return 0;
}

int mount_parse_tmpfs(const char *path, const char *options, struct mount_point *ret, struct error *err)
{
        struct mount_point p = { .type = xstrdup("tmpfs"),
                                 .source = xstrdup(""),
                                 .destination = xstrdup(path),
                                 .mode = xstrdup(""),
                                 .tmpfs_options = xstrdup(options),
                                 .rw = true,
                                 .tmpfs_flag = true };

        if (check_point(&p, err) < 0 || mount_tmpfs_options_check(options, err) < 0) {
                mount_point_deinit(&p);
                return -1;
        }
        complete(&p);
        *ret = p;
        return 0;
}

int mount_parse_volumes_from(const char *text, char **ret_container, bool *ret_rw, struct error *err)
{
        const char *colon = strchr(text, ':');
        const char *mode = colon ? colon + 1 : "rw";
        cleanup_strv char **words = strv_split(mode, ',');

        if (!*text || colon == text)
                return error_set(err, ERROR_INVALID, "invalid volumes-from specification: '%s'", text);
        if (!mode_valid(mode) || !*mode)
                return error_set(err, ERROR_INVALID, "invalid mode: %s", mode);
        for (char **w = words; *w; w++)
                if (is_propagation(*w) || streq(*w, "copy") || streq(*w, "nocopy"))
                        return error_set(err, ERROR_INVALID, "invalid mode: %s", mode);
        *ret_container = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
        *ret_rw = !strv_contains(words, "ro");
        return 0;
}
