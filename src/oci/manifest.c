/* Descriptors, manifests and indexes. */
#include "oci/image.h"

#define SIZE_LIMIT (INT64_C(1) << 50)

#define STRUCT struct descriptor
static const struct json_field descriptor_fields[] = {
        JSON_FIELD("mediaType", STRUCT, media_type, JSON_STRING),
        JSON_FIELD("digest", STRUCT, digest, JSON_STRING),
        JSON_FIELD("size", STRUCT, size, JSON_INT64),
        JSON_FIELD("urls", STRUCT, urls, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("annotations", STRUCT, annotations, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("data", STRUCT, data, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("platform", STRUCT, platform, JSON_STRUCT_PTR, platform_table, JSON_OMIT_EMPTY),
        JSON_FIELD("artifactType", STRUCT, artifact_type, JSON_STRING, JSON_OMIT_EMPTY),
};
const struct json_table descriptor_table = JSON_TABLE(STRUCT, descriptor_fields);
#undef STRUCT

#define STRUCT struct manifest
static const struct json_field manifest_fields[] = {
        JSON_FIELD("schemaVersion", STRUCT, schema_version, JSON_INT),
        JSON_FIELD("mediaType", STRUCT, media_type, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("artifactType", STRUCT, artifact_type, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("config", STRUCT, config, JSON_STRUCT, descriptor_table),
        JSON_FIELD_ARRAY("layers", STRUCT, layers, n_layers, JSON_ARRAY, descriptor_table,
                         JSON_EMPTY_NOT_NULL),
        JSON_FIELD_STRUCT("subject", STRUCT, subject, JSON_STRUCT_PTR, descriptor_table, JSON_OMIT_EMPTY),
        JSON_FIELD("annotations", STRUCT, annotations, JSON_STRMAP, JSON_OMIT_EMPTY),
};
const struct json_table manifest_table = JSON_TABLE(STRUCT, manifest_fields);
#undef STRUCT

#define STRUCT struct image_index
static const struct json_field image_index_fields[] = {
        JSON_FIELD("schemaVersion", STRUCT, schema_version, JSON_INT),
        JSON_FIELD("mediaType", STRUCT, media_type, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("artifactType", STRUCT, artifact_type, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_ARRAY("manifests", STRUCT, manifests, n_manifests, JSON_ARRAY, descriptor_table,
                         JSON_EMPTY_NOT_NULL),
        JSON_FIELD_STRUCT("subject", STRUCT, subject, JSON_STRUCT_PTR, descriptor_table, JSON_OMIT_EMPTY),
        JSON_FIELD("annotations", STRUCT, annotations, JSON_STRMAP, JSON_OMIT_EMPTY),
};
const struct json_table image_index_table = JSON_TABLE(STRUCT, image_index_fields);
#undef STRUCT

static int check_descriptor(const struct descriptor *d, struct error *err)
{
        struct digest digest;

        if (digest_parse(d->digest ? d->digest : "", &digest, err) < 0)
                return -1;
        if (d->size < 0 || d->size > SIZE_LIMIT)
                return error_set(err, ERROR_INVALID, "descriptor %s: size out of range", d->digest);
        return 0;
}

static int check_descriptors(const struct descriptor *list, size_t count, struct error *err)
{
        if (count > IMAGE_LAYERS_MAX)
                return error_set(err, ERROR_INVALID, "more than %d entries", IMAGE_LAYERS_MAX);
        for (size_t i = 0; i < count; i++)
                if (check_descriptor(&list[i], err) < 0)
                        return -1;
        return 0;
}

static int check_version(int version, struct error *err)
{
        if (version == 1)
                return error_set(err, ERROR_INVALID, "schema version 1 is no longer supported");
        return version == 2 ? 0 : error_set(err, ERROR_INVALID, "unknown schema version %d", version);
}

int manifest_parse(const char *text, size_t len, struct manifest *ret, struct error *err)
{
        cleanup_manifest struct manifest m = {};

        if (json_bind_text(&manifest_table, text, len, &m, err) < 0 ||
            check_version(m.schema_version, err) < 0 || check_descriptor(&m.config, err) < 0 ||
            check_descriptors(m.layers, m.n_layers, err) < 0)
                return error_context(err, "manifest");
        *ret = m;
        m = (struct manifest){};
        return 0;
}

static char *format(const struct json_table *table, const void *in)
{
        cleanup_json json_object *tree = json_unbind(table, in);

        return json_format(tree);
}

char *manifest_format(const struct manifest *m)
{
        return format(&manifest_table, m);
}

void manifest_deinit(struct manifest *m)
{
        json_free_fields(&manifest_table, m);
        *m = (struct manifest){};
}

int image_index_parse(const char *text, size_t len, struct image_index *ret, struct error *err)
{
        cleanup_image_index struct image_index index = {};

        if (json_bind_text(&image_index_table, text, len, &index, err) < 0 ||
            check_version(index.schema_version, err) < 0 ||
            check_descriptors(index.manifests, index.n_manifests, err) < 0)
                return error_context(err, "index");
        *ret = index;
        index = (struct image_index){};
        return 0;
}

char *image_index_format(const struct image_index *index)
{
        return format(&image_index_table, index);
}

static bool is_attestation(const struct descriptor *d)
{
        return strmap_get(&d->annotations, "vnd.docker.reference.type") ||
               (d->platform && streq(d->platform->os, "unknown") &&
                streq(d->platform->architecture, "unknown"));
}

const struct descriptor *image_index_select(const struct image_index *index, const struct platform *want,
                                            bool strict)
{
        const struct descriptor *best = NULL;
        int best_score = 0;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const struct descriptor *d = &index->manifests[i];
                int score;

                if (is_attestation(d))
                        continue;
                score = d->platform ? platform_match(want, d->platform, strict) : 1;
                if (score > best_score) {
                        best = d;
                        best_score = score;
                }
        }
        return best;
}

void image_index_deinit(struct image_index *index)
{
        json_free_fields(&image_index_table, index);
        *index = (struct image_index){};
}
