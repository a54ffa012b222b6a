/* The table of containers: an array sorted by id under engine->lock. Names are looked up by walking it: they
 * are few, and a walk over 1,000 takes some microseconds. */
#include "engine/container-internal.h"

#include <ctype.h>

/* Until recovery has loaded them all. */
static void wait_loaded(struct engine *engine)
{
        if (__atomic_load_n(&engine->loaded, __ATOMIC_ACQUIRE))
                return;
        pthread_mutex_lock(&engine->tasks_lock);
        while (!engine->loaded)
                pthread_cond_wait(&engine->loading_ended, &engine->tasks_lock);
        pthread_mutex_unlock(&engine->tasks_lock);
}

void container_table_loaded(struct engine *engine)
{
        pthread_mutex_lock(&engine->tasks_lock);
        __atomic_store_n(&engine->loaded, true, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&engine->loading_ended);
        pthread_mutex_unlock(&engine->tasks_lock);
}

/* The first entry not below `id`. */
static size_t position(const struct engine *engine, const char *id)
{
        size_t low = 0, high = engine->n_containers;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (strcmp(engine->containers[middle]->id, id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct container *container_named(struct engine *engine, const char *name)
{
        for (size_t i = 0; i < engine->n_containers; i++)
                if (streq(engine->containers[i]->name, name))
                        return engine->containers[i];
        return NULL;
}

static struct container *find_locked(struct engine *engine, const char *reference, bool *ambiguous)
{
        const char *name = *reference == '/' ? reference + 1 : reference;
        size_t at = position(engine, reference), len = strlen(reference);
        struct container *named;

        if (at < engine->n_containers && streq(engine->containers[at]->id, reference))
                return engine->containers[at];
        named = container_named(engine, name);
        if (named)
                return named;
        if (len == 0 || at >= engine->n_containers ||
            strncmp(engine->containers[at]->id, reference, len) != 0)
                return NULL;
        if (at + 1 < engine->n_containers && strncmp(engine->containers[at + 1]->id, reference, len) == 0) {
                *ambiguous = true;
                return NULL;
        }
        return engine->containers[at];
}

int container_find(struct engine *engine, const char *reference, struct container **ret, struct error *err)
{
        bool ambiguous = false;
        struct container *c;

        if (string_empty(reference))
                return error_set(err, ERROR_INVALID, "invalid container name or ID: value is empty");
        wait_loaded(engine);
        pthread_rwlock_rdlock(&engine->lock);
        c = find_locked(engine, reference, &ambiguous);
        if (c && !c->ready)
                c = NULL;
        if (c)
                container_hold(c);
        pthread_rwlock_unlock(&engine->lock);
        if (ambiguous)
                return error_set(err, ERROR_INVALID, "multiple IDs found with provided prefix: %s",
                                 reference);
        if (!c)
                c = container_by_link(engine, reference);
        if (!c)
                return error_set(err, ERROR_NOT_FOUND, "No such container: %s", reference);
        *ret = c;
        return 0;
}

struct container *container_by_id(struct engine *engine, const char *id)
{
        struct container *c = NULL;
        size_t at;

        wait_loaded(engine);
        pthread_rwlock_rdlock(&engine->lock);
        at = position(engine, id);
        if (at < engine->n_containers && streq(engine->containers[at]->id, id)) {
                c = engine->containers[at];
                container_hold(c);
        }
        pthread_rwlock_unlock(&engine->lock);
        return c;
}

int container_insert(struct engine *engine, struct container *c, struct error *err)
{
        wait_loaded(engine);
        return container_insert_recovered(engine, c, err);
}

int container_insert_recovered(struct engine *engine, struct container *c, struct error *err)
{
        struct container *owner;
        size_t at;

        pthread_rwlock_wrlock(&engine->lock);
        if (string_empty(c->name)) {
                free(c->name);
                c->name = container_name_make(engine);
        }
        engine->has_links = engine->has_links || c->links;
        owner = container_named(engine, c->name);
        if (owner) {
                error_set(err, ERROR_CONFLICT,
                          "Conflict. The container name \"/%s\" is already in use by container \"%s\". You "
                          "have to remove (or rename) that "
                          "container to be able to reuse that name.",
                          c->name, owner->id);
                pthread_rwlock_unlock(&engine->lock);
                return -1;
        }
        at = position(engine, c->id);
        array_reserve((void **)&engine->containers, engine->n_containers, sizeof(c));
        memmove(&engine->containers[at + 1], &engine->containers[at],
                (engine->n_containers - at) * sizeof(c));
        engine->containers[at] = c;
        engine->n_containers++;
        container_hold(c);
        pthread_rwlock_unlock(&engine->lock);
        return 0;
}

void container_unlink(struct engine *engine, struct container *c)
{
        bool found = false;
        size_t at;

        pthread_rwlock_wrlock(&engine->lock);
        at = position(engine, c->id);
        if (at < engine->n_containers && engine->containers[at] == c) {
                engine->n_containers--;
                memmove(&engine->containers[at], &engine->containers[at + 1],
                        (engine->n_containers - at) * sizeof(c));
                found = true;
        }
        pthread_rwlock_unlock(&engine->lock);
        if (found)
                container_drop(c);
}

void container_list_all(struct engine *engine, struct container ***ret, size_t *ret_count)
{
        wait_loaded(engine);
        pthread_rwlock_rdlock(&engine->lock);
        *ret_count = 0;
        *ret = xcalloc(engine->n_containers, sizeof(**ret));
        for (size_t i = 0; i < engine->n_containers; i++)
                if (engine->containers[i]->ready) {
                        (*ret)[(*ret_count)++] = engine->containers[i];
                        container_hold(engine->containers[i]);
                }
        pthread_rwlock_unlock(&engine->lock);
}

void container_list_drop(struct container **list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                container_drop(list[i]);
        free(list);
}
