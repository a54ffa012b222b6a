/* Config and HostConfig → the OCI spec, with Docker's defaults. */
#include "engine/container-spec-internal.h"
#include "base/fd.h"
#include "runtime/defaults.h"
#include "runtime/seccomp.h"
#include "store/layer.h"

#include <inttypes.h>
#include <sys/stat.h>

#define PROFILE_MAX (4 << 20)

int container_layers(const struct container *c, struct digest **ret, size_t *ret_count, struct error *err)
{
        size_t count = strv_length(c->layers);
        cleanup_free struct digest *list = xcalloc(count, sizeof(*list));

        for (size_t i = 0; i < count; i++)
                if (digest_parse(c->layers[i], &list[i], err) < 0)
                        return -1;
        *ret = take_ptr(list);
        *ret_count = count;
        return 0;
}

/* ---- Namespaces ---- */

/* A running container's init, for container:ID modes. */
static int pid_of(struct engine *engine, const char *id, const char *what, int *ret, struct error *err)
{
        cleanup_container struct container *other = NULL;

        if (container_find(engine, id, &other, err) < 0)
                return -1;
        pthread_mutex_lock(&other->lock);
        *ret = container_state_is_up(&other->state) ? other->state.pid : 0;
        pthread_mutex_unlock(&other->lock);
        if (!*ret)
                return error_set(err, ERROR_CONFLICT,
                                 "failed to join %s namespace: container %s is not running", what, other->id);
        return 0;
}

static void add_namespace(struct oci_linux *l, const char *type, char *path)
{
        ARRAY_APPEND(l->namespaces, l->n_namespaces, ((struct oci_namespace){ xstrdup(type), path }));
}

static int add_shared_namespace(struct spec_builder *b, const char *type, const char *file, const char *mode,
                                const char *what, struct error *err)
{
        const char *other = mode ? string_after(mode, "container:") : NULL;
        int pid;

        if (other) {
                if (pid_of(b->engine, other, what, &pid, err) < 0)
                        return -1;
                add_namespace(b->spec->linux_config, type, string_format("/proc/%d/ns/%s", pid, file));
        } else if (!streq(mode, "host")) {
                add_namespace(b->spec->linux_config, type, NULL);
        }
        return 0;
}

/* There is no driver for requests of devices (GPUs): Docker's words on a machine without one. */
static int check_device_requests(struct spec_builder *b, struct error *err)
{
        const struct device_request *r = b->c->host.device_requests;
        struct strbuf list = {};
        cleanup_free char *shown = NULL;

        if (b->c->host.n_device_requests == 0)
                return 0;
        if (!json_object_is_type(r->capabilities, json_type_array))
                return error_set(err, ERROR_INVALID, "invalid device request: Capabilities is no list");
        for (size_t i = 0; i < json_object_array_length(r->capabilities); i++) {
                json_object *names = json_object_array_get_idx(r->capabilities, i);
                size_t count =
                    json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;

                strbuf_adds(&list, i ? " [" : "[");
                for (size_t k = 0; k < count; k++)
                        strbuf_addf(&list, "%s%s", k ? " " : "",
                                    json_object_get_string(json_object_array_get_idx(names, k)));
                strbuf_addc(&list, ']');
        }
        shown = strbuf_take(&list);
        return error_set(err, ERROR_SYSTEM, "could not select device driver \"%s\" with capabilities: [%s]",
                         r->driver ? r->driver : "", shown ? shown : "");
}

static int check_ipc_donor(struct spec_builder *b, struct error *err)
{
        const char *id = b->c->host.ipc_mode ? string_after(b->c->host.ipc_mode, "container:") : NULL;
        cleanup_container struct container *other = NULL;

        if (!id)
                return 0;
        if (container_find(b->engine, id, &other, err) < 0)
                return -1;
        if (streq(other->host.ipc_mode, "private") || streq(other->host.ipc_mode, "none"))
                return error_set(err, ERROR_INVALID,
                                 "failed to join IPC namespace: container %s: non-shareable IPC (hint: use "
                                 "IpcMode:shareable for the donor container)",
                                 other->id);
        return 0;
}

static int add_namespaces(struct spec_builder *b, struct error *err)
{
        const struct host_config *h = &b->c->host;
        struct oci_linux *l = b->spec->linux_config;

        add_namespace(l, "mount", NULL);
        if (b->network && b->network->netns >= 0)
                add_namespace(l, "network", NULL);
        if (check_ipc_donor(b, err) < 0 ||
            add_shared_namespace(b, "uts", "uts", h->uts_mode, "UTS", err) < 0 ||
            add_shared_namespace(b, "pid", "pid", h->pid_mode, "PID", err) < 0 ||
            add_shared_namespace(b, "ipc", "ipc", h->ipc_mode, "IPC", err) < 0)
                return -1;
        if (streq(h->cgroupns_mode, "private"))
                add_namespace(l, "cgroup", NULL);
        return 0;
}

/* ---- Mounts ---- */

