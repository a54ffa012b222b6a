/* Mount points as the OCI spec's mounts. */
#include "engine/mount-internal.h"

#include "base/fd.h"
#include "engine/event.h"
#include "engine/volume-internal.h"
#include "oci/spec.h"

#include <errno.h>
#include <stdio.h>

/* What tmpfs and mount(8) understand. */
static const char *const tmpfs_words[] = {
        "defaults",    "ro",       "rw",         "suid",        "nosuid",        "dev",     "nodev",
        "exec",        "noexec",   "sync",       "async",       "dirsync",       "remount", "mand",
        "nomand",      "atime",    "noatime",    "diratime",    "nodiratime",    "bind",    "rbind",
        "private",     "rprivate", "slave",      "rslave",      "shared",        "rshared", "unbindable",
        "runbindable", "relatime", "norelatime", "strictatime", "nostrictatime", "mode",    "uid",
        "gid",         "size",     "nr_blocks",  "nr_inodes",   "mpol",          "huge",    "noswap",
};

int mount_tmpfs_options_check(const char *options, struct error *err)
{
        cleanup_strv char **words = strv_split(options ? options : "", ',');

        for (char **w = words; *w; w++) {
                cleanup_free char *key = xstrndup(*w, strcspn(*w, "="));
                bool known = !*key;

                for (size_t i = 0; i < ARRAY_SIZE(tmpfs_words); i++)
                        known = known || streq(key, tmpfs_words[i]);
                if (!known)
                        return error_set(err, ERROR_INVALID, "invalid tmpfs option \"%s\"", key);
        }
        return 0;
}

/* Docker's defaults, and behind them what the user said: the last word counts. */
static char **tmpfs_mount_options(const struct mount_point *p)
{
        static const char *const pairs[][2] = { { "noexec", "exec" },
                                                { "nosuid", "suid" },
                                                { "nodev", "dev" } };
        cleanup_strv char **given = strv_split(p->tmpfs_options ? p->tmpfs_options : "", ',');
        char **options = strv_new();

        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
                if (!strv_contains(given, pairs[i][1]) && !strv_contains(given, pairs[i][0]))
                        strv_append(&options, pairs[i][0]);
        for (char **g = given; *g; g++)
                if (**g && !streq(*g, "defaults"))
                        strv_append(&options, *g);
        if (!p->rw && !strv_contains(options, "ro"))
                strv_append(&options, "ro");
        return options;
}

/* ---- Propagation: the source has to lie on a mount that is shared ---- */

/* The optional fields of the mount point that `path` lies on ("shared:5 master:3"); heap. */
static char *mount_fields(const char *path, char **ret_mountpoint)
{
        cleanup_fclose FILE *f = fopen("/proc/self/mountinfo", "re");
        char *line = NULL, *fields = NULL;
        size_t room = 0, longest = 0;

        while (f && getline(&line, &room, f) > 0) {
                char mountpoint[4096], optional[1024] = "";
                const char *rest;
                size_t len;

                if (sscanf(line, "%*d %*d %*s %*s %4095s %*s %1023[^-]", mountpoint, optional) < 1)
                        continue;
                len = strlen(mountpoint);
                rest = string_after(path, mountpoint);
                if (!rest || (*rest && *rest != '/' && len > 1) || len < longest)
                        continue;
                longest = len;
                replace_string(&fields, optional);
                replace_string(ret_mountpoint, mountpoint);
        }
        free(line);
        return fields;
}

static int check_propagation(const struct mount_point *p, struct error *err)
{
        cleanup_free char *mountpoint = NULL, *real = NULL, *fields = NULL;
        bool shared = strstr(p->propagation, "shared"), slave = strstr(p->propagation, "slave");

        if (!shared && !slave)
                return 0;
        real = realpath(p->source, NULL);
        fields = mount_fields(real ? real : p->source, &mountpoint);
        if (fields && (strstr(fields, "shared:") || (slave && strstr(fields, "master:"))))
                return 0;
        return error_set(err, ERROR_SYSTEM, "path %s is mounted on %s but it is not a shared%s mount",
                         p->source, mountpoint ? mountpoint : "/", slave ? " or slave" : "");
}

const char *mounts_rootfs_propagation(const struct mount_points *points)
{
        const char *result = NULL;

        for (size_t i = 0; i < points->count; i++) {
                const char *propagation = points->items[i].propagation;

                if (propagation && strstr(propagation, "shared"))
                        return "shared";
                if (propagation && strstr(propagation, "slave"))
                        result = "rslave";
        }
        return result;
}

/* ---- One mount ---- */

/* What -v names and isn't there becomes a folder. */
static int make_source(const struct mount_point *p, struct error *err)
{
        struct stat st;

        if (stat(p->source, &st) == 0)
                return 0;
        if (errno != ENOENT)
                return error_errno(err, "error while creating mount source path '%s'", p->source);
        if (!p->create_source)
                return error_set(err, ERROR_INVALID,
                                 "invalid mount config for type \"bind\": bind source path does "
                                 "not exist: %s",
                                 p->source);
        if (directory_make(AT_FDCWD, p->source, 0755, err) < 0)
                return error_context(err, "error while creating mount source path '%s'", p->source);
        return 0;
}

