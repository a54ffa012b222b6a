#include "engine/image-transfer.h"

#include "engine/image-internal.h"
#include "oci/reference.h"
#include "registry/transfer.h"

/* Name and tag as they come apart in the API's parameters, put together. */
static int join_reference(const char *name, const char *tag, struct reference *ret, struct error *err)
{
        if (reference_parse(name, ret, err) < 0)
                return -1;
        if (string_empty(tag))
                return 0;
        if (string_after(tag, "sha256:"))
                replace_string(&ret->digest, tag);
        else
                replace_string(&ret->tag, tag);
        return 0;
}

/* A registry that nobody reaches is not us being unavailable: Docker answers 500. */
static int registry_failure(struct error *err)
{
        if (err && err->kind == ERROR_UNAVAILABLE)
                err->kind = ERROR_SYSTEM;
        return -1;
}

struct transfer_request {
        struct reference reference;
        struct registry_auth auth;
        struct transfer transfer;
        char *name;
};

static void transfer_request_deinit(struct transfer_request *r)
{
        reference_deinit(&r->reference);
        registry_auth_deinit(&r->auth);
        free(r->name);
}
#define cleanup_transfer_request __attribute__((cleanup(transfer_request_deinit)))

static int transfer_request_init(struct transfer_request *r, struct engine *engine, const char *name,
                                 const char *tag, const char *auth, struct error *err)
{
        if (join_reference(name, tag, &r->reference, err) < 0 ||
            registry_auth_decode(auth, &r->auth, err) < 0)
                return -1;
        r->name = reference_familiar_name(&r->reference);
        r->transfer = (struct transfer){
                .store = engine->store,
                .settings = &engine->options->registries,
                .auth = &r->auth,
                .domain = r->reference.domain,
                .path = r->reference.path,
                .name = r->name,
        };
        return 0;
}

static void transfer_event(struct engine *engine, const struct transfer_request *r, const char *action)
{
        cleanup_strmap struct strmap attributes = {};
        cleanup_free char *id = reference_familiar(&r->reference);

        strmap_set(&attributes, "name", r->name);
        event_publish(engine, "image", action, id, &attributes);
}

int engine_image_pull(struct engine *engine, const char *name, const char *tag, const char *platform,
                      const char *auth, image_progress progress, void *arg, struct error *err)
{
        cleanup_transfer_request struct transfer_request r = {};
        cleanup_platform struct platform wanted = {};
        const char *reference;
        struct digest id;
        int done;

        if (transfer_request_init(&r, engine, name, tag, auth, err) < 0 ||
            (!string_empty(platform) && platform_parse(platform, &wanted, err) < 0))
                return -1;
        r.transfer.progress = progress;
        r.transfer.arg = arg;
        reference = r.reference.digest ?: r.reference.tag;
        if (reference)
                done =
                    transfer_pull(&r.transfer, reference, string_empty(platform) ? NULL : &wanted, &id, err);
        else
                done = transfer_pull_all(&r.transfer, string_empty(platform) ? NULL : &wanted, err);
        if (done < 0)
                return registry_failure(err);
        transfer_event(engine, &r, "pull");
        return 0;
}

/* The tags that a repository has here. */
static char **local_tags(struct engine *engine, const char *name, struct error *err)
{
        size_t count, len = strlen(name);
        struct image **images;
        char **tags = NULL;

        if (image_list(engine->store, &images, &count, err) < 0)
                return NULL;
        for (size_t i = 0; i < count; i++) {
                for (char **tag = images[i]->tags; tag && *tag; tag++)
                        if (strncmp(*tag, name, len) == 0 && (*tag)[len] == ':' && !strchr(*tag + len, '/'))
                                strv_append(&tags, *tag + len + 1);
        }
        image_list_free(images, count);
        if (!tags)
                error_set(err, ERROR_NOT_FOUND, "An image does not exist locally with the tag: %s", name);
        return tags;
}

int engine_image_push(struct engine *engine, const char *name, const char *tag, const char *auth,
                      image_progress progress, void *arg, struct error *err)
{
        cleanup_transfer_request struct transfer_request r = {};
        cleanup_strv char **tags = NULL;

        if (transfer_request_init(&r, engine, name, tag, auth, err) < 0)
                return -1;
        r.transfer.progress = progress;
        r.transfer.arg = arg;
        if (r.reference.digest)
                return error_set(err, ERROR_INVALID, "cannot push a digest reference");
        if (r.reference.tag)
                strv_append(&tags, r.reference.tag);
        else
                tags = local_tags(engine, r.name, err);
        for (char **each = tags; each && *each; each++)
                if (transfer_push(&r.transfer, *each, err) < 0)
                        return registry_failure(err);
        if (!tags)
                return -1;
        transfer_event(engine, &r, "push");
        return 0;
}

