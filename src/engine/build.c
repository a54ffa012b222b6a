#include "engine/build.h"

#include "base/time.h"
#include "engine/container-internal.h"
#include "engine/image-internal.h"
#include "engine/image-transfer.h"
#include "oci/reference.h"
#include "store/unpack.h"

#define HOST_NAME "buildkitsandbox"

/* What the builder's calls get. */
struct build_call {
        struct engine *engine;
        const struct build_options *options;
};

static int open_network(void *arg, const char *id, const char *dir, const char *mode,
                        char *const *extra_hosts, int *ret_netns, struct error *err)
{
        struct engine *engine = ((struct build_call *)arg)->engine;
        cleanup_network_start struct network_start start = { .netns = -1 };
        struct container_config config = { .hostname = (char *)HOST_NAME };
        struct host_config host = { .extra_hosts = strv_copy(extra_hosts),
                                    .network_mode = xstrdup(streq(mode, "default") ? "bridge" : mode) };
        struct network_member member = { id, id, dir, &config, &host };
        cleanup_strv char **warnings = NULL;
        int r;

        *ret_netns = -1;
        r = network_container_create(engine->networks, &member, NULL, &warnings, err);
        if (r == 0)
                r = network_container_start(engine->networks, &member, &start, err);
        if (r == 0)
                *ret_netns = take_fd(start.netns);
        else
                network_container_remove(engine->networks, id);
        strv_free(host.extra_hosts);
        free(host.network_mode);
        return r;
}

static void close_network(void *arg, const char *id)
{
        struct engine *engine = ((struct build_call *)arg)->engine;

        network_container_stop(engine->networks, id);
        network_container_remove(engine->networks, id);
}

static int compile_seccomp(void *arg, struct oci_seccomp *rules, char **ret_path, struct error *err)
{
        return engine_seccomp_cached(((struct build_call *)arg)->engine, rules, ret_path, err);
}

static int pull(void *arg, const char *reference, struct error *err)
{
        const struct build_call *call = arg;
        cleanup_reference struct reference r = {};

        if (reference_parse(reference, &r, err) < 0)
                return -1;
        return engine_image_pull(call->engine, reference, NULL, NULL,
                                 strmap_get(&call->options->auths, r.domain), NULL, NULL, err);
}

/* ---- What comes from another host ---- */

int engine_build_files_add(struct engine *engine, struct engine_build_files *files, struct stream *in,
                           bool file, struct error *err)
{
        cleanup_close int fd = -1;
        char *name = NULL;

        if (files->count == SOCKET_MAX_FDS)
                return error_set(err, ERROR_INVALID, "too many build contexts");
        if (file) {
                cleanup_sink struct sink *out = NULL;

                fd = store_tmp_file(engine->store, err);
                if (fd < 0)
                        return -1;
                out = sink_new_fd(fd);
                if (stream_copy(in, out, NULL, err) < 0)
                        return -1;
                lseek(fd, 0, SEEK_SET);
        } else {
                struct unpack_options options = { .flags = UNPACK_REFUSE_DEVICES };

                fd = store_tmp_directory(engine->store, &name, err);
                if (fd < 0)
                        return -1;
                strv_append_take(&files->folders, name);
                if (tar_unpack(fd, "/", in, &options, NULL, err) < 0 || stream_drain(in, err) < 0)
                        return -1;
        }
        files->fds[files->count++] = take_fd(fd);
        return 0;
}

void engine_build_files_drop(struct engine *engine, struct engine_build_files *files)
{
        for (size_t i = 0; i < files->count; i++)
                close(files->fds[i]);
        for (char **name = files->folders; name && *name; name++)
                store_tmp_remove(engine->store, *name);
        strv_free(files->folders);
        *files = (struct engine_build_files){};
}

int engine_build(struct engine *engine, const struct build_request *request, struct build_result *ret,
                 struct error *err)
{
        const struct engine_options *o = engine->options;
        cleanup_free char *secrets = string_format("%s/" BUILD_SECRETS, o->exec_root);
        struct build_call call = { engine, request->options };
        struct build_services services = {
                .arg = &call,
                .store = engine->store,
                .data_root = o->data_root,
                .secrets_dir = secrets,
                .cgroup_parent = string_empty(o->cgroup_parent) ? "/davit" : o->cgroup_parent,
                .registries = &o->registries,
                .network_open = open_network,
                .network_close = close_network,
                .seccomp = compile_seccomp,
                .pull = pull,
                .step_program = engine->step_program,
        };

        int r;

        if (build_cache_open(engine->store, err) < 0)
                return -1;
        r = build_run(&services, request, ret, err);
        engine_build_gc_later(engine);
        if (r < 0)
                return -1;
        for (char **name = ret->names; name && *name; name++)
                image_event_id(engine, &ret->id, "tag", *name);
        return 0;
}
