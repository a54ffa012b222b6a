/* Containers that come back after a boot (or without the shim that they had) do so in the order of what they
 * need: what compose was told (label com.docker.compose.depends_on), links, and containers whose namespaces
 * they share. Each waits for its own needs only, in a thread of its own, and not for ever: a dependency that
 * doesn't come back must not keep others from doing so. */
#include "engine/container-internal.h"

#include "base/log.h"
#include "base/time.h"

#define LABEL_PROJECT "com.docker.compose.project"
#define LABEL_SERVICE "com.docker.compose.service"
#define LABEL_DEPENDS_ON "com.docker.compose.depends_on"
#define WAIT_MAX (120 * NSEC_PER_SEC)
#define STEP (200 * NSEC_PER_MSEC) /* how soon the engine's end is noticed */

struct start_order {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct {
                struct container *c;
                bool tried;
        } * items;
        size_t count;
};

void container_order_add(struct engine *engine, struct container *c)
{
        struct start_order *order = engine->order;

        if (!order) {
                order = engine->order = xcalloc(1, sizeof(*order));
                pthread_mutex_init(&order->lock, NULL);
                pthread_cond_init(&order->changed, NULL);
        }
        container_hold(c);
        array_reserve((void **)&order->items, order->count, sizeof(*order->items));
        order->items[order->count].tried = false;
        order->items[order->count++].c = c;
}

void container_order_free(struct engine *engine)
{
        struct start_order *order = take_ptr(engine->order);

        if (!order)
                return;
        for (size_t i = 0; i < order->count; i++)
                container_drop(order->items[i].c);
        free(order->items);
        pthread_mutex_destroy(&order->lock);
        pthread_cond_destroy(&order->changed);
        free(order);
}

/* ---- Who needs whom ---- */

enum need { NEED_NOTHING, NEED_STARTED, NEED_HEALTHY };

static const char *label(const struct container *c, const char *name)
{
        return strmap_get(&c->config.labels, name);
}

/* "db:service_healthy:true,cache:service_started:false" */
static enum need needs_service(const struct container *c, const struct container *other)
{
        const char *project = label(c, LABEL_PROJECT), *service = label(other, LABEL_SERVICE);
        const char *text = label(c, LABEL_DEPENDS_ON);
        cleanup_strv char **list = NULL;

        if (string_empty(project) || string_empty(service) || string_empty(text) ||
            !streq(project, label(other, LABEL_PROJECT)))
                return NEED_NOTHING;
        list = strv_split(text, ',');
        for (char **one = list; *one; one++) {
                const char *rest = string_after(*one, service);

                if (rest && (!*rest || *rest == ':'))
                        return string_after(rest, ":service_healthy") ? NEED_HEALTHY : NEED_STARTED;
        }
        return NEED_NOTHING;
}

static bool is_of(const char *mode, const struct container *other)
{
        return mode && streq(string_after(mode, "container:"), other->id);
}

static enum need needs(const struct container *c, const struct container *other)
{
        if (c == other)
                return NEED_NOTHING;
        if (is_of(c->host.network_mode, other) || is_of(c->host.pid_mode, other) ||
            is_of(c->host.ipc_mode, other))
                return NEED_STARTED;
        for (char **l = c->links; l && *l; l++)
                if (string_after(*l, other->id))
                        return NEED_STARTED;
        return needs_service(c, other);
}

/* ---- Waiting ---- */

static struct timespec soon(void)
{
        int64_t at = time_now() + STEP;

        return (struct timespec){ at / NSEC_PER_SEC, at % NSEC_PER_SEC };
}

static bool is_over(const struct engine *engine, int64_t end)
{
        return __atomic_load_n(&engine->closing, __ATOMIC_ACQUIRE) || time_monotonic() > end;
}

static void wait_tried(struct engine *engine, size_t i, int64_t end)
{
        struct start_order *order = engine->order;

        pthread_mutex_lock(&order->lock);
        while (!order->items[i].tried && !is_over(engine, end)) {
                struct timespec at = soon();

                pthread_cond_timedwait(&order->changed, &order->lock, &at);
        }
        pthread_mutex_unlock(&order->lock);
}

/* One without a health check, or that has ended, will never tell. */
static bool may_become_healthy(const struct container *c)
{
        return container_state_is_up(&c->state) && c->state.health &&
               streq(c->state.health->status, "starting");
}

static void wait_healthy(struct engine *engine, struct container *c, int64_t end)
{
        pthread_mutex_lock(&c->lock);
        while (may_become_healthy(c) && !is_over(engine, end)) {
                struct timespec at = soon();

                pthread_cond_timedwait(&c->changed, &c->lock, &at);
        }
        pthread_mutex_unlock(&c->lock);
}

static void start_in_turn(struct engine *engine, struct container *c)
{
        struct start_order *order = engine->order;
        int64_t end = time_monotonic() + WAIT_MAX;

        for (size_t i = 0; i < order->count; i++) {
                enum need need = needs(c, order->items[i].c);

                if (need != NEED_NOTHING)
                        wait_tried(engine, i, end);
                if (need == NEED_HEALTHY)
                        wait_healthy(engine, order->items[i].c, end);
        }
        if (!__atomic_load_n(&engine->closing, __ATOMIC_ACQUIRE))
                container_start_again(engine, c);
        pthread_mutex_lock(&order->lock);
        for (size_t i = 0; i < order->count; i++)
                if (order->items[i].c == c)
                        order->items[i].tried = true;
        pthread_cond_broadcast(&order->changed);
        pthread_mutex_unlock(&order->lock);
}

void container_order_start(struct engine *engine)
{
        for (size_t i = 0; engine->order && i < engine->order->count; i++)
                engine_later(engine, start_in_turn, engine->order->items[i].c);
}
