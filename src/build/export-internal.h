/* The outputs of a build: what the exporters share. */
#pragma once

#include "build/blobs.h"
#include "build/build-internal.h"

/* One output at work. */
struct export
{
        struct build *builds; /* one for each platform, solved */
        size_t count;
        struct build *b; /* the first: its progress, its store */
        const struct build_entry *entry;
        size_t index; /* of the output, for what goes to the client */
        struct build_result *result;
};

/* The attribute's text, "" when it is not there. */
const char *export_attribute(const struct export *x, const char *name);
/* "true", "1", "false" …; `fallback` when it is not there. ERROR_INVALID. */
int export_flag(const struct export *x, const char *name, bool fallback, bool *ret, struct error *err);
/* The names that the result gets: the output's own `name`, else the build's tags; NULL for none. */
char **export_names(const struct export *x);
/* "docker.io/library/app:1" as buildx shows it. */
char *export_shown_name(const char *name);
/* Sends bytes to the client as this output, which export_sink_finish() ends. */
struct sink *export_sink(const struct export *x);
int export_sink_finish(struct sink *s, struct error *err);

/* ---- export-manifest.c ---- */
/* The image (or the index of several) into the target, compressed and annotated as the output says. `name` as
 * for blob_manifest(); the descriptor is the caller's. */
int export_manifest(struct export *x, struct blob_target *t, const char *name, struct descriptor *ret,
                    struct error *err);
/* compression, compression-level, force-compression, oci-mediatypes. */
int export_form(const struct export *x, bool oci, struct blob_form *ret, struct error *err);
/* The annotations of a level ("manifest", "index-descriptor"), for one platform (NULL: of all). */
void export_annotations(const struct export *x, const char *level, const struct platform *platform,
                        struct strmap *ret);

/* ---- cache-export.c ---- */
/* --cache-to: all but inline, which the image's config carries. */
int build_cache_export(struct export *x, struct error *err);
bool build_cache_inline(const struct build_options *o);
/* For the config's moby.buildkit.cache.v0; heap. */
char *build_cache_inline_text(struct build *b);

int export_image(struct export *x, struct error *err);   /* docker, image, registry */
int export_files(struct export *x, struct error *err);   /* local, tar */
int export_archive(struct export *x, struct error *err); /* docker and oci with a destination */
