#include "engine/registry.h"

#include "engine/image-internal.h"
#include "oci/reference.h"

#define SEARCH_LIMIT 25
#define SEARCH_LIMIT_MAX 100

int engine_login(struct engine *engine, json_object *body, json_object **ret, struct error *err)
{
        cleanup_registry_auth struct registry_auth auth = {};
        cleanup_free char *text = json_format(body), *token = NULL;
        json_object *tree;

        if (registry_auth_parse(text, strlen(text), &auth, err) < 0)
                return -1;
        if (registry_login(&engine->options->registries, &auth, &token, err) < 0)
                return registry_failure(err);
        tree = json_object_new_object();
        json_set_string(tree, "Status", "Login Succeeded");
        json_set_string(tree, "IdentityToken", token ?: "");
        *ret = tree;
        return 0;
}

/* ---- A repository by name ---- */

/* Opens the repository that `call` names. */
static int open_repository(struct engine *engine, const struct registry_call *call, const char *actions,
                           struct reference *ret_reference, struct repository **ret, struct error *err)
{
        cleanup_registry_auth struct registry_auth auth = {};
        cleanup_reference struct reference reference = {};

        if (reference_parse(call->name, &reference, err) < 0 ||
            registry_auth_decode(call->auth, &auth, err) < 0)
                return -1;
        reference_default_tag(&reference);
        if (repository_open_origin(&engine->options->registries, reference.domain, reference.path, &auth,
                                   actions, call->insecure, ret, err) < 0)
                return registry_failure(err);
        *ret_reference = reference;
        reference = (struct reference){};
        return 0;
}

static const char *tag_or_digest(const struct reference *r)
{
        return r->digest ?: r->tag;
}

static bool is_index(const char *media_type)
{
        return streq(media_type, MEDIA_OCI_INDEX) || streq(media_type, MEDIA_DOCKER_LIST);
}

/* ---- /distribution ---- */

static int index_platforms(const struct registry_manifest *m, json_object *list, struct error *err)
{
        cleanup_image_index struct image_index index = {};

        if (image_index_parse(m->text, m->len, &index, err) < 0)
                return -1;
        for (size_t i = 0; i < index.n_manifests; i++)
                if (index.manifests[i].platform)
                        json_object_array_add(list,
                                              json_unbind(&platform_table, index.manifests[i].platform));
        return 0;
}

static int read_blob(struct repository *repository, const char *digest_text, char **ret, size_t *ret_len,
                     struct error *err)
{
        cleanup_stream struct stream *blob = NULL;
        struct digest digest;

        if (digest_parse(digest_text, &digest, err) < 0)
                return -1;
        blob = repository_blob(repository, &digest, -1, NULL);
        return stream_read_all(blob, IMAGE_CONFIG_MAX, ret, ret_len, err) < 0
                   ? error_context(err, "blob %s", digest_text)
                   : 0;
}

static int manifest_platform(struct repository *repository, const struct registry_manifest *m,
                             json_object *list, struct error *err)
{
        cleanup_manifest struct manifest manifest = {};
        cleanup_image_config struct image_config config = {};
        cleanup_free char *text = NULL;
        struct platform platform;
        size_t len;

        if (manifest_parse(m->text, m->len, &manifest, err) < 0 ||
            read_blob(repository, manifest.config.digest, &text, &len, err) < 0 ||
            image_config_parse(text, len, &config, err) < 0)
                return -1;
        platform = (struct platform){ .architecture = config.architecture,
                                      .os = config.os,
                                      .variant = config.variant,
                                      .os_version = config.os_version };
        json_object_array_add(list, json_unbind(&platform_table, &platform));
        return 0;
}

static int inspect_at(struct repository *repository, const char *reference, json_object **ret,
                      struct error *err)
{
        cleanup_registry_manifest struct registry_manifest m = {};
        cleanup_json json_object *tree = json_object_new_object();
        json_object *descriptor = json_object_new_object(), *platforms = json_object_new_array();
        char digest[DIGEST_TEXT_SIZE];

        json_object_object_add(tree, "Descriptor", descriptor);
        json_object_object_add(tree, "Platforms", platforms);
        if (repository_manifest(repository, reference, &m, err) < 0)
                return registry_failure(err);
        digest_format(&m.digest, digest);
        json_set_string(descriptor, "mediaType", m.media_type);
        json_set_string(descriptor, "digest", digest);
        json_object_object_add(descriptor, "size", json_object_new_int64((int64_t)m.len));
        if ((is_index(m.media_type) ? index_platforms(&m, platforms, err)
                                    : manifest_platform(repository, &m, platforms, err)) < 0)
                return registry_failure(err);
        *ret = take_ptr(tree);
        return 0;
}

