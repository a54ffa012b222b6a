/* OCI image format: config (with Docker's extensions), manifest, index, descriptor, platform. Parsing is
 * pure: text in, struct or error out. Sources: OCI image-spec 1.1, Docker image manifest v2 schema 2. */
#pragma once

#include "base/json.h"
#include "oci/container-config.h"
#include "oci/digest.h"

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MEDIA_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"
#define MEDIA_DOCKER_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

/* Caps on what is read as JSON. */
#define IMAGE_CONFIG_MAX (8 << 20)
#define IMAGE_MANIFEST_MAX (4 << 20)
#define IMAGE_LAYERS_MAX 1024

struct platform {
        char *architecture, *os, *variant, *os_version;
        char **os_features;
};
extern const struct json_table platform_table;

/* "linux/arm64/v8", "arm64", "linux": missing parts are those of this machine. ERROR_INVALID with Docker's
 * sentence. */
int platform_parse(const char *text, struct platform *ret, struct error *err);
/* Spells architectures and variants the one way: x86_64 → amd64, aarch64 → arm64 (no v8), armhf → arm/v7 … */
void platform_normalize(struct platform *p);
/* This machine's, normalized. */
void platform_host(struct platform *ret);
/* "linux/arm/v7"; heap. */
char *platform_format(const struct platform *p);
/* How well an image for `have` runs where `want` is wanted: 0 not at all, the larger the better (exact is
 * best; then lower variants: arm v8 → v7 → v6 → v5; amd64 also runs 386, arm64 also arm). With `strict` only
 * `want` itself. */
int platform_match(const struct platform *want, const struct platform *have, bool strict);
/* Will an image whose config says `have` do where `want` is asked for? Many configs name no variant: those
 * do. */
bool platform_suits(const struct platform *want, const struct platform *have);
void platform_copy(struct platform *dst, const struct platform *src);
void platform_deinit(struct platform *p);
#define cleanup_platform __attribute__((cleanup(platform_deinit)))

struct descriptor {
        char *media_type;
        char *digest; /* "sha256:…" */
        int64_t size;
        char **urls;
        struct strmap annotations;
        struct platform *platform; /* in an index; may be NULL */
        char *artifact_type;
        char *data; /* base64, rarely there */
};
extern const struct json_table descriptor_table;

struct manifest {
        int schema_version;
        char *media_type, *artifact_type;
        struct descriptor config;
        struct descriptor *layers;
        size_t n_layers;
        struct descriptor *subject;
        struct strmap annotations;
};
extern const struct json_table manifest_table;
/* Checks the schema version, that digests parse, that sizes are sane and the number of layers. */
int manifest_parse(const char *text, size_t len, struct manifest *ret, struct error *err);
char *manifest_format(const struct manifest *m); /* compact JSON; heap */
void manifest_deinit(struct manifest *m);
#define cleanup_manifest __attribute__((cleanup(manifest_deinit)))

struct image_index {
        int schema_version;
        char *media_type, *artifact_type;
        struct descriptor *manifests;
        size_t n_manifests;
        struct descriptor *subject;
        struct strmap annotations;
};
extern const struct json_table image_index_table;
int image_index_parse(const char *text, size_t len, struct image_index *ret, struct error *err);
char *image_index_format(const struct image_index *index);
/* The manifest that suits `want` best (attestations are skipped), or NULL. */
const struct descriptor *image_index_select(const struct image_index *index, const struct platform *want,
                                            bool strict);
void image_index_deinit(struct image_index *index);
#define cleanup_image_index __attribute__((cleanup(image_index_deinit)))

struct image_history {
        int64_t created; /* TIME_ZERO when absent */
        char *author, *created_by, *comment;
        bool empty_layer;
};

struct image_config {
        int64_t created; /* TIME_ZERO when absent */
        char *author;
        char *architecture, *os, *variant, *os_version;
        char **os_features;
        struct container_config config; /* the parts that images have; the rest is zero */
        char *rootfs_type;              /* "layers" */
        char **diff_ids;                /* lowest first, "sha256:…" */
        struct image_history *history;
        size_t n_history;
        /* Docker's extensions; omitted when empty. */
        char *comment, *container, *docker_version;
        char *build_cache; /* BuildKit's inline cache, base64 */
};

/* Parses and checks: valid UTF-8, diff ids that parse, at most IMAGE_LAYERS_MAX of them, history that fits.
 */
int image_config_parse(const char *text, size_t len, struct image_config *ret, struct error *err);
/* The JSON whose digest is the image's id; heap. Deterministic: the same struct gives the same text. */
char *image_config_format(const struct image_config *c);
/* "config" alone, as `image inspect` shows it under Config. */
json_object *image_config_runtime_json(const struct image_config *c);
/* Appends a copy. */
void image_config_add_history(struct image_config *c, const struct image_history *h);
void image_config_copy(struct image_config *dst, const struct image_config *src);
void image_config_deinit(struct image_config *c);
#define cleanup_image_config __attribute__((cleanup(image_config_deinit)))
