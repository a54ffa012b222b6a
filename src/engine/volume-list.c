/* The API's /volumes. */
#include "engine/volume-internal.h"

#include "base/fd.h"
#include "base/time.h"
#include "engine/event.h"

#include <inttypes.h>
#include <sys/sysmacros.h>

struct create_request {
        char *name, *driver;
        struct strmap options, labels;
        json_object *cluster;
};
#define STRUCT struct create_request
static const struct json_field create_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("DriverOpts", STRUCT, options, JSON_STRMAP),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
        JSON_FIELD("ClusterVolumeSpec", STRUCT, cluster, JSON_RAW),
};
static const struct json_table create_table = JSON_TABLE(STRUCT, create_fields);
#undef STRUCT

/* As the API shows a volume; `created` in whole seconds. */
struct volume_shown {
        int64_t created;
        char *driver;
        struct strmap labels;
        char *mountpoint, *name;
        struct strmap options;
        char *scope;
};
#define STRUCT struct volume_shown
static const struct json_field shown_fields[] = {
        JSON_FIELD("CreatedAt", STRUCT, created, JSON_TIME),
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
        JSON_FIELD("Mountpoint", STRUCT, mountpoint, JSON_STRING),
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP),
        JSON_FIELD("Scope", STRUCT, scope, JSON_STRING),
};
static const struct json_table shown_table = JSON_TABLE(STRUCT, shown_fields);
#undef STRUCT

/* Borrows the volume's strings. */
static json_object *volume_json(const struct volume *v)
{
        struct volume_shown shown = { v->created - v->created % NSEC_PER_SEC,
                                      v->driver,
                                      v->labels,
                                      v->mountpoint,
                                      v->name,
                                      v->options,
                                      (char *)"local" };

        return json_unbind(&shown_table, &shown);
}

int volume_create_json(struct volumes *vols, json_object *request, json_object **ret, struct error *err)
{
        struct create_request r = { 0 };
        cleanup_volume struct volume v = { 0 };
        int result = json_bind(&create_table, request, &r, err);

        if (result == 0 && r.cluster)
                result = error_set(err, ERROR_UNSUPPORTED, "cluster volumes are not supported");
        if (result == 0)
                result = volume_create(vols, r.name, r.driver, &r.options, &r.labels, &v, err);
        if (result == 0)
                *ret = volume_json(&v);
        json_free_fields(&create_table, &r);
        return result;
}

int volume_inspect(struct volumes *vols, const char *name, json_object **ret, struct error *err)
{
        cleanup_volume struct volume v = { 0 };

        if (volume_get(vols, name, &v, err) < 0)
                return -1;
        v.labels.given = v.labels.count > 0;
        v.options.given = v.options.count > 0;
        *ret = volume_json(&v);
        return 0;
}

static bool matches(const struct volume_record *r, const struct filters *filters, const bool *dangling)
{
        return filters_match_regex(filters, "name", r->v.name) &&
               filters_match(filters, "driver", r->v.driver) &&
               filters_match_labels(filters, "label", &r->v.labels) &&
               (!dangling || *dangling == (strv_length(r->holders) == 0));
}

int volume_list(struct volumes *vols, const struct filters *filters, json_object **ret, struct error *err)
{
        static const char *const accepted[] = { "dangling", "driver", "label", "name", NULL };
        json_object *list;
        bool dangling = false, *asked = NULL;

        if (filters_check(filters, accepted, err) < 0 ||
            filters_get_bool(filters, "dangling", false, &dangling, err) < 0)
                return -1;
        if (filters_get(filters, "dangling"))
                asked = &dangling;
        list = json_object_new_array();
        pthread_mutex_lock(&vols->lock);
        for (size_t i = 0; i < vols->count; i++) {
                struct volume_record *r = vols->items[i];

                if (matches(r, filters, asked)) {
                        r->v.labels.given = r->v.labels.count > 0;
                        r->v.options.given = r->v.options.count > 0;
                        json_object_array_add(list, volume_json(&r->v));
                }
        }
        pthread_mutex_unlock(&vols->lock);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "Volumes", list);
        json_object_object_add(*ret, "Warnings", NULL);
        return 0;
}

/* ---- Sizes ---- */

/* Inodes with several names, so that each counts once. */
struct seen_inodes {
        struct {
                dev_t dev;
                ino_t ino;
        } * items;
        size_t count;
};

static bool seen_before(struct seen_inodes *seen, const struct stat *st)
{
        for (size_t i = 0; i < seen->count; i++)
                if (seen->items[i].dev == st->st_dev && seen->items[i].ino == st->st_ino)
                        return true;
        array_reserve((void **)&seen->items, seen->count, sizeof(*seen->items));
        seen->items[seen->count].dev = st->st_dev;
        seen->items[seen->count++].ino = st->st_ino;
        return false;
}

