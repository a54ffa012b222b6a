/* Gathers a container's mount points from all the places where they can be asked for. */
#include "engine/mount-internal.h"

#include <sys/stat.h>

#define STRUCT struct mount_point
#define API_FIELDS                                                                                           \
        JSON_FIELD("Type", STRUCT, type, JSON_STRING),                                                       \
            JSON_FIELD("Name", STRUCT, name, JSON_STRING, JSON_OMIT_EMPTY),                                  \
            JSON_FIELD("Source", STRUCT, source, JSON_STRING),                                               \
            JSON_FIELD("Destination", STRUCT, destination, JSON_STRING),                                     \
            JSON_FIELD("Driver", STRUCT, driver, JSON_STRING, JSON_OMIT_EMPTY),                              \
            JSON_FIELD("Mode", STRUCT, mode, JSON_STRING), JSON_FIELD("RW", STRUCT, rw, JSON_BOOL),          \
            JSON_FIELD("Propagation", STRUCT, propagation, JSON_STRING)

static const struct json_field mount_point_api_fields[] = { API_FIELDS };
const struct json_table mount_point_api_table = JSON_TABLE(STRUCT, mount_point_api_fields);

static const struct json_field mount_point_fields[] = {
        API_FIELDS,
        JSON_FIELD("NoCopy", STRUCT, no_copy, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("CreateSource", STRUCT, create_source, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("FromMounts", STRUCT, from_mounts, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("NoRecursive", STRUCT, no_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("ReadOnlyNonRecursive", STRUCT, read_only_non_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("ReadOnlyForceRecursive", STRUCT, read_only_force_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Subpath", STRUCT, subpath, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("TmpfsOptions", STRUCT, tmpfs_options, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Anonymous", STRUCT, anonymous, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("TmpfsFlag", STRUCT, tmpfs_flag, JSON_BOOL, JSON_OMIT_EMPTY),
};
const struct json_table mount_point_table = JSON_TABLE(STRUCT, mount_point_fields);
#undef STRUCT

struct resolver {
        struct volumes *vols;
        const struct mounts_request *request;
        struct mount_points points;
};

static struct mount_point *find(struct mount_points *points, const char *destination)
{
        for (size_t i = 0; i < points->count; i++)
                if (streq(points->items[i].destination, destination))
                        return &points->items[i];
        return NULL;
}

/* Adds a point, which takes the place of one that came from --volumes-from. Consumes `p`. */
static void put(struct resolver *r, struct mount_point *p)
{
        struct mount_point *old = find(&r->points, p->destination);

        if (old) {
                mount_point_deinit(old);
                *old = *p;
        } else {
                ARRAY_APPEND(r->points.items, r->points.count, *p);
        }
        *p = (struct mount_point){ 0 };
}

/* Finds or makes a volume, holds it for the container and fills in what inspect shows. */
static int take_volume(struct resolver *r, struct mount_point *p, const struct strmap *options,
                       const struct strmap *labels, struct error *err)
{
        cleanup_volume struct volume v = { 0 };

        p->anonymous = string_empty(p->name);
        if (volume_create(r->vols, p->name, p->driver, options, labels, &v, err) < 0 ||
            volume_reference(r->vols, v.name, r->request->container_id, p->anonymous, err) < 0)
                return -1;
        replace_string(&p->name, v.name);
        replace_string(&p->source, v.mountpoint);
        replace_string(&p->driver, v.driver);
        if (!p->propagation)
                p->propagation = xstrdup("");
        return 0;
}

static int add_volumes_from(struct resolver *r, const char *text, struct error *err)
{
        cleanup_free char *container = NULL;
        const struct mount_points *theirs;
        bool rw;

        if (mount_parse_volumes_from(text, &container, &rw, err) < 0 ||
            r->request->mounts_of(r->request->mounts_of_arg, container, &theirs, err) < 0)
                return -1;
        for (size_t i = 0; i < theirs->count; i++) {
                struct mount_point p = { 0 };

                if (theirs->items[i].tmpfs_flag)
                        continue;
                json_copy(&mount_point_table, &theirs->items[i], &p);
                p.rw = p.rw && rw;
                replace_string(&p.mode, "");
                if (streq(p.type, "volume") &&
                    volume_reference(r->vols, p.name, r->request->container_id, p.anonymous, err) < 0) {
                        mount_point_deinit(&p);
                        return -1;
                }
                put(r, &p);
        }
        return 0;
}

/* Two of the user's own points at one place; `own` are the points that aren't from other containers. */
static int check_duplicate(char ***own, const char *destination, struct error *err)
{
        if (*own && strv_contains(*own, destination))
                return error_set(err, ERROR_INVALID, "Duplicate mount point: %s", destination);
        strv_append(own, destination);
        return 0;
}

static int add_bind(struct resolver *r, const char *text, char ***own, struct error *err)
{
        struct mount_point p = { 0 };
        int result;

        if (mount_parse_bind(text, r->request->host->volume_driver, &p, err) < 0)
                return -1;
        result = check_duplicate(own, p.destination, err);
        if (result == 0 && streq(p.type, "volume")) {
                result = take_volume(r, &p, NULL, NULL, err);
                if (!*p.mode)
                        replace_string(&p.mode, "z");
        }
        if (result == 0)
                put(r, &p);
        mount_point_deinit(&p);
        return result;
}

static int add_config(struct resolver *r, const struct mount_config *config, char ***own, struct error *err)
{
        const struct volume_options *v = config->volume_options;
        struct mount_point p = { 0 };
        struct stat st;
        int result;

        if (mount_parse_config(config, &p, err) < 0)
                return -1;
        result = check_duplicate(own, p.destination, err);
        if (result == 0 && streq(p.type, "bind") && !p.create_source && stat(p.source, &st) < 0)
                result = error_set(err, ERROR_INVALID,
                                   "invalid mount config for type \"bind\": bind source path "
                                   "does not exist: %s",
                                   p.source);
        if (result == 0 && streq(p.type, "volume")) {
                result = take_volume(r, &p, v && v->driver_config ? &v->driver_config->options : NULL,
                                     v ? &v->labels : NULL, err);
                replace_string(&p.mode, "z");
        }
        if (result == 0)
                put(r, &p);
        mount_point_deinit(&p);
        return result;
}

static int add_tmpfs(struct resolver *r, const struct strpair *pair, char ***own, struct error *err)
{
        struct mount_point p = { 0 };
        int result;

        if (mount_parse_tmpfs(pair->key, pair->value, &p, err) < 0)
                return -1;
        result = check_duplicate(own, p.destination, err);
        if (result == 0)
                put(r, &p);
        mount_point_deinit(&p);
        return result;
}

/* A VOLUME of the image or "-v /path", unless something is mounted there already. */
static int add_anonymous(struct resolver *r, const char *destination, struct error *err)
{
        struct mount_point p = { 0 };
        int result;

        if (mount_parse_bind(destination, NULL, &p, err) < 0)
                return -1;
        if (find(&r->points, p.destination)) {
                mount_point_deinit(&p);
                return 0;
        }
        result = take_volume(r, &p, NULL, NULL, err);
        if (result == 0)
                put(r, &p);
        mount_point_deinit(&p);
        return result;
}

static int resolve_all(struct resolver *r, struct error *err)
{
        const struct host_config *host = r->request->host;
        cleanup_strv char **own = NULL;

        for (char **v = host->volumes_from; v && *v; v++)
                if (add_volumes_from(r, *v, err) < 0)
                        return -1;
        for (char **b = host->binds; b && *b; b++)
                if (add_bind(r, *b, &own, err) < 0)
                        return -1;
        for (size_t i = 0; i < host->n_mounts; i++)
                if (add_config(r, &host->mounts[i], &own, err) < 0)
                        return -1;
        for (size_t i = 0; i < host->tmpfs.count; i++)
                if (add_tmpfs(r, &host->tmpfs.pairs[i], &own, err) < 0)
                        return -1;
        for (char **v = r->request->config->volumes; v && *v; v++)
                if (add_anonymous(r, *v, err) < 0)
                        return -1;
        return 0;
}

int mounts_resolve(struct volumes *vols, const struct mounts_request *request, struct mount_points *ret,
                   struct error *err)
{
        struct resolver r = { .vols = vols, .request = request };

        if (resolve_all(&r, err) < 0) {
                mount_points_deinit(&r.points);
                volume_release(vols, request->container_id, true);
                return -1;
        }
        *ret = r.points;
        return 0;
}
