/* Image references: "busybox", "repo:tag", "host:5000/a/b@sha256:…". Normalised as Docker does: the domain
 * defaults to docker.io, one-word names of docker.io lie below library/. Pure. Grammar: the distribution
 * project's `reference`. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

#define REFERENCE_DEFAULT_DOMAIN "docker.io"
#define REFERENCE_DEFAULT_TAG "latest"

struct reference {
        char *domain; /* "docker.io" */
        char *path;   /* "library/busybox" */
        char *tag;    /* NULL when none is given */
        char *digest; /* "sha256:…", NULL when none is given */
};

/* ERROR_INVALID with Docker's sentences ("invalid reference format", …). */
int reference_parse(const char *text, struct reference *ret, struct error *err);
void reference_deinit(struct reference *r);
#define cleanup_reference __attribute__((cleanup(reference_deinit)))

/* Sets the tag "latest" unless there is a tag or a digest. */
void reference_default_tag(struct reference *r);
/* Heap: "docker.io/library/busybox". */
char *reference_name(const struct reference *r);
/* Heap: as users write the name, "busybox". */
char *reference_familiar_name(const struct reference *r);
/* Heap: name with tag and digest as far as given: "docker.io/library/busybox:1". */
char *reference_format(const struct reference *r);
/* Heap: "busybox:1", "busybox@sha256:…". */
char *reference_familiar(const struct reference *r);
/* 64 hexadecimal digits: an id, never a name. */
bool reference_is_id(const char *text);
/* "build:ID#STEP": the state before a step that failed; no reference can look so. */
bool reference_is_build_state(const char *text);