int engine_distribution_inspect(struct engine *engine, const char *name, const char *auth, json_object **ret,
                                struct error *err)
{
        cleanup_reference struct reference reference = {};
        cleanup_repository struct repository *repository = NULL;

        if (open_repository(engine, &(struct registry_call){ name, auth, false }, "pull", &reference,
                            &repository, err) < 0)
                return -1;
        return inspect_at(repository, tag_or_digest(&reference), ret, err);
}

/* ---- Search ---- */

struct search_filters {
        bool has_official, official, automated;
        int64_t stars;
};

static int parse_filters(json_object *tree, struct search_filters *ret, struct error *err)
{
        static const char *const known[] = { "is-automated", "is-official", "stars", NULL };
        cleanup_filters struct filters filters = {};
        char *const *stars;

        if (image_filters(tree, &filters, err) < 0 || filters_check(&filters, known, err) < 0 ||
            filters_get_bool(&filters, "is-official", false, &ret->official, err) < 0 ||
            filters_get_bool(&filters, "is-automated", false, &ret->automated, err) < 0)
                return -1;
        ret->has_official = filters_get(&filters, "is-official") != NULL;
        for (stars = filters_get(&filters, "stars"); stars && *stars; stars++) {
                int64_t count;

                if (string_to_int64(*stars, &count, NULL) < 0)
                        return error_set(
                            err, ERROR_INVALID,
                            "invalid filter 'stars=%s': strconv.Atoi: parsing \"%s\": invalid syntax", *stars,
                            *stars);
                ret->stars = MAX(ret->stars, count);
        }
        return 0;
}

static bool found_matches(const struct search_filters *f, json_object *found)
{
        return (!f->has_official || json_get_bool(found, "is_official") == f->official) && !f->automated &&
               json_get_int64(found, "star_count", 0) >= f->stars;
}

/* What clients get of a result. Nothing is automated any more. */
static json_object *found_view(json_object *found)
{
        json_object *view = json_object_new_object();

        json_object_object_add(view, "star_count",
                               json_object_new_int64(json_get_int64(found, "star_count", 0)));
        json_object_object_add(view, "is_official",
                               json_object_new_boolean(json_get_bool(found, "is_official")));
        json_set_string(view, "name", json_get_string(found, "name") ?: "");
        json_object_object_add(view, "is_automated", json_object_new_boolean(false));
        json_set_string(view, "description", json_get_string(found, "description") ?: "");
        return view;
}

int engine_image_search(struct engine *engine, const char *term, int64_t limit, json_object *filters,
                        const char *auth, json_object **ret, struct error *err)
{
        cleanup_registry_auth struct registry_auth decoded = {};
        cleanup_json json_object *results = NULL;
        struct search_filters wanted = {};

        if (parse_filters(filters, &wanted, err) < 0 || registry_auth_decode(auth, &decoded, err) < 0)
                return -1;
        if (limit > SEARCH_LIMIT_MAX || limit < 0)
                return error_set(err, ERROR_INVALID, "limit %lld is outside the range of [1, %d]",
                                 (long long)limit, SEARCH_LIMIT_MAX);
        if (registry_search(&engine->options->registries, term, limit ? (int)limit : SEARCH_LIMIT, &decoded,
                            &results, err) < 0)
                return registry_failure(err);
        *ret = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(results); i++) {
                json_object *found = json_object_array_get_idx(results, i);

                if (found_matches(&wanted, found))
                        json_object_array_add(*ret, found_view(found));
        }
        return 0;
}

/* ---- Manifests and blobs as they are ---- */

int engine_registry_manifest(struct engine *engine, const struct registry_call *call,
                             struct registry_manifest *ret, struct error *err)
{
        cleanup_reference struct reference reference = {};
        cleanup_repository struct repository *repository = NULL;

        if (open_repository(engine, call, "pull", &reference, &repository, err) < 0)
                return -1;
        return repository_manifest(repository, tag_or_digest(&reference), ret, err) < 0
                   ? registry_failure(err)
                   : 0;
}

