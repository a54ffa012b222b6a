/* The spec's process: user, arguments, environment, capabilities, limits. */
#include "engine/container-spec-internal.h"
#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/user.h"
#include "store/layer.h"
#include "store/view.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

int spec_capabilities(const struct host_config *h, uint64_t *ret, struct error *err)
{
        uint64_t mask = caps_docker_defaults(), bit;

        if (h->privileged) {
                *ret = caps_all() & caps_bounding(); /* what we may not hand on is not there */
                return 0;
        }
        if (strv_contains(h->cap_add, "ALL"))
                mask = caps_all() & caps_bounding();
        if (strv_contains(h->cap_drop, "ALL"))
                mask = strv_contains(h->cap_add, "ALL") ? caps_all() & caps_bounding() : 0;
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

/* PATH, HOSTNAME and TERM under what the image and the request say. HOME is for the runtime to set: an exec
 * may be of another user. */
static void add_environment(struct spec_builder *b)
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
}

static const struct {
        const char *name, *type;
} rlimit_names[] = {
        { "as", "RLIMIT_AS" },
        { "core", "RLIMIT_CORE" },
        { "cpu", "RLIMIT_CPU" },
        { "data", "RLIMIT_DATA" },
        { "fsize", "RLIMIT_FSIZE" },
        { "locks", "RLIMIT_LOCKS" },
        { "memlock", "RLIMIT_MEMLOCK" },
        { "msgqueue", "RLIMIT_MSGQUEUE" },
        { "nice", "RLIMIT_NICE" },
        { "nofile", "RLIMIT_NOFILE" },
        { "nproc", "RLIMIT_NPROC" },
        { "rss", "RLIMIT_RSS" },
        { "rtprio", "RLIMIT_RTPRIO" },
        { "rttime", "RLIMIT_RTTIME" },
        { "sigpending", "RLIMIT_SIGPENDING" },
        { "stack", "RLIMIT_STACK" },
};

static int add_rlimit(struct oci_process *p, const char *name, int64_t soft, int64_t hard, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
                if (streq(rlimit_names[i].name, name)) {
                        struct oci_rlimit limit = { xstrdup(rlimit_names[i].type), (uint64_t)soft,
                                                    (uint64_t)hard };

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
                if (add_rlimit(b->spec->process, h->ulimits[i].name, h->ulimits[i].soft, h->ulimits[i].hard,
                               err) < 0)
                        return -1;
        for (; defaults && *defaults; defaults++) {
                cleanup_free char *name = xstrndup(*defaults, strcspn(*defaults, "="));
                const char *values = strchr(*defaults, '='), *colon = values ? strchr(values, ':') : NULL;
                bool own = false;

                for (size_t i = 0; i < h->n_ulimits; i++)
                        own |= streq(h->ulimits[i].name, name);
                if (!own && values &&
                    add_rlimit(b->spec->process, name, atoll(values + 1),
                               atoll(colon ? colon + 1 : values + 1), err) < 0)
                        return -1;
        }
        return 0;
}

bool spec_wants_init(const struct spec_builder *b)
{
        return b->c->host.init ? *b->c->host.init : b->engine->options->init;
}

int spec_add_process(struct spec_builder *b, struct error *err)
{
        struct container *c = b->c;
        struct oci_process *p = b->spec->process = xcalloc(1, sizeof(*p));
        cleanup_runtime_user struct runtime_user user = {};
        cleanup_strv char **lowers = NULL;
        cleanup_free char *dir = container_dir(b->engine, c->id), *upper = string_format("%s/upper", dir);
        cleanup_free struct digest *diff_ids = NULL;
        cleanup_close int root = -1;
        size_t count = 0;

        if (container_layers(c, &diff_ids, &count, err) < 0 ||
            layer_run_lowers(b->engine->store, diff_ids, count, &lowers, err) < 0)
                return -1;
        root = layers_view(lowers, upper, err);
        if (root < 0 || runtime_resolve_user(root, c->config.user ? c->config.user : "", c->host.group_add,
                                             &user, err) < 0)
                return -1;
        p->terminal = c->config.tty;
        if (c->config.tty && c->host.n_console_size == 2 && c->host.console_size[0]) {
                p->console_size = xcalloc(1, sizeof(*p->console_size));
                *p->console_size = (struct oci_box){ c->host.console_size[0], c->host.console_size[1] };
        }
        p->user = (struct oci_user){ .uid = user.uid,
                                     .gid = user.gid,
                                     .additional_gids = user.groups,
                                     .n_additional_gids = user.n_groups };
        user.groups = NULL;
        user.n_groups = 0;
        if (spec_wants_init(b)) {
                strv_append(&p->args, INIT_PATH);
                strv_append(&p->args, "--");
        }
        strv_append(&p->args, c->path);
        strv_extend(&p->args, c->args);
        p->cwd = xstrdup(string_empty(c->config.working_dir) ? "/" : c->config.working_dir);
        add_environment(b);
        add_capabilities(b);
        p->oom_score_adj = xmemdup(&c->host.oom_score_adj, sizeof(int));
        return add_rlimits(b, err);
}