static void add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source,
                      const char *const *options)
{
        struct oci_mount m = { .destination = xstrdup(destination),
                               .type = xstrdup(type),
                               .source = xstrdup(source) };

        for (; options && *options; options++)
                strv_append(&m.options, *options);
        ARRAY_APPEND(spec->mounts, spec->n_mounts, m);
}

/* Does a mount of the user's stand at (or over) this place? Then ours is not made. */
static bool is_covered(const struct oci_mount *mounts, size_t count, const char *destination)
{
        for (size_t i = 0; i < count; i++)
                if (streq(mounts[i].destination, destination) ||
                    (streq(mounts[i].destination, "/dev") && string_after(destination, "/dev/")))
                        return true;
        return false;
}

static void mount_free(struct oci_mount *m)
{
        free(m->destination);
        free(m->type);
        free(m->source);
        strv_free(m->options);
}

static void drop_covered(struct oci_spec *spec, const struct oci_mount *own, size_t count)
{
        size_t kept = 0;

        for (size_t i = 0; i < spec->n_mounts; i++) {
                if (is_covered(own, count, spec->mounts[i].destination))
                        mount_free(&spec->mounts[i]);
                else
                        spec->mounts[kept++] = spec->mounts[i];
        }
        spec->n_mounts = kept;
}

/* A privileged container may write to /sys and its cgroups. */
static void make_writable(struct oci_spec *spec)
{
        for (size_t i = 0; i < spec->n_mounts; i++) {
                struct oci_mount *m = &spec->mounts[i];

                if (!streq(m->destination, "/sys") && !streq(m->destination, "/sys/fs/cgroup"))
                        continue;
                for (size_t o = 0; m->options && m->options[o]; o++)
                        if (streq(m->options[o], "ro"))
                                replace_string(&m->options[o], "rw");
        }
}

/* Where the shared memory of a container is that others may join: a tmpfs of ours, as nobody can bind a mount
 * out of another mount namespace. */
char *container_shm(const struct engine *engine, const char *id)
{
        return string_format("%s/containers/%s/shm", engine->options->exec_root, id);
}

static int shm_source(struct spec_builder *b, char **ret, struct error *err)
{
        const char *mode = b->c->host.ipc_mode, *other = mode ? string_after(mode, "container:") : NULL;
        cleanup_container struct container *donor = NULL;

        if (other && container_find(b->engine, other, &donor, err) < 0)
                return -1;
        if (streq(mode, "host") || (donor && streq(donor->host.ipc_mode, "host")))
                *ret = xstrdup("/dev/shm");
        else if (donor || streq(mode, "shareable"))
                *ret = container_shm(b->engine, donor ? donor->id : b->c->id);
        return 0;
}

static int add_shm(struct spec_builder *b, struct error *err)
{
        static const char *const bind_options[] = { "rbind", "rprivate", NULL };
        cleanup_free char *size = string_format("size=%" PRId64, b->c->host.shm_size), *source = NULL;

        if (streq(b->c->host.ipc_mode, "none"))
                return 0;
        if (shm_source(b, &source, err) < 0)
                return -1;
        add_mount(b->spec, "/dev/shm", source ? "bind" : "tmpfs", source ? source : "shm",
                  source ? bind_options : runtime_shm_options);
        if (!source)
                strv_append(&b->spec->mounts[b->spec->n_mounts - 1].options, size);
        return 0;
}

static void add_network_file(struct spec_builder *b, const struct oci_mount *own, size_t count,
                             const char *dir, const char *name)
{
        const char *const options[] = { "rbind", "rprivate", b->c->host.readonly_rootfs ? "ro" : NULL, NULL };
        cleanup_free char *destination = string_format("/etc/%s", name),
                          *source = string_format("%s/%s", dir, name);

        if (!is_covered(own, count, destination) && access(source, F_OK) == 0)
                add_mount(b->spec, destination, "bind", source, options);
}

static int add_mounts(struct spec_builder *b, struct error *err)
{
        static const char *const files[] = { "resolv.conf", "hostname", "hosts" };
        static const char *const init_options[] = { "bind", "ro", NULL };
        cleanup_free char *dir = NULL;
        struct oci_mount *own = NULL;
        size_t count = 0;
        const char *joined =
            b->c->host.network_mode ? string_after(b->c->host.network_mode, "container:") : NULL;

        dir = container_dir(b->engine, joined ? joined : b->c->id);
        if (mounts_prepare(b->engine->volumes, b->c->id, &b->c->mounts, &own, &count, err) < 0)
                return -1;
        runtime_default_mounts(&b->spec->mounts, &b->spec->n_mounts);
        if (add_shm(b, err) < 0)
                return -1;
        if (b->c->host.privileged)
                make_writable(b->spec);
        drop_covered(b->spec, own, count);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                add_network_file(b, own, count, dir, files[i]);
        if (spec_wants_init(b))
                add_mount(b->spec, INIT_PATH, "bind", b->engine->init_program, init_options);
        for (size_t i = 0; i < count; i++)
                ARRAY_APPEND(b->spec->mounts, b->spec->n_mounts, own[i]);
        free(own);
        return 0;
}

