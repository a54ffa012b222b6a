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

int registry_failure(struct error *err)
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

static int parse_platform(const char *text, struct platform *ret, const struct platform **ret_given,
                          struct error *err)
{
        *ret_given = string_empty(text) ? NULL : ret;
        if (string_empty(text))
                return 0;
        return *text == '{' ? json_bind_text(&platform_table, text, strlen(text), ret, err)
                            : platform_parse(text, ret, err);
}

/* An image of one platform comes whatever was asked for, with a warning. */
static int warn_platform(struct engine *engine, const struct transfer_request *r, const struct digest *id,
                         const struct platform *wanted, struct error *err)
{
        cleanup_free char *name = reference_familiar(&r->reference);
        cleanup_image struct image *image = NULL;
        cleanup_error struct error why = {};
        cleanup_json json_object *message = NULL;
        cleanup_free char *text = NULL;

        if (!wanted || image_get(engine->store, id, &image, NULL) < 0 ||
            image_check_suits(image, name, wanted, &why) == 0)
                return 0;
        message = json_object_new_object();
        text = string_format("WARNING: %s", error_message(&why));
        json_set_string(message, "status", text);
        return r->transfer.progress ? r->transfer.progress(r->transfer.arg, message, err) : 0;
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
        cleanup_platform struct platform parsed = {};
        const struct platform *wanted;
        const char *reference;
        struct digest id;
        int done;

        if (transfer_request_init(&r, engine, name, tag, auth, err) < 0 ||
            parse_platform(platform, &parsed, &wanted, err) < 0)
                return -1;
        r.transfer.progress = progress;
        r.transfer.arg = arg;
        reference = r.reference.digest ?: r.reference.tag;
        if (!reference)
                done = transfer_pull_all(&r.transfer, wanted, err);
        else if ((done = transfer_pull(&r.transfer, reference, wanted, &id, err)) == 0)
                done = warn_platform(engine, &r, &id, wanted, err);
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
        strv_sort(tags);
        if (!tags)
                error_set(err, ERROR_NOT_FOUND, "An image does not exist locally with the tag: %s", name);
        return tags;
}

static int push_tags(struct engine *engine, const struct transfer_request *r, const struct platform *platform,
                     struct error *err)
{
        cleanup_strv char **tags = local_tags(engine, r->name, err);

        if (!tags)
                return -1;
        if (r->reference.tag)
                return transfer_push(&r->transfer, r->reference.tag, platform, err);
        for (char **each = tags; *each; each++)
                if (transfer_push(&r->transfer, *each, platform, err) < 0)
                        return -1;
        return 0;
}

int engine_image_push(struct engine *engine, const char *name, const char *tag, const char *platform,
                      const char *auth, image_progress progress, void *arg, struct error *err)
{
        cleanup_transfer_request struct transfer_request r = {};
        cleanup_platform struct platform parsed = {};
        const struct platform *wanted;
        cleanup_free char *whole = NULL;

        if (transfer_request_init(&r, engine, name, tag, auth, err) < 0 ||
            parse_platform(platform, &parsed, &wanted, err) < 0)
                return -1;
        r.transfer.progress = progress;
        r.transfer.arg = arg;
        if (r.reference.digest)
                return error_set(err, ERROR_INVALID, "cannot push a digest reference");
        whole = reference_name(&r.reference);
        if (transfer_say(&r.transfer, NULL, err, "The push refers to repository [%s]", whole) < 0)
                return -1;
        if (push_tags(engine, &r, wanted, err) < 0)
                return registry_failure(err);
        transfer_event(engine, &r, "push");
        return 0;
}
