/* POST /images/load: Docker's archives (a folder for each layer, or blobs/) and OCI layouts, in one pass.
 *
 * Theory of operation. Entries come in any order, and what they are is known only from manifest.json or
 * index.json, which may come last. So whatever looks like JSON is kept in memory (capped), and every other
 * file is tried as a layer at once: its diff id and the digest of its bytes are remembered under its path,
 * and the layer is held until the end. A blob that is named by the diff id of a layer that is there is
 * skipped unread. When the archive has been read, the manifests say which layers belong to which image; diff
 * ids are compared with what the image's config wants. Layers nobody wanted go with the next collection. */
#include "engine/image-internal.h"

#include "oci/reference.h"
#include "store/tar.h"
#include "store/unpack.h"

#define JSON_TOTAL_MAX (64 << 20)
#define ENTRIES_MAX 100000
#define SNIFF_SIZE 512

struct load_entry {
        char *path;
        char *link; /* cleaned target of a link, else NULL */
        char *text; /* of JSON */
        size_t text_len;
        bool is_layer;
        struct digest diff_id;
};

struct load {
        struct engine *engine;
        image_progress progress;
        void *arg;
        bool quiet;
        struct platform *platforms; /* only these; none given: all */
        size_t n_platforms;
        struct load_entry *entries;
        size_t n_entries, json_total;
        size_t loaded;
};

static int tell(struct load *l, const char *key, const char *text, struct error *err)
{
        cleanup_json json_object *message = NULL;

        if (!l->progress)
                return 0;
        message = json_object_new_object();
        json_set_string(message, key, text);
        return l->progress(l->arg, message, err);
}

/* ---- Reading the archive ---- */

static ssize_t entry_read(struct stream *s, void *buffer, size_t len, struct error *err);
static const struct stream_class entry_class = { entry_read, NULL };

/* What has been looked at, then the rest of the entry. */
struct entry_stream {
        struct stream stream;
        struct tar_reader *reader;
        char head[SNIFF_SIZE];
        size_t start, end;
};

static ssize_t entry_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        struct entry_stream *e = (struct entry_stream *)s;

        if (e->start == e->end)
                return tar_reader_data(e->reader, buffer, len, err);
        len = MIN(len, e->end - e->start);
        memcpy(buffer, e->head + e->start, len);
        e->start += len;
        return (ssize_t)len;
}

static bool looks_like_json(const struct entry_stream *e)
{
        size_t i = e->start;

        while (i < e->end && strchr(" \t\r\n", e->head[i]))
                i++;
        return i < e->end && (e->head[i] == '{' || e->head[i] == '[');
}

static bool looks_like_layer(const struct entry_stream *e)
{
        size_t len = e->end - e->start;

        if (compression_detect(e->head, len) != COMPRESSION_NONE)
                return true;
        if (len < SNIFF_SIZE)
                return false;
        return memcmp(e->head + 257, "ustar", 5) == 0 || e->head[0] == 0 || e->head[156] == 0;
}

static int keep_json(struct load *l, struct entry_stream *in, struct load_entry *entry, struct error *err)
{
        if (stream_read_all(&in->stream, IMAGE_CONFIG_MAX, &entry->text, &entry->text_len, err) < 0)
                return -1;
        l->json_total += entry->text_len;
        if (l->json_total > JSON_TOTAL_MAX)
                return error_set(err, ERROR_INVALID, "invalid archive: too much metadata");
        return 0;
}

/* blobs/sha256/HEX of an uncompressed layer that is there already. */
static bool have_layer(struct load *l, const char *path, struct layer *ret)
{
        const char *hex = string_after(path, "blobs/sha256/");
        struct digest id;

        return hex && digest_parse_hex(hex, &id, NULL) == 0 &&
               layer_get(l->engine->store, &id, ret, NULL) == 0;
}

static int take_layer(struct load *l, struct entry_stream *in, struct load_entry *entry, struct error *err)
{
        struct layer layer;

        if (!have_layer(l, entry->path, &layer)) {
                if (!l->quiet && tell(l, "status", "Loading layer", err) < 0)
                        return -1;
                if (layer_apply(l->engine->store, &in->stream, NULL, &layer, err) < 0)
                        return error_context(err, "%s", entry->path);
        }
        entry->is_layer = true;
        entry->diff_id = layer.diff_id;
        return 0;
}

