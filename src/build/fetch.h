/* Files from elsewhere: ADD of a URL, and contexts that are one. */
#pragma once

#include "build/build-internal.h"

/* http:// or https://, but no repository. */
bool url_is_file(const char *text);
/* The last part of the URL's path, as ADD names the file; heap. */
char *url_file_name(const char *url);

struct fetch {
        const char *url;
        const char *checksum; /* "sha256:…"; NULL or "": any */
        const char *header;   /* "Authorization: …"; NULL */
        int dirfd;            /* where the file goes … */
        const char *as;       /* … by this name */
};
struct fetched {
        struct digest digest;
        int64_t mtime; /* Last-Modified, in ns; TIME_ZERO when unknown */
        bool here;     /* the file was written */
};
/* What the URL holds now: known without a question when there is a checksum, without its bytes when the
 * server says that it is what it was (ETag, Last-Modified), else fetched. */
int fetch_look(struct store *store, const struct fetch *f, struct fetched *ret, struct error *err);
/* Writes the file of a fetched thing that is not here. Something else by now is an ERROR_INVALID. */
int fetch_body(struct store *store, const struct fetch *f, struct fetched *fetched, struct error *err);
