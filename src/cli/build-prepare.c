/* From the flags of `build` to what the engine is asked for. */
#include "base/base64.h"
#include "base/fd.h"
#include "cli/build.h"
#include "cli/container-grammar.h"
#include "oci/reference.h"

#define SECRET_MAX 500000

void build_upload_deinit(struct build_upload *u)
{
        for (size_t i = 0; i < u->n_fds; i++)
                close(u->fds[i]);
        for (size_t i = 0; i < u->n_agents; i++)
                build_agent_stop(&u->agents[i]);
        free(u->agents);
        build_options_deinit(&u->options);
}

/* ---- What davit does not have ---- */

static int refuse(const struct build_flags *f, struct error *err)
{
        const struct {
                bool given;
                const char *name;
        } missing[] = {
                { f->attest != NULL, "--attest" },
                { f->squash, "--squash" },
                { !string_empty(f->sbom) && !streq(f->sbom, "false"), "--sbom" },
                { !string_empty(f->provenance) && !streq(f->provenance, "false"), "--provenance" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
                if (missing[i].given)
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "failed to build: %s is not supported by davit", missing[i].name);
        return 0;
}

/* ---- Small values ---- */

static bool has_upper(const char *s)
{
        for (; *s && *s != ':'; s++)
                if (*s >= 'A' && *s <= 'Z')
                        return true;
        return false;
}

static int set_tags(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **tag = f->tag; tag && *tag; tag++) {
                struct reference r = {};

                if (reference_parse(*tag, &r, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "failed to build: invalid tag \"%s\": %s", *tag,
                                         has_upper(strrchr(*tag, '/') ? strrchr(*tag, '/') : *tag)
                                             ? "repository name must be lowercase"
                                             : "invalid reference format");
                reference_deinit(&r);
                strv_append(&o->tags, *tag);
        }
        return 0;
}

static int set_args(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **a = f->build_arg; a && *a; a++) {
                const char *equals = strchr(*a, '=');
                cleanup_free char *name = equals ? xstrndup(*a, (size_t)(equals - *a)) : xstrdup(*a);
                const char *value = equals ? equals + 1 : getenv(name);

                if (!*name)
                        return error_set(err, ERROR_INVALID, "invalid key-value pair \"%s\": empty key", *a);
                if (value)
                        strmap_set(&o->build_args, name, value);
        }
        for (char **l = f->label; l && *l; l++) {
                const char *equals = strchr(*l, '=');
                cleanup_free char *name = equals ? xstrndup(*l, (size_t)(equals - *l)) : xstrdup(*l);

                if (!*name)
                        return error_set(err, ERROR_INVALID, "invalid key-value pair \"%s\": empty key", *l);
                strmap_set(&o->labels, name, equals ? equals + 1 : "");
        }
        return 0;
}

static int set_hosts(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **h = f->add_host; h && *h; h++) {
                size_t len = strcspn(*h, "=:");

                if (len == 0 || !(*h)[len] || !(*h)[len + 1])
                        return error_set(err, ERROR_INVALID, "failed to build: invalid host %s", *h);
                strv_append_take(&o->extra_hosts, string_format("%.*s:%s", (int)len, *h, *h + len + 1));
        }
        for (char **u = f->ulimit; u && *u; u++) {
                struct ulimit limit = {};

                if (grammar_ulimit(*u, &limit, err) < 0)
                        return -1;
                ARRAY_APPEND(o->ulimits, o->n_ulimits, limit);
        }
        return 0;
}

struct secret_source {
        const char *id, *src, *env;
        bool type_env;
};

static int parse_secret(char *const *fields, const char *whole, struct secret_source *s, struct error *err)
{
        for (; *fields; fields++) {
                char *equals = strchr(*fields, '=');

                if (!equals)
                        return error_set(err, ERROR_INVALID, "invalid field '%s' must be a key=value pair",
                                         *fields);
                *equals = 0;
                if (streq(*fields, "type") && (streq(equals + 1, "file") || streq(equals + 1, "env")))
                        s->type_env = equals[1] == 'e';
                else if (streq(*fields, "id"))
                        s->id = equals + 1;
                else if (streq(*fields, "src") || streq(*fields, "source"))
                        s->src = equals + 1;
                else if (streq(*fields, "env"))
                        s->env = equals + 1;
                else
                        return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s=%s'", *fields,
                                         *fields, equals + 1);
        }
        (void)whole;
        return 0;
}