#define SIZE_MAX_DEPTH 256

static int64_t tree_size(int parent, const char *name, struct seen_inodes *seen, int depth)
{
        cleanup_closedir DIR *dir = NULL;
        const struct dirent *entry;
        int64_t size = 0;

        if (depth > SIZE_MAX_DEPTH || directory_list(parent, name, &dir, NULL) < 0)
                return 0;
        while ((entry = readdir(dir))) {
                struct stat st;

                if (streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
                    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        size += tree_size(dirfd(dir), entry->d_name, seen, depth + 1);
                else if (st.st_nlink < 2 || !seen_before(seen, &st))
                        size += st.st_size;
        }
        return size;
}

static int64_t volume_size(struct volumes *vols, const char *name)
{
        cleanup_free char *path = string_format("%s/_data", name);
        struct seen_inodes seen = { 0 };
        int64_t size = tree_size(vols->rootfd, path, &seen, 0);

        free(seen.items);
        return size;
}

/* ---- Prune and df ---- */

/* Is what it holds here? What options lead to (a share, a device, a folder of the host) isn't ours to count
 * or to prune. */
static bool is_stored_here(const struct volume_record *r)
{
        return r->v.options.count == 0;
}

static bool to_be_pruned(const struct volume_record *r, const struct filters *filters, bool all)
{
        char *const *without = filters_get(filters, "label!");

        if (strv_length(r->holders) > 0 || !is_stored_here(r) ||
            (!all && !strmap_get(&r->v.labels, VOLUME_ANONYMOUS_LABEL)))
                return false;
        for (; without && *without; without++) {
                struct filter one = { (char *)"label", (char *[]){ *without, NULL } };
                struct filters single = { &one, 1 };

                if (filters_match_labels(&single, "label", &r->v.labels))
                        return false;
        }
        return filters_match_labels(filters, "label", &r->v.labels);
}

int volume_prune(struct volumes *vols, const struct filters *filters, bool all_by_default, json_object **ret,
                 struct error *err)
{
        static const char *const accepted[] = { "all", "label", "label!", NULL };
        cleanup_strmap struct strmap attributes = { 0 };
        cleanup_free char *reclaimed = NULL;
        json_object *deleted = NULL;
        int64_t size = 0;
        bool all;

        if (filters_check(filters, accepted, err) < 0 ||
            filters_get_bool(filters, "all", all_by_default, &all, err) < 0)
                return -1;
        pthread_mutex_lock(&vols->lock);
        for (size_t i = vols->count; i-- > 0;) {
                struct volume_record *r = vols->items[i];
                cleanup_free char *name = xstrdup(r->v.name);
                int64_t bytes;

                if (!to_be_pruned(r, filters, all))
                        continue;
                bytes = volume_size(vols, name);
                if (volume_remove_record(vols, r, NULL) < 0)
                        continue;
                size += bytes;
                if (!deleted)
                        deleted = json_object_new_array();
                json_object_array_add(deleted, json_object_new_string(name));
        }
        pthread_mutex_unlock(&vols->lock);
        reclaimed = string_format("%" PRId64, size);
        strmap_set(&attributes, "reclaimed", reclaimed);
        if (vols->events)
                event_log_publish(vols->events, "volume", "prune", "", &attributes);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "VolumesDeleted", deleted);
        json_object_object_add(*ret, "SpaceReclaimed", json_object_new_int64(size));
        return 0;
}

int volume_usage(struct volumes *vols, json_object **ret, struct error *err)
{
        json_object *list = json_object_new_array();

        (void)err;
        pthread_mutex_lock(&vols->lock);
        for (size_t i = 0; i < vols->count; i++) {
                struct volume_record *r = vols->items[i];
                json_object *usage, *shown;

                if (!is_stored_here(r))
                        continue;
                usage = json_object_new_object();
                r->v.labels.given = r->v.labels.count > 0;
                r->v.options.given = r->v.options.count > 0;
                shown = volume_json(&r->v);
                json_object_object_add(usage, "RefCount",
                                       json_object_new_int64((int64_t)strv_length(r->holders)));
                json_object_object_add(usage, "Size", json_object_new_int64(volume_size(vols, r->v.name)));
                json_object_object_add(shown, "UsageData", usage);
                json_object_array_add(list, shown);
        }
        pthread_mutex_unlock(&vols->lock);
        *ret = list;
        return 0;
}