int engine_registry_blob(struct engine *engine, const struct registry_call *call, const char *digest,
                         char **ret, size_t *ret_len, struct error *err)
{
        cleanup_reference struct reference reference = {};
        cleanup_repository struct repository *repository = NULL;

        if (open_repository(engine, call, "pull", &reference, &repository, err) < 0)
                return -1;
        return read_blob(repository, digest, ret, ret_len, err) < 0 ? registry_failure(err) : 0;
}

int engine_registry_put(struct engine *engine, const struct registry_call *call, const char *media_type,
                        const char *text, size_t len, struct digest *ret, struct error *err)
{
        cleanup_reference struct reference reference = {};
        cleanup_repository struct repository *repository = NULL;

        if (open_repository(engine, call, "pull,push", &reference, &repository, err) < 0)
                return -1;
        if (repository_manifest_put(repository, tag_or_digest(&reference), media_type, text, len, err) < 0)
                return registry_failure(err);
        digest_of(text, len, ret);
        return 0;
}

/* ---- Copies from repository to repository ---- */

struct copy {
        struct repository *from, *to;
        const char *mount; /* the source's path when both are at the same registry */
};

struct blob_source {
        struct repository *from;
        struct digest digest;
        int64_t size;
};

static int open_source(void *arg, struct stream **ret, struct error *err)
{
        const struct blob_source *source = arg;

        (void)err;
        *ret = repository_blob(source->from, &source->digest, source->size, NULL);
        return 0;
}

static int copy_blob(const struct copy *c, const struct descriptor *d, struct error *err)
{
        struct blob_source source = { .from = c->from, .size = d->size };
        struct digest digest;
        int64_t size;
        int r;

        if (d->urls && *d->urls)
                return 0;
        if (digest_parse(d->digest, &source.digest, err) < 0)
                return -1;
        r = repository_blob_exists(c->to, &source.digest, err);
        if (r == 0 && c->mount)
                r = repository_blob_mount(c->to, &source.digest, c->mount, err);
        if (r != 0)
                return r < 0 ? -1 : 0;
        return repository_blob_upload(c->to, open_source, &source, &digest, &size, err);
}

static int copy_manifest(const struct copy *c, const char *digest, int depth, struct error *err);

static int copy_parts(const struct copy *c, const struct registry_manifest *m, int depth, struct error *err)
{
        cleanup_image_index struct image_index index = {};
        cleanup_manifest struct manifest manifest = {};

        if (is_index(m->media_type)) {
                if (image_index_parse(m->text, m->len, &index, err) < 0)
                        return -1;
                for (size_t i = 0; i < index.n_manifests; i++)
                        if (copy_manifest(c, index.manifests[i].digest, depth + 1, err) < 0)
                                return -1;
                return 0;
        }
        if (manifest_parse(m->text, m->len, &manifest, err) < 0 || copy_blob(c, &manifest.config, err) < 0)
                return -1;
        for (size_t i = 0; i < manifest.n_layers; i++)
                if (copy_blob(c, &manifest.layers[i], err) < 0)
                        return -1;
        return 0;
}

/* First what it names, then the manifest: registries insist. */
static int copy_manifest(const struct copy *c, const char *digest, int depth, struct error *err)
{
        cleanup_registry_manifest struct registry_manifest m = {};

        if (depth > 2)
                return error_set(err, ERROR_INVALID, "indexes in indexes are too deep");
        if (repository_manifest(c->from, digest, &m, err) < 0 || copy_parts(c, &m, depth, err) < 0)
                return -1;
        return repository_manifest_put(c->to, digest, m.media_type, m.text, m.len, err);
}

int engine_registry_copy(struct engine *engine, const struct registry_call *from,
                         const struct registry_call *to, struct error *err)
{
        cleanup_reference struct reference source = {}, target = {};
        cleanup_repository struct repository *here = NULL, *there = NULL;
        struct copy copy;

        if (open_repository(engine, from, "pull", &source, &here, err) < 0 ||
            open_repository(engine, to, "pull,push", &target, &there, err) < 0)
                return -1;
        if (!source.digest)
                return error_set(err, ERROR_INVALID, "%s has no digest", from->name);
        copy = (struct copy){ here, there, streq(source.domain, target.domain) ? source.path : NULL };
        if (streq(source.path, target.path) && copy.mount)
                return 0;
        return copy_manifest(&copy, source.digest, 0, err) < 0 ? registry_failure(err) : 0;
}
