/* The images that a build reads: bases, and those of COPY --from and RUN --mount. All that are known before
 * anything runs are looked up, or fetched, side by side. */
#include "build/build-internal.h"
#include "build/solve.h"

#include "store/layer.h"

char *build_image_name(const char *name)
{
        struct reference r = {};
        char *text;

        if (reference_parse(name, &r, NULL) < 0)
                return xstrdup(name);
        reference_default_tag(&r);
        text = reference_format(&r);
        reference_deinit(&r);
        return text;
}

/* From here, else from its registry. */
static int fetch_image(struct build *b, const char *written, const char *name, struct image **ret,
                       struct error *err)
{
        struct error failure = {};

        if (!b->options->pull && image_resolve(b->store, written, ret, &failure) == 0)
                return 0;
        if (failure.kind && !error_is(&failure, ERROR_NOT_FOUND))
                return error_move(err, &failure);
        error_clear(&failure);
        if (b->services->pull(b->services->arg, name, &failure) == 0)
                return image_resolve(b->store, name, ret, err);
        if (error_is(&failure, ERROR_NOT_FOUND)) {
                error_clear(&failure);
                error_set(&failure, ERROR_NOT_FOUND, "%s: not found", name);
        }
        error_context(&failure, "%s: failed to resolve source metadata for %s", written, name);
        return error_move(err, &failure);
}

static int hold_layers(struct build *b, const struct image *image, struct error *err)
{
        for (size_t i = 0; image && i < image->n_diff_ids; i++) {
                struct layer layer;

                if (layer_get(b->store, &image->diff_ids[i], &layer, err) < 0)
                        return -1;
                build_hold(b, &layer.diff_id);
        }
        return 0;
}

/* With the lock held. */
static struct stage_image *find_wanted(struct build *b, const char *canonical)
{
        for (size_t i = 0; i < b->n_images; i++)
                if (streq(b->images[i].name, canonical))
                        return &b->images[i];
        return NULL;
}

static const char *replaced_name(struct build *b, const char *name)
{
        const char *instead = strmap_get(&b->options->image_contexts, name);

        return instead ? instead : name;
}

void build_image_want(struct build *b, const char *name, struct dockerfile_location where)
{
        struct stage_image entry = { .written = xstrdup(replaced_name(b, name)), .where = where };

        entry.name = build_image_name(entry.written);
        if (!find_wanted(b, entry.name)) {
                ARRAY_APPEND(b->images, b->n_images, entry);
                return;
        }
        free(entry.name);
        free(entry.written);
}

/* The context whose image this is has the folder. */
static int fetch_layout(struct build *b, const char *written, const char *reference, struct image **ret,
                        struct error *err)
{
        const struct strmap *images = &b->options->image_contexts;
        struct build_context *c = NULL;

        for (size_t i = 0; i < images->count && !c; i++)
                if (streq(images->pairs[i].value, written))
                        c = build_context_layout(b, images->pairs[i].key);
        if (!c)
                return error_set(err, ERROR_INVALID, "%s: the layout's folder is missing", written);
        return build_layout_load(b, c->fd, reference, ret, err) < 0 ? error_context(err, "%s", written) : 0;
}

static int load(struct build *b, const char *written, const char *canonical, struct image **ret,
                struct error *err)
{
        const char *layout = string_after(written, BUILD_LAYOUT);
        struct error failure = {};
        struct vertex v;

        vertex_begin(b, &v, "[internal] load metadata for %s", canonical);
        if (layout ? fetch_layout(b, written, layout, ret, &failure) < 0
                   : fetch_image(b, written, canonical, ret, &failure) < 0) {
                vertex_failed(b, &v, &failure);
                return error_move(err, &failure);
        }
        vertex_done(b, &v);
        return hold_layers(b, *ret, err);
}

struct loading {
        struct build *b;
        size_t *wanted;
        size_t count;
};

static int load_wanted(void *arg, size_t node, struct error *err)
{
        struct loading *l = arg;
        struct stage_image *entry = &l->b->images[l->wanted[node]];

        return load(l->b, entry->written, entry->name, &entry->image, err);
}

static void load_failed(void *arg, size_t node)
{
        struct loading *l = arg;

        l->b->where = l->b->images[l->wanted[node]].where;
        build_cancel(l->b);
}

int build_images_load(struct build *b, struct error *err)
{
        struct loading l = { .b = b };
        struct solve_work work = {
                .workers = build_steps_max(), .run = load_wanted, .failed = load_failed, .arg = &l
        };
        struct graph g = {};
        int r;

        for (size_t i = 0; i < b->n_images; i++) {
                if (b->images[i].image)
                        continue;
                graph_add(&g);
                ARRAY_APPEND(l.wanted, l.count, i);
        }
        r = solve(&g, &work, err);
        graph_deinit(&g);
        free(l.wanted);
        return r;
}

int build_image_find(struct build *b, const char *name, struct image **ret, struct error *err)
{
        const char *written = replaced_name(b, name);
        struct stage_image entry = { .name = build_image_name(written) }, *wanted;

        pthread_mutex_lock(&b->lock);
        wanted = find_wanted(b, entry.name);
        entry.image = wanted ? wanted->image : NULL;
        pthread_mutex_unlock(&b->lock);
        if (!entry.image) { /* a name that only the instruction itself could know */
                if (load(b, written, entry.name, &entry.image, err) < 0) {
                        free(entry.name);
                        image_free(entry.image);
                        return -1;
                }
                pthread_mutex_lock(&b->lock);
                ARRAY_APPEND(b->images, b->n_images, entry);
                pthread_mutex_unlock(&b->lock);
                entry.name = NULL;
        }
        free(entry.name);
        *ret = entry.image;
        return 0;
}
