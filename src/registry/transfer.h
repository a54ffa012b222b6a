/* Whole images from and to registries: `docker pull` and `docker push` over the distribution client and the
 * store.
 *
 * Progress is told as the API's JSON messages ({"status":…,"id":…,"progressDetail":{…}}), one object a call,
 * borrowed. Calls come from several threads but never two at once; a failing call cancels the transfer. */
#pragma once

#include "oci/image.h"
#include "registry/registry.h"
#include "store/store.h"

typedef int (*transfer_progress)(void *arg, json_object *message, struct error *err);

/* The tables that remember how layers are known to registries. Call once per database. */
int transfer_prepare(struct store *store, struct error *err);

struct transfer {
        struct store *store;
        const struct registry_settings *settings;
        const struct registry_auth *auth; /* may be NULL */
        const char *domain;               /* "docker.io", "localhost:5000" */
        const char *path;                 /* "library/busybox" */
        const char *name;                 /* as people read it: "busybox", "localhost:5000/app" */
        transfer_progress progress;
        void *arg;
};

/* `reference` is a tag or a digest, `platform` NULL for this machine's. Tags the image and records the digest
 * it came by. ERROR_NOT_FOUND with Docker's sentences. */
int transfer_pull(const struct transfer *t, const char *reference, const struct platform *platform,
                  struct digest *ret_id, struct error *err);
/* Every tag of the repository. */
int transfer_pull_all(const struct transfer *t, const struct platform *platform, struct error *err);
/* Pushes the image that `name:tag` names; with `platform` only when it is for that one. */
int transfer_push(const struct transfer *t, const char *tag, const struct platform *platform,
                  struct error *err);
/* One message {"status":TEXT,"id":ID} to the transfer's progress; `id` may be NULL. */
int transfer_say(const struct transfer *t, const char *id, struct error *err, const char *format, ...)
    PRINTF_FORMAT(4, 5);