static char **bind_options(const struct mount_point *p)
{
        char **options = strv_new();

        strv_append(&options, p->no_recursive ? "bind" : "rbind");
        if (!p->rw)
                strv_append(&options, p->read_only_non_recursive || p->no_recursive ? "ro" : "rro");
        strv_append(&options, string_empty(p->propagation) ? "rprivate" : p->propagation);
        return options;
}

/* A subpath is looked up here for its error and once more, safely, when it is mounted (source_root). */
static int check_subpath(const char *root, const char *subpath, struct error *err)
{
        cleanup_close int rootfd = directory_open(AT_FDCWD, root, err), fd = -1;

        if (rootfd < 0)
                return -1;
        fd = open_beneath(rootfd, subpath, O_PATH, 0, NULL);
        if (fd >= 0)
                return 0;
        return error_set(err, ERROR_INVALID, "cannot access path %s/%s: lstat %s/%s: %s", root, subpath, root,
                         subpath,
                         errno == ENOENT ? "no such file or directory" : "path escapes from the volume");
}

static int prepare_volume(struct volumes *vols, const char *container_id, const struct mount_point *p,
                          struct oci_mount *m, struct error *err)
{
        cleanup_free char *path = NULL;
        cleanup_strv char **flags = NULL;

        if (volume_mount(vols, p->name, container_id, &path, &flags, err) < 0)
                return -1;
        if (!string_empty(p->subpath)) {
                if (check_subpath(path, p->subpath, err) < 0)
                        return -1;
                m->source_root = take_ptr(path);
                m->source = xstrdup(p->subpath);
        } else {
                m->source = take_ptr(path);
        }
        m->options = bind_options(p);
        if (flags)
                strv_extend(&m->options, flags);
        return 0;
}

static int prepare_one(struct volumes *vols, const char *container_id, const struct mount_point *p,
                       struct oci_mount *m, struct error *err)
{
        m->destination = xstrdup(p->destination);
        if (streq(p->type, "tmpfs")) {
                m->type = xstrdup("tmpfs");
                m->source = xstrdup("tmpfs");
                m->options = tmpfs_mount_options(p);
                return 0;
        }
        m->type = xstrdup("bind");
        if (streq(p->type, "volume"))
                return prepare_volume(vols, container_id, p, m, err);
        if (make_source(p, err) < 0 || check_propagation(p, err) < 0)
                return -1;
        m->source = xstrdup(p->source);
        m->options = bind_options(p);
        return 0;
}

/* ---- All of them ---- */

static size_t depth(const char *path)
{
        size_t n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

/* Mounts below others come later; otherwise the order stays. */
static void sort_by_depth(struct oci_mount *mounts, size_t count)
{
        for (size_t i = 1; i < count; i++) {
                struct oci_mount m = mounts[i];
                size_t k = i;

                for (; k > 0 && depth(mounts[k - 1].destination) > depth(m.destination); k--)
                        mounts[k] = mounts[k - 1];
                mounts[k] = m;
        }
}

static void mount_event(struct volumes *vols, const char *container_id, const struct mount_point *p)
{
        cleanup_strmap struct strmap attributes = { 0 };

        strmap_set(&attributes, "container", container_id);
        strmap_set(&attributes, "destination", p->destination);
        strmap_set(&attributes, "driver", "local");
        strmap_set(&attributes, "propagation", p->propagation ? p->propagation : "");
        strmap_set(&attributes, "read/write", p->rw ? "true" : "false");
        if (vols->events)
                event_log_publish(vols->events, "volume", "mount", p->name, &attributes);
}

void mounts_free(struct oci_mount *mounts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(mounts[i].destination);
                free(mounts[i].type);
                free(mounts[i].source);
                free(mounts[i].source_root);
                strv_free(mounts[i].options);
        }
        free(mounts);
}

int mounts_prepare(struct volumes *vols, const char *container_id, const struct mount_points *points,
                   struct oci_mount **ret, size_t *ret_count, struct error *err)
{
        struct oci_mount *mounts = xcalloc(points->count + 1, sizeof(*mounts));

        for (size_t i = 0; i < points->count; i++)
                if (prepare_one(vols, container_id, &points->items[i], &mounts[i], err) < 0) {
                        mounts_free(mounts, points->count);
                        volume_unmount(vols, container_id);
                        return -1;
                }
        for (size_t i = 0; i < points->count; i++)
                if (streq(points->items[i].type, "volume"))
                        mount_event(vols, container_id, &points->items[i]);
        sort_by_depth(mounts, points->count);
        *ret = mounts;
        *ret_count = points->count;
        return 0;
}

void mounts_unmount(struct volumes *vols, const char *container_id, const struct mount_points *points)
{
        volume_unmount(vols, container_id);
        for (size_t i = 0; i < points->count; i++) {
                cleanup_strmap struct strmap attributes = { 0 };

                if (!streq(points->items[i].type, "volume") || !vols->events)
                        continue;
                strmap_set(&attributes, "container", container_id);
                strmap_set(&attributes, "driver", "local");
                event_log_publish(vols->events, "volume", "unmount", points->items[i].name, &attributes);
        }
}
