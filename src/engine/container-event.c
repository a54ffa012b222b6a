#include "engine/container-internal.h"

void container_event(struct engine *engine, struct container *c, const char *action,
                     const struct strmap *extra)
{
        cleanup_strmap struct strmap attributes = {};

        pthread_mutex_lock(&c->lock);
        strmap_copy(&attributes, &c->config.labels);
        strmap_set(&attributes, "image", c->config.image ? c->config.image : "");
        strmap_set(&attributes, "name", c->name);
        pthread_mutex_unlock(&c->lock);
        if (extra)
                strmap_copy(&attributes, extra);
        event_publish(engine, "container", action, c->id, &attributes);
}

void container_set_state(struct container *c, struct container_state *state)
{
        container_state_deinit(&c->state);
        c->state = *state;
        *state = (struct container_state){};
        pthread_cond_broadcast(&c->changed);
}

bool container_is_running(struct container *c)
{
        bool running;

        pthread_mutex_lock(&c->lock);
        running = container_state_is_up(&c->state);
        pthread_mutex_unlock(&c->lock);
        return running;
}

int container_shim(struct engine *engine, struct container *c, struct error *err)
{
        cleanup_free char *socket = container_socket(engine, c->id);
        int shim;

        if (!container_is_running(c))
                return error_set(err, ERROR_CONFLICT, "container %s is not running", c->id);
        shim = shim_connect(socket, NULL);
        return shim < 0 ? error_set(err, ERROR_CONFLICT, "container %s is not running", c->id) : shim;
}

int container_shim_failed(const struct container *c, struct error *err)
{
        if (err && error_is(err, ERROR_UNAVAILABLE)) {
                error_clear(err);
                return error_set(err, ERROR_CONFLICT, "container %s is not running", c->id);
        }
        return -1;
}

struct network_member container_member(const struct engine *engine, const struct container *c, char **ret_dir)
{
        *ret_dir = container_dir(engine, c->id);
        return (struct network_member){ .id = c->id,
                                        .name = __atomic_load_n(&c->name, __ATOMIC_ACQUIRE),
                                        .dir = *ret_dir,
                                        .config = &c->config,
                                        .host = &c->host };
}
