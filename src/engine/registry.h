/* Registries as the API means them, beside pull and push: login, search, and looking at what they have. */
#pragma once

#include "base/json.h"
#include "engine/engine.h"

/* POST /auth: {"Status":…,"IdentityToken":…}. `body` is the AuthConfig. */
int engine_login(struct engine *engine, json_object *body, json_object **ret, struct error *err);
/* GET /distribution/NAME/json: {"Descriptor":{…},"Platforms":[…]}. */
int engine_distribution_inspect(struct engine *engine, const char *name, const char *auth, json_object **ret,
                                struct error *err);
/* GET /images/search. `filters` are the API's (is-official, is-automated, stars), NULL for none; `limit`
 * 0: 25. */
int engine_image_search(struct engine *engine, const char *term, int64_t limit, json_object *filters,
                        const char *auth, json_object **ret, struct error *err);

/* ---- For `manifest` and `buildx imagetools`: our own calls, /davit/registry/… ---- */

struct registry_call {
        const char *name; /* a reference; its tag defaults to latest */
        const char *auth; /* X-Registry-Auth or NULL */
        bool insecure;    /* plain http is fine */
};
int engine_registry_manifest(struct engine *engine, const struct registry_call *call,
                             struct registry_manifest *ret, struct error *err);
/* A small blob (a config) of the reference's repository; heap. */
int engine_registry_blob(struct engine *engine, const struct registry_call *call, const char *digest,
                         char **ret, size_t *ret_len, struct error *err);
int engine_registry_put(struct engine *engine, const struct registry_call *call, const char *media_type,
                        const char *text, size_t len, struct digest *ret, struct error *err);
/* Brings the manifest that `from` names by its digest, and all that it names, into the repository of `to`. */
int engine_registry_copy(struct engine *engine, const struct registry_call *from,
                         const struct registry_call *to, struct error *err);
