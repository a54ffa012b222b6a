/* Config and HostConfig → the OCI spec, with Docker's defaults. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/defaults.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "store/layer.h"
#include "store/view.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PROFILE_MAX (4 << 20)
#define INIT_PATH "/sbin/docker-init"

struct spec_builder {
        struct engine *engine;
        struct container *c;
        const struct network_start *network;
        struct oci_spec *spec;
        uint64_t capabilities;
};

/* ---- Process ---- */

static int capability_mask(const struct host_config *h, uint64_t *ret, struct error *err)
{
        uint64_t mask = caps_docker_defaults(), bit;

        if (h->privileged) {
                *ret = caps_all();
                return 0;
        }
        if (strv_contains(h->cap_add, "ALL"))
                mask = caps_all();
        if (strv_contains(h->cap_drop, "ALL"))
                mask = strv_contains(h->cap_add, "ALL") ? caps_all() : 0;
        for (size_t i = 0; h->cap_drop && h->cap_drop[i]; i++) {
                char *one[] = { h->cap_drop[i], NULL };

                if (streq(h->cap_drop[i], "ALL"))
                        continue;
                if (caps_from_names(one, &bit, err) < 0)
                        return -1;
                mask &= ~bit;
        }
        for (size_t i = 0; h->cap_add && h->cap_add[i]; i++) {
                char *one[] = { h->cap_add[i], NULL };

                if (streq(h->cap_add[i], "ALL"))
                        continue;
                if (caps_from_names(one, &bit, err) < 0)
                        return -1;
                mask |= bit;
        }
        *ret = mask;
        return 0;
}

static void add_capabilities(struct spec_builder *b)
{
        struct oci_capabilities *c = b->spec->process->capabilities = xcalloc(1, sizeof(*c));
        bool root = b->spec->process->user.uid == 0;

        /* A user who is not root gets them only through setuid programs. */
        c->bounding = caps_to_names(b->capabilities);
        c->effective = caps_to_names(root ? b->capabilities : 0);
        c->permitted = caps_to_names(root ? b->capabilities : 0);
}

/* PATH, HOSTNAME, TERM, HOME under what the image and the request say. */
static void add_environment(struct spec_builder *b, const char *home)
{
        const struct container_config *c = &b->c->config;
        char ***env = &b->spec->process->env;

        strv_append(env, DEFAULT_PATH);
        strv_append_take(env, string_format("HOSTNAME=%s", c->hostname ? c->hostname : ""));
        if (c->tty)
                strv_append(env, "TERM=xterm");
        for (size_t i = 0; b->network && b->network->env && b->network->env[i]; i++)
                strv_append(env, b->network->env[i]);
        for (size_t i = 0; c->env && c->env[i]; i++) {
                char *equals = strchr(c->env[i], '=');
                cleanup_free char *name = equals ? xstrndup(c->env[i], (size_t)(equals - c->env[i])) : NULL;

                /* A name alone was to remove what the image sets. */
                if (name)
                        env_set(env, name, equals + 1);
        }
        if (!env_get(*env, "HOME"))
                env_set(env, "HOME", home);
}

static const struct {
        const char *name, *type;
} rlimit_names[] = {
        { "as", "RLIMIT_AS" },           { "core", "RLIMIT_CORE" },     { "cpu", "RLIMIT_CPU" },       { "data", "RLIMIT_DATA" },
        { "fsize", "RLIMIT_FSIZE" },     { "locks", "RLIMIT_LOCKS" },   { "memlock", "RLIMIT_MEMLOCK" }, { "msgqueue", "RLIMIT_MSGQUEUE" },
        { "nice", "RLIMIT_NICE" },       { "nofile", "RLIMIT_NOFILE" }, { "nproc", "RLIMIT_NPROC" },   { "rss", "RLIMIT_RSS" },
        { "rtprio", "RLIMIT_RTPRIO" },   { "rttime", "RLIMIT_RTTIME" }, { "sigpending", "RLIMIT_SIGPENDING" }, { "stack", "RLIMIT_STACK" },
};

static int add_rlimit(struct oci_process *p, const char *name, int64_t soft, int64_t hard, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
                if (streq(rlimit_names[i].name, name)) {
                        struct oci_rlimit limit = { xstrdup(rlimit_names[i].type), (uint64_t)soft, (uint64_t)hard };

                        ARRAY_APPEND(p->rlimits, p->n_rlimits, limit);
                        return 0;
                }
        return error_set(err, ERROR_INVALID, "invalid ulimit type: %s", name);
}

