/* --output, --push, --load: what they ask for, and what the client does with the bytes that come back. */
#include "base/fd.h"
#include "cli/build.h"
#include "cli/container-grammar.h"
#include "store/unpack.h"

#include <pthread.h>
#include <stdio.h>

/* ---- What is asked for ---- */

/* "dir", "-", "type=local,dest=dir". */
static int parse_output(const char *text, struct build_entry *ret, struct error *err)
{
        cleanup_strv char **fields = NULL;

        if (grammar_split_csv(text, &fields, err) < 0)
                return -1;
        if (!fields[1] && !string_after(fields[0], "type=")) {
                ret->type = xstrdup(streq(fields[0], "-") ? "tar" : "local");
                strmap_set(&ret->attributes, "dest", fields[0]);
                return 0;
        }
        if (build_entry_parse(fields, ret, err) < 0)
                return -1;
        if (string_empty(ret->type)) {
                build_entry_deinit(ret);
                return error_set(err, ERROR_INVALID, "type is required for output");
        }
        if (streq(ret->type, "registry"))
                strmap_set(&ret->attributes, "push", "true");
        return 0;
}

static bool has_image(const struct build_options *o)
{
        for (size_t i = 0; i < o->n_outputs; i++)
                if (streq(o->outputs[i].type, "image") || streq(o->outputs[i].type, "registry"))
                        return true;
        return false;
}

/* --push makes an image that is there already go to its registry, --load is met by one that stays here. */
static void add_shorthands(const struct build_flags *f, struct build_options *o)
{
        struct build_entry entry = {};
        bool image = false;

        for (size_t i = 0; i < o->n_outputs; i++)
                image |= streq(o->outputs[i].type, "docker") || streq(o->outputs[i].type, "image");
        if (f->push && has_image(o)) {
                for (size_t i = 0; i < o->n_outputs; i++)
                        if (streq(o->outputs[i].type, "image"))
                                strmap_set(&o->outputs[i].attributes, "push", "true");
        } else if (f->push) {
                entry.type = xstrdup("image");
                strmap_set(&entry.attributes, "push", "true");
                ARRAY_APPEND(o->outputs, o->n_outputs, entry);
        }
        if (f->load && !image && !f->push) {
                entry = (struct build_entry){ .type = xstrdup("docker") };
                ARRAY_APPEND(o->outputs, o->n_outputs, entry);
        }
}

/* "manifest,index[linux/amd64]" before a colon; a name like "org.example:x" has none. */
static const char *annotation_levels_end(const char *text)
{
        size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_,[]/");

        return len && text[len] == ':' ? text + len : NULL;
}

static int check_level(const char *level, struct error *err)
{
        static const char *const known[] = { "manifest", "index", "manifest-descriptor", "index-descriptor" };
        size_t len = strcspn(level, "[");

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strlen(known[i]) == len && strncmp(known[i], level, len) == 0)
                        return 0;
        return error_set(err, ERROR_INVALID, "failed to build: unknown annotation type \"%.*s\"", (int)len,
                         level);
}

/* "a=b", "index:a=b" → the exporters' attribute "annotation-index.a". */
static int add_annotation(const char *text, struct build_entry *entry, struct error *err)
{
        const char *colon = annotation_levels_end(text), *name = colon ? colon + 1 : text,
                   *equals = strchr(name, '=');
        cleanup_free char *prefix = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup("manifest");
        cleanup_strv char **levels = strv_split(prefix, ',');

        if (!equals || equals == name)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: invalid annotation \"%s\": expected key=value", text);
        for (char **level = levels; *level; level++) {
                cleanup_free char *key =
                    string_format("annotation-%s.%.*s", *level, (int)(equals - name), name);

                if (check_level(*level, err) < 0)
                        return -1;
                strmap_set(&entry->attributes, key, equals + 1);
        }
        return 0;
}

static int add_annotations(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **a = f->annotation; a && *a; a++)
                for (size_t i = 0; i < o->n_outputs; i++)
                        if (add_annotation(*a, &o->outputs[i], err) < 0)
                                return -1;
        return 0;
}

int build_outputs(const struct build_flags *f, struct build_options *o, struct error *err)
{
        for (char **text = f->output; text && *text; text++) {
                struct build_entry entry = {};

                if (parse_output(*text, &entry, err) < 0)
                        return -1;
                ARRAY_APPEND(o->outputs, o->n_outputs, entry);
        }
        add_shorthands(f, o);
        if (o->n_outputs == 0) {
                struct build_entry entry = { .type = xstrdup("docker") };

                ARRAY_APPEND(o->outputs, o->n_outputs, entry);
        }
        for (size_t i = 0; i < o->n_outputs; i++)
                if ((streq(o->outputs[i].type, "registry") ||
                     streq(strmap_get(&o->outputs[i].attributes, "push"), "true")) &&
                    !o->tags && string_empty(strmap_get(&o->outputs[i].attributes, "name")))
                        return error_set(err, ERROR_INVALID,
                                         "failed to build: tag is needed when pushing to registry");
        return add_annotations(f, o, err);
}

