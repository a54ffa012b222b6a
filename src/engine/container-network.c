#include "engine/container-network.h"

#include "engine/container-internal.h"

int engine_network_connect(struct engine *engine, const char *network, const char *container,
                           json_object *settings, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct endpoint_settings endpoint = {};
        struct network_member member;
        cleanup_free char *dir = NULL;
        int r;

        if (string_empty(container))
                return error_set(err, ERROR_INVALID, "a container's name or id is needed");
        if (container_find(engine, container, &c, err) < 0)
                return -1;
        r = settings ? json_bind(&endpoint_settings_table, settings, &endpoint, err) : 0;
        if (r == 0) {
                member = container_member(engine, c, &dir);
                r = network_connect(engine->networks, network, &member, settings ? &endpoint : NULL, err);
        }
        json_free_fields(&endpoint_settings_table, &endpoint);
        return r;
}

int engine_network_disconnect(struct engine *engine, const char *network, const char *container, bool force,
                              struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error missing = {};
        cleanup_free char *dir = NULL;
        struct network_member member;

        if (string_empty(container))
                return error_set(err, ERROR_INVALID, "a container's name or id is needed");
        /* With force the endpoint of a container that nobody knows any more can be dropped, too. */
        if (container_find(engine, container, &c, &missing) < 0 && !force)
                return error_move(err, &missing);
        if (c)
                member = container_member(engine, c, &dir);
        return network_disconnect(engine->networks, network, c ? &member : NULL, c ? c->id : container, force,
                                  err);
}
