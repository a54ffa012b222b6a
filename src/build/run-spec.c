/* The OCI spec of a RUN: what Docker gives a container by default. */
#include "build/run-internal.h"

#include "runtime/caps.h"
#include "runtime/defaults.h"
#include "runtime/seccomp.h"
#include "runtime/user.h"
#include "store/view.h"

#include <ctype.h>
#include <inttypes.h>

#define HOST_NAME "buildkitsandbox"
#define SHM_DEFAULT (64 << 20)

void run_add_mount(struct oci_spec *spec, const char *destination, const char *type, const char *source,
                   const char *source_root, const char *const *options)
{
        struct oci_mount m = {
                .destination = xstrdup(destination),
                .type = xstrdup(type),
                .source = xstrdup(source),
                .source_root = xstrdup(source_root),
        };

        for (; options && *options; options++)
                strv_append(&m.options, *options);
        ARRAY_APPEND(spec->mounts, spec->n_mounts, m);
}

static int add_rlimits(struct build *b, struct oci_process *p, struct error *err)
{
        static const char *const names[] = { "as",      "core",     "cpu",        "data",   "fsize", "locks",
                                             "memlock", "msgqueue", "nice",       "nofile", "nproc", "rss",
                                             "rtprio",  "rttime",   "sigpending", "stack" };

        for (size_t i = 0; i < b->options->n_ulimits; i++) {
                const struct ulimit *u = &b->options->ulimits[i];
                struct oci_rlimit limit = { string_format("RLIMIT_%s", u->name), (uint64_t)u->soft,
                                            (uint64_t)u->hard };
                bool known = false;

                for (size_t n = 0; n < ARRAY_SIZE(names); n++)
                        known |= streq(names[n], u->name);
                for (char *c = limit.type; *c; c++)
                        *c = (char)toupper((unsigned char)*c);
                ARRAY_APPEND(p->rlimits, p->n_rlimits, limit);
                if (!known)
                        return error_set(err, ERROR_INVALID, "invalid ulimit type: %s", u->name);
        }
        return 0;
}

/* The user, as the image's own files know it, and its home. */
static int set_user(struct stage_state *s, struct run_work *w, struct oci_process *p, struct error *err)
{
        cleanup_runtime_user struct runtime_user user = {};
        cleanup_close int root = layers_view(w->lowers, NULL, err);

        if (root < 0 || runtime_resolve_user(root, s->image.config.user ? s->image.config.user : "", NULL,
                                             &user, err) < 0)
                return -1;
        p->user = (struct oci_user){ .uid = user.uid,
                                     .gid = user.gid,
                                     .additional_gids = user.groups,
                                     .n_additional_gids = user.n_groups };
        user.groups = NULL;
        user.n_groups = 0;
        if (!env_get(w->env, "HOME"))
                env_set(&w->env, "HOME", string_empty(user.home) ? "/" : user.home);
        return 0;
}

static int add_process(struct build *b, struct stage_state *s, struct run_work *w, struct oci_spec *spec,
                       struct error *err)
{
        struct oci_process *p = spec->process = xcalloc(1, sizeof(*p));
        struct oci_capabilities *c = p->capabilities = xcalloc(1, sizeof(*c));
        uint64_t mask = w->insecure ? caps_all() & caps_bounding() : caps_docker_defaults();

        if (set_user(s, w, p, err) < 0)
                return -1;
        p->args = strv_copy(w->args);
        p->env = strv_copy(w->env);
        p->cwd = xstrdup(string_empty(s->image.config.working_dir) ? "/" : s->image.config.working_dir);
        c->bounding = caps_to_names(mask);
        c->effective = caps_to_names(p->user.uid == 0 ? mask : 0);
        c->permitted = caps_to_names(p->user.uid == 0 ? mask : 0);
        return add_rlimits(b, p, err);
}

/* The names of every RUN, whatever its network. */
static int write_hosts(struct build *b, struct step_tree *t, struct error *err)
{
        cleanup_strbuf struct strbuf text = {};

        strbuf_adds(&text, "127.0.0.1\tlocalhost " HOST_NAME "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        for (char **h = b->options->extra_hosts; h && *h; h++) {
                const char *colon = strchr(*h, ':');

                if (colon)
                        strbuf_addf(&text, "%s\t%.*s\n", colon + 1, (int)(colon - *h), *h);
        }
        if (file_replace(t->dirfd, "hosts", text.data, text.len, 0644, false, err) < 0)
                return -1;
        return fchmodat(t->dirfd, "hosts", 0644, 0) < 0 ? error_errno(err, "hosts") : 0;
}

