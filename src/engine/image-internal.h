/* What the files engine/image-*.c share. */
#pragma once

#include "base/filters.h"
#include "engine/engine.h"
#include "engine/image.h"

/* The API's filters given as a tree. */
int image_filters(json_object *tree, struct filters *ret, struct error *err);
/* A time as `until`, `since` have it: RFC 3339, a date, seconds since 1970, or a duration back from now. */
int image_filter_time(const char *text, int64_t *ret, struct error *err);

/* Publishes an event of type "image" with the image's labels and, unless NULL, a name. */
void image_event(struct engine *engine, const struct image *image, const char *action, const char *name);
/* As above when only the id is at hand. */
void image_event_id(struct engine *engine, const struct digest *id, const char *action, const char *name);

/* repo and tag as the API has them, checked: the familiar name, NULL in *ret without a repo. */
int image_reference(const char *repo, const char *tag, char **ret, struct error *err);

/* The containers that were made from an image: "CONTAINER_ID" of the first one that is `running` (or not),
 * else NULL; heap. */
char *image_user(struct engine *engine, const struct digest *id, bool running);
/* How many containers were made from it. */
int64_t image_user_count(struct engine *engine, const struct digest *id);

/* Hold or release all layers of an image while something reads them. */
int image_hold_layers(struct store *store, const struct image *image, struct error *err);
void image_release_layers(struct store *store, const struct image *image);

/* ERROR_NOT_FOUND unless the image is for `want` (NULL is any). */
int image_check_platform(const struct image *image, const char *name, const struct platform *want,
                         struct error *err);
/* The same with platform_suits(): for what shall run. */
int image_check_suits(const struct image *image, const char *name, const struct platform *want,
                      struct error *err);

/* The API's `platform` parameters: JSON objects or "linux/arm64". The caller drops each and the array. */
int image_platforms(char *const *texts, struct platform **ret, size_t *ret_count, struct error *err);

/* A registry that nobody reaches is not us being unavailable: Docker answers 500. Returns -1. */
int registry_failure(struct error *err);
