/* Create: image → merged configuration → checks → folder → volumes → network record → config.json → table.
 * Whatever fails takes back what came before; a kill in between leaves a folder without config.json, which
 * the next start removes. */
#include "engine/container-internal.h"
#include "engine/image-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/reference.h"
#include "runtime/cgroup.h"
#include "runtime/defaults.h"
#include "store/image-store.h"
#include "store/view.h"

#include <sys/random.h>

#define DEFAULT_SHM_SIZE (INT64_C(64) << 20)

static const struct json_field request_fields[] = {
        JSON_FIELD_STRUCT("HostConfig", struct container_request, host, JSON_STRUCT, host_config_table),
        JSON_FIELD_STRUCT("NetworkingConfig", struct container_request, networking, JSON_STRUCT,
                          networking_config_table),
};
static const struct json_table request_table = JSON_TABLE(struct container_request, request_fields);

int container_request_parse(json_object *body, struct container_request *ret, struct error *err)
{
        cleanup_container_request struct container_request request = {};

        if (json_bind(&container_config_table, body, &request.config, err) < 0 ||
            json_bind(&request_table, body, &request, err) < 0)
                return -1;
        *ret = request;
        request = (struct container_request){};
        return 0;
}

void container_request_deinit(struct container_request *request)
{
        json_free_fields(&container_config_table, &request->config);
        json_free_fields(&request_table, request);
        *request = (struct container_request){};
}

static void make_id(char ret[CONTAINER_ID_SIZE])
{
        uint8_t random[32];

        /* An id of digits only could be taken for a number by tools. */
        do {
                if (getrandom(random, sizeof(random), 0) != sizeof(random))
                        abort();
                for (size_t i = 0; i < sizeof(random); i++)
                        snprintf(ret + 2 * i, 3, "%02x", random[i]);
        } while (strspn(ret, "0123456789") >= 12);
}

/* ---- Merging with the image's configuration ---- */

/* The request's own come first, as in Docker. */
static void merge_env(struct container_config *c, const struct container_config *image)
{
        size_t own = strv_length(c->env);

        for (size_t i = 0; image->env && image->env[i]; i++) {
                size_t len = strcspn(image->env[i], "="), j = 0;

                /* A name alone replaces, too: it was to remove the image's. */
                while (j < own && (strncmp(c->env[j], image->env[i], len) != 0 ||
                                   (c->env[j][len] != '=' && c->env[j][len] != 0)))
                        j++;
                if (j == own)
                        strv_append(&c->env, image->env[i]);
        }
}

static void merge_health(struct container_config *c, const struct container_config *image)
{
        struct health_config *h = c->healthcheck;
        const struct health_config *from = image->healthcheck;

        if (!from)
                return;
        if (!h)
                h = c->healthcheck = xcalloc(1, sizeof(*h));
        if (strv_length(h->test) == 0) {
                strv_free(h->test);
                h->test = strv_copy(from->test);
        }
        h->interval = h->interval ? h->interval : from->interval;
        h->timeout = h->timeout ? h->timeout : from->timeout;
        h->start_period = h->start_period ? h->start_period : from->start_period;
        h->start_interval = h->start_interval ? h->start_interval : from->start_interval;
        h->retries = h->retries ? h->retries : from->retries;
}

static void merge_set(char ***list, char *const *from)
{
        if (strv_length(*list) == 0) {
                strv_free(*list);
                *list = strv_copy(from);
                return;
        }
        for (; from && *from; from++)
                if (!strv_contains(*list, *from))
                        strv_append(list, *from);
}

static void merge_string(char **value, const char *from)
{
        if (string_empty(*value) && !string_empty(from))
                replace_string(value, from);
}

