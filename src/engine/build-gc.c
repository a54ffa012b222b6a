/* The build cache keeps itself within bounds.
 *
 * Theory of operation. Every build that ends asks for a look at the cache. A thread takes all that was asked
 * for at once and applies the rules in their order, each as a prune; what is asked for meanwhile makes it
 * look once more. So a build never waits, and there is never more than one such thread. */
#include "base/log.h"
#include "engine/build.h"
#include "engine/container-internal.h"

#include <sys/statvfs.h>

/* Percents of the file system. */
#define RESERVED_PERCENT 10
#define MAX_USED_PERCENT 80
#define MIN_FREE_PERCENT 20
/* Of the reserved space, what may stay of cache mounts that were not used for some time. */
#define MOUNTS_PERCENT 13.8
#define MOUNTS_MIN (512 * INT64_C(1000000))
#define MOUNTS_AGE "48h"
#define UNUSED_AGE "1440h"

void build_gc_deinit(struct build_gc *gc)
{
        for (size_t i = 0; i < gc->n_rules; i++)
                filters_deinit(&gc->rules[i].filters);
        free(gc->rules);
        *gc = (struct build_gc){};
}

static bool has_limit(const struct build_gc_rule *r)
{
        return r->reserved_space || r->max_used_space || r->min_free_space;
}

static void apply(struct engine *engine, const struct build_gc_rule *limits, const struct filters *filters,
                  bool all)
{
        struct build_prune prune = { filters, all, limits->reserved_space, limits->max_used_space,
                                     limits->min_free_space, true };
        cleanup_json json_object *report = NULL;
        cleanup_error struct error err = {};
        int64_t freed;

        if (engine_build_prune(engine, &prune, &report, &err) < 0) {
                log_warn("build cache: %s", error_message(&err));
                return;
        }
        freed = json_get_int64(report, "SpaceReclaimed", 0);
        if (freed)
                log_info("build cache: %lld bytes freed", (long long)freed);
}

/* What of the file system the cache may take, unless somebody said it. */
static struct build_gc_rule default_limits(const struct engine *engine, const struct build_gc_rule *said)
{
        struct build_gc_rule limits = *said;
        struct statvfs fs;
        int64_t size;

        if (has_limit(said) || fstatvfs(engine->data_fd, &fs) < 0)
                return limits;
        size = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
        limits.reserved_space = size / 100 * RESERVED_PERCENT;
        limits.max_used_space = size / 100 * MAX_USED_PERCENT;
        limits.min_free_space = size / 100 * MIN_FREE_PERCENT;
        return limits;
}

static void apply_default_rules(struct engine *engine, const struct build_gc_rule *said)
{
        cleanup_filters struct filters mounts = {}, unused = {};
        const struct filters none = {};
        struct build_gc_rule limits = default_limits(engine, said), of_mounts = {};

        of_mounts.max_used_space =
            MAX((int64_t)((double)limits.reserved_space / 100 * MOUNTS_PERCENT), MOUNTS_MIN);
        filters_add(&mounts, "type", "exec.cachemount");
        filters_add(&mounts, "until", MOUNTS_AGE);
        filters_add(&unused, "until", UNUSED_AGE);
        apply(engine, &of_mounts, &mounts, false);
        if (!has_limit(&limits))
                return; /* the file system does not tell its size */
        apply(engine, &limits, &unused, false);
        apply(engine, &limits, &none, true);
}

static void collect(struct engine *engine)
{
        static const struct build_gc defaults;
        const struct build_gc *gc = engine->options->build_gc ?: &defaults;

        for (size_t i = 0; i < gc->n_rules; i++) {
                const struct build_gc_rule *r = &gc->rules[i];

                apply(engine, has_limit(r) ? r : &gc->defaults, &r->filters, r->all);
        }
        if (gc->n_rules == 0)
                apply_default_rules(engine, &gc->defaults);
}

static void collect_while_wanted(struct engine *engine, struct container *none)
{
        unsigned wanted = atomic_load(&engine->gc_wanted);

        (void)none;
        for (;;) {
                collect(engine);
                if (atomic_compare_exchange_strong(&engine->gc_wanted, &wanted, 0))
                        return;
        }
}

void engine_build_gc_later(struct engine *engine)
{
        if (engine->options->build_gc && engine->options->build_gc->disabled)
                return;
        if (atomic_fetch_add(&engine->gc_wanted, 1) == 0)
                engine_later(engine, collect_while_wanted, NULL);
}
