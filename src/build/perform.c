/* A step that gives a layer:
 *
 *     known to this build ──────────────────────────────────────────▶ its layer, nothing is shown
 *     in the cache ─────────────────────────────────────────────────▶ CACHED
 *     running elsewhere ──▶ waits ──▶ its layer, or the next takes over
 *     else ──▶ runs in a folder of its own ──▶ layer ──▶ record ────▶ DONE
 */
#include "build/inflight.h"

#include "base/log.h"
#include "store/layer.h"

struct performance {
        struct build *b;
        struct stage_state *stage;
        const struct digest *key;
        struct build_work *work;
        struct vertex vertex;
};

/* With the lock held. */
static struct performed_step *find_performed(struct build *b, const struct digest *key)
{
        for (size_t i = 0; i < b->n_performed; i++)
                if (digest_equal(&b->performed[i].key, key))
                        return &b->performed[i];
        return NULL;
}

/* Stages that begin with the same steps have them once, with one vertex. */
static void begin(struct performance *p, const char *text)
{
        struct build *b = p->b;
        struct performed_step *there, new = { .key = *p->key };

        pthread_mutex_lock(&b->lock);
        there = find_performed(b, p->key);
        if (there) {
                p->vertex = there->vertex;
        } else {
                vertex_begin(b, &new.vertex, "%s", text);
                p->vertex = new.vertex;
                ARRAY_APPEND(b->performed, b->n_performed, new);
        }
        pthread_mutex_unlock(&b->lock);
}

/* `record` NULL: it failed. True when nobody told the end yet. */
static bool end(struct performance *p, const struct cache_record *record)
{
        struct performed_step *step;
        bool first;

        pthread_mutex_lock(&p->b->lock);
        step = find_performed(p->b, p->key);
        first = !step->ended;
        step->ended = true;
        if (record) {
                step->record = *record;
                step->done = true;
        }
        pthread_mutex_unlock(&p->b->lock);
        return first;
}

static bool is_performed(struct performance *p, struct cache_record *ret)
{
        struct performed_step *step;
        bool done;

        pthread_mutex_lock(&p->b->lock);
        step = find_performed(p->b, p->key);
        done = step->done;
        if (done)
                *ret = step->record;
        pthread_mutex_unlock(&p->b->lock);
        return done;
}

/* From this build's own steps or the cache: 1, 0, -1. */
static int look_up(struct performance *p, struct cache_record *ret, struct error *err)
{
        struct build *b = p->b;
        int r;

        if (is_performed(p, ret))
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
        return r < 0 ? -1 : build_cache_store(b, p->stage, p->key, ret, p->work->what ?: p->work->text, err);
}

/* Before it runs: its own record is none of the earlier ones. */
static void explain(struct performance *p)
{
        struct build *b = p->b;
        cleanup_free char *why = NULL;

        if (!b->options->explain)
                return;
        if (p->work->fresh)
                why = xstrdup("it always does");
        else if (b->options->no_cache)
                why = xstrdup("of --no-cache");
        else if (p->stage->no_cache)
                why = xstrdup("of --no-cache-filter");
        else
                why = build_explain(b, p->stage);
        vertex_explain(b, &p->vertex, why);
}

static int execute(struct performance *p, struct cache_record *ret, struct error *err)
{
        int r;

        if (inflight_enter(p->b, err) < 0)
                return -1;
        explain(p);
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

/* For `run -it build:ID#STEP`: the stage as it was, with its arguments as variables, and a shell. */
static void keep_state(struct performance *p)
{
        struct build *b = p->b;
        char *const *shell = p->stage->image.config.shell;
        cleanup_image_config struct image_config image = {};
        struct container_config *c = &image.config;
        cleanup_free char *name = string_format("build:%s#%d", b->id, p->vertex.number);
        cleanup_error struct error err = {};

        image_config_copy(&image, &p->stage->image);
        strv_free(c->env);
        c->env = strv_copy(p->stage->env);
        strv_free(take_ptr(c->entrypoint));
        strv_free(take_ptr(c->cmd));
        strv_append(&c->cmd, shell ? shell[0] : "/bin/sh");
        if (image_state_keep(b->store, name, &image, &err) < 0) {
                log_warn("build: the state before the failed step is not kept: %s", error_message(&err));
                return;
        }
        pthread_mutex_lock(&b->lock);
        free(b->state);
        b->state = take_ptr(name);
        pthread_mutex_unlock(&b->lock);
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
        begin(&p, text);
        found = find_or_make(&p, &record, &failure);
        if (found < 0) {
                if (!error_is(&failure, ERROR_CANCELLED))
                        keep_state(&p);
                if (end(&p, NULL))
                        vertex_failed(b, &p.vertex, &failure);
                return error_move(err, &failure);
        }
        if (end(&p, &record))
                (found ? vertex_cached : vertex_done)(b, &p.vertex);
        if (!found)
                replace_string(&s->before, text);
        build_add_layer(b, s, &record);
        return 0;
}
