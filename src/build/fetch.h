/* Files and repositories from elsewhere: ADD of a URL, and contexts that are one. */
#pragma once

#include "build/build-internal.h"

/* http:// or https://, but no repository. */
bool url_is_file(const char *text);
/* A git repository: "….git", "….git#ref:dir", "git://…", "git@host:…", "github.com/…". */
bool url_is_git(const char *text);

struct fetched {
        char *name;    /* the URL's last part; "download" when it has none */
        int64_t mtime; /* Last-Modified, in ns; TIME_ZERO when unknown */
        struct digest digest;
        char *folder;  /* of a repository: where it lies below the folder given; NULL for a file */
};
void fetched_deinit(struct fetched *f);
/* GET into the new file `as` of the folder. `checksum` ("sha256:…") may be NULL. */
int fetch_file(const char *url, int dirfd, const char *as, const char *checksum, struct fetched *ret,
               struct error *err);
/* Clones into the new folder `as` of the one at `path`; checks out "#ref". `*ret_sub` is what stands behind
 * ":" ("" for the whole), heap. The folder .git goes unless `keep_git`. The commit in *ret_commit (heap). */
int fetch_git(const char *url, const char *path, const char *as, bool keep_git, char **ret_sub,
              char **ret_commit, struct error *err);
