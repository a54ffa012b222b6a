#include "build/build-internal.h"

#include "base/time.h"
#include "store/layer.h"

#include <inttypes.h>
#include <sys/random.h>

void build_hold(struct build *b, const struct digest *layer)
{
        pthread_mutex_lock(&b->lock);
        ARRAY_APPEND(b->holds, b->n_holds, *layer);
        pthread_mutex_unlock(&b->lock);
}

bool build_once(struct build *b, const char *name)
{
        bool first;

        pthread_mutex_lock(&b->lock);
        first = !strv_contains(b->once, name);
        if (first)
                strv_append(&b->once, name);
        pthread_mutex_unlock(&b->lock);
        return first;
}

static void free_stage(struct stage_state *s)
{
        image_config_deinit(&s->image);
        free(s->diff_ids);
        strv_free(s->env);
        for (size_t i = 0; i < s->n_args; i++) {
                free(s->args[i].key);
                free(s->args[i].value);
        }
        free(s->args);
        for (size_t i = 0; i < s->n_triggers; i++)
                instruction_deinit(&s->triggers[i]);
        free(s->triggers);
        free(s->needs);
        free(s->before);
        step_parts_clear(&s->parts);
        free(s->base);
        platform_deinit(&s->platform);
}

static void build_deinit(struct build *b)
{
        for (size_t i = 0; i < b->n_stages && b->stages; i++)
                free_stage(&b->stages[i]);
        free(b->stages);
        free(b->order);
        for (size_t i = 0; i < b->n_images; i++) {
                free(b->images[i].name);
                free(b->images[i].written);
                image_free(b->images[i].image);
        }
        free(b->images);
        for (size_t i = 0; i < b->n_holds; i++)
                layer_release(b->store, &b->holds[i]);
        free(b->holds);
        build_context_close(b, &b->context);
        for (size_t i = 0; i < b->n_more; i++)
                build_context_close(b, &b->more[i]);
        free(b->more);
        strv_free(b->global_args);
        strv_free(b->default_args);
        strv_free(b->once);
        free(b->performed);
        strv_free(b->used_keys);
        build_warnings_deinit(b);
        dockerfile_deinit(&b->file);
        free(b->text);
        free(b->filename);
        free(b->config_text);
        build_imports_close(b);
        build_cancel_close(b);
        pthread_mutex_destroy(&b->telling);
        pthread_mutex_destroy(&b->emptying);
        pthread_mutex_destroy(&b->lock);
}

static void tell_loaded(struct build *b)
{
        struct vertex v;

        vertex_begin(b, &v, "[internal] load build definition from %s", b->filename);
        vertex_status(b, &v, "transferring dockerfile: %zuB done", strlen(b->text));
        vertex_done(b, &v);
        if (b->context.fd < 0)
                return;
        vertex_begin(b, &v, "[internal] load .dockerignore");
        vertex_status(b, &v, "transferring context: 2B done");
        vertex_done(b, &v);
}

static bool is_blank(const char *text)
{
        return text[strspn(text, " \t\r\n")] == 0;
}

static int read_file(struct build *b, struct error *err)
{
        if (build_contexts_open(b, err) < 0)
                return -1;
        tell_loaded(b);
        if (is_blank(b->text))
                return error_set(err, ERROR_INVALID, "the Dockerfile cannot be empty");
        return dockerfile_read(b->text, strlen(b->text), &b->file, &b->where, err);
}

/* The same image from the same input, whenever it is built: later times are set back to this one. */
static int read_epoch(struct build *b, struct error *err)
{
        const char *text = strmap_get(&b->options->build_args, "SOURCE_DATE_EPOCH");
        int64_t seconds;

        b->epoch = -1;
        if (string_empty(text))
                return 0;
        if (string_to_int64(text, &seconds, NULL) < 0 || seconds < 0 || seconds > INT64_MAX / NSEC_PER_SEC)
                return error_set(err, ERROR_INVALID, "invalid SOURCE_DATE_EPOCH: %s", text);
        b->epoch = seconds * NSEC_PER_SEC;
        return 0;
}

static int solve(struct build *b, struct error *err)
{
        if (build_cancel_open(b, err) < 0 || read_epoch(b, err) < 0 || read_file(b, err) < 0)
                return -1;
        build_check(b);
        if (!b->options->check)
                build_imports_open(b);
        if (build_warnings_fail(b, err) < 0 || build_plan(b, &b->target, err) < 0 || build_solve(b, err) < 0)
                return -1;
        b->where = (struct dockerfile_location){};
        return build_warnings_fail(b, err);
}

static void make_id(struct build *b)
{
        uint8_t random[BUILD_ID_BYTES] = {};

        (void)!getrandom(random, sizeof(random), 0);
        for (size_t i = 0; i < sizeof(random); i++)
                snprintf(b->id + 2 * i, 3, "%02x", random[i]);
}

static int solve_all(struct build *builds, size_t count, struct build_result *ret, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                struct build *b = &builds[i];
                int r;

                make_id(b);
                b->vertices = i ? builds[i - 1].vertices : 0;
                r = solve(b, err);
                if (r < 0)
                        ret->state = take_ptr(b->state);
                if (r < 0 && b->text)
                        ret->source = source_excerpt(b->filename, b->text, b->where);
                if (b->file.n_stages && (r < 0 || i == count - 1))
                        ret->warnings = build_warnings_json(b);
                if (r < 0)
                        return -1;
        }
        return 0;
}

int build_run(const struct build_services *services, const struct build_request *request,
              struct build_result *ret, struct error *err)
{
        size_t count = MAX(strv_length(request->options->platforms), (size_t)1);
        struct build *builds = xcalloc(count, sizeof(*builds));
        int r;

        for (size_t i = 0; i < count; i++)
                builds[i] = (struct build){
                        .services = services,
                        .request = request,
                        .options = request->options,
                        .store = services->store,
                        .platform = request->options->platforms ? request->options->platforms[i] : NULL,
                        .context = { .fd = -1 },
                        .cancel_fd = -1,
                        .telling = PTHREAD_MUTEX_INITIALIZER,
                        .emptying = PTHREAD_MUTEX_INITIALIZER,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                };
        r = solve_all(builds, count, ret, err);
        if (r == 0 && !request->options->check)
                r = build_export(builds, count, ret, err);
        for (size_t i = 0; i < count; i++)
                build_deinit(&builds[i]);
        free(builds);
        return r;
}

void build_result_deinit(struct build_result *r)
{
        strv_free(r->names);
        free(r->source);
        free(r->state);
        json_object_put(r->warnings);
        json_object_put(r->metadata);
        *r = (struct build_result){};
}
