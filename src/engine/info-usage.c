/* /system/df */
#include "engine/info.h"

#include "engine/build.h"
#include "engine/container.h"
#include "engine/engine.h"
#include "engine/image.h"

enum { USAGE_CONTAINERS = 1 << 0, USAGE_IMAGES = 1 << 1, USAGE_VOLUMES = 1 << 2, USAGE_BUILD_CACHE = 1 << 3 };

static int parse_types(char *const *types, unsigned *ret, struct error *err)
{
        static const struct {
                const char *name;
                unsigned bit;
        } known[] = {
                { "container", USAGE_CONTAINERS },
                { "image", USAGE_IMAGES },
                { "volume", USAGE_VOLUMES },
                { "build-cache", USAGE_BUILD_CACHE },
        };
        unsigned bits = 0;

        for (; types && *types; types++) {
                size_t i = 0;

                while (i < ARRAY_SIZE(known) && !streq(known[i].name, *types))
                        i++;
                if (i == ARRAY_SIZE(known))
                        return error_set(err, ERROR_INVALID, "unknown object type: %s", *types);
                bits |= known[i].bit;
        }
        *ret = bits ? bits : ~0u;
        return 0;
}

int engine_disk_usage(struct engine *engine, char *const *types, json_object **ret, struct error *err)
{
        cleanup_json json_object *tree = json_object_new_object(), *cache = NULL, *images = NULL, *containers = NULL,
                                 *volumes = NULL;
        struct filters none = {};
        struct container_list_options list = { .all = true, .size = true, .filters = &none };
        int64_t layers_size = 0;
        unsigned wanted = 0;

        if (parse_types(types, &wanted, err) < 0)
                return -1;
        if ((wanted & USAGE_IMAGES) && engine_image_usage(engine, &images, &layers_size, err) < 0)
                return -1;
        if ((wanted & USAGE_CONTAINERS) && engine_container_list(engine, &list, &containers, err) < 0)
                return -1;
        if ((wanted & USAGE_BUILD_CACHE) && engine_build_usage(engine, NULL, &cache, err) < 0)
                return -1;
        if ((wanted & USAGE_VOLUMES) && volume_usage(engine->volumes, &volumes, err) < 0)
                return -1;
        json_object_object_add(tree, "LayersSize", json_object_new_int64(layers_size));
        json_object_object_add(tree, "Images", take_ptr(images));
        json_object_object_add(tree, "Containers", take_ptr(containers));
        json_object_object_add(tree, "Volumes", take_ptr(volumes));
        json_object_object_add(tree, "BuildCache", take_ptr(cache));
        *ret = take_ptr(tree);
        return 0;
}