static int add_rlimits(struct spec_builder *b, struct error *err)
{
        const struct host_config *h = &b->c->host;
        char *const *defaults = b->engine->options->default_ulimits;

        for (size_t i = 0; i < h->n_ulimits; i++)
                if (add_rlimit(b->spec->process, h->ulimits[i].name, h->ulimits[i].soft, h->ulimits[i].hard, err) < 0)
                        return -1;
        for (; defaults && *defaults; defaults++) {
                cleanup_free char *name = xstrndup(*defaults, strcspn(*defaults, "="));
                const char *values = strchr(*defaults, '='), *colon = values ? strchr(values, ':') : NULL;
                bool own = false;

                for (size_t i = 0; i < h->n_ulimits; i++)
                        own |= streq(h->ulimits[i].name, name);
                if (!own && values && add_rlimit(b->spec->process, name, atoll(values + 1), atoll(colon ? colon + 1 : values + 1), err) < 0)
                        return -1;
        }
        return 0;
}

static bool wants_init(const struct spec_builder *b)
{
        return b->c->host.init ? *b->c->host.init : b->engine->options->init;
}

static int add_process(struct spec_builder *b, struct error *err)
{
        struct container *c = b->c;
        struct oci_process *p = b->spec->process = xcalloc(1, sizeof(*p));
        cleanup_runtime_user struct runtime_user user = {};
        cleanup_strv char **lowers = NULL;
        cleanup_free char *dir = container_dir(b->engine, c->id), *upper = string_format("%s/upper", dir);
        cleanup_free struct digest *diff_ids = NULL;
        cleanup_close int root = -1;
        size_t count = 0;

        if (container_layers(c, &diff_ids, &count, err) < 0 || layer_run_lowers(b->engine->store, diff_ids, count, &lowers, err) < 0)
                return -1;
        root = layers_view(lowers, upper, err);
        if (root < 0 || runtime_resolve_user(root, c->config.user ? c->config.user : "", c->host.group_add, &user, err) < 0)
                return -1;
        p->terminal = c->config.tty;
        if (c->config.tty && c->host.n_console_size == 2 && c->host.console_size[0]) {
                p->console_size = xcalloc(1, sizeof(*p->console_size));
                *p->console_size = (struct oci_box){ c->host.console_size[0], c->host.console_size[1] };
        }
        p->user = (struct oci_user){ .uid = user.uid, .gid = user.gid, .additional_gids = user.groups, .n_additional_gids = user.n_groups };
        user.groups = NULL;
        user.n_groups = 0;
        if (wants_init(b)) {
                strv_append(&p->args, INIT_PATH);
                strv_append(&p->args, "--");
        }
        strv_append(&p->args, c->path);
        strv_extend(&p->args, c->args);
        p->cwd = xstrdup(string_empty(c->config.working_dir) ? "/" : c->config.working_dir);
        add_environment(b, string_empty(user.home) ? "/" : user.home);
        add_capabilities(b);
        p->oom_score_adj = xmemdup(&c->host.oom_score_adj, sizeof(int));
        return add_rlimits(b, err);
}

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
                return error_set(err, ERROR_CONFLICT, "failed to join %s namespace: container %s is not running", what, other->id);
        return 0;
}

static void add_namespace(struct oci_linux *l, const char *type, char *path)
{
        ARRAY_APPEND(l->namespaces, l->n_namespaces, ((struct oci_namespace){ xstrdup(type), path }));
}

static int add_shared_namespace(struct spec_builder *b, const char *type, const char *file, const char *mode, const char *what, struct error *err)
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
                                 "failed to join IPC namespace: container %s: non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
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
        if (check_ipc_donor(b, err) < 0 || add_shared_namespace(b, "uts", "uts", h->uts_mode, "UTS", err) < 0 ||
            add_shared_namespace(b, "pid", "pid", h->pid_mode, "PID", err) < 0 ||
            add_shared_namespace(b, "ipc", "ipc", h->ipc_mode, "IPC", err) < 0)
                return -1;
        if (streq(h->cgroupns_mode, "private"))
                add_namespace(l, "cgroup", NULL);
        return 0;
}

