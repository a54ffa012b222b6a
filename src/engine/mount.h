/* A container's mount points: HostConfig.Binds, Mounts, Tmpfs, VolumesFrom and the image's VOLUMEs, checked
 * and merged as Docker does (what inspect shows as Mounts), and turned into the OCI spec's mounts at start.
 *
 *     create   mounts_resolve() makes and references volumes
 *              mounts_copy_up() fills new volumes from the image
 *     start    mounts_prepare() gives the struct oci_mount list
 *     exit     mounts_unmount()
 *     remove   volume_release() (volume.h) */
#pragma once

#include "base/json.h"
#include "engine/volume.h"
#include "oci/container-config.h"

struct oci_mount;

/* The first eight are what the API shows; all of it is kept in the container's config.json
 * (mount_point_table). */
struct mount_point {
        char *type; /* "bind", "volume", "tmpfs", "image" */
        char *name;
        char *source; /* absolute on the host; "" for tmpfs */
        char *destination;
        char *driver;
        char *mode; /* as it was given behind the second colon */
        bool rw;
        char *propagation;

        bool no_copy;
        bool create_source; /* -v: a missing source is made */
        bool from_mounts;   /* given by --mount */
        bool no_recursive;  /* bind, not rbind */
        bool read_only_non_recursive, read_only_force_recursive;
        char *subpath;
        char *tmpfs_options; /* "size=64k,mode=700" */
        bool anonymous;      /* a volume without a name of its own */
        bool tmpfs_flag;     /* given by --tmpfs: not shown in Mounts */
};
extern const struct json_table mount_point_table; /* everything, for config.json */
extern const struct json_table
    mount_point_api_table; /* for inspect and ps; tmpfs_flag ones are to be left out */

struct mount_points {
        struct mount_point *items;
        size_t count;
};
void mount_points_deinit(struct mount_points *points);
#define cleanup_mount_points __attribute__((cleanup(mount_points_deinit)))

/* The mount points of another container for --volumes-from, by its name or id; set by the caller. The points
 * are copied out before the next call. */
typedef int (*mounts_of_fn)(void *arg, const char *container, const struct mount_points **ret,
                            struct error *err);

struct mounts_request {
        const char *container_id;
        const struct container_config *config; /* merged with the image's: its Volumes count */
        const struct host_config *host;
        mounts_of_fn mounts_of;
        void *mounts_of_arg;
};
/* Creates and references the volumes. On failure new volumes and references are dropped again. */
int mounts_resolve(struct volumes *vols, const struct mounts_request *request, struct mount_points *ret,
                   struct error *err);
/* Copies what the image has at a volume's place into the volume if that is empty (owner, mode, times, xattrs,
 * links), except no_copy ones. `rootfs` is a descriptor of the image's root, seen as one (an overlay mount
 * that is attached nowhere). */
int mounts_copy_up(struct volumes *vols, const char *container_id, const struct mount_points *points,
                   int rootfs, struct error *err);
/* Whether mounts_copy_up() would have work: then only the caller mounts the image. */
bool mounts_need_copy_up(struct volumes *vols, const struct mount_points *points);

/* The spec's mounts in the order in which they have to be made (by depth of the destination). Makes missing
 * sources of -v, mounts volumes. The caller frees them with mounts_free(), or takes them over into a spec
 * (all on the heap). */
int mounts_prepare(struct volumes *vols, const char *container_id, const struct mount_points *points,
                   struct oci_mount **ret, size_t *ret_count, struct error *err);
void mounts_free(struct oci_mount *mounts, size_t count);
/* What the spec's linux.rootfsPropagation has to be because of a shared or slave mount: "shared", "rslave" or
 * NULL. */
const char *mounts_rootfs_propagation(const struct mount_points *points);
/* When a container has ended, or its start failed. Idempotent but for the events. */
void mounts_unmount(struct volumes *vols, const char *container_id, const struct mount_points *points);