static int read_secret(const struct secret_source *s, char **ret, size_t *ret_len, struct error *err)
{
        const char *path = s->src ? s->src : s->id, *env = s->env        ? s->env
                                                           : s->type_env ? s->src ? s->src : s->id
                                                                         : NULL;
        struct stat st;

        if (!env && !s->src && getenv(s->id))
                env = s->id;
        if (env) {
                *ret = xstrdup(getenv(env) ? getenv(env) : "");
                *ret_len = strlen(*ret);
                return 0;
        }
        if (stat(path, &st) < 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to stat %s: stat %s: no such file or directory",
                                 path, path);
        return file_read(AT_FDCWD, path, SECRET_MAX, ret, ret_len, err);
}

static int set_secrets(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **text = f->secret; text && *text; text++) {
                cleanup_strv char **fields = strv_split(*text, ',');
                cleanup_free char *value = NULL;
                struct secret_source source = {};
                struct build_secret secret = {};
                size_t len = 0;

                if (parse_secret(fields, *text, &source, err) < 0)
                        return -1;
                if (string_empty(source.id))
                        return error_set(err, ERROR_INVALID, "failed to build: secret missing ID");
                if (read_secret(&source, &value, &len, err) < 0)
                        return -1;
                secret.id = xstrdup(source.id);
                secret.value = base64_encode(value, len, false);
                explicit_bzero(value, len);
                ARRAY_APPEND(o->secrets, o->n_secrets, secret);
        }
        return 0;
}

/* An image for several platforms is an index: the engine's store has none. */
static int set_platforms(const struct build_flags *f, struct build_options *o, struct error *err)
{
        o->platforms = strv_copy(f->platform);
        for (size_t i = 0; i < o->n_outputs && strv_length(f->platform) > 1; i++) {
                const struct build_entry *e = &o->outputs[i];

                if (streq(e->type, "docker") ||
                    (streq(e->type, "image") && !streq(strmap_get(&e->attributes, "push"), "true")))
                        return error_set(
                            err, ERROR_UNSUPPORTED,
                            "failed to build: Multi-platform build is not supported for the docker driver.\n"
                            "Send it to a registry (--push), an OCI archive (--output type=oci) or files "
                            "(--output type=local).");
        }
        return 0;
}

int build_prepare(const struct build_flags *f, const char *context, struct build_upload *ret,
                  struct error *err)
{
        struct build_options *o = &ret->options;

        if (f->no_cache && f->no_cache_filter)
                return error_set(
                    err, ERROR_INVALID,
                    "failed to build: --no-cache and --no-cache-filter cannot currently be used together");
        if (set_args(f, o, err) < 0 || set_secrets(f, o, err) < 0 || refuse(f, err) < 0 ||
            set_hosts(f, o, err) < 0 || set_tags(f, o, err) < 0 || build_outputs(f, o, err) < 0 ||
            build_caches(f, o, err) < 0 || set_platforms(f, o, err) < 0)
                return -1;
        o->target = xstrdup(f->target);
        o->network = xstrdup(f->network);
        o->cgroup_parent = xstrdup(f->cgroup_parent);
        o->no_cache = f->no_cache;
        o->no_cache_filter = strv_copy(f->no_cache_filter);
        o->pull = f->pull;
        o->quiet = f->quiet;
        o->explain = f->explain;
        o->check = f->check || streq(f->call, "check");
        o->allow = strv_copy(f->allow);
        o->shm_size = f->shm_size;
        return build_contexts(f, context, ret, err) < 0 ? -1 : build_ssh(f, ret, err);
}
