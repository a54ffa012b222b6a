/* GET /images/get: an archive that is both Docker's (manifest.json, repositories) and an OCI layout
 * (index.json, blobs). */
#include "engine/image-internal.h"

#include "oci/reference.h"
#include "store/tar.h"

struct saved_image {
        struct image *image;
        char **names; /* tags asked for */
};

struct image_save {
        struct engine *engine;
        struct saved_image *images;
        size_t n_images;
        struct tar_writer *tar;
        char **written; /* hex of blobs that are in the archive */
        json_object *manifest, *repositories, *index;
};

static struct saved_image *add_image(struct image_save *s, struct image **image, struct error *err)
{
        struct saved_image new = {};

        for (size_t i = 0; i < s->n_images; i++)
                if (digest_equal(&s->images[i].image->id, &(*image)->id))
                        return &s->images[i];
        if (image_hold_layers(s->engine->store, *image, err) < 0)
                return NULL;
        new.image = take_ptr(*image);
        ARRAY_APPEND(s->images, s->n_images, new);
        return &s->images[s->n_images - 1];
}

static int add_named(struct image_save *s, struct image **image, const char *name, struct error *err)
{
        struct saved_image *saved = add_image(s, image, err);

        if (!saved)
                return -1;
        if (name && !strv_contains(saved->names, name))
                strv_append(&saved->names, name);
        return 0;
}

