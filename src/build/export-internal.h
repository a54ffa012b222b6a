/* The outputs of a build: what the exporters share. */
#pragma once

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

int export_image(struct export *x, struct error *err);   /* docker, image, registry */
int export_files(struct export *x, struct error *err);   /* local, tar */
int export_archive(struct export *x, struct error *err); /* docker and oci with a destination */
