/* Between store.c, layer.c and the layer drivers. */
#pragma once

#include "store/layer.h"

#include <stdbool.h>

/* Layers held and layers being made, by diff id. */
struct layer_registry {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct layer_use {
                struct digest diff_id;
                int holds;
                bool busy; /* being made */
        } * uses;
        size_t n_uses;
};

struct layer_registry *layer_registry_new(void);
void layer_registry_free(struct layer_registry *r);

/* Makes the tables; removes layer folders without a row. */
int layer_store_init(struct store *store, struct error *err);

int layer_stubs_init(struct store *store, struct error *err);

extern const struct layer_driver layer_driver_dirs;
