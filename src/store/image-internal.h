/* Between store.c and the image store. */
#pragma once

#include "store/image-store.h"

/* Makes the tables. */
int image_store_init(struct store *store, struct error *err);
