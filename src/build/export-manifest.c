/* Manifests of what was built. */
#include "build/export-internal.h"

int export_form(const struct export *x, bool oci, struct blob_form *ret, struct error *err)
{
        static const struct {
                const char *name;
                enum compression compression;
                int most; /* the highest level */
        } known[] = { { "", COMPRESSION_GZIP, 9 },
                      { "gzip", COMPRESSION_GZIP, 9 },
                      { "zstd", COMPRESSION_ZSTD, 22 },
                      { "uncompressed", COMPRESSION_NONE, 0 } };
        const char *name = export_attribute(x, "compression"),
                   *level = export_attribute(x, "compression-level");
        size_t i = 0;
        int64_t number = -1;

        while (i < ARRAY_SIZE(known) && !streq(known[i].name, name))
                i++;
        if (i == ARRAY_SIZE(known))
                return streq(name, "estargz")
                           ? error_set(err, ERROR_UNSUPPORTED,
                                       "compression=estargz is not supported by davit")
                           : error_set(err, ERROR_INVALID, "unsupported layer compression type %s", name);
        if (*level && (string_to_int64(level, &number, NULL) < 0 || number < 0 || number > known[i].most))
                return error_set(err, ERROR_INVALID, "invalid compression-level: %s", level);
        *ret = (struct blob_form){ .compression = known[i].compression, .level = (int)number };
        if (export_flag(x, "oci-mediatypes", oci || known[i].compression == COMPRESSION_ZSTD, &oci, err) < 0)
                return -1;
        ret->docker = !oci;
        return export_flag(x, "force-compression", false, &ret->force, err);
}

/* "annotation-LEVEL[PLATFORM].KEY"; "annotation.KEY" is the manifest's. */
void export_annotations(const struct export *x, const char *level, const struct platform *platform,
                        struct strmap *ret)
{
        cleanup_free char *shown = platform ? platform_format(platform) : NULL,
                          *own = shown ? string_format("[%s]", shown) : NULL;

        for (size_t i = 0; i < x->entry->attributes.count; i++) {
                const struct strpair *p = &x->entry->attributes.pairs[i];
                const char *rest = string_after(p->key, "annotation");

                if (!rest)
                        continue;
                if (*rest == '-' && string_after(rest + 1, level))
                        rest = string_after(rest + 1, level);
                else if (*rest != '.' && *rest != '[')
                        continue;
                else if (!streq(level, "manifest"))
                        continue;
                if (*rest == '[')
                        rest = own ? string_after(rest, own) : NULL;
                if (rest && *rest == '.' && rest[1])
                        strmap_set(ret, rest + 1, p->value);
        }
        strmap_sort(ret);
}

static int add_layers(struct build *b, struct blob_target *t, struct manifest *m, struct error *err)
{
        for (size_t i = 0; i < b->target->n_diff_ids; i++) {
                struct descriptor d = {};

                if (blob_layer(t, &b->target->diff_ids[i], &d, err) < 0)
                        return error_context(err, "layer %zu", i + 1);
                ARRAY_APPEND(m->layers, m->n_layers, d);
        }
        return 0;
}

static int one_manifest(struct export *x, struct build *b, struct blob_target *t, const char *name,
                        struct descriptor *ret, struct error *err)
{
        bool docker = t->form.docker;
        cleanup_manifest struct manifest m = { .schema_version = 2,
                                               .media_type = xstrdup(docker ? MEDIA_DOCKER_MANIFEST
                                                                            : MEDIA_OCI_MANIFEST) };
        cleanup_free char *text = NULL;

        export_annotations(x, "manifest", &b->target->platform, &m.annotations);
        if (add_layers(b, t, &m, err) < 0 ||
            blob_add(t, docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, b->config_text,
                     strlen(b->config_text), &m.config, err) < 0)
                return -1;
        text = manifest_format(&m);
        return blob_manifest(t, name, m.media_type, text, strlen(text), ret, err);
}

static int add_platforms(struct export *x, struct blob_target *t, struct image_index *index,
                         struct error *err)
{
        for (size_t i = 0; i < x->count; i++) {
                struct descriptor d = {};

                if (one_manifest(x, &x->builds[i], t, NULL, &d, err) < 0)
                        return -1;
                d.platform = xcalloc(1, sizeof(*d.platform));
                platform_copy(d.platform, &x->builds[i].target->platform);
                export_annotations(x, "manifest-descriptor", d.platform, &d.annotations);
                ARRAY_APPEND(index->manifests, index->n_manifests, d);
        }
        return 0;
}

int export_manifest(struct export *x, struct blob_target *t, const char *name, struct descriptor *ret,
                    struct error *err)
{
        cleanup_image_index struct image_index index = {
                .schema_version = 2,
                .media_type = xstrdup(t->form.docker ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX)
        };
        cleanup_free char *text = NULL;

        if (x->count == 1)
                return one_manifest(x, x->b, t, name, ret, err);
        export_annotations(x, "index", NULL, &index.annotations);
        if (add_platforms(x, t, &index, err) < 0)
                return -1;
        text = image_index_format(&index);
        return blob_manifest(t, name, index.media_type, text, strlen(text), ret, err);
}
