/* Manifests and blobs in registries, through the engine: what `manifest` and `buildx imagetools` work on. */
#pragma once

#include "cli/command.h"
#include "oci/reference.h"

#include <stddef.h>

struct remote_manifest {
        char *text; /* as it is stored there */
        size_t len;
        char *media_type;
        char digest[72]; /* "sha256:…" of the text */
};
void remote_manifest_deinit(struct remote_manifest *m);
#define cleanup_remote_manifest __attribute__((cleanup(remote_manifest_deinit)))
bool media_type_is_index(const char *media_type);

/* Errors are the registry's own, without the engine's prefix. ERROR_NOT_FOUND. */
int registry_get_manifest(struct cli *cli, const struct reference *r, bool insecure,
                          struct remote_manifest *ret, struct error *err);
/* The image config that a manifest of the same repository names, as a tree. */
int registry_get_config(struct cli *cli, const struct reference *r, bool insecure,
                        const struct remote_manifest *m, json_object **ret, struct error *err);
/* Under the reference's tag or digest. */
int registry_put_manifest(struct cli *cli, const struct reference *r, bool insecure, const char *media_type,
                          const char *text, char ret_digest[72], struct error *err);
/* Copies the manifest `from` (with digest) and what it names into the repository of `to`. */
int registry_copy_manifest(struct cli *cli, const struct reference *from, const struct reference *to,
                           bool insecure, struct error *err);
/* {"architecture":…,"os":…,"os.version":…,"os.features":…,"variant":…}, as far as the config says. */
json_object *config_platform(json_object *config);
