/* One COPY or ADD while it is prepared and executed. */
#pragma once

#include "build/build-internal.h"
#include "build/fetch.h"
#include "build/git.h"

/* A file or folder below the source's root. */
struct copy_item {
        char *path;
        struct path_matcher *include; /* --parents: what of the folder is copied, by path; NULL: everything */
};

/* A URL of ADD. */
struct copy_remote {
        char *url, *header; /* header: of the secrets; NULL */
        char *as;           /* its place in the folder of fetched things */
        struct git_source git;
        char *commit; /* of a repository; NULL: it is a file */
        struct fetched fetched;
};

/* An instruction with everything expanded. */
struct copy_work {
        const struct instruction *instruction;
        struct build *build;
        bool add;
        char *dest, *chown, *chmod, *checksum, *shown_dest; /* dest: absolute; shown: as written */
        char **written, **exclude;                          /* sources as written */
        struct copy_source from;
        struct copy_item *items;
        size_t n_items;
        struct instruction_file *files; /* here-documents, expanded */
        size_t n_files;
        struct copy_rules rules;
        struct copy_remote *remotes;
        size_t n_remotes;
        char *tmp_name; /* the folder they are fetched into */
        int tmp_fd;
};

/* ---- add.c ---- */
/* Takes a source of ADD that is a URL: 1; 0 when it is none. */
int add_take_url(struct copy_work *w, const char *text, struct error *err);
/* Finds out what the URLs hold, and puts it into the key. */
int add_look(struct copy_work *w, struct step_key *key, struct error *err);
/* Copies or unpacks what the URLs hold. */
int add_remotes(struct copy_work *w, int root, int64_t mtime, struct error *err);
int add_archive(struct copy_work *w, int from, const char *path, int root, int64_t mtime, struct error *err);
void add_deinit(struct copy_work *w);
