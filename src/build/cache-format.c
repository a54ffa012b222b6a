#include "build/cache-format.h"

#include "base/time.h"

void cache_entry_list_deinit(struct cache_entry_list *l)
{
        free(l->items);
        *l = (struct cache_entry_list){};
}

static int parse_entry(json_object *record, size_t n_layers, struct cache_entry_list *ret,
                       struct error *err)
{
        json_object *layers = json_get(record, "layers"),
                    *first = layers && json_object_is_type(layers, json_type_array)
                                 ? json_object_array_get_idx(layers, 0)
                                 : NULL;
        int64_t number = json_get_int64(first, "layer", -1);
        struct cache_entry e = {};

        if (number < 0 || (size_t)number >= n_layers)
                return error_set(err, ERROR_INVALID, "a cache record names no layer that is there");
        if (digest_parse(json_get_string(record, "digest") ?: "", &e.key, err) < 0 ||
            time_parse_rfc3339(json_get_string(first, "createdAt") ?: "", &e.created, err) < 0)
                return error_context(err, "cache record");
        e.layer = (size_t)number;
        ARRAY_APPEND(ret->items, ret->count, e);
        return 0;
}

int cache_entries_parse(json_object *records, size_t n_layers, struct cache_entry_list *ret, struct error *err)
{
        struct cache_entry_list list = {};

        if (!json_object_is_type(records, json_type_array))
                return error_set(err, ERROR_INVALID, "the cache's records are no list");
        for (size_t i = 0; i < json_object_array_length(records); i++) {
                json_object *record = json_object_array_get_idx(records, i);

                if (!json_get_bool(record, "davit"))
                        list.foreign++;
                else if (parse_entry(record, n_layers, &list, err) < 0) {
                        cache_entry_list_deinit(&list);
                        return -1;
                }
        }
        *ret = list;
        return 0;
}

json_object *cache_entries_json(const struct cache_entry_list *l)
{
        json_object *records = json_object_new_array();

        for (size_t i = 0; i < l->count; i++) {
                const struct cache_entry *e = &l->items[i];
                json_object *record = json_object_new_object(), *layers = json_object_new_array(),
                            *layer = json_object_new_object();
                char key[DIGEST_TEXT_SIZE], time[TIME_RFC3339_MAX];

                digest_format(&e->key, key);
                time_format_rfc3339nano(e->created, time);
                json_object_object_add(layer, "layer", json_object_new_int64((int64_t)e->layer));
                json_set_string(layer, "createdAt", time);
                json_object_array_add(layers, layer);
                json_object_object_add(record, "layers", layers);
                json_set_string(record, "digest", key);
                json_object_object_add(record, "davit", json_object_new_boolean(true));
                json_object_array_add(records, record);
        }
        return records;
}
