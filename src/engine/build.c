#include "engine/build.h"

#include "base/time.h"
#include "engine/container-internal.h"
#include "engine/image-internal.h"
#include "engine/image-transfer.h"

#define HOST_NAME "buildkitsandbox"

static int open_network(void *arg, const char *id, const char *dir, const char *mode,
                        char *const *extra_hosts, int *ret_netns, struct error *err)
{
        struct engine *engine = arg;
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
        struct engine *engine = arg;

        network_container_stop(engine->networks, id);
        network_container_remove(engine->networks, id);
}

static int compile_seccomp(void *arg, const struct oci_seccomp *rules, char **ret_path, struct error *err)
{
        return engine_seccomp_cached(arg, rules, ret_path, err);
}

static int pull(void *arg, const char *reference, struct error *err)
{
        return engine_image_pull(arg, reference, NULL, NULL, NULL, NULL, NULL, err);
}

int engine_build(struct engine *engine, const struct build_request *request, struct build_result *ret,
                 struct error *err)
{
        const struct engine_options *o = engine->options;
        cleanup_free char *secrets = string_format("%s/" BUILD_SECRETS, o->exec_root);
        struct build_services services = {
                .arg = engine,
                .store = engine->store,
                .data_root = o->data_root,
                .secrets_dir = secrets,
                .cgroup_parent = string_empty(o->cgroup_parent) ? "/davit" : o->cgroup_parent,
                .network_open = open_network,
                .network_close = close_network,
                .seccomp = compile_seccomp,
                .pull = pull,
                .step_program = engine->step_program,
        };

        if (build_cache_open(engine->store, err) < 0)
                return -1;
        if (build_run(&services, request, ret, err) < 0)
                return -1;
        for (char **tag = request->options->tags; tag && *tag && string_empty(request->options->output) && !request->options->check; tag++)
                image_event_id(engine, &ret->id, "tag", *tag);
        return 0;
}

int engine_build_usage(struct engine *engine, json_object **ret, struct error *err)
{
        if (build_cache_open(engine->store, err) < 0)
                return -1;
        return build_cache_list(engine->store, ret, err);
}

int engine_build_prune(struct engine *engine, const struct filters *filters, json_object **ret,
                       struct error *err)
{
        json_object *list = NULL, *ids;
        int64_t bytes = 0, until = INT64_MAX;

        if (filters && container_until_filter(filters, &until, err) < 0)
                return -1;
        if (until == TIME_ZERO)
                until = INT64_MAX;
        if (build_cache_open(engine->store, err) < 0 ||
            build_cache_prune(engine->store, until, &list, &bytes, err) < 0)
                return -1;
        ids = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(list); i++)
                json_object_array_add(
                    ids, json_object_new_string(json_get_string(json_object_array_get_idx(list, i), "ID")));
        json_object_put(list);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "CachesDeleted", ids);
        json_object_object_add(*ret, "SpaceReclaimed", json_object_new_int64(bytes));
        return 0;
}
