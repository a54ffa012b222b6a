/* Manifests and tags. */
#include "registry/repository-internal.h"
#include "base/json.h"
#include "oci/image.h"

/* Pages of a list of tags, and tags in all: more is a server going in circles. */
#define MAX_PAGES 1000
#define MAX_TAGS 100000

void registry_manifest_deinit(struct registry_manifest *m)
{
        free(m->text);
        free(m->media_type);
        *m = (struct registry_manifest){};
}

static const char *const manifest_headers[] = {
        "Accept: " MEDIA_OCI_INDEX,
        "Accept: " MEDIA_OCI_MANIFEST,
        "Accept: " MEDIA_DOCKER_LIST,
        "Accept: " MEDIA_DOCKER_MANIFEST,
        "Accept: */*",
        NULL,
};

/* GET (into `ret_text`) or HEAD of a manifest; statuses other than 200 become errors. */
static int request_manifest(struct repository *r, const char *reference, struct http_response *ret,
                            char **ret_text, size_t *ret_len, struct error *err)
{
        cleanup_free char *url = repository_url(r, "manifests/%s", reference), *shown = url_public(url);
        struct http_request request = { .method = ret_text ? "GET" : "HEAD",
                                        .url = url,
                                        .headers = (char *const *)manifest_headers,
                                        .redirect = true,
                                        .document = true };
        cleanup_error struct error local = {};

        if (repository_document(r, NULL, &request, ret, ret_text, ret_len, &local) < 0) {
                if (error_is(&local, ERROR_UNAUTHORIZED))
                        error_context(&local, "%s \"%s\"", ret_text ? "Get" : "Head", shown);
                return error_move(err, &local);
        }
        if (ret->status == 200)
                return 0;
        if (!ret_text && ret->status != 401 && ret->status != 403 && ret->status != 404)
                /* Such an answer has no words: GET brings them. */
                error_set(err, ERROR_UNSUPPORTED, "HEAD is answered with status %ld", ret->status);
        else
                repository_failure(ret, err);
        http_response_deinit(ret);
        return -1;
}

/* The type that the document says it has, else the answer's. */
static char *manifest_type(const char *text, size_t len, const char *header)
{
        cleanup_json json_object *tree = NULL;
        const char *inside =
            json_parse_text(text, len, &tree, NULL) < 0 ? NULL : json_get_string(tree, "mediaType");

        if (!string_empty(inside))
                return xstrdup(inside);
        if (header)
                return xstrndup(header, strcspn(header, "; "));
        return xstrdup(json_get(tree, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
}

int repository_manifest(struct repository *r, const char *reference, struct registry_manifest *ret,
                        struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_registry_manifest struct registry_manifest m = {};
        struct digest wanted;

        if (request_manifest(r, reference, &response, &m.text, &m.len, err) < 0)
                return err && error_is(err, ERROR_INVALID) ? error_context(err, "manifest %s", reference)
                                                           : -1;
        digest_of(m.text, m.len, &m.digest);
        if (digest_parse(reference, &wanted, NULL) == 0 && !digest_equal(&wanted, &m.digest))
                return error_set(err, ERROR_INVALID, "manifest verification failed for digest %s", reference);
        m.media_type = manifest_type(m.text, m.len, http_header(&response, "content-type"));
        *ret = m;
        m = (struct registry_manifest){};
        return 0;
}

int repository_manifest_head(struct repository *r, const char *reference, struct registry_manifest *ret,
                             struct error *err)
{
        cleanup_http_response struct http_response response = {};
        const char *text, *type;
        struct digest digest;

        if (request_manifest(r, reference, &response, NULL, NULL, err) < 0)
                return -1;
        text = http_header(&response, "docker-content-digest");
        if (!text || digest_parse(text, &digest, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND, "the registry tells no digest for %s", reference);
        type = http_header(&response, "content-type");
        *ret = (struct registry_manifest){ .digest = digest,
                                           .media_type = type ? xstrndup(type, strcspn(type, "; ")) : NULL };
        return 0;
}

int repository_manifest_put(struct repository *r, const char *reference, const char *media_type,
                            const char *text, size_t len, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        cleanup_free char *url = repository_url(r, "manifests/%s", reference);
        cleanup_free char *type = string_format("Content-Type: %s", media_type);
        char *headers[] = { type, NULL };
        struct http_request request = { .method = "PUT",
                                        .url = url,
                                        .headers = headers,
                                        .data = text,
                                        .data_len = len,
                                        .document = true };

        if (repository_request(r, NULL, &request, &response, err) < 0)
                return -1;
        return response.status == 201 || response.status == 200 || response.status == 202
                   ? 0
                   : repository_failure(&response, err);
}

/* Link: </v2/…?n=…&last=…>; rel="next" → the target (heap), or NULL. */
char *registry_link_next(const char *header)
{
        const char *start = header ? strchr(header, '<') : NULL, *end = start ? strchr(start, '>') : NULL;

        return end && strstr(end, "next") ? xstrndup(start + 1, (size_t)(end - start - 1)) : NULL;
}

static int add_tags(const char *text, size_t len, char ***tags, struct error *err)
{
        cleanup_json json_object *tree = NULL;
        json_object *list;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        list = json_get(tree, "tags");
        if (!json_object_is_type(list, json_type_array))
                return 0;
        if (strv_length(*tags) + json_object_array_length(list) > MAX_TAGS)
                return error_set(err, ERROR_INVALID, "more than %d tags", MAX_TAGS);
        for (size_t i = 0; i < json_object_array_length(list); i++)
                strv_append(tags, json_object_get_string(json_object_array_get_idx(list, i)));
        return 0;
}

/* One page; the next one's URL in *ret_next, NULL at the end. */
static int tags_page(struct repository *r, const char *url, char ***tags, char **ret_next, struct error *err)
{
        cleanup_http_response struct http_response response = {};
        struct http_request request = { .method = "GET", .url = url, .redirect = true, .document = true };
        cleanup_free char *text = NULL, *target = NULL, *next = NULL, *origin = NULL, *own = url_origin(url);
        size_t len;

        if (repository_document(r, NULL, &request, &response, &text, &len, err) < 0)
                return -1;
        if (response.status != 200)
                return repository_failure(&response, err);
        if (add_tags(text, len, tags, err) < 0)
                return error_context(err, "%s", url);
        target = registry_link_next(http_header(&response, "link"));
        if (!target)
                return 0;
        next = url_resolve(url, target);
        origin = url_origin(next);
        if (!streq(origin, own))
                return error_set(err, ERROR_INVALID, "the registry's list of tags goes on at another host");
        *ret_next = take_ptr(next);
        return 0;
}

int repository_tags(struct repository *r, char ***ret, struct error *err)
{
        cleanup_free char *url = repository_url(r, "tags/list");
        cleanup_strv char **tags = strv_new();

        for (int page = 0; url; page++) {
                char *next = NULL;

                if (page >= MAX_PAGES)
                        return error_set(err, ERROR_INVALID, "the registry's list of tags does not end");
                if (tags_page(r, url, &tags, &next, err) < 0)
                        return -1;
                if (streq(next, url)) {
                        free(next);
                        return error_set(err, ERROR_INVALID, "the registry's list of tags does not end");
                }
                free(url);
                url = next;
        }
        *ret = take_ptr(tags);
        return 0;
}