/* ---- Mounts ---- */

static void add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source, const char *const *options)
{
        struct oci_mount m = { .destination = xstrdup(destination), .type = xstrdup(type), .source = xstrdup(source) };

        for (; options && *options; options++)
                strv_append(&m.options, *options);
        ARRAY_APPEND(spec->mounts, spec->n_mounts, m);
}

/* Does a mount of the user's stand at (or over) this place? Then ours is not made. */
static bool is_covered(const struct oci_mount *mounts, size_t count, const char *destination)
{
        for (size_t i = 0; i < count; i++)
                if (streq(mounts[i].destination, destination) || (streq(mounts[i].destination, "/dev") && string_after(destination, "/dev/")))
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

static int add_shm(struct spec_builder *b, struct error *err)
{
        const char *mode = b->c->host.ipc_mode, *other = mode ? string_after(mode, "container:") : NULL;
        cleanup_free char *size = string_format("size=%" PRId64, b->c->host.shm_size);
        struct oci_mount m = { .destination = xstrdup("/dev/shm") };
        int pid;

        if (streq(mode, "none")) {
                mount_free(&m);
                return 0;
        }
        if (other || streq(mode, "host")) {
                cleanup_free char *source = NULL;

                if (other && pid_of(b->engine, other, "IPC", &pid, err) < 0) {
                        mount_free(&m);
                        return -1;
                }
                m.type = xstrdup("bind");
                m.source = other ? string_format("/proc/%d/root/dev/shm", pid) : xstrdup("/dev/shm");
                strv_append(&m.options, "rbind");
                strv_append(&m.options, "rprivate");
        } else {
                m.type = xstrdup("tmpfs");
                m.source = xstrdup("shm");
                for (const char *const *o = runtime_shm_options; *o; o++)
                        strv_append(&m.options, *o);
                strv_append(&m.options, size);
        }
        ARRAY_APPEND(b->spec->mounts, b->spec->n_mounts, m);
        return 0;
}

static void add_network_file(struct spec_builder *b, const struct oci_mount *own, size_t count, const char *dir, const char *name)
{
        const char *const options[] = { "rbind", "rprivate", b->c->host.readonly_rootfs ? "ro" : NULL, NULL };
        cleanup_free char *destination = string_format("/etc/%s", name), *source = string_format("%s/%s", dir, name);

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
        const char *joined = b->c->host.network_mode ? string_after(b->c->host.network_mode, "container:") : NULL;

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
        if (wants_init(b))
                add_mount(b->spec, INIT_PATH, "bind", b->engine->init_program, init_options);
        for (size_t i = 0; i < count; i++)
                ARRAY_APPEND(b->spec->mounts, b->spec->n_mounts, own[i]);
        free(own);
        return 0;
}

/* ---- Devices ---- */

static void add_rule(struct oci_linux *l, bool allow, const char *type, int64_t major_number, int64_t minor_number, const char *access)
{
        struct oci_device_rule rule = { .allow = allow, .type = xstrdup(type), .access = xstrdup(access) };

        rule.major = xmemdup(&major_number, sizeof(major_number));
        rule.minor = xmemdup(&minor_number, sizeof(minor_number));
        ARRAY_APPEND(l->resources->devices, l->resources->n_devices, rule);
}

static int add_device(struct spec_builder *b, const char *host_path, const char *path, const char *access, struct error *err)
{
        struct oci_linux *l = b->spec->linux_config;
        struct oci_device device = {};

        if (runtime_device_from_host(host_path, &device, err) < 0)
                return error_context(err, "error gathering device information while adding custom device \"%s\"", host_path);
        replace_string(&device.path, path);
        ARRAY_APPEND(l->devices, l->n_devices, device);
        if (access)
                add_rule(l, true, device.type, device.major, device.minor, access);
        return 0;
}

/* A folder stands for the devices in it. */
static int add_device_folder(struct spec_builder *b, const char *host_path, const char *path, const char *access, int depth, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;

        if (directory_list(AT_FDCWD, host_path, &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir))) {
                cleanup_free char *from = string_format("%s/%s", host_path, entry->d_name), *to = string_format("%s/%s", path, entry->d_name);
                struct stat st;

                if (entry->d_name[0] == '.' || lstat(from, &st) < 0)
                        continue;
                /* These belong to the container itself. */
                if (streq(entry->d_name, "pts") || streq(entry->d_name, "shm") || streq(entry->d_name, "fd") || streq(entry->d_name, "mqueue") ||
                    streq(entry->d_name, "console"))
                        continue;
                if (S_ISDIR(st.st_mode) && depth < 8 && add_device_folder(b, from, to, access, depth + 1, err) < 0)
                        return -1;
                if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && add_device(b, from, to, access, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_device_rule_text(struct spec_builder *b, const char *text, struct error *err)
{
        char type, access[8], major_text[24], minor_text[24];

        if (sscanf(text, "%c %23[0-9*]:%23[0-9*] %7[rwm]", &type, major_text, minor_text, access) != 4)
                return error_set(err, ERROR_INVALID, "invalid device cgroup rule format: '%s'", text);
        add_rule(b->spec->linux_config, true, (char[]){ type, 0 }, *major_text == '*' ? -1 : atoll(major_text),
                 *minor_text == '*' ? -1 : atoll(minor_text), access);
        return 0;
}

static int add_devices(struct spec_builder *b, struct error *err)
{
        const struct host_config *h = &b->c->host;
        struct oci_linux *l = b->spec->linux_config;

        if (h->privileged) {
                add_rule(l, true, "a", -1, -1, "rwm");
                if (add_device_folder(b, "/dev", "/dev", NULL, 0, err) < 0)
                        return -1;
        } else {
                runtime_default_device_rules(&l->resources->devices, &l->resources->n_devices);
        }
        for (size_t i = 0; i < h->n_devices; i++) {
                const struct device_mapping *d = &h->devices[i];
                const char *to = string_empty(d->path_in_container) ? d->path_on_host : d->path_in_container;
                const char *access = string_empty(d->cgroup_permissions) ? "rwm" : d->cgroup_permissions;
                struct stat st;
                int r;

                if (stat(d->path_on_host, &st) < 0)
                        return error_set(err, ERROR_SYSTEM, "error gathering device information while adding custom device \"%s\": no such file or directory",
                                         d->path_on_host);
                r = S_ISDIR(st.st_mode) ? add_device_folder(b, d->path_on_host, to, access, 0, err) : add_device(b, d->path_on_host, to, access, err);
                if (r < 0)
                        return -1;
        }
        for (size_t i = 0; h->device_cgroup_rules && h->device_cgroup_rules[i]; i++)
                if (add_device_rule_text(b, h->device_cgroup_rules[i], err) < 0)
                        return -1;
        return 0;
}

/* ---- Security ---- */

/* The value of the last `key=value` (or key:value, or key alone: "") among the security options; NULL when absent. */
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
        const char *profile = security_option(&b->c->host, "seccomp"), *configured = b->engine->options->seccomp_profile;
        struct oci_seccomp *rules;
        cleanup_free char *text = NULL;

        if (streq(profile, "unconfined") || (!profile && (b->c->host.privileged || streq(configured, "unconfined"))))
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
        const char *no_new = security_option(h, "no-new-privileges"), *apparmor = security_option(h, "apparmor");
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
                        return error_set(err, ERROR_INVALID, "sysctl '%s' not allowed in host network namespace", key);
                strmap_set(&b->spec->linux_config->sysctl, key, sysctls->pairs[i].value);
        }
        return 0;
}

char *container_cgroup_path(const struct engine *engine, const struct container *c)
{
        const char *parent = !string_empty(c->host.cgroup_parent)          ? c->host.cgroup_parent :
                             !string_empty(engine->options->cgroup_parent) ? engine->options->cgroup_parent :
                                                                             "/davit";

        return string_format("%s%s/%s", *parent == '/' ? "" : "/", parent, c->id);
}

int container_spec(struct engine *engine, struct container *c, const struct network_start *network, struct oci_spec *ret,
                   struct error *err)
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
        if (capability_mask(&c->host, &b.capabilities, err) < 0 || container_resources(&c->host, l->resources, err) < 0 ||
            add_process(&b, err) < 0 || add_namespaces(&b, err) < 0 || add_mounts(&b, err) < 0 || add_devices(&b, err) < 0 ||
            add_security(&b, err) < 0 || add_sysctls(&b, err) < 0)
                return -1;
        return 0;
}
