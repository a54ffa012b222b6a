/* Networks and volumes of a project on the engine. */
#include "compose/engine.h"
#include "compose/tasks.h"

#include <stdio.h>

static json_object *map_json(const struct strmap *map)
{
        json_object *out = json_object_new_object();

        for (size_t i = 0; i < map->count; i++)
                json_set_string(out, map->pairs[i].key, map->pairs[i].value);
        return out;
}

static json_object *labels_json(const struct compose_engine *e, const struct strmap *own, const char *kind,
                                const char *key, const char *hash)
{
        json_object *out = map_json(own);

        json_set_string(out, kind, key);
        json_set_string(out, LABEL_PROJECT, e->project->name);
        json_set_string(out, LABEL_VERSION, COMPOSE_VERSION);
        json_set_string(out, LABEL_CONFIG_HASH, hash);
        return out;
}

/* GET of one thing: 1 with it, 0 when there is none. */
static int look_up(struct compose_engine *e, const char *kind, const char *name, json_object **ret,
                   struct error *err)
{
        cleanup_error struct error why = {};
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/%s/%s", kind, name);
        if (client_call(e->client, "GET", &q, NULL, ret, NULL, &why) == 0)
                return 1;
        return error_is(&why, ERROR_NOT_FOUND) ? 0 : error_move(err, &why);
}

/* ---- Networks ---- */

static json_object *ipam_json(const struct compose_ipam *ipam)
{
        json_object *out = json_object_new_object(), *pools = json_object_new_array();

        if (ipam->driver)
                json_set_string(out, "Driver", ipam->driver);
        for (size_t i = 0; i < ipam->n_config; i++) {
                const struct compose_ipam_pool *pool = &ipam->config[i];
                json_object *one = json_object_new_object();

                if (pool->subnet)
                        json_set_string(one, "Subnet", pool->subnet);
                if (pool->ip_range)
                        json_set_string(one, "IPRange", pool->ip_range);
                if (pool->gateway)
                        json_set_string(one, "Gateway", pool->gateway);
                if (pool->aux_addresses.count)
                        json_object_object_add(one, "AuxiliaryAddresses", map_json(&pool->aux_addresses));
                json_object_array_add(pools, one);
        }
        json_object_object_add(out, "Config", pools);
        return out;
}

static json_object *network_body(const struct compose_engine *e, const struct compose_network *n)
{
        json_object *out = json_object_new_object();
        char hash[COMPOSE_HASH_LENGTH + 1];

        compose_network_hash(n, hash);
        json_set_string(out, "Name", n->name);
        json_set_string(out, "Driver", n->driver ? n->driver : "");
        json_object_object_add(out, "Options", map_json(&n->driver_opts));
        json_object_object_add(out, "Labels", labels_json(e, &n->labels, LABEL_NETWORK, n->key, hash));
        json_object_object_add(out, "Internal", json_object_new_boolean(n->internal));
        json_object_object_add(out, "Attachable", json_object_new_boolean(n->attachable));
        if (n->enable_ipv4)
                json_object_object_add(out, "EnableIPv4", json_object_new_boolean(*n->enable_ipv4));
        if (n->enable_ipv6)
                json_object_object_add(out, "EnableIPv6", json_object_new_boolean(*n->enable_ipv6));
        if (n->ipam.driver || n->ipam.n_config)
                json_object_object_add(out, "IPAM", ipam_json(&n->ipam));
        return out;
}

static int create_network(struct compose_engine *e, const struct compose_network *n, struct error *err)
{
        cleanup_free char *id = string_format("Network %s", n->name);
        cleanup_json json_object *body = network_body(e, n);
        cleanup_error struct error why = {};
        cleanup_query struct client_query q = {};

        compose_report(e, COMPOSE_EVENT_WORKING, id, "Creating");
        client_query_init(&q, "/networks/create");
        /* Somebody was quicker: two `up` at once. */
        if (compose_change(e, "POST", &q, body, NULL, &why) < 0 && !error_is(&why, ERROR_CONFLICT)) {
                compose_report(e, COMPOSE_EVENT_ERROR, id, "Error");
                error_move(err, &why);
                return error_context(err, "failed to create network %s", n->name);
        }
        compose_report(e, COMPOSE_EVENT_DONE, id, "Created");
        return 0;
}

