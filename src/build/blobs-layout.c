/* An OCI image layout, written as a tar while it is made. */
#include "build/blobs.h"
#include "store/tar.h"

struct layout {
        struct blob_target target;
        struct tar_writer *tar;
        char **written; /* digests */
};

static bool is_new(struct layout *l, const char *digest)
{
        if (strv_contains(l->written, digest))
                return false;
        strv_append(&l->written, digest);
        return true;
}

static char *blob_path(const char *digest)
{
        return string_format("blobs/sha256/%s", digest + strlen("sha256:"));
}

static int layout_blob(struct blob_target *t, const void *data, size_t len, struct error *err)
{
        struct layout *l = (struct layout *)t;
        cleanup_free char *path = NULL;
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;

        digest_of(data, len, &digest);
        digest_format(&digest, text);
        path = blob_path(text);
        return is_new(l, text) ? tar_writer_file(l->tar, path, 0644, 0, data, len, err) : 0;
}

static int layout_manifest(struct blob_target *t, const char *name, const char *media_type, const void *data,
                           size_t len, struct error *err)
{
        (void)name, (void)media_type; /* the index says them */
        return layout_blob(t, data, len, err);
}

/* A tar wants the size first: the layer is packed into a file. */
static int layout_layer(struct blob_target *t, const struct digest *diff_id, struct descriptor *ret,
                        struct error *err)
{
        struct layout *l = (struct layout *)t;
        cleanup_close int fd = store_tmp_file(t->store, err);
        cleanup_stream struct stream *in = NULL;
        cleanup_sink struct sink *file = NULL, *hashing = NULL;
        cleanup_hash struct hash *hash = hash_new();
        cleanup_free char *path = NULL;
        struct tar_entry e = { .type = TAR_FILE, .mode = 0644 };
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;
        uint64_t size = 0;

        if (fd < 0 || blob_layer_stream(t->store, diff_id, &t->form, &in, err) < 0)
                return -1;
        file = sink_new_fd(fd);
        hashing = sink_new_hashing(file, hash, &size);
        if (stream_copy(in, hashing, NULL, err) < 0)
                return -1;
        hash_finish(hash, digest.bytes);
        digest_format(&digest, text);
        path = blob_path(text);
        e.path = path;
        e.size = (int64_t)size;
        if (is_new(l, text)) {
                lseek(fd, 0, SEEK_SET);
                if (tar_writer_entry(l->tar, &e, err) < 0 || tar_writer_fd(l->tar, fd, e.size, err) < 0)
                        return -1;
        }
        *ret = (struct descriptor){ .media_type = xstrdup(blob_layer_media_type(&t->form)),
                                    .digest = xstrdup(text),
                                    .size = e.size };
        return 0;
}

static void layout_free(struct blob_target *t)
{
        struct layout *l = (struct layout *)t;

        tar_writer_free(l->tar);
        strv_free(l->written);
        free(l);
}

struct blob_target *blob_layout_new(struct store *store, const struct blob_form *form, struct sink *out)
{
        static const struct blob_target_class class = { layout_layer, layout_blob, layout_manifest,
                                                        layout_free };
        struct layout *l = xcalloc(1, sizeof(*l));

        l->target = (struct blob_target){ &class, store, *form };
        l->tar = tar_writer_new(out);
        l->written = strv_new();
        return &l->target;
}

int blob_layout_file(struct blob_target *t, const char *path, const void *data, size_t len, struct error *err)
{
        return tar_writer_file(((struct layout *)t)->tar, path, 0644, 0, data, len, err);
}

int blob_layout_finish(struct blob_target *t, const struct descriptor *manifests, size_t count,
                       struct error *err)
{
        static const char version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
        struct image_index index = { .schema_version = 2,
                                     .media_type = (char *)MEDIA_OCI_INDEX,
                                     .manifests = (struct descriptor *)manifests,
                                     .n_manifests = count };
        cleanup_free char *text = image_index_format(&index);

        return blob_layout_file(t, "index.json", text, strlen(text), err) < 0 ||
                       blob_layout_file(t, "oci-layout", version, strlen(version), err) < 0
                   ? -1
                   : tar_writer_finish(((struct layout *)t)->tar, err);
}
