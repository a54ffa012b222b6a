/* Images from and to registries, as the API means it. */
#pragma once

#include "engine/image.h"

/* POST /images/create?fromImage=NAME&tag=TAG: `tag` may be a digest; NULL and none in the name: all tags.
 * `platform` "linux/arm64" or NULL. `auth` is the header X-Registry-Auth or NULL. */
int engine_image_pull(struct engine *engine, const char *name, const char *tag, const char *platform,
                      const char *auth, image_progress progress, void *arg, struct error *err);
/* POST /images/NAME/push: NULL `tag` and none in the name: all tags that the image's repository has here. */
int engine_image_push(struct engine *engine, const char *name, const char *tag, const char *platform,
                      const char *auth, image_progress progress, void *arg, struct error *err);