static int network_in_the_way(const struct compose_engine *e, const struct compose_network *n,
                              json_object *labels, struct error *err)
{
        const char *project = json_get_string(labels, LABEL_PROJECT),
                   *key = json_get_string(labels, LABEL_NETWORK);

        (void)e;
        if (!project)
                return error_set(err, ERROR_CONFLICT,
                                 "network %s was found but has incorrect label com.docker.compose.network "
                                 "set to \"\" (expected: \"%s\")",
                                 n->name, n->key);
        if (!streq(key, n->key))
                return error_set(err, ERROR_CONFLICT,
                                 "network %s was found but has incorrect label com.docker.compose.network "
                                 "set to \"%s\" (expected: \"%s\")",
                                 n->name, key ? key : "", n->key);
        return 0;
}

/* A network that changed is made anew: its containers are taken off it and stopped first. */
static int replace_network(struct compose_engine *e, const struct compose_network *n, struct error *err)
{
        cleanup_compose_containers struct compose_containers users = {};
        cleanup_json json_object *found = NULL;
        cleanup_query struct client_query q = {};

        if (compose_containers_list(e, e->project->name, COMPOSE_NO_ONEOFFS, true, &users, err) < 0)
                return -1;
        for (size_t i = 0; i < users.count; i++) {
                struct compose_container *c = users.list[i];
                json_object *networks = json_get(json_get(c->summary, "NetworkSettings"), "Networks");
                cleanup_query struct client_query leave = {};
                cleanup_json json_object *body = NULL;

                if (!json_get(networks, n->name))
                        continue;
                if (compose_container_stop(e, compose_project_service(e->project, c->service), c, -1, err) <
                    0)
                        return -1;
                body = json_object_new_object();
                json_set_string(body, "Container", c->id);
                json_object_object_add(body, "Force", json_object_new_boolean(true));
                client_query_init(&leave, "/networks/%s/disconnect", n->name);
                if (compose_change(e, "POST", &leave, body, NULL, err) < 0)
                        return -1;
        }
        client_query_init(&q, "/networks/%s", n->name);
        if (compose_change(e, "DELETE", &q, NULL, NULL, err) < 0)
                return error_context(err, "failed to remove network %s", n->name);
        return create_network(e, n, err);
}

static int ensure_network(void *arg, struct error *err)
{
        struct compose_engine *e = ((void **)arg)[0];
        const struct compose_network *n = ((void **)arg)[1];
        cleanup_json json_object *found = NULL;
        char hash[COMPOSE_HASH_LENGTH + 1];
        const char *known;
        json_object *labels;
        int r;

        if (n->external && (streq(n->name, "host") || streq(n->name, "bridge") || streq(n->name, "none")))
                return 0;
        r = look_up(e, "networks", n->name, &found, err);
        if (r < 0)
                return -1;
        if (n->external)
                return r ? 0
                         : error_set(err, ERROR_NOT_FOUND,
                                     "network %s declared as external, but could not be found", n->name);
        /* The look-up also knows ids and their beginnings. */
        if (r == 0 || !streq(json_get_string(found, "Name"), n->name))
                return create_network(e, n, err);
        labels = json_get(found, "Labels");
        if (network_in_the_way(e, n, labels, err) < 0)
                return -1;
        if (!streq(json_get_string(labels, LABEL_PROJECT), e->project->name))
                compose_warning(e,
                                "a network with name %s exists but was not created for project \"%s\".\nSet "
                                "`external: true` to use an existing network",
                                n->name, e->project->name);
        compose_network_hash(n, hash);
        known = json_get_string(labels, LABEL_CONFIG_HASH);
        return string_empty(known) || streq(known, hash) ? 0 : replace_network(e, n, err);
}

int compose_networks_ensure(struct compose_engine *e, struct error *err)
{
        size_t count = e->project->n_networks;
        cleanup_free struct task *tasks = xcalloc(count + 1, sizeof(*tasks));
        cleanup_free void **args = xcalloc(2 * count + 1, sizeof(*args));

        for (size_t i = 0; i < count; i++) {
                args[2 * i] = e;
                args[2 * i + 1] = &e->project->networks[i];
                tasks[i] = (struct task){ .run = ensure_network, .arg = &args[2 * i] };
        }
        return tasks_run(tasks, count, e->parallel, err);
}