/* All tags of a repository. Returns how many. */
static int add_repository(struct image_save *s, const char *repository, struct error *err)
{
        cleanup_free char *prefix = string_format("%s:", repository);
        struct image **images;
        size_t count;
        int found = 0;

        if (image_list(s->engine->store, &images, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count && found >= 0; i++) {
                cleanup_strv char **tags = strv_copy(images[i]->tags);

                for (char **tag = tags; *tag && found >= 0; tag++) {
                        if (!string_after(*tag, prefix))
                                continue;
                        if (!images[i] && image_resolve(s->engine->store, *tag, &images[i], err) < 0)
                                found = -1;
                        else
                                found = add_named(s, &images[i], *tag, err) < 0 ? -1 : found + 1;
                }
        }
        image_list_free(images, count);
        return found;
}

/* A name without tag means all of the repository's; an id, or its beginning, has no name. */
static int add_requested(struct image_save *s, const char *name, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_error struct error reason = {};
        cleanup_image struct image *image = NULL;
        cleanup_free char *familiar = NULL;
        bool is_name = reference_parse(name, &r, &reason) == 0;
        int found;

        if (is_name && !r.tag && !r.digest) {
                familiar = reference_familiar_name(&r);
                found = add_repository(s, familiar, err);
                if (found)
                        return found < 0 ? -1 : 0;
        }
        error_clear(&reason);
        if (image_resolve(s->engine->store, name, &image, &reason) < 0)
                return error_is(&reason, ERROR_NOT_FOUND)
                           ? error_set(err, ERROR_NOT_FOUND, "No such image: %s", name)
                           : error_move(err, &reason);
        if (!is_name || !r.tag)
                return add_named(s, &image, NULL, err);
        free(familiar);
        familiar = reference_familiar(&r);
        return add_named(s, &image, familiar, err);
}

static int check_platforms(struct image_save *s, char *const *platforms, struct error *err)
{
        struct platform *wanted;
        size_t count;
        int r = 0;

        if (image_platforms(platforms, &wanted, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count; i++) {
                for (size_t j = 0; j < s->n_images && r == 0; j++) {
                        const char *name =
                            s->images[j].names ? s->images[j].names[0] : s->images[j].image->id_text;

                        r = image_check_platform(s->images[j].image, name, &wanted[i], err);
                }
                platform_deinit(&wanted[i]);
        }
        free(wanted);
        return r;
}

int engine_image_save_open(struct engine *engine, char *const *names, char *const *platforms,
                           struct image_save **ret, struct error *err)
{
        struct image_save *s = xcalloc(1, sizeof(*s));
        int r = 0;

        s->engine = engine;
        s->written = strv_new();
        for (; names && *names && r == 0; names++)
                r = add_requested(s, *names, err);
        if (r == 0)
                r = check_platforms(s, platforms, err);
        if (r < 0) {
                engine_image_save_free(s);
                return -1;
        }
        *ret = s;
        return 0;
}

void engine_image_save_free(struct image_save *s)
{
        if (!s)
                return;
        for (size_t i = 0; i < s->n_images; i++) {
                image_release_layers(s->engine->store, s->images[i].image);
                image_free(s->images[i].image);
                strv_free(s->images[i].names);
        }
        free(s->images);
        strv_free(s->written);
        json_object_put(s->manifest);
        json_object_put(s->repositories);
        json_object_put(s->index);
        free(s);
}

/* ---- Writing ---- */

static time_t created_seconds(const struct image *image)
{
        return image->config.created == TIME_ZERO ? 0 : (time_t)(image->config.created / NSEC_PER_SEC);
}

static int write_folder(struct image_save *s, const char *path, struct error *err)
{
        cleanup_free char *copy = xstrdup(path);
        struct tar_entry e = { .type = TAR_DIRECTORY, .path = copy, .mode = 0755 };

        return tar_writer_entry(s->tar, &e, err);
}

/* false when it is in the archive already. */
static bool new_blob(struct image_save *s, const char *hex)
{
        if (strv_contains(s->written, hex))
                return false;
        strv_append(&s->written, hex);
        return true;
}

static int write_blob(struct image_save *s, const void *data, size_t len, time_t mtime,
                      char ret_hex[DIGEST_HEX_SIZE], struct error *err)
{
        cleanup_free char *path = NULL;
        struct digest digest;

        digest_of(data, len, &digest);
        digest_format_hex(&digest, ret_hex);
        path = string_format("blobs/sha256/%s", ret_hex);
        return new_blob(s, ret_hex) ? tar_writer_file(s->tar, path, 0644, mtime, data, len, err) : 0;
}

struct layer_sink {
        struct sink sink;
        struct tar_writer *tar;
};

static int layer_sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        return tar_writer_data(((struct layer_sink *)s)->tar, data, len, err);
}

static int write_layer(struct image_save *s, const struct digest *diff_id, time_t mtime, int64_t *ret_size,
                       struct error *err)
{
        static const struct sink_class class = { layer_sink_write, NULL };
        struct layer_sink sink = { .sink = { &class }, .tar = s->tar };
        struct tar_entry e = { .type = TAR_FILE, .mode = 0644, .mtime = { .tv_sec = mtime } };
        cleanup_free char *path = NULL;
        char hex[DIGEST_HEX_SIZE];
        struct layer layer;
        int r = 0;

        if (layer_get(s->engine->store, diff_id, &layer, err) < 0)
                return -1;
        digest_format_hex(diff_id, hex);
        path = string_format("blobs/sha256/%s", hex);
        e.path = path;
        e.size = layer.tar_size;
        *ret_size = layer.tar_size;
        if (new_blob(s, hex)) {
                r = tar_writer_entry(s->tar, &e, err);
                if (r == 0)
                        r = layer_tar(s->engine->store, diff_id, &sink.sink, err);
        }
        layer_release(s->engine->store, diff_id);
        return r;
}

static json_object *descriptor_json(const char *media_type, const char *digest, int64_t size)
{
        json_object *o = json_object_new_object();

        json_set_string(o, "mediaType", media_type);
        json_object_object_add(o, "size", json_object_new_int64(size));
        json_set_string(o, "digest", digest);
        return o;
}

static int write_layers(struct image_save *s, const struct image *image, struct manifest *manifest,
                        json_object *paths, json_object *sources, struct error *err)
{
        for (size_t i = 0; i < image->n_diff_ids; i++) {
                const char *diff_id = image->config.diff_ids[i];
                cleanup_free char *path = string_format("blobs/sha256/%s", diff_id + strlen("sha256:"));
                struct descriptor d = { .media_type = xstrdup(MEDIA_OCI_LAYER), .digest = xstrdup(diff_id) };
                int r = write_layer(s, &image->diff_ids[i], created_seconds(image), &d.size, err);

                ARRAY_APPEND(manifest->layers, manifest->n_layers, d);
                if (r < 0)
                        return error_context(err, "layer %s", diff_id);
                json_object_array_add(paths, json_object_new_string(path));
                json_object_object_add(sources, diff_id, descriptor_json(MEDIA_OCI_LAYER, diff_id, d.size));
        }
        return 0;
}

static int write_manifest(struct image_save *s, const struct image *image, struct manifest *m,
                          json_object *entry, char ret_digest[DIGEST_TEXT_SIZE], int64_t *ret_size,
                          struct error *err)
{
        cleanup_free char *text = NULL, *config_path = NULL;
        char hex[DIGEST_HEX_SIZE];

        if (write_blob(s, image->config_text, image->config_len, created_seconds(image), hex, err) < 0)
                return -1;
        config_path = string_format("blobs/sha256/%s", hex);
        json_set_string(entry, "Config", config_path);
        m->schema_version = 2;
        m->media_type = xstrdup(MEDIA_OCI_MANIFEST);
        m->config.media_type = xstrdup(MEDIA_OCI_CONFIG);
        m->config.digest = xstrdup(image->id_text);
        m->config.size = (int64_t)image->config_len;
        text = manifest_format(m);
        *ret_size = (int64_t)strlen(text);
        if (write_blob(s, text, strlen(text), 0, hex, err) < 0)
                return -1;
        memcpy(ret_digest, "sha256:", 7);
        memcpy(ret_digest + 7, hex, DIGEST_HEX_SIZE);
        return 0;
}

/* One entry of index.json for each name; `name` may be NULL. */
static void add_to_index(struct image_save *s, const char *digest, int64_t size, const char *name)
{
        json_object *d = json_object_new_object();

        json_set_string(d, "mediaType", MEDIA_OCI_MANIFEST);
        json_set_string(d, "digest", digest);
        json_object_object_add(d, "size", json_object_new_int64(size));
        if (name) {
                cleanup_reference struct reference r = {};
                cleanup_free char *full = NULL;
                json_object *annotations = json_object_new_object();

                if (reference_parse(name, &r, NULL) == 0)
                        full = reference_format(&r);
                json_set_string(annotations, "io.containerd.image.name", full);
                json_set_string(annotations, "org.opencontainers.image.ref.name", r.tag);
                json_object_object_add(d, "annotations", annotations);
        }
        json_object_array_add(s->index, d);
}

static void add_to_repositories(struct image_save *s, const struct image *image, const char *name)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *repository = NULL;
        json_object *tags;

        if (!image->n_diff_ids || reference_parse(name, &r, NULL) < 0 || !r.tag)
                return;
        repository = reference_familiar_name(&r);
        tags = json_get(s->repositories, repository);
        if (!tags) {
                tags = json_object_new_object();
                json_object_object_add(s->repositories, repository, tags);
        }
        json_set_string(tags, r.tag, image->config.diff_ids[image->n_diff_ids - 1] + strlen("sha256:"));
}

