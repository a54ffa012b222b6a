/* An exported cache, in BuildKit's form (moby.buildkit.cache.v0, application/vnd.buildkit.cacheconfig.v0): records of
 * steps by their keys, and the layers that they gave. A record of davit's has no inputs (its key says everything) and a
 * member "davit". Pure. */
#pragma once

#include "base/json.h"
#include "oci/digest.h"

#define CACHE_CONFIG_MEDIA_TYPE "application/vnd.buildkit.cacheconfig.v0"
#define CACHE_CONFIG_MAX (16 << 20)

struct cache_entry {
        struct digest key;
        size_t layer; /* its number */
        int64_t created;
};
struct cache_entry_list {
        struct cache_entry *items;
        size_t count;
        size_t foreign; /* records of other builders: they mean nothing here */
};
void cache_entry_list_deinit(struct cache_entry_list *l);
#define cleanup_cache_entry_list __attribute__((cleanup(cache_entry_list_deinit)))

/* The array of records; those that name a layer beyond `n_layers` are an ERROR_INVALID. */
int cache_entries_parse(json_object *records, size_t n_layers, struct cache_entry_list *ret, struct error *err);
json_object *cache_entries_json(const struct cache_entry_list *l);