/* ---- Security ---- */

/* The value of the last `key=value` (or key:value, or key alone: "") among the security options; NULL when
 * absent. */
static const char *security_option(const struct host_config *h, const char *key)
{
        const char *found = NULL;
        size_t len = strlen(key);

        for (size_t i = 0; h->security_opt && h->security_opt[i]; i++)
                if (strncmp(h->security_opt[i], key, len) == 0) {
                        if (h->security_opt[i][len] == 0)
                                found = "";
                        else if (strchr("=:", h->security_opt[i][len]))
                                found = h->security_opt[i] + len + 1;
                }
        return found;
}

static int add_seccomp(struct spec_builder *b, struct error *err)
{
        const char *profile = security_option(&b->c->host, "seccomp"),
                   *configured = b->engine->options->seccomp_profile;
        struct oci_seccomp *rules;
        cleanup_free char *text = NULL;

        if (streq(profile, "unconfined") ||
            (!profile && (b->c->host.privileged || streq(configured, "unconfined"))))
                return 0;
        rules = b->spec->linux_config->seccomp = xcalloc(1, sizeof(*rules));
        if (profile && !streq(profile, "builtin"))
                return seccomp_docker_profile(profile, strlen(profile), b->capabilities, rules, err);
        if (!profile && !string_empty(configured) && !streq(configured, "builtin")) {
                if (file_read(AT_FDCWD, configured, PROFILE_MAX, &text, NULL, err) < 0)
                        return error_context(err, "opening seccomp profile (%s) failed", configured);
                return seccomp_docker_profile(text, strlen(text), b->capabilities, rules, err);
        }
        seccomp_docker_default(b->capabilities, rules);
        return 0;
}

static int add_security(struct spec_builder *b, struct error *err)
{
        const struct host_config *h = &b->c->host;
        const char *no_new = security_option(h, "no-new-privileges"),
                   *apparmor = security_option(h, "apparmor");
        bool flag = b->engine->options->no_new_privileges;

        if (no_new && (!*no_new || string_to_bool(no_new, &flag) < 0))
                flag = true;
        b->spec->process->no_new_privileges = flag;
        if (!string_empty(apparmor) && !streq(apparmor, "unconfined"))
                b->spec->process->apparmor_profile = xstrdup(apparmor);
        b->spec->linux_config->masked_paths = strv_copy(h->masked_paths);
        b->spec->linux_config->readonly_paths = strv_copy(h->readonly_paths);
        return add_seccomp(b, err);
}

static int add_sysctls(struct spec_builder *b, struct error *err)
{
        const struct strmap *sysctls = &b->c->host.sysctls;
        bool own_net = b->network && b->network->netns >= 0 && !b->network->joined;

        for (size_t i = 0; i < sysctls->count; i++) {
                const char *key = sysctls->pairs[i].key;

                if (string_after(key, "net.") && !own_net)
                        return error_set(err, ERROR_INVALID,
                                         "sysctl '%s' not allowed in host network namespace", key);
                strmap_set(&b->spec->linux_config->sysctl, key, sysctls->pairs[i].value);
        }
        return 0;
}

char *container_cgroup_path(const struct engine *engine, const struct container *c)
{
        const char *parent = !string_empty(c->host.cgroup_parent)            ? c->host.cgroup_parent
                             : !string_empty(engine->options->cgroup_parent) ? engine->options->cgroup_parent
                                                                             : "/davit";

        return string_format("%s%s/%s", *parent == '/' ? "" : "/", parent, c->id);
}

int container_spec(struct engine *engine, struct container *c, const struct network_start *network,
                   struct oci_spec *ret, struct error *err)
{
        struct spec_builder b = { engine, c, network, ret, 0 };
        struct oci_linux *l = ret->linux_config = xcalloc(1, sizeof(*l));

        ret->oci_version = xstrdup(OCI_SPEC_VERSION);
        ret->root = xcalloc(1, sizeof(*ret->root));
        ret->root->path = xstrdup("rootfs");
        ret->root->readonly = c->host.readonly_rootfs;
        l->resources = xcalloc(1, sizeof(*l->resources));
        l->cgroups_path = container_cgroup_path(engine, c);
        l->rootfs_propagation = xstrdup(mounts_rootfs_propagation(&c->mounts));
        strmap_copy(&ret->annotations, &c->host.annotations);
        if (!streq(c->host.uts_mode, "host")) {
                ret->hostname = xstrdup(c->config.hostname);
                ret->domainname = string_empty(c->config.domainname) ? NULL : xstrdup(c->config.domainname);
        }
        if (check_device_requests(&b, err) < 0 || spec_capabilities(&c->host, &b.capabilities, err) < 0 ||
            container_resources(&c->host, l->resources, err) < 0 || spec_add_process(&b, err) < 0 ||
            add_namespaces(&b, err) < 0 || add_mounts(&b, err) < 0 || spec_add_devices(&b, err) < 0 ||
            add_security(&b, err) < 0 || add_sysctls(&b, err) < 0)
                return -1;
        return 0;
}
