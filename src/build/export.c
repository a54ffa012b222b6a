/* Where the result of a build goes: a table of exporters by type. */
#include "build/export-internal.h"

/* An archive for the client, or an image here. */
static int export_docker(struct export *x, struct error *err)
{
        return strmap_get(&x->entry->attributes, "dest") ? export_archive(x, err) : export_image(x, err);
}

static int export_nothing(struct export *x, struct error *err)
{
        (void)x, (void)err;
        return 0;
}

static const struct exporter {
        const char *type;
        int (*run)(struct export *x, struct error *err);
        bool several; /* platforms at once */
} exporters[] = {
        { "docker", export_docker, false },    { "image", export_image, true },
        { "registry", export_image, true },    { "oci", export_archive, true },
        { "local", export_files, true },       { "tar", export_files, true },
        { "cacheonly", export_nothing, true },
};

static const struct build_entry default_output = { .type = (char *)"docker" };

const char *export_attribute(const struct export *x, const char *name)
{
        const char *value = strmap_get(&x->entry->attributes, name);

        return value ? value : "";
}

int export_flag(const struct export *x, const char *name, bool fallback, bool *ret, struct error *err)
{
        const char *value = export_attribute(x, name);

        *ret = fallback;
        if (!*value)
                return 0;
        if (string_to_bool(value, ret) < 0)
                return error_set(err, ERROR_INVALID, "non-bool value for %s: \"%s\"", name, value);
        return 0;
}

char **export_names(const struct export *x)
{
        const char *own = export_attribute(x, "name");

        return *own ? strv_split(own, ',') : strv_copy(x->b->options->tags);
}

char *export_shown_name(const char *name)
{
        char *text = build_image_name(name);

        /* Docker leaves the default tag out here. */
        if (!strchr(strrchr(name, '/') ? strrchr(name, '/') : name, ':') && string_ends_with(text, ":latest"))
                text[strlen(text) - strlen(":latest")] = 0;
        return text;
}

/* ---- To the client ---- */

#define CHUNK (256 << 10)

struct client_sink {
        struct sink sink;
        const struct export *x;
        size_t len;
        char data[CHUNK];
};

static int send_chunk(struct client_sink *c, struct error *err)
{
        const struct build_request *request = c->x->b->request;
        size_t len = c->len;

        c->len = 0;
        return len ? request->output(request->arg, c->x->index, c->data, len, err) : 0;
}

static int client_sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
        struct client_sink *c = (struct client_sink *)s;

        while (len) {
                size_t part = MIN(len, CHUNK - c->len);

                memcpy(c->data + c->len, data, part);
                c->len += part;
                data = (const char *)data + part;
                len -= part;
                if (c->len == CHUNK && send_chunk(c, err) < 0)
                        return -1;
        }
        return 0;
}

static void client_sink_free(struct sink *s)
{
        free(s);
}

struct sink *export_sink(const struct export *x)
{
        static const struct sink_class class = { client_sink_write, client_sink_free };
        struct client_sink *c = xmalloc(sizeof(*c));

        c->sink.class = &class;
        c->x = x;
        c->len = 0;
        return &c->sink;
}

int export_sink_finish(struct sink *s, struct error *err)
{
        struct client_sink *c = (struct client_sink *)s;
        const struct build_request *request = c->x->b->request;

        return send_chunk(c, err) < 0 ? -1 : request->output(request->arg, c->x->index, NULL, 0, err);
}

/* ---- All outputs ---- */

static const struct exporter *find_exporter(const char *type)
{
        for (size_t i = 0; i < ARRAY_SIZE(exporters); i++)
                if (streq(exporters[i].type, type))
                        return &exporters[i];
        return NULL;
}

/* The labels of the request go over those of the Dockerfile. */
static void finish_config(struct build *b)
{
        struct image_config *image = &b->target->image;

        for (size_t i = 0; i < b->options->labels.count; i++)
                strmap_set(&image->config.labels, b->options->labels.pairs[i].key,
                           b->options->labels.pairs[i].value);
        strmap_sort(&image->config.labels);
        image->created = b->target->created;
        /* That of the base image is not ours. */
        free(image->build_cache);
        image->build_cache = build_cache_inline(b->options) ? build_cache_inline_text(b) : NULL;
        b->config_text = image_config_format(image);
        digest_of(b->config_text, strlen(b->config_text), &b->image_id);
}

static int check_outputs(const struct build_entry *outputs, size_t n, size_t count, struct error *err)
{
        for (size_t i = 0; i < n; i++) {
                const struct exporter *e = find_exporter(outputs[i].type);

                if (!e)
                        return error_set(err, ERROR_INVALID, "exporter \"%s\" could not be found",
                                         outputs[i].type);
                if (count > 1 && !e->several)
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "an image for several platforms can only go to a registry, an OCI "
                                         "archive or files, not to type=%s",
                                         e->type);
        }
        return 0;
}

int build_export(struct build *builds, size_t count, struct build_result *ret, struct error *err)
{
        const struct build_options *o = builds->options;
        const struct build_entry *outputs = o->n_outputs ? o->outputs : &default_output;
        size_t n = o->n_outputs ? o->n_outputs : 1;

        if (check_outputs(outputs, n, count, err) < 0)
                return -1;
        /* Progress goes on behind the last platform's. */
        builds->vertices = builds[count - 1].vertices;
        for (size_t i = 0; i < count; i++)
                finish_config(&builds[i]);
        ret->metadata = json_object_new_object();
        for (size_t i = 0; i < n; i++) {
                struct export x = { builds, count, builds, &outputs[i], i, ret };

                if (find_exporter(outputs[i].type)->run(&x, err) < 0)
                        return -1;
        }
        {
                struct export x = { .builds = builds, .count = count, .b = builds, .result = ret };

                if (build_cache_export(&x, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < count; i++)
                if (build_cache_used(&builds[i], err) < 0)
                        return -1;
        return 0;
}