static int take_file(struct load *l, struct tar_reader *reader, struct load_entry *entry, struct error *err)
{
        struct entry_stream in = { .stream = { &entry_class }, .reader = reader };
        ssize_t n = 0;

        while (in.end < SNIFF_SIZE &&
               (n = tar_reader_data(reader, in.head + in.end, SNIFF_SIZE - in.end, err)) > 0)
                in.end += (size_t)n;
        if (n < 0)
                return -1;
        if (looks_like_json(&in))
                return keep_json(l, &in, entry, err);
        return looks_like_layer(&in) ? take_layer(l, &in, entry, err) : 0;
}

/* Older archives hold a layer once and link to it. */
static char *link_target(const struct tar_entry *e, const char *path)
{
        const char *slash = strrchr(path, '/');
        cleanup_free char *joined = NULL;

        if (e->type == TAR_HARDLINK || e->link[0] == '/')
                return tar_clean_path(e->link);
        joined = string_format("%.*s/%s", slash ? (int)(slash - path) : 0, path, e->link);
        return tar_clean_path(joined);
}

static int take_entry(struct load *l, struct tar_reader *reader, const struct tar_entry *e, struct error *err)
{
        struct load_entry entry = { .path = tar_clean_path(e->path) };

        if (!entry.path)
                return error_set(err, ERROR_INVALID, "invalid archive: \"%s\" is outside of it", e->path);
        if (l->n_entries >= ENTRIES_MAX) {
                free(entry.path);
                return error_set(err, ERROR_INVALID, "invalid archive: more than %d entries", ENTRIES_MAX);
        }
        if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK)
                entry.link = link_target(e, entry.path);
        ARRAY_APPEND(l->entries, l->n_entries, entry);
        return e->type == TAR_FILE ? take_file(l, reader, &l->entries[l->n_entries - 1], err) : 0;
}

static int read_archive(struct load *l, struct stream *archive, struct error *err)
{
        cleanup_stream struct stream *plain = stream_new_decompressed(archive);
        cleanup_tar_reader struct tar_reader *reader = tar_reader_new(plain, NULL);
        const struct tar_entry *e;
        int there;

        while ((there = tar_reader_next(reader, &e, err)) > 0)
                if (take_entry(l, reader, e, err) < 0)
                        return -1;
        return there;
}

/* The last entry of a name counts; links are followed a few steps. */
static const struct load_entry *find_entry(const struct load *l, const char *path)
{
        for (int steps = 0; path && steps < 8; steps++) {
                cleanup_free char *clean = tar_clean_path(path);
                const struct load_entry *found = NULL;

                for (size_t i = l->n_entries; clean && i > 0 && !found; i--)
                        if (streq(l->entries[i - 1].path, clean))
                                found = &l->entries[i - 1];
                if (!found || !found->link)
                        return found;
                path = found->link;
        }
        return NULL;
}

static const struct load_entry *find_json(const struct load *l, const char *path, struct error *err)
{
        const struct load_entry *e = find_entry(l, path);

        if (e && e->text)
                return e;
        error_set(err, ERROR_INVALID, "invalid archive: %s is missing", path);
        return NULL;
}

/* ---- Making images ---- */

static int check_layers(const struct image_config *c, char *const *paths, const struct load *l,
                        struct error *err)
{
        size_t have = strv_length(paths), want = strv_length(c->diff_ids);

        if (have != want)
                return error_set(err, ERROR_INVALID,
                                 "invalid manifest, layers length mismatch: expected %zu, got %zu", want,
                                 have);
        for (size_t i = 0; i < want; i++) {
                const struct load_entry *e = find_entry(l, paths[i]);
                char got[DIGEST_TEXT_SIZE];

                if (!e || !e->is_layer)
                        return error_set(err, ERROR_INVALID, "invalid archive: layer %s is missing",
                                         paths[i]);
                digest_format(&e->diff_id, got);
                if (!streq(got, c->diff_ids[i]))
                        return error_set(err, ERROR_INVALID,
                                         "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", i,
                                         c->diff_ids[i], got);
        }
        return 0;
}

static bool platform_wanted(const struct load *l, const struct image_config *c)
{
        struct platform have = { c->architecture, c->os, c->variant, NULL, NULL };

        for (size_t i = 0; i < l->n_platforms; i++)
                if (platform_match(&l->platforms[i], &have, true))
                        return true;
        return l->n_platforms == 0;
}