static int remove_thing(struct compose_engine *e, const char *kind, const char *name, const char *id,
                        bool *ret_found, struct error *err)
{
        cleanup_error struct error why = {};
        cleanup_query struct client_query q = {};

        client_query_init(&q, "/%s/%s", kind, name);
        compose_report(e, COMPOSE_EVENT_WORKING, id, "Removing");
        *ret_found = true;
        if (compose_change(e, "DELETE", &q, NULL, NULL, &why) == 0) {
                compose_report(e, COMPOSE_EVENT_DONE, id, "Removed");
                return 0;
        }
        if (error_is(&why, ERROR_NOT_FOUND)) {
                compose_report(e, COMPOSE_EVENT_DONE, id, "Warning: No resource found to remove");
                return 0;
        }
        if (error_is(&why, ERROR_CONFLICT) || error_is(&why, ERROR_FORBIDDEN)) {
                compose_report(e, COMPOSE_EVENT_WARNING, id, "Resource is still in use");
                return 0;
        }
        compose_report(e, COMPOSE_EVENT_ERROR, id, "Error");
        error_move(err, &why);
        return error_context(err, "failed to remove %s", id);
}

int compose_network_remove(struct compose_engine *e, const struct compose_network *n, bool *ret_found,
                           struct error *err)
{
        cleanup_free char *id = string_format("Network %s", n->name);
        cleanup_json json_object *found = NULL;
        int r = look_up(e, "networks", n->name, &found, err);

        *ret_found = false;
        if (r < 0)
                return -1;
        if (r == 0 || !streq(json_get_string(json_get(found, "Labels"), LABEL_PROJECT), e->project->name) ||
            !streq(json_get_string(found, "Name"), n->name))
                return 0;
        return remove_thing(e, "networks", n->name, id, ret_found, err);
}

/* ---- Volumes ---- */

static int create_volume(struct compose_engine *e, const struct compose_volume *v, struct error *err)
{
        cleanup_free char *id = string_format("Volume %s", v->name);
        cleanup_json json_object *body = json_object_new_object();
        cleanup_query struct client_query q = {};
        char hash[COMPOSE_HASH_LENGTH + 1];

        compose_volume_hash(v, hash);
        json_set_string(body, "Name", v->name);
        json_set_string(body, "Driver", v->driver ? v->driver : "");
        json_object_object_add(body, "DriverOpts", map_json(&v->driver_opts));
        json_object_object_add(body, "Labels", labels_json(e, &v->labels, LABEL_VOLUME, v->key, hash));
        client_query_init(&q, "/volumes/create");
        compose_report(e, COMPOSE_EVENT_WORKING, id, "Creating");
        if (compose_change(e, "POST", &q, body, NULL, err) < 0) {
                compose_report(e, COMPOSE_EVENT_ERROR, id, "Error");
                return -1;
        }
        compose_report(e, COMPOSE_EVENT_DONE, id, "Created");
        return 0;
}

static int ensure_volume(void *arg, struct error *err)
{
        struct compose_engine *e = ((void **)arg)[0];
        const struct compose_volume *v = ((void **)arg)[1];
        cleanup_json json_object *found = NULL;
        const char *project;
        int r = look_up(e, "volumes", v->name, &found, err);

        if (r < 0)
                return -1;
        if (v->external)
                return r ? 0 : error_set(err, ERROR_NOT_FOUND, "external volume \"%s\" not found", v->name);
        if (r == 0)
                return create_volume(e, v, err);
        project = json_get_string(json_get(found, "Labels"), LABEL_PROJECT);
        if (!project)
                compose_warning(e,
                                "volume \"%s\" already exists but was not created by Docker Compose. Use "
                                "`external: true` to use an existing volume",
                                v->name);
        else if (!streq(project, e->project->name))
                compose_warning(e,
                                "volume \"%s\" already exists but was created for project \"%s\" (expected "
                                "\"%s\"). Use `external: true` to use an existing volume",
                                v->name, project, e->project->name);
        return 0;
}

int compose_volumes_ensure(struct compose_engine *e, struct error *err)
{
        size_t count = e->project->n_volumes;
        cleanup_free struct task *tasks = xcalloc(count + 1, sizeof(*tasks));
        cleanup_free void **args = xcalloc(2 * count + 1, sizeof(*args));

        for (size_t i = 0; i < count; i++) {
                args[2 * i] = e;
                args[2 * i + 1] = &e->project->volumes[i];
                tasks[i] = (struct task){ .run = ensure_volume, .arg = &args[2 * i] };
        }
        return tasks_run(tasks, count, e->parallel, err);
}

int compose_volume_remove(struct compose_engine *e, const struct compose_volume *v, bool *ret_found,
                          struct error *err)
{
        cleanup_free char *id = string_format("Volume %s", v->name);
        cleanup_json json_object *found = NULL;
        int r = look_up(e, "volumes", v->name, &found, err);

        *ret_found = false;
        return r <= 0 ? r : remove_thing(e, "volumes", v->name, id, ret_found, err);
}
