/* Remove. The name goes first (config.json), then everything that hung on it: a kill in between leaves a
 * folder without config.json, which the next start clears together with what belongs to no container. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "store/image-store.h"

#include <inttypes.h>
#include <signal.h>

static void forget(struct engine *engine, struct container *c, bool volumes)
{
        cleanup_free char *owner = string_format("container:%s", c->id);
        cleanup_free char *run = string_format("%s/containers/%s", engine->options->exec_root, c->id);
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;
        struct digest image_id;

        unlinkat(c->dirfd, "config.json", 0);
        container_unlink(engine, c);
        /* First what takes the most room: on a full disk the database could not be written before. */
        if (tree_remove(c->dirfd, "upper", &err) < 0)
                log_warn("container %s: %s", c->id, error_message(&err));
        error_clear(&err);
        network_container_remove(engine->networks, c->id);
        volume_release(engine->volumes, c->id, volumes);
        layer_unpin(engine->store, owner, false, NULL);
        if (tree_remove(engine->containers_fd, c->id, &err) < 0)
                log_warn("container %s: %s", c->id, error_message(&err));
        tree_remove(AT_FDCWD, run, NULL);
        /* Layers go with their last image, or with the last container of an image that is gone. */
        if (digest_parse(c->image_id, &image_id, NULL) < 0 ||
            image_get(engine->store, &image_id, &image, NULL) < 0)
                store_collect(engine->store, NULL, NULL);
}

/* Ends a run for good. */
static int kill_for_removal(struct engine *engine, struct container *c, struct error *err)
{
        cleanup_close int shim = container_shim(engine, c, NULL);
        cleanup_error struct error why = {};

        if (shim >= 0 && shim_stop(shim, SIGKILL, 0, &why) < 0 && !error_is(&why, ERROR_UNAVAILABLE) &&
            !error_is(&why, ERROR_CONFLICT))
                return error_move(err, &why);
        pthread_mutex_lock(&c->lock);
        while (container_state_is_up(&c->state))
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return 0;
}

static int check_removable(struct container *c, const char *reference, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&c->lock);
        if (streq(c->state.status, STATUS_PAUSED))
                r = error_set(
                    err, ERROR_CONFLICT,
                    "cannot remove container \"%s\": container is paused and must be unpaused first",
                    reference);
        else if (container_state_is_up(&c->state))
                r = error_set(err, ERROR_CONFLICT,
                              "cannot remove container \"%s\": container is %s: stop the container before "
                              "removing or force remove",
                              reference, c->state.status);
        pthread_mutex_unlock(&c->lock);
        return r;
}

int container_remove_locked(struct engine *engine, struct container *c, bool force, bool volumes,
                            struct error *err)
{
        if (!force && check_removable(c, c->name, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        c->removing = true;
        pthread_mutex_unlock(&c->lock);
        if (kill_for_removal(engine, c, err) < 0) {
                pthread_mutex_lock(&c->lock);
                c->removing = false;
                pthread_mutex_unlock(&c->lock);
                return -1;
        }
        forget(engine, c, volumes);
        container_event(engine, c, "destroy", NULL);
        pthread_mutex_lock(&c->lock);
        c->removed = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        return 0;
}

int engine_container_remove(struct engine *engine, const char *reference, bool force, bool volumes, bool link,
                            struct error *err)
{
        cleanup_container struct container *c = NULL;
        bool removing;
        int r;

        if (link)
                return container_link_remove(engine, reference, err);
        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->lock);
        removing = c->removing;
        pthread_mutex_unlock(&c->lock);
        if (removing)
                return error_set(err, ERROR_CONFLICT, "removal of container %s is already in progress",
                                 reference);
        if (!force && check_removable(c, reference, err) < 0)
                return -1;
        pthread_mutex_lock(&c->operation);
        if (c->removed)
                r = error_set(err, ERROR_NOT_FOUND, "No such container: %s", reference);
        else
                r = container_remove_locked(engine, c, force, volumes, err);
        pthread_mutex_unlock(&c->operation);
        return r;
}

static void remove_ended(struct engine *engine, struct container *c)
{
        cleanup_error struct error err = {};

        pthread_mutex_lock(&c->operation);
        if (!c->removed && !container_is_running(c) &&
            container_remove_locked(engine, c, false, true, &err) < 0)
                log_warn("container %s: --rm: %s", c->id, error_message(&err));
        pthread_mutex_unlock(&c->operation);
}

void container_remove_later(struct engine *engine, struct container *c)
{
        engine_later(engine, remove_ended, c);
}

static void prune_event(struct engine *engine, int64_t freed)
{
        cleanup_strmap struct strmap attributes = {};
        cleanup_free char *text = string_format("%" PRId64, freed);

        strmap_set(&attributes, "reclaimed", text);
        event_publish(engine, "container", "prune", "", &attributes);
}

int engine_container_prune(struct engine *engine, const struct filters *filters, json_object **ret,
                           struct error *err)
{
        static const char *const accepted[] = { "until", "label", "label!", NULL };
        json_object *deleted = NULL;
        struct container **list;
        int64_t until, freed = 0;
        size_t count;

        if (filters_check(filters, accepted, err) < 0 || container_until_filter(filters, &until, err) < 0)
                return -1;
        container_list_all(engine, &list, &count);
        for (size_t i = 0; i < count; i++) {
                struct container *c = list[i];
                int64_t size = 0;

                if (container_is_running(c) || (until != TIME_ZERO && c->created >= until) ||
                    (filters_get(filters, "label") &&
                     !filters_match_labels(filters, "label", &c->config.labels)) ||
                    (filters_get(filters, "label!") &&
                     filters_match_labels(filters, "label!", &c->config.labels)))
                        continue;
                container_sizes(engine, c, &size, NULL);
                pthread_mutex_lock(&c->operation);
                if (!c->removed && container_remove_locked(engine, c, false, false, NULL) == 0) {
                        if (!deleted)
                                deleted = json_object_new_array();
                        json_object_array_add(deleted, json_object_new_string(c->id));
                        freed += size;
                }
                pthread_mutex_unlock(&c->operation);
        }
        container_list_drop(list, count);
        prune_event(engine, freed);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "ContainersDeleted", deleted);
        json_object_object_add(*ret, "SpaceReclaimed", json_object_new_int64(freed));
        return 0;
}
