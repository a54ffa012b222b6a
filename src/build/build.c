#include "build/build-internal.h"

#include "base/time.h"
#include "store/layer.h"
#include "store/unpack.h"

#include <inttypes.h>

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
        strv_free(b->once);
        free(b->performed);
        strv_free(b->used_keys);
        build_warnings_deinit(b);
        dockerfile_deinit(&b->file);
        free(b->text);
        free(b->filename);
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

/* The labels of the request go over those of the Dockerfile. */
static void add_labels(struct build *b, struct stage_state *s)
{
        for (size_t i = 0; i < b->options->labels.count; i++)
                strmap_set(&s->image.config.labels, b->options->labels.pairs[i].key,
                           b->options->labels.pairs[i].value);
        strmap_sort(&s->image.config.labels);
}

static char *shown_tag(const char *tag)
{
        struct reference r = {};
        char *text;

        if (reference_parse(tag, &r, NULL) < 0)
                return xstrdup(tag);
        reference_default_tag(&r);
        text = reference_format(&r);
        reference_deinit(&r);
        /* Docker leaves the default tag out here. */
        if (!strchr(strrchr(tag, '/') ? strrchr(tag, '/') : tag, ':') && string_ends_with(text, ":latest"))
                text[strlen(text) - strlen(":latest")] = 0;
        return text;
}

/* A name that the image has already is not written again. */
static int tag_image(struct build *b, const char *tag, const struct image *before, const struct digest *id,
                     struct error *err)
{
        struct reference r = {};
        cleanup_free char *familiar = NULL;

        if (reference_parse(tag, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        familiar = reference_familiar(&r);
        reference_deinit(&r);
        if (strv_contains(before->tags, familiar))
                return 0;
        return image_tag(b->store, tag, id, NULL, err);
}

static int write_image(struct build *b, struct stage_state *s, struct image **ret_before, struct digest *ret,
                       struct error *err)
{
        cleanup_free char *text = image_config_format(&s->image);
        struct digest id;

        digest_of(text, strlen(text), &id);
        *ret_before = NULL;
        if (image_get(b->store, &id, ret_before, NULL) == 0) {
                *ret = id;
                return 0;
        }
        return image_create_named(b->store, text, strlen(text), NULL, b->options->tags, NULL, ret, err);
}

static int export_image(struct build *b, struct stage_state *s, struct build_result *ret, struct error *err)
{
        cleanup_image struct image *before = NULL;
        char id[DIGEST_TEXT_SIZE];
        struct vertex v;

        add_labels(b, s);
        s->image.created = s->created;
        vertex_begin(b, &v, "exporting to image");
        vertex_status(b, &v, "exporting layers 0.0s done");
        if (write_image(b, s, &before, &ret->id, err) < 0)
                return vertex_failed(b, &v, err);
        digest_format(&ret->id, id);
        vertex_status(b, &v, "writing image %s done", id);
        for (char **tag = b->options->tags; tag && *tag; tag++) {
                cleanup_free char *shown = shown_tag(*tag);

                /* A new image was made with its names. */
                if (before && tag_image(b, *tag, before, &ret->id, err) < 0)
                        return vertex_failed(b, &v, err);
                vertex_status(b, &v, "naming to %s done", shown);
        }
        vertex_done(b, &v);
        return build_cache_used(b, err);
}

/* The target's files for the client, who gave a folder or a file to put them into. */
static int export_files(struct build *b, struct stage_state *s, struct error *err)
{
        bool tar = streq(b->options->output, "tar");
        cleanup_close int view = -1;
        struct copy_rules rules = { .keep_owner = true };
        struct error failure = {};
        struct vertex v;
        int out, r = -1;

        if (b->request->n_fds == 0)
                return error_set(err, ERROR_INVALID, "the destination of the output is missing");
        out = b->request->fds[b->request->n_fds - 1];
        vertex_begin(b, &v, "exporting to client %s", tar ? "tarball" : "directory");
        view = build_view(b, s->diff_ids, s->n_diff_ids, &failure);
        if (view >= 0 && tar) {
                cleanup_sink struct sink *sink = sink_new_fd(out);
                cleanup_tar_writer struct tar_writer *writer = tar_writer_new(sink);
                cleanup_close int root = openat(view, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                struct pack_options options = { .timestamp = INT64_MAX };

                r = tar_pack(root, writer, &options, &failure) < 0 ? -1 : tar_writer_finish(writer, &failure);
        } else if (view >= 0) {
                r = copy_tree(view, "/", out, "/", &rules, &failure);
        }
        if (r < 0) {
                vertex_failed(b, &v, &failure);
                return error_move(err, &failure);
        }
        vertex_done(b, &v);
        return build_cache_used(b, err);
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

static int build_steps(struct build *b, struct build_result *ret, struct error *err)
{
        struct stage_state *target;

        if (build_cancel_open(b, err) < 0 || read_epoch(b, err) < 0 || read_file(b, err) < 0)
                return -1;
        build_check(b);
        if (build_warnings_fail(b, err) < 0 || build_plan(b, &target, err) < 0 || build_solve(b, err) < 0)
                return -1;
        b->where = (struct dockerfile_location){};
        if (build_warnings_fail(b, err) < 0)
                return -1;
        if (b->options->check)
                return 0;
        if (string_empty(b->options->output))
                return export_image(b, target, ret, err);
        return export_files(b, target, err);
}

int build_run(const struct build_services *services, const struct build_request *request,
              struct build_result *ret, struct error *err)
{
        struct build b = { .services = services,
                           .request = request,
                           .options = request->options,
                           .store = services->store,
                           .context = { .fd = -1 },
                           .cancel_fd = -1,
                           .telling = PTHREAD_MUTEX_INITIALIZER,
                           .emptying = PTHREAD_MUTEX_INITIALIZER,
                           .lock = PTHREAD_MUTEX_INITIALIZER };
        int r = build_steps(&b, ret, err);

        if (r < 0 && b.text)
                ret->source = source_excerpt(b.filename, b.text, b.where);
        if (b.file.n_stages)
                ret->warnings = build_warnings_json(&b);
        build_deinit(&b);
        return r;
}