static void add_names(struct image_save *s, const struct saved_image *saved, const char *digest, int64_t size,
                      json_object *entry)
{
        json_object *tags = saved->names ? json_object_new_array() : NULL;

        for (char **name = saved->names; name && *name; name++) {
                json_object_array_add(tags, json_object_new_string(*name));
                add_to_index(s, digest, size, *name);
                add_to_repositories(s, saved->image, *name);
        }
        if (!saved->names)
                add_to_index(s, digest, size, NULL);
        json_object_object_add(entry, "RepoTags", tags);
}

static int write_image(struct image_save *s, const struct saved_image *saved, struct error *err)
{
        json_object *entry = json_object_new_object(), *paths = json_object_new_array(),
                    *sources = json_object_new_object();
        cleanup_manifest struct manifest manifest = {};
        char digest[DIGEST_TEXT_SIZE];
        int64_t size;

        json_object_array_add(s->manifest, entry);
        json_object_object_add(entry, "Config", NULL);
        json_object_object_add(entry, "RepoTags", NULL);
        json_object_object_add(entry, "Layers", paths);
        json_object_object_add(entry, "LayerSources", sources);
        if (write_layers(s, saved->image, &manifest, paths, sources, err) < 0 ||
            write_manifest(s, saved->image, &manifest, entry, digest, &size, err) < 0)
                return -1;
        add_names(s, saved, digest, size, entry);
        return 0;
}

static int write_json(struct image_save *s, const char *path, json_object *tree, struct error *err)
{
        cleanup_free char *text = json_format(tree), *line = string_format("%s\n", text);

        return tar_writer_file(s->tar, path, 0644, 0, line, strlen(line), err);
}

static int write_index(struct image_save *s, struct error *err)
{
        cleanup_json json_object *index = json_object_new_object();

        json_object_object_add(index, "schemaVersion", json_object_new_int(2));
        json_set_string(index, "mediaType", MEDIA_OCI_INDEX);
        json_object_object_add(index, "manifests", json_object_get(s->index));
        return write_json(s, "index.json", index, err);
}

static int write_all(struct image_save *s, struct error *err)
{
        static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}";

        if (write_folder(s, "blobs", err) < 0 || write_folder(s, "blobs/sha256", err) < 0)
                return -1;
        for (size_t i = 0; i < s->n_images; i++)
                if (write_image(s, &s->images[i], err) < 0)
                        return -1;
        if (write_index(s, err) < 0 || write_json(s, "manifest.json", s->manifest, err) < 0 ||
            tar_writer_file(s->tar, "oci-layout", 0644, 0, layout, strlen(layout), err) < 0)
                return -1;
        if (json_object_object_length(s->repositories) &&
            write_json(s, "repositories", s->repositories, err) < 0)
                return -1;
        return tar_writer_finish(s->tar, err);
}

int engine_image_save_write(struct image_save *s, struct sink *out, struct error *err)
{
        cleanup_tar_writer struct tar_writer *tar = tar_writer_new(out);
        int r;

        s->tar = tar;
        s->manifest = json_object_new_array();
        s->repositories = json_object_new_object();
        s->index = json_object_new_array();
        r = write_all(s, err);
        s->tar = NULL;
        if (r == 0)
                for (size_t i = 0; i < s->n_images; i++)
                        image_event(s->engine, s->images[i].image, "save", s->images[i].image->id_text);
        return r;
}
