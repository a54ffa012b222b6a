/* GET /containers/ID/export: the root file system without volumes, as one tar. */
#include "base/fd.h"
#include "engine/archive.h"
#include "engine/container-view.h"
#include "store/unpack.h"

struct export
{
        struct engine *engine;
        struct container *container;
        int rootfd;
};

int engine_export_open(struct engine *engine, const char *container, struct export **ret, struct error *err)
{
        struct export *e = xcalloc(1, sizeof(*e));

        e->engine = engine;
        e->rootfd = -1;
        if (container_find(engine, container, &e->container, err) == 0)
                e->rootfd = container_rootfs_view(engine, e->container, err);
        if (e->rootfd < 0) {
                engine_export_close(e);
                return -1;
        }
        *ret = e;
        return 0;
}

int engine_export_write(struct export *e, struct sink *out, struct error *err)
{
        cleanup_tar_writer struct tar_writer *writer = tar_writer_new(out);
        struct pack_options options = { .timestamp = INT64_MAX };

        if (tar_pack(e->rootfd, writer, &options, err) < 0 || tar_writer_finish(writer, err) < 0)
                return -1;
        container_event(e->engine, e->container, "export", NULL);
        return 0;
}

void engine_export_close(struct export *e)
{
        if (!e)
                return;
        if (e->rootfd >= 0)
                close(e->rootfd);
        if (e->container)
                container_drop(e->container);
        free(e);
}