int engine_login(struct engine *engine, json_object *body, json_object **ret, struct error *err)
{
        struct registry_auth auth = {};
        cleanup_free char *text = json_format(body), *token = NULL;
        json_object *tree;
        int r = registry_auth_parse(text, strlen(text), &auth, err);

        if (r == 0)
                r = registry_login(&engine->options->registries, &auth, &token, err);
        registry_auth_deinit(&auth);
        if (r < 0)
                return registry_failure(err);
        tree = json_object_new_object();
        json_set_string(tree, "Status", "Login Succeeded");
        json_set_string(tree, "IdentityToken", token ?: "");
        *ret = tree;
        return 0;
}

/* ---- /distribution ---- */

static json_object *platform_json(const struct platform *platform)
{
        return json_unbind(&platform_table, platform);
}

static int index_platforms(const struct registry_manifest *m, json_object *list, struct error *err)
{
        cleanup_image_index struct image_index index = {};

        if (image_index_parse(m->text, m->len, &index, err) < 0)
                return -1;
        for (size_t i = 0; i < index.n_manifests; i++)
                if (index.manifests[i].platform)
                        json_object_array_add(list, platform_json(index.manifests[i].platform));
        return 0;
}

static int manifest_platform(struct repository *repository, const struct registry_manifest *m,
                             json_object *list, struct error *err)
{
        cleanup_manifest struct manifest manifest = {};
        cleanup_image_config struct image_config config = {};
        cleanup_stream struct stream *blob = NULL;
        cleanup_free char *text = NULL;
        struct platform platform;
        struct digest digest;
        size_t len;

        if (manifest_parse(m->text, m->len, &manifest, err) < 0 ||
            digest_parse(manifest.config.digest, &digest, err) < 0 ||
            repository_blob(repository, &digest, manifest.config.size, NULL, &blob, err) < 0 ||
            stream_read_all(blob, IMAGE_CONFIG_MAX, &text, &len, err) < 0 ||
            image_config_parse(text, len, &config, err) < 0)
                return -1;
        platform = (struct platform){ .architecture = config.architecture,
                                      .os = config.os,
                                      .variant = config.variant,
                                      .os_version = config.os_version };
        json_object_array_add(list, platform_json(&platform));
        return 0;
}

static int inspect_at(struct repository *repository, const char *reference, json_object **ret,
                      struct error *err)
{
        cleanup_registry_manifest struct registry_manifest m = {};
        cleanup_json json_object *tree = json_object_new_object();
        json_object *descriptor = json_object_new_object(), *platforms = json_object_new_array();
        char digest[DIGEST_TEXT_SIZE];
        int r;

        json_object_object_add(tree, "Descriptor", descriptor);
        json_object_object_add(tree, "Platforms", platforms);
        if (repository_manifest(repository, reference, &m, err) < 0)
                return -1;
        digest_format(&m.digest, digest);
        json_set_string(descriptor, "mediaType", m.media_type);
        json_set_string(descriptor, "digest", digest);
        json_object_object_add(descriptor, "size", json_object_new_int64((int64_t)m.len));
        if (streq(m.media_type, MEDIA_OCI_INDEX) || streq(m.media_type, MEDIA_DOCKER_LIST))
                r = index_platforms(&m, platforms, err);
        else
                r = manifest_platform(repository, &m, platforms, err);
        if (r < 0)
                return -1;
        *ret = take_ptr(tree);
        return 0;
}

int engine_distribution_inspect(struct engine *engine, const char *name, const char *auth, json_object **ret,
                                struct error *err)
{
        cleanup_transfer_request struct transfer_request r = {};
        cleanup_repository struct repository *repository = NULL;
        struct registry_endpoint *endpoints;
        size_t count;
        int opened;

        if (transfer_request_init(&r, engine, name, NULL, auth, err) < 0)
                return -1;
        reference_default_tag(&r.reference);
        registry_endpoints(&engine->options->registries, r.reference.domain, &endpoints, &count);
        opened = repository_open(&engine->options->registries, &endpoints[count - 1], r.reference.path,
                                 &r.auth, "pull", &repository, err);
        registry_endpoints_free(endpoints, count);
        if (opened < 0)
                return registry_failure(err);
        return inspect_at(repository, r.reference.digest ?: r.reference.tag, ret, err);
}
