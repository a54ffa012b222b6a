/* A step that gives a layer:
 *
 *     known to this build ──────────────────────────────────────────▶ its layer, nothing is shown
 *     in the cache ─────────────────────────────────────────────────▶ CACHED
 *     running elsewhere ──▶ waits ──▶ its layer, or the next takes over
 *     else ──▶ runs in a folder of its own ──▶ layer ──▶ record ────▶ DONE
 */
#include "build/inflight.h"

#include "store/layer.h"

struct performance {
        struct build *b;
        struct stage_state *stage;
        const struct digest *key;
        struct build_work *work;
        struct vertex vertex;
};

/* Two stages that begin with the same steps have them once: those of this build, by key. True for the first
 * who asks. */
static bool is_first(struct build *b, const struct digest *key)
{
        bool first = true;

        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; first && i < b->n_performed; i++)
                first = !digest_equal(&b->performed[i].key, key);
        if (first)
                ARRAY_APPEND(b->performed, b->n_performed, (struct performed_step){ .key = *key });
        pthread_mutex_unlock(&b->lock);
        return first;
}

static bool find_performed(struct build *b, const struct digest *key, struct cache_record *ret)
{
        bool found = false;

        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < b->n_performed && !found; i++) {
                found = b->performed[i].done && digest_equal(&b->performed[i].key, key);
                if (found)
                        *ret = b->performed[i].record;
        }
        pthread_mutex_unlock(&b->lock);
        return found;
}

static void note_performed(struct build *b, const struct digest *key, const struct cache_record *record)
{
        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < b->n_performed; i++)
                if (digest_equal(&b->performed[i].key, key)) {
                        b->performed[i].record = *record;
                        b->performed[i].done = true;
                }
        pthread_mutex_unlock(&b->lock);
}

/* From this build's own steps or the cache: 1, 0, -1. */
static int look_up(struct performance *p, struct cache_record *ret, struct error *err)
{
        struct build *b = p->b;
        int r;

        if (find_performed(b, p->key, ret))
                return 1;
        if (p->work->fresh || b->options->no_cache || p->stage->no_cache)
                return 0;
        r = build_cache_find(b, p->key, ret, err);
        return r ? r : build_import_find(b, p->key, p->work->what ?: p->work->text, ret, err);
}

static int make_layer(struct performance *p, struct cache_record *ret, struct error *err)
{
        struct build *b = p->b;
        struct step_tree tree = STEP_TREE_NONE;
        int r;

        if (step_tree_open(b, &tree, err) < 0)
                return -1;
        r = p->work->execute(b, p->stage, &tree, &p->vertex, p->work->arg, err);
        if (r == 0)
                r = build_check_cancelled(b, err);
        if (r == 0)
                r = step_tree_commit(b, &tree, ret, err);
        step_tree_close(b, &tree);
        return r < 0 ? -1 : build_cache_store(b, p->key, ret, p->work->what ?: p->work->text, err);
}

static int execute(struct performance *p, struct cache_record *ret, struct error *err)
{
        int r;

        if (inflight_enter(p->b, err) < 0)
                return -1;
        r = make_layer(p, ret, err);
        inflight_leave();
        /* What a cancelled command says of its end is no news. */
        if (r < 0 && build_cancelled(p->b) && !error_is(err, ERROR_CANCELLED)) {
                error_clear(err);
                return build_check_cancelled(p->b, err);
        }
        return r;
}

/* 1: it was there, 0: it was made. */
static int find_or_make(struct performance *p, struct cache_record *ret, struct error *err)
{
        struct inflight *own = NULL;
        struct layer layer;
        int r = look_up(p, ret, err);

        if (r != 0)
                return r;
        for (;;) {
                r = inflight_begin(p->b, p->key, &own, ret, err);
                if (r < 0)
                        return -1;
                if (r == 0)
                        break;
                if (layer_get(p->b->store, &ret->layer, &layer, NULL) == 0) {
                        build_hold(p->b, &layer.diff_id);
                        return 0;
                }
        }
        /* It may have come to its end between both questions. */
        r = look_up(p, ret, err);
        if (r == 0)
                r = execute(p, ret, err);
        inflight_end(own, r < 0 ? NULL : ret);
        return r;
}

int build_perform(struct build *b, struct stage_state *s, const struct digest *key, struct build_work *work,
                  struct error *err)
{
        cleanup_free char *text = work->text;
        struct performance p = { .b = b, .stage = s, .key = key, .work = work };
        struct cache_record record = {};
        struct error failure = {};
        int found;

        if (b->options->check)
                return 0;
        if (is_first(b, key))
                vertex_begin(b, &p.vertex, "%s", text);
        found = find_or_make(&p, &record, &failure);
        if (found < 0) {
                vertex_failed(b, &p.vertex, &failure);
                return error_move(err, &failure);
        }
        note_performed(b, key, &record);
        if (found)
                vertex_cached(b, &p.vertex);
        else
                vertex_done(b, &p.vertex);
        build_add_layer(b, s, &record);
        return 0;
}