/* The line about a name, and one before it when another image had it. */
static int tell_name(struct load *l, const char *name, const struct digest *id, const struct digest *old,
                     struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *familiar = NULL, *line = NULL;
        char text[DIGEST_TEXT_SIZE];

        if (reference_parse(name, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        familiar = reference_familiar(&r);
        if (!digest_is_zero(old) && !digest_equal(old, id)) {
                cleanup_free char *renamed = NULL;

                digest_format(old, text);
                renamed = string_format(
                    "The image %s already exists, renaming the old one with ID %s to empty string\n",
                    familiar, text);
                if (tell(l, "stream", renamed, err) < 0)
                        return -1;
        }
        line = string_format("Loaded image: %s\n", familiar);
        return tell(l, "stream", line, err);
}

static int tell_image(struct load *l, char *const *names, const struct digest *id,
                      const struct digest *replaced, struct error *err)
{
        cleanup_free char *line = NULL;
        char text[DIGEST_TEXT_SIZE];

        digest_format(id, text);
        image_event_id(l->engine, id, "load", text);
        for (size_t i = 0; names && names[i]; i++)
                if (tell_name(l, names[i], id, &replaced[i], err) < 0)
                        return -1;
        if (names && names[0])
                return 0;
        line = string_format("Loaded image ID: %s\n", text);
        return tell(l, "stream", line, err);
}

static int make_image(struct load *l, const struct load_entry *config, char *const *layers,
                      char *const *names, struct error *err)
{
        cleanup_image_config struct image_config c = {};
        cleanup_free struct digest *replaced = xcalloc(strv_length(names) + 1, sizeof(*replaced));
        struct digest id;

        if (image_config_parse(config->text, config->text_len, &c, err) < 0)
                return -1;
        if (!platform_wanted(l, &c))
                return 0;
        if (!string_empty(c.os) && !streq(c.os, "linux"))
                return error_set(err, ERROR_INVALID, "cannot load %s image on linux", c.os);
        if (check_layers(&c, layers, l, err) < 0 ||
            image_create_named(l->engine->store, config->text, config->text_len, NULL, names, replaced, &id,
                               err) < 0)
                return -1;
        l->loaded++;
        return tell_image(l, names, &id, replaced, err);
}

struct archive_image {
        char *config;
        char **repo_tags, **layers;
};
static const struct json_field archive_image_fields[] = {
        JSON_FIELD("Config", struct archive_image, config, JSON_STRING),
        JSON_FIELD("RepoTags", struct archive_image, repo_tags, JSON_STRV),
        JSON_FIELD("Layers", struct archive_image, layers, JSON_STRV),
};
static const struct json_table archive_image_table = JSON_TABLE(struct archive_image, archive_image_fields);

static int load_archive_image(struct load *l, json_object *in, struct error *err)
{
        struct archive_image image = {};
        const struct load_entry *config = NULL;
        int r = json_bind(&archive_image_table, in, &image, err);

        if (r == 0) {
                config = find_json(l, image.config ? image.config : "", err);
                r = config ? make_image(l, config, image.layers, image.repo_tags, err) : -1;
        }
        json_free_fields(&archive_image_table, &image);
        return r;
}

static int load_docker_archive(struct load *l, const struct load_entry *manifest, struct error *err)
{
        cleanup_json json_object *list = NULL;

        if (json_parse_text(manifest->text, manifest->text_len, &list, err) < 0)
                return error_context(err, "manifest.json");
        if (!json_object_is_type(list, json_type_array))
                return error_set(err, ERROR_INVALID, "manifest.json: not a list");
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (load_archive_image(l, json_object_array_get_idx(list, i), err) < 0)
                        return -1;
        return 0;
}

/* ---- OCI layouts ---- */

static char *blob_path(const char *digest)
{
        const char *hex = string_after(digest, "sha256:");

        return string_format("blobs/sha256/%s", hex ? hex : "");
}

/* A name that is a whole reference; a bare tag names nothing. */
static const char *descriptor_name(const struct descriptor *d)
{
        const char *name = strmap_get(&d->annotations, "io.containerd.image.name");
        const char *ref = strmap_get(&d->annotations, "org.opencontainers.image.ref.name");

        if (name)
                return name;
        return ref && strpbrk(ref, ":/") ? ref : NULL;
}

static int load_manifest(struct load *l, const struct load_entry *in, const char *name, struct error *err)
{
        cleanup_manifest struct manifest m = {};
        cleanup_strv char **layers = strv_new(), **names = strv_new();
        cleanup_free char *config_path = NULL;
        const struct load_entry *config;

        if (manifest_parse(in->text, in->text_len, &m, err) < 0)
                return -1;
        for (size_t i = 0; i < m.n_layers; i++)
                strv_append_take(&layers, blob_path(m.layers[i].digest));
        if (name)
                strv_append(&names, name);
        config_path = blob_path(m.config.digest);
        config = find_json(l, config_path, err);
        return config ? make_image(l, config, layers, names, err) : -1;
}

static int load_index(struct load *l, const struct load_entry *in, const char *name, int depth,
                      struct error *err);

static int load_descriptor(struct load *l, const struct descriptor *d, const char *name, int depth,
                           struct error *err)
{
        cleanup_free char *path = blob_path(d->digest);
        const struct load_entry *blob = find_json(l, path, err);

        if (!blob)
                return -1;
        if (streq(d->media_type, MEDIA_OCI_INDEX) || streq(d->media_type, MEDIA_DOCKER_LIST))
                return load_index(l, blob, name, depth + 1, err);
        return load_manifest(l, blob, name, err);
}

static int load_index(struct load *l, const struct load_entry *in, const char *name, int depth,
                      struct error *err)
{
        cleanup_image_index struct image_index index = {};
        cleanup_platform struct platform host = {};
        const struct descriptor *best;

        if (depth > 3)
                return error_set(err, ERROR_INVALID, "index.json: nested too deep");
        if (image_index_parse(in->text, in->text_len, &index, err) < 0)
                return -1;
        if (depth == 0) { /* every entry is an image of its own */
                for (size_t i = 0; i < index.n_manifests; i++)
                        if (load_descriptor(l, &index.manifests[i], descriptor_name(&index.manifests[i]), 0,
                                            err) < 0)
                                return -1;
                return 0;
        }
        platform_host(&host);
        best = image_index_select(&index, l->n_platforms ? &l->platforms[0] : &host, false);
        if (!best)
                return error_set(err, ERROR_INVALID, "no image for this platform in the index");
        return load_descriptor(l, best, name, depth, err);
}

static int make_images(struct load *l, struct error *err)
{
        const struct load_entry *manifest = find_entry(l, "manifest.json"),
                                *index = find_entry(l, "index.json");

        if (manifest && manifest->text)
                return load_docker_archive(l, manifest, err);
        if (index && index->text)
                return load_index(l, index, NULL, 0, err);
        return error_set(err, ERROR_INVALID, "invalid archive: does not contain a manifest.json");
}

static void load_deinit(struct load *l)
{
        for (size_t i = 0; i < l->n_entries; i++) {
                struct load_entry *e = &l->entries[i];

                if (e->is_layer)
                        layer_release(l->engine->store, &e->diff_id);
                free(e->path);
                free(e->link);
                free(e->text);
        }
        free(l->entries);
        for (size_t i = 0; i < l->n_platforms; i++)
                platform_deinit(&l->platforms[i]);
        free(l->platforms);
        store_collect(l->engine->store, NULL, NULL);
}
#define cleanup_load __attribute__((cleanup(load_deinit)))

int image_platforms(char *const *texts, struct platform **ret, size_t *ret_count, struct error *err)
{
        struct platform *list = NULL;
        size_t count = 0;

        for (; texts && *texts; texts++) {
                struct platform p = {};
                int r = (*texts)[0] == '{' ? json_bind_text(&platform_table, *texts, strlen(*texts), &p, err)
                                           : platform_parse(*texts, &p, err);

                if (r < 0) {
                        platform_deinit(&p);
                        while (count > 0)
                                platform_deinit(&list[--count]);
                        free(list);
                        return -1;
                }
                ARRAY_APPEND(list, count, p);
        }
        *ret = list;
        *ret_count = count;
        return 0;
}

int engine_image_load(struct engine *engine, struct stream *archive, bool quiet, char *const *platforms,
                      image_progress progress, void *arg, struct error *err)
{
        cleanup_load struct load l = { .engine = engine, .progress = progress, .arg = arg, .quiet = quiet };

        if (image_platforms(platforms, &l.platforms, &l.n_platforms, err) < 0 ||
            read_archive(&l, archive, err) < 0 || make_images(&l, err) < 0)
                return -1;
        if (l.n_platforms && !l.loaded)
                return error_set(err, ERROR_NOT_FOUND, "no image for the requested platform in the archive");
        return 0;
}
