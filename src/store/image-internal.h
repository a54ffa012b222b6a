/* Between store.c, image-store.c (rows) and image-name.c (how names are read). */
#pragma once

#include "store/image-store.h"

/* Makes the tables. */
int image_store_init(struct store *store, struct error *err);
int image_state_init(struct store *store, struct error *err);
/* Reads a config's text into an image: configuration, layers, ids. */
int image_read(const char *text, size_t len, struct image *image, struct error *err);

/* The image that has exactly this familiar name ("busybox:latest", "busybox@sha256:…"). 1, 0 when none, -1.
 */
int image_name_get(struct store *store, const char *name, struct digest *ret_id, struct error *err);
/* The only image whose id begins with `text` (hexadecimal, "sha256:" may stand before). 1, 0 when none or
 * several, -1. */
int image_prefix_get(struct store *store, const char *text, struct digest *ret_id, struct error *err);
int image_name_set(struct store *store, const char *name, bool is_digest, const struct digest *id,
                   struct digest *ret_old, struct error *err);
int image_name_remove(struct store *store, const char *name, struct error *err);
/* How a reference is stored, a tag or a digest; heap, NULL with `err` set. */
char *image_name_stored(const char *reference, bool *ret_digest, struct error *err);