/* Docker's rules: an entrypoint of the request drops the image's command. */
static void merge_config(struct container_config *c, const struct container_config *image)
{
        merge_string(&c->user, image->user);
        merge_string(&c->working_dir, image->working_dir);
        merge_string(&c->stop_signal, image->stop_signal);
        merge_set(&c->exposed_ports, image->exposed_ports);
        merge_set(&c->volumes, image->volumes);
        merge_env(c, image);
        for (size_t i = 0; i < image->labels.count; i++)
                if (!strmap_get(&c->labels, image->labels.pairs[i].key))
                        strmap_set(&c->labels, image->labels.pairs[i].key, image->labels.pairs[i].value);
        if (strv_length(c->entrypoint) == 0) {
                if (strv_length(c->cmd) == 0) {
                        strv_free(c->cmd);
                        c->cmd = strv_copy(image->cmd);
                }
                if (!c->entrypoint)
                        c->entrypoint = strv_copy(image->entrypoint);
        }
        merge_health(c, image);
        if (!c->shell)
                c->shell = strv_copy(image->shell);
        if (!c->on_build)
                c->on_build = strv_copy(image->on_build);
        if (!c->stop_timeout && image->stop_timeout)
                c->stop_timeout = xmemdup(image->stop_timeout, sizeof(int));
}

/* `--entrypoint ""` arrives as [""]: no entrypoint at all. */
static void normalize_command(struct container_config *c)
{
        if (strv_length(c->entrypoint) == 1 && !*c->entrypoint[0]) {
                strv_free(c->entrypoint);
                c->entrypoint = NULL;
        }
}

/* ---- Defaults ---- */

static void set_default(char **value, const char *fallback)
{
        if (string_empty(*value))
                replace_string(value, fallback);
}

/* What shares namespaces with the host, or may do everything, has no label of its own. */
static void disable_labels(struct host_config *h)
{
        for (char **option = h->security_opt; option && *option; option++)
                if (string_after(*option, "label"))
                        return;
        if (h->privileged || streq(h->ipc_mode, "host") || streq(h->pid_mode, "host"))
                strv_append(&h->security_opt, "label=disable");
}

static void apply_defaults(struct engine *engine, struct container_request *r)
{
        const struct engine_options *o = engine->options;
        struct host_config *h = &r->host;

        set_default(&h->ipc_mode, o->default_ipc_mode ? o->default_ipc_mode : "private");
        set_default(&h->cgroupns_mode, o->default_cgroupns_mode ? o->default_cgroupns_mode
                                       : cgroup_mode() == CGROUP_V2 && !h->privileged ? "private"
                                                                                      : "host");
        set_default(&h->runtime, o->default_runtime ? o->default_runtime : "davit-runtime");
        set_default(&h->restart_policy.name, "no");
        if (!h->shm_size)
                h->shm_size = o->default_shm_size ? o->default_shm_size : DEFAULT_SHM_SIZE;
        if (string_empty(h->log_config.type)) {
                replace_string(&h->log_config.type, o->log_driver ? o->log_driver : "json-file");
                if (o->log_options)
                        for (size_t i = 0; i < o->log_options->count; i++)
                                if (!strmap_get(&h->log_config.config, o->log_options->pairs[i].key))
                                        strmap_set(&h->log_config.config, o->log_options->pairs[i].key,
                                                   o->log_options->pairs[i].value);
        }
        if (h->memory > 0 && h->memory_swap == 0)
                h->memory_swap = h->memory > INT64_MAX / 2 ? -1 : 2 * h->memory;
        if (!h->oom_kill_disable) {
                h->oom_kill_disable = xcalloc(1, sizeof(bool));
        }
        if (h->memory_swappiness && *h->memory_swappiness == -1) {
                free(h->memory_swappiness);
                h->memory_swappiness = NULL;
        }
        if (h->pids_limit && *h->pids_limit <= 0) {
                free(h->pids_limit);
                h->pids_limit = NULL;
        }
        disable_labels(h);
        if (!h->masked_paths && !h->privileged) {
                h->masked_paths = strv_new();
                runtime_default_masked_paths(&h->masked_paths);
        }
        if (!h->readonly_paths && !h->privileged) {
                h->readonly_paths = strv_new();
                runtime_default_readonly_paths(&h->readonly_paths);
        }
        if (!h->n_console_size) {
                h->console_size = xcalloc(2, sizeof(uint32_t));
                h->n_console_size = 2;
        }
}

/* ---- Names of other containers ---- */

/* container:NAME → container:ID, the id that stays when names change. A container that is not there is the
 * request's fault: "not found" would make clients pull the image. */
