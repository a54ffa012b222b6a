/* Git repositories as contexts and as sources of ADD, fetched by the `git` program. */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* What a URL says: "https://host/repo.git#ref:dir", "git@host:repo.git?tag=v1&subdir=dir", "github.com/a/b".
 */
struct git_source {
        char *remote;   /* what git is given */
        char *ref;      /* branch, tag or commit; NULL: the default branch */
        char *subdir;   /* "" for all of it */
        char *checksum; /* the commit, or the beginning of it; NULL: any */
        int keep_git;   /* 1, 0, -1: not said */
        bool submodules;
};
/* Pure. ERROR_INVALID for a query or a fragment that makes no sense. */
int git_source_parse(const char *url, struct git_source *ret, struct error *err);
void git_source_deinit(struct git_source *s);
#define cleanup_git_source __attribute__((cleanup(git_source_deinit)))

/* Is it a repository's address? "….git", "git://…", "ssh://…", "user@host:…", "github.com/…". */
bool url_is_git(const char *text);

/* The commit that the source stands for now; heap. `header` (NULL: none) is an HTTP header for the server. */
int git_resolve(const struct git_source *s, const char *header, char **ret_commit, struct error *err);
/* Fetches that commit alone into the new folder `as` of the one at `path`, with submodules. The folder .git
 * goes unless it is to be kept. */
int git_checkout(const struct git_source *s, const char *header, const char *commit, const char *path,
                 const char *as, bool keep_git, struct error *err);
