/* Images that are folders: OCI layouts as bases. */
#include "base/fd.h"
#include "build/build-internal.h"
#include "store/layer.h"
#include "store/tree.h"
#include "suite.h"

#include <sys/stat.h>

SUITE(layout);

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define INDEX "application/vnd.oci.image.index.v1+json"

struct fixture {
        char *path;
        int fd;
        struct build build;
        char manifest[DIGEST_TEXT_SIZE], layer[DIGEST_TEXT_SIZE];
};

static void write_file(struct fixture *f, const char *path, const char *text, size_t len)
{
        cleanup_error struct error err = {};

        ck_assert_msg(file_replace(f->fd, path, text, len, 0644, false, &err) == 0, "%s",
                      error_message(&err));
}

static void write_blob(struct fixture *f, const char *text, size_t len, char digest[DIGEST_TEXT_SIZE])
{
        cleanup_free char *path = NULL;
        struct digest of;

        digest_of(text, len, &of);
        digest_format(&of, digest);
        path = string_format("blobs/sha256/%s", digest + strlen("sha256:"));
        write_file(f, path, text, len);
}

/* `tag` NULL: without one. */
static void write_index(struct fixture *f, const char *type, const char *digest, const char *tag)
{
        cleanup_free char *tagged =
                              tag ? string_format(",\"annotations\":{\"org.opencontainers.image.ref.name\":"
                                                  "\"%s\"}",
                                                  tag)
                                  : xstrdup(""),
                          *text = string_format("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\","
                                                "\"digest\":\"%s\",\"size\":1%s}]}",
                                                type, digest, tagged);

        write_file(f, "index.json", text, strlen(text));
}

/* An image of one empty layer; `diff_id` NULL is the right one. */
static void write_image(struct fixture *f, const char *diff_id)
{
        static const char layer[1024];
        cleanup_free char *config_text = NULL, *text = NULL;
        char config[DIGEST_TEXT_SIZE];

        write_blob(f, layer, sizeof(layer), f->layer);
        config_text =
            string_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":\"u\"},"
                          "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
                          diff_id ? diff_id : f->layer);
        write_blob(f, config_text, strlen(config_text), config);
        text = string_format(
            "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"config\":{\"mediaType\":"
            "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":1},\"layers\":["
            "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
            config, f->layer, sizeof(layer));
        write_blob(f, text, strlen(text), f->manifest);
}

static void open_fixture(struct fixture *f)
{
        cleanup_error struct error err = {};
        cleanup_free char *store = NULL;

        f->fd = tree_new_folder(&f->path);
        ck_assert_int_eq(directory_make(f->fd, "blobs/sha256", 0755, NULL), 0);
        store = string_format("%s/store", f->path);
        ck_assert_msg(store_open(store, &f->build.store, &err) == 0, "%s", error_message(&err));
        pthread_mutex_init(&f->build.lock, NULL);
        f->build.platform = "linux/amd64";
}

static void close_fixture(struct fixture *f)
{
        for (size_t i = 0; i < f->build.n_holds; i++)
                layer_release(f->build.store, &f->build.holds[i]);
        free(f->build.holds);
        pthread_mutex_destroy(&f->build.lock);
        store_close(f->build.store);
        tree_drop_folder(f->fd, f->path);
}

static void check_loads(struct fixture *f, const char *reference)
{
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;
        struct digest layer;

        ck_assert_msg(build_layout_load(&f->build, f->fd, reference, &image, &err) == 0, "%s: %s", reference,
                      error_message(&err));
        ck_assert_str_eq(image->config.config.user, "u");
        ck_assert_int_eq(digest_parse(f->layer, &layer, NULL), 0);
        ck_assert_uint_eq(image->n_diff_ids, 1);
        ck_assert(digest_equal(&image->chain_id, &layer));
}

static void check_fails(struct fixture *f, const char *reference, const char *message)
{
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;

        ck_assert_msg(build_layout_load(&f->build, f->fd, reference, &image, &err) < 0, "%s", reference);
        ck_assert_ptr_null(image);
        ck_assert_msg(strstr(error_message(&err), message), "%s", error_message(&err));
}

TEST(tags_and_digests)
{
        struct fixture f = {};
        cleanup_free char *by_digest = NULL;

        open_fixture(&f);
        write_image(&f, NULL);
        by_digest = string_format("x@%s", f.manifest);
        write_index(&f, MANIFEST, f.manifest, "v1");
        check_loads(&f, "x:v1");
        check_loads(&f, by_digest);
        ck_assert_uint_eq(f.build.n_holds, 2);
        check_fails(&f, "x", "latest: not found");
        write_index(&f, MANIFEST, f.manifest, NULL);
        check_loads(&f, "x");
        check_fails(&f, "x:v1", "v1: not found");
        close_fixture(&f);
}

TEST(through_indexes)
{
        struct fixture f = {};
        cleanup_free char *text = NULL;
        char inner[DIGEST_TEXT_SIZE];

        open_fixture(&f);
        write_image(&f, NULL);
        memcpy(inner, f.manifest, sizeof(inner));
        for (int depth = 1; depth < 5; depth++) {
                write_index(&f, INDEX, inner, NULL);
                if (depth < 4)
                        check_loads(&f, "x");
                else
                        check_fails(&f, "x", "index.json: nested too deep");
                free(text);
                text = string_format("{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":["
                                     "{\"mediaType\":\"" INDEX "\",\"digest\":\"%s\",\"size\":1}]}",
                                     inner);
                write_blob(&f, text, strlen(text), inner);
        }
        close_fixture(&f);
}

TEST(what_is_not_as_it_says)
{
        struct fixture f = {};
        cleanup_free char *blob = NULL;

        open_fixture(&f);
        check_fails(&f, "x", "index.json");
        check_fails(&f, "x@sha256:12", "invalid checksum digest length");
        write_image(&f, "sha256:"
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        write_index(&f, MANIFEST, f.manifest, NULL);
        check_fails(&f, "x", "layer sha256:");
        ck_assert_uint_eq(f.build.n_holds, 0);
        blob = string_format("blobs/sha256/%s", f.manifest + strlen("sha256:"));
        write_file(&f, blob, "{}", 2);
        check_fails(&f, "x",
                    "the content has the digest "
                    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        ck_assert_int_eq(unlinkat(f.fd, blob, 0), 0);
        ck_assert_int_eq(symlinkat("/etc/passwd", f.fd, blob), 0);
        check_fails(&f, "x", "no such file or directory");
        ck_assert_int_eq(unlinkat(f.fd, blob, 0), 0);
        ck_assert_int_eq(mkfifoat(f.fd, blob, 0600), 0);
        check_fails(&f, "x", "sha256:");
        close_fixture(&f);
}
