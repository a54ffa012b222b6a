#include "build/blobs.h"

#include "base/compress.h"
#include "base/gzip.h"
#include "store/layer.h"

#define ZSTD_LEVEL 3

void blob_target_free(struct blob_target *t)
{
        t->class->free(t);
}

int blob_layer(struct blob_target *t, const struct digest *diff_id, struct descriptor *ret, struct error *err)
{
        return t->class->layer(t, diff_id, ret, err);
}

static void describe(const char *media_type, const void *data, size_t len, struct descriptor *ret)
{
        char text[DIGEST_TEXT_SIZE];
        struct digest digest;

        digest_of(data, len, &digest);
        digest_format(&digest, text);
        *ret = (struct descriptor){ .media_type = xstrdup(media_type),
                                    .digest = xstrdup(text),
                                    .size = (int64_t)len };
}

int blob_add(struct blob_target *t, const char *media_type, const void *data, size_t len,
             struct descriptor *ret, struct error *err)
{
        if (t->class->blob(t, data, len, err) < 0)
                return -1;
        describe(media_type, data, len, ret);
        return 0;
}

int blob_manifest(struct blob_target *t, const char *name, const char *media_type, const void *data,
                  size_t len, struct descriptor *ret, struct error *err)
{
        if (t->class->manifest(t, name, media_type, data, len, err) < 0)
                return -1;
        describe(media_type, data, len, ret);
        return 0;
}

/* ---- A layer's bytes ---- */

struct layer_stream {
        struct stream stream;
        struct stream *tar, *packed;
};

static ssize_t layer_read(struct stream *s, void *buffer, size_t len, struct error *err)
{
        return stream_read(((struct layer_stream *)s)->packed, buffer, len, err);
}

static void layer_free(struct stream *s)
{
        struct layer_stream *l = (struct layer_stream *)s;

        if (l->packed != l->tar)
                stream_free(l->packed);
        stream_free(l->tar);
        free(l);
}

static struct stream *compress(struct stream *tar, const struct blob_form *form)
{
        if (form->compression == COMPRESSION_NONE)
                return tar;
        if (form->compression == COMPRESSION_ZSTD)
                return stream_new_zstd(tar, form->level > 0 ? form->level : ZSTD_LEVEL);
        return form->level < 0 ? stream_new_gzip(tar) : stream_new_gzip_level(tar, form->level);
}

int blob_layer_stream(struct store *store, const struct digest *diff_id, const struct blob_form *form,
                      struct stream **ret, struct error *err)
{
        static const struct stream_class class = { layer_read, layer_free };
        struct layer_stream *l = xcalloc(1, sizeof(*l));

        if (layer_tar_stream(store, diff_id, &l->tar, err) < 0) {
                free(l);
                return -1;
        }
        l->packed = compress(l->tar, form);
        l->stream.class = &class;
        *ret = &l->stream;
        return 0;
}

const char *blob_layer_media_type(const struct blob_form *form)
{
        if (form->compression == COMPRESSION_ZSTD)
                return MEDIA_OCI_LAYER_ZSTD;
        if (form->docker)
                return form->compression == COMPRESSION_NONE ? "application/vnd.docker.image.rootfs.diff.tar"
                                                             : MEDIA_DOCKER_LAYER_GZIP;
        return form->compression == COMPRESSION_NONE ? MEDIA_OCI_LAYER : MEDIA_OCI_LAYER_GZIP;
}
