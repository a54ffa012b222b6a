/* GET /containers/ID/json: the tree that `docker inspect` prints, member for member. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "store/layer.h"

static void add(json_object *to, const char *name, json_object *value)
{
        json_object_object_add(to, name, value);
}

static void add_string(json_object *to, const char *name, const char *value)
{
        json_object_object_add(to, name, json_object_new_string(value ? value : ""));
}

static void add_time(json_object *to, const char *name, int64_t t)
{
        char text[TIME_RFC3339_MAX];

        time_format_rfc3339nano(t, text);
        add_string(to, name, text);
}

static json_object *health_json(const struct health_state *health)
{
        json_object *out = json_object_new_object(), *log = json_object_new_array();

        add_string(out, "Status", health->status);
        add(out, "FailingStreak", json_object_new_int(health->failing_streak));
        for (size_t i = 0; i < health->n_log; i++) {
                json_object *entry = json_object_new_object();

                add_time(entry, "Start", health->log[i].start);
                add_time(entry, "End", health->log[i].end);
                add(entry, "ExitCode", json_object_new_int(health->log[i].exit_code));
                add_string(entry, "Output", health->log[i].output);
                json_object_array_add(log, entry);
        }
        add(out, "Log", log);
        return out;
}

static json_object *state_json(const struct container *c)
{
        const struct container_state *s = &c->state;
        json_object *out = json_object_new_object();

        add_string(out, "Status", c->removing ? "removing" : s->status);
        add(out, "Running", json_object_new_boolean(container_state_is_up(s)));
        add(out, "Paused", json_object_new_boolean(streq(s->status, STATUS_PAUSED)));
        add(out, "Restarting", json_object_new_boolean(streq(s->status, STATUS_RESTARTING)));
        add(out, "OOMKilled", json_object_new_boolean(s->oom_killed));
        add(out, "Dead", json_object_new_boolean(streq(s->status, STATUS_DEAD)));
        add(out, "Pid", json_object_new_int(s->pid));
        add(out, "ExitCode", json_object_new_int(s->exit_code));
        add_string(out, "Error", s->error);
        add_time(out, "StartedAt", s->started_at);
        add_time(out, "FinishedAt", s->finished_at);
        if (s->health)
                add(out, "Health", health_json(s->health));
        return out;
}

static json_object *strings_json(char *const *list)
{
        json_object *out = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(out, json_object_new_string(*list));
        return out;
}

static json_object *exec_ids(const struct container *c)
{
        json_object *out = NULL;

        for (size_t i = 0; i < c->n_execs; i++)
                if (c->execs[i]->running) {
                        if (!out)
                                out = json_object_new_array();
                        json_object_array_add(out, json_object_new_string(c->execs[i]->id));
                }
        return out;
}

static json_object *driver_json(struct engine *engine, const struct container *c)
{
        json_object *out = json_object_new_object(), *data = json_object_new_object();
        cleanup_free char *dir = container_dir(engine, c->id);
        cleanup_free char *upper = string_format("%s/upper", dir), *work = string_format("%s/work", dir),
                          *merged = string_format("%s/merged", dir);
        cleanup_free struct digest *diff_ids = NULL;
        cleanup_strv char **lowers = NULL;
        cleanup_free char *joined = NULL;
        size_t count;

        if (container_layers(c, &diff_ids, &count, NULL) == 0 &&
            layer_run_lowers(engine->store, diff_ids, count, &lowers, NULL) == 0)
                joined = strv_join(lowers, ":");
        add_string(data, "ID", c->id);
        add_string(data, "LowerDir", joined);
        add_string(data, "MergedDir", merged);
        add_string(data, "UpperDir", upper);
        add_string(data, "WorkDir", work);
        add(out, "Data", data);
        add_string(out, "Name", "overlay2");
        return out;
}

json_object *container_mounts_json(const struct container *c)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < c->mounts.count; i++)
                if (!c->mounts.items[i].tmpfs_flag)
                        json_object_array_add(out, json_unbind(&mount_point_api_table, &c->mounts.items[i]));
        return out;
}

static void add_file(json_object *out, const char *name, const struct container *c, const char *dir,
                     const char *file)
{
        cleanup_free char *path = string_format("%s/%s", dir, file);

        add_string(out, name, c->has_been_started && faccessat(c->dirfd, file, F_OK, 0) == 0 ? path : "");
}

static void add_paths(struct engine *engine, const struct container *c, json_object *out)
{
        cleanup_free char *dir = container_dir(engine, c->id);

        add_file(out, "ResolvConfPath", c, dir, "resolv.conf");
        add_file(out, "HostnamePath", c, dir, "hostname");
        add_file(out, "HostsPath", c, dir, "hosts");
        add_string(out, "LogPath",
                   c->has_been_started && streq(c->host.log_config.type, "json-file") ? c->log_path : "");
}

static int network_json(struct engine *engine, struct container *c, json_object **ret, struct error *err)
{
        struct network_settings settings = {};
        cleanup_free char *dir = NULL;
        struct network_member member = container_member(engine, c, &dir);
        int r = network_container_settings(engine->networks, &member, &settings, err);

        if (r == 0)
                *ret = json_unbind(&network_settings_table, &settings);
        json_free_fields(&network_settings_table, &settings);
        return r;
}

static const char *apparmor_profile(const struct container *c)
{
        const char *profile = "";

        for (char **option = c->host.security_opt; option && *option; option++)
                if (string_after(*option, "apparmor=") || string_after(*option, "apparmor:"))
                        profile = *option + strlen("apparmor=");
        return profile;
}

int engine_container_inspect(struct engine *engine, const char *reference, bool size, json_object **ret,
                             struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_json json_object *network = NULL, *links = NULL;
        cleanup_free char *slashed = NULL;
        int64_t rw = 0, root = 0;
        json_object *out, *host;

        if (container_find(engine, reference, &c, err) < 0 || network_json(engine, c, &network, err) < 0)
                return -1;
        if (size)
                container_sizes(engine, c, &rw, &root);
        links = container_links_json(engine, c);
        out = json_object_new_object();
        pthread_mutex_lock(&c->lock);
        slashed = string_format("/%s", c->name);
        add_string(out, "Id", c->id);
        add_time(out, "Created", c->created);
        add_string(out, "Path", c->path);
        add(out, "Args", strings_json(c->args));
        add(out, "State", state_json(c));
        add_string(out, "Image", c->image_id);
        add_paths(engine, c, out);
        add_string(out, "Name", slashed);
        add(out, "RestartCount", json_object_new_int(c->state.restart_count));
        add_string(out, "Driver", "overlay2");
        add_string(out, "Platform", c->os);
        add_string(out, "MountLabel", "");
        add_string(out, "ProcessLabel", "");
        add_string(out, "AppArmorProfile", apparmor_profile(c));
        add(out, "ExecIDs", exec_ids(c));
        host = json_unbind(&host_config_table, &c->host);
        add(host, "Links", take_ptr(links));
        add(out, "HostConfig", host);
        add(out, "GraphDriver", driver_json(engine, c));
        if (size) {
                add(out, "SizeRw", json_object_new_int64(rw));
                add(out, "SizeRootFs", json_object_new_int64(root));
        }
        add(out, "Mounts", container_mounts_json(c));
        add(out, "Config", json_unbind(&container_config_table, &c->config));
        add(out, "NetworkSettings", take_ptr(network));
        pthread_mutex_unlock(&c->lock);
        *ret = out;
        return 0;
}