static int resolve_mode(struct engine *engine, char **mode, struct error *err)
{
        const char *name = *mode ? string_after(*mode, "container:") : NULL;
        cleanup_container struct container *other = NULL;

        if (!name)
                return 0;
        if (container_find(engine, name, &other, NULL) < 0)
                return error_set(err, ERROR_INVALID, "No such container: %s", name);
        free(*mode);
        *mode = string_format("container:%s", other->id);
        return 0;
}

static int mounts_of(void *arg, const char *name, const struct mount_points **ret, struct error *err)
{
        cleanup_container struct container *other = NULL;

        if (container_find(arg, name, &other, NULL) < 0)
                return error_set(err, ERROR_INVALID, "No such container: %s", name);
        *ret = &other->mounts;
        return 0;
}

/* ---- The container ---- */

static int make_folders(struct engine *engine, struct container *c, struct error *err)
{
        static const char *const folders[] = { "upper", "work", "bundle" };

        if (mkdirat(engine->containers_fd, c->id, 0710) < 0)
                return error_errno(err, "mkdir %s", c->id);
        c->dirfd = directory_open(engine->containers_fd, c->id, err);
        if (c->dirfd < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
                if (mkdirat(c->dirfd, folders[i], i == 0 ? 0755 : 0700) < 0)
                        return error_errno(err, "mkdir %s", folders[i]);
        return 0;
}

static void fill_command(struct container *c)
{
        cleanup_strv char **all = strv_copy(c->config.entrypoint);

        strv_extend(&all, c->config.cmd);
        c->path = xstrdup(all ? all[0] : "");
        c->args = strv_new();
        if (all && all[0])
                strv_extend(&c->args, all + 1);
}

static void fill_log_path(struct engine *engine, struct container *c)
{
        cleanup_free char *dir = container_dir(engine, c->id);

        if (streq(c->host.log_config.type, "json-file"))
                c->log_path = string_format("%s/%s-json.log", dir, c->id);
        else if (streq(c->host.log_config.type, "local"))
                c->log_path = string_format("%s/local-logs/container.log", dir);
        else
                c->log_path = xstrdup("");
}

/* New volumes get what the image has at their place. */
static int copy_up(struct engine *engine, struct container *c, const struct image *image, struct error *err)
{
        cleanup_strv char **lowers = NULL;
        cleanup_close int root = -1;

        if (!mounts_need_copy_up(engine->volumes, &c->mounts))
                return 0;
        if (image_lowers(engine->store, image, &lowers, err) < 0)
                return -1;
        root = layers_view(lowers, NULL, err);
        return root < 0 ? -1 : mounts_copy_up(engine->volumes, c->id, &c->mounts, root, err);
}

/* Containers that share a network share the names of its first one, too. */
static void share_hostname(struct engine *engine, struct container *c)
{
        cleanup_container struct container *other =
            container_by_id(engine, string_after(c->host.network_mode, "container:"));

        if (!other)
                return;
        replace_string(&c->config.hostname, other->config.hostname);
        replace_string(&c->config.domainname, other->config.domainname);
}

static int build(struct engine *engine, struct container *c, const struct image *image,
                 struct container_request *request, char ***warnings, struct error *err)
{
        cleanup_free char *owner = string_format("container:%s", c->id);
        struct mounts_request mounts = { c->id, &c->config, &c->host, mounts_of, engine };
        cleanup_free char *dir = NULL;
        struct network_member member;

        if (make_folders(engine, c, err) < 0 ||
            layer_pin(engine->store, owner, image->diff_ids, image->n_diff_ids, !c->host.auto_remove, err) < 0 ||
            mounts_resolve(engine->volumes, &mounts, &c->mounts, err) < 0 ||
            copy_up(engine, c, image, err) < 0)
                return -1;
        if (string_empty(c->config.hostname)) {
                bool host = streq(c->host.network_mode, "host");

                if (c->host.network_mode && string_after(c->host.network_mode, "container:")) {
                        share_hostname(engine, c);
                } else {
                        char name[65] = "";

                        if (host)
                                gethostname(name, sizeof(name) - 1);
                        free(c->config.hostname);
                        c->config.hostname = host ? xstrdup(name) : xstrndup(c->id, 12);
                }
        }
        member = container_member(engine, c, &dir);
        if (network_container_create(engine->networks, &member, &request->networking, warnings, err) < 0)
                return -1;
        fill_command(c);
        fill_log_path(engine, c);
        return container_save(c, err);
}

/* Takes back what build() and later steps made. */
static void unbuild(struct engine *engine, struct container *c)
{
        cleanup_free char *owner = string_format("container:%s", c->id);
        cleanup_error struct error ignored = {};

        network_container_remove(engine->networks, c->id);
        volume_release(engine->volumes, c->id, true);
        layer_unpin(engine->store, owner, false, NULL);
        if (tree_remove(engine->containers_fd, c->id, &ignored) < 0)
                log_warn("container %s: %s", c->id, error_message(&ignored));
}

static int find_image(struct engine *engine, const char *name, const char *platform_text, struct image **ret,
                      struct error *err)
{
        cleanup_image struct image *image = NULL;
        cleanup_platform struct platform wanted = {};

        if ((reference_is_build_state(name) ? image_state_get(engine->store, name, &image, err)
                                       : image_resolve(engine->store, name, &image, err)) < 0)
                return -1;
        if (!string_empty(platform_text) && (platform_parse(platform_text, &wanted, err) < 0 ||
                                             image_check_suits(image, name, &wanted, err) < 0))
                return -1;
        *ret = take_ptr(image);
        return 0;
}

static int resolve_modes(struct engine *engine, struct host_config *h, struct error *err)
{
        /* That of the network is looked for again at the start. */
        resolve_mode(engine, &h->network_mode, NULL);
        return resolve_mode(engine, &h->pid_mode, err) < 0 ? -1 : resolve_mode(engine, &h->ipc_mode, err);
}

int engine_container_create(struct engine *engine, const char *name, const char *platform, int version,
                            struct container_request *request, char ret_id[CONTAINER_ID_SIZE],
                            char ***ret_warnings, struct error *err)
{
        cleanup_container struct container *c = container_new();
        cleanup_image struct image *image = NULL;
        cleanup_strv char **warnings = strv_new();
        char id[CONTAINER_ID_SIZE];
        int r;

        (void)version;
        if (string_empty(request->config.image))
                return error_set(err, ERROR_INVALID, "no image specified");
        if (!string_empty(name) && container_name_check(name, err) < 0)
                return -1;
        if (network_mode_check(&request->config, &request->host, err) < 0 ||
            find_image(engine, request->config.image, platform, &image, err) < 0)
                return -1;
        merge_config(&request->config, &image->config.config);
        normalize_command(&request->config);
        if (strv_length(request->config.entrypoint) == 0 && strv_length(request->config.cmd) == 0)
                return error_set(err, ERROR_INVALID, "no command specified");
        apply_defaults(engine, request);
        if (container_validate(engine, request, &warnings, err) < 0 ||
            resolve_modes(engine, &request->host, err) < 0)
                return -1;
        make_id(id);
        c->id = xstrdup(id);
        c->created = time_now();
        c->name = string_empty(name) ? NULL : xstrdup(name + (*name == '/'));
        c->image_id = xstrdup(image->id_text);
        c->layers = strv_copy(image->config.diff_ids ? image->config.diff_ids : (char *[]){ NULL });
        c->os = xstrdup("linux");
        c->config = request->config;
        c->host = request->host;
        request->config = (struct container_config){};
        request->host = (struct host_config){};
        if (container_links_take(engine, c, err) < 0)
                return -1;
        /* The name is taken first: of two requests for one name the second must fail before it made anything.
         */
        if (container_insert(engine, c, err) < 0)
                return -1;
        r = build(engine, c, image, request, &warnings, err);
        if (r < 0) {
                container_unlink(engine, c);
                unbuild(engine, c);
                return -1;
        }
        pthread_rwlock_wrlock(&engine->lock);
        c->ready = true;
        pthread_rwlock_unlock(&engine->lock);
        container_event(engine, c, "create", NULL);
        memcpy(ret_id, id, sizeof(id));
        *ret_warnings = take_ptr(warnings);
        return 0;
}