static void add_mounts(struct build *b, struct step_tree *t, struct run_work *w, struct oci_spec *spec)
{
        static const char *const files[] = { "resolv.conf", "hostname", "hosts" };
        static const char *const bind[] = { "rbind", "rprivate", NULL };
        cleanup_free char *size =
            string_format("size=%" PRId64, b->options->shm_size ? b->options->shm_size : SHM_DEFAULT);
        const char *shm[16];
        size_t n = 0;

        runtime_default_mounts(&spec->mounts, &spec->n_mounts);
        for (; runtime_shm_options[n] && n < ARRAY_SIZE(shm) - 2; n++)
                shm[n] = runtime_shm_options[n];
        shm[n++] = size;
        shm[n] = NULL;
        run_add_mount(spec, "/dev/shm", "tmpfs", "shm", NULL, shm);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                cleanup_free char *source = string_format("%s/%s", t->path, files[i]),
                                  *destination = string_format("/etc/%s", files[i]);

                if (access(source, F_OK) == 0)
                        run_add_mount(spec, destination, "bind", source, NULL, bind);
        }
        (void)w;
}

/* What keeps a container from the host's kernel. */
static void add_walls(struct oci_linux *l)
{
        runtime_default_device_rules(&l->resources->devices, &l->resources->n_devices);
        runtime_default_masked_paths(&l->masked_paths);
        runtime_default_readonly_paths(&l->readonly_paths);
        l->seccomp = xcalloc(1, sizeof(*l->seccomp));
        seccomp_docker_default(caps_docker_defaults(), l->seccomp);
}

static void remove_walls(struct oci_spec *spec)
{
        struct oci_linux *l = spec->linux_config;
        struct oci_device_rule any = { .allow = true, .access = xstrdup("rwm") };

        ARRAY_APPEND(l->resources->devices, l->resources->n_devices, any);
        for (size_t i = 0; i < spec->n_mounts; i++)
                for (char **o = spec->mounts[i].options;
                     string_after(spec->mounts[i].destination, "/sys") && o && *o; o++)
                        if (streq(*o, "ro"))
                                replace_string(o, "rw");
}

static void add_linux(struct build *b, const struct run_work *w, const char *id, int netns,
                      struct oci_spec *spec)
{
        static const char *const namespaces[] = { "mount", "uts", "pid", "ipc" };
        struct oci_linux *l = spec->linux_config = xcalloc(1, sizeof(*l));

        for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
                ARRAY_APPEND(l->namespaces, l->n_namespaces,
                             ((struct oci_namespace){ xstrdup(namespaces[i]), NULL }));
        if (netns >= 0)
                ARRAY_APPEND(l->namespaces, l->n_namespaces,
                             ((struct oci_namespace){ xstrdup("network"), NULL }));
        l->resources = xcalloc(1, sizeof(*l->resources));
        l->cgroups_path = string_format("%s/%s",
                                        string_empty(b->options->cgroup_parent) ? b->services->cgroup_parent
                                                                                : b->options->cgroup_parent,
                                        id);
        if (!w->insecure)
                add_walls(l);
}

int run_spec(struct build *b, struct stage_state *s, struct step_tree *t, struct run_work *w, const char *id,
             int netns, struct oci_spec *spec, struct error *err)
{
        spec->oci_version = xstrdup(OCI_SPEC_VERSION);
        spec->root = xcalloc(1, sizeof(*spec->root));
        spec->root->path = xstrdup("rootfs"); /* the overlay takes its place */
        spec->hostname = xstrdup(HOST_NAME);
        add_linux(b, w, id, netns, spec);
        if (write_hosts(b, t, err) < 0)
                return -1;
        add_mounts(b, t, w, spec);
        if (w->insecure)
                remove_walls(spec);
        if (run_mounts_add(b, s, t, w, spec, err) < 0)
                return -1;
        return add_process(b, s, w, spec, err);
}