static int add_caches(char *const *texts, struct build_entry **list, size_t *count, struct error *err)
{
        for (; texts && *texts; texts++) {
                struct build_entry entry = {};

                if (build_cache_entry(*texts, &entry, err) < 0) {
                        build_entry_deinit(&entry);
                        return -1;
                }
                ARRAY_APPEND(*list, *count, entry);
        }
        return 0;
}

int build_caches(const struct build_flags *f, struct build_options *o, struct error *err)
{
        return add_caches(f->cache_from, &o->cache_from, &o->n_cache_from, err) < 0 ||
                       add_caches(f->cache_to, &o->cache_to, &o->n_cache_to, err) < 0
                   ? -1
                   : 0;
}

/* ---- What comes back ---- */

struct build_receiver {
        int fd; /* the file, or the pipe to the thread */
        bool folder, done;
        pthread_t thread;
        int source, target; /* of the thread: the pipe, the folder */
        struct error error;
};

/* A folder is unpacked as it comes. What is made belongs to whoever builds. */
static void *unpack(void *arg)
{
        struct build_receiver *r = arg;
        cleanup_stream struct stream *in = stream_new_fd(r->source);
        struct unpack_options options = { .flags = UNPACK_CHOWN, .uid = getuid(), .gid = getgid() };

        if (tar_unpack(r->target, "/", in, &options, NULL, &r->error) == 0)
                stream_drain(in, &r->error);
        close(r->target);
        return NULL;
}

static int open_folder(struct build_receiver *r, const char *dest, struct error *err)
{
        int pipes[2];

        if (directory_make(AT_FDCWD, dest, 0755, err) < 0)
                return -1;
        r->target = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r->target < 0 || pipe2(pipes, O_CLOEXEC) < 0)
                return error_errno(err, "%s", dest);
        r->source = pipes[0];
        r->fd = pipes[1];
        r->folder = true;
        if (pthread_create(&r->thread, NULL, unpack, r) != 0)
                return error_set(err, ERROR_SYSTEM, "cannot start a thread");
        return 0;
}

static int open_file(struct build_receiver *r, const char *type, const char *dest, struct error *err)
{
        if (string_empty(dest) || streq(dest, "-")) {
                if (isatty(STDOUT_FILENO))
                        return error_set(
                            err, ERROR_INVALID,
                            "dest file is required for %s exporter. refusing to write to console", type);
                r->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        } else {
                r->fd = open(dest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        }
        return r->fd < 0 ? error_errno(err, "%s", string_empty(dest) ? "-" : dest) : 0;
}

static int open_receiver(struct build_entry *e, struct build_receiver *r, struct error *err)
{
        const char *dest = strmap_get(&e->attributes, "dest"), *tar = strmap_get(&e->attributes, "tar");
        bool oci = streq(e->type, "oci"), local = streq(e->type, "local"), as_tar = true;

        if (local && string_empty(dest))
                return error_set(err, ERROR_INVALID, "dest is required for local exporter");
        if (local && streq(dest, "-"))
                return error_set(err, ERROR_INVALID, "dest cannot be stdout for local exporter");
        if (tar && string_to_bool(tar, &as_tar) < 0)
                return error_set(err, ERROR_INVALID, "invalid value for tar: %s", tar);
        if (oci && !as_tar && string_empty(dest))
                return error_set(err, ERROR_INVALID, "dest is required for oci exporter without tar");
        if (local || (oci && !as_tar))
                return open_folder(r, dest, err);
        if (oci || streq(e->type, "tar") || (streq(e->type, "docker") && dest))
                return open_file(r, e->type, dest, err);
        return 0;
}

int build_receivers_open(struct build_options *o, struct build_receiver **ret, struct error *err)
{
        struct build_receiver *list = xcalloc(o->n_outputs + o->n_cache_to, sizeof(*list));

        *ret = list;
        for (size_t i = 0; i < o->n_outputs; i++) {
                list[i].fd = -1;
                if (open_receiver(&o->outputs[i], &list[i], err) < 0)
                        return error_context(err, "failed to build");
        }
        for (size_t i = 0; i < o->n_cache_to; i++) {
                list[o->n_outputs + i].fd = -1;
                if (streq(o->cache_to[i].type, "local") &&
                    open_receiver(&o->cache_to[i], &list[o->n_outputs + i], err) < 0)
                        return error_context(err, "failed to build");
        }
        return 0;
}

int build_receiver_data(struct build_receiver *list, size_t index, const void *data, size_t len,
                        struct error *err)
{
        struct build_receiver *r = &list[index];

        if (r->fd < 0 || r->done)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: the engine sends an output that was not asked for");
        if (len == 0)
                r->done = true;
        else if (fd_write_all(r->fd, data, len) < 0)
                return error_errno(err, "failed to build: output");
        return 0;
}

int build_receivers_close(struct build_receiver *list, size_t count, struct error *err)
{
        struct error first = {};

        for (size_t i = 0; i < count && list; i++) {
                struct build_receiver *r = &list[i];

                if (r->fd >= 0)
                        close(r->fd);
                if (r->folder)
                        pthread_join(r->thread, NULL);
                if (!first.kind && r->done && r->error.kind)
                        error_move(&first, &r->error);
                error_clear(&r->error);
        }
        free(list);
        if (!first.kind)
                return 0;
        error_move(err, &first);
        return error_context(err, "failed to build: output");
}
