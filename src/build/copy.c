/* COPY, ADD and WORKDIR: layers that are written directly, into a writable overlay that is mounted nowhere.
 */
#include "build/build-internal.h"

#include "base/time.h"
#include "runtime/user.h"
#include "store/tar.h"
#include "store/unpack.h"

#include <errno.h>

/* An instruction with everything expanded. */
struct copy_work {
        const struct instruction *instruction;
        bool add;
        char *dest, *chown, *chmod, *shown_dest; /* dest: absolute; shown: as written */
        char **written;                          /* sources as written */
        struct copy_source from;
        char **sources;                 /* resolved */
        struct instruction_file *files; /* here-documents, expanded */
        size_t n_files;
        struct copy_rules rules;
};

static void work_deinit(struct copy_work *w)
{
        free(w->dest);
        free(w->shown_dest);
        free(w->chown);
        free(w->chmod);
        strv_free(w->written);
        strv_free(w->sources);
        for (size_t i = 0; i < w->n_files; i++) {
                free(w->files[i].name);
                free(w->files[i].data);
        }
        free(w->files);
        path_matcher_free(w->rules.exclude);
        if (!w->from.context && w->from.root >= 0)
                close(w->from.root);
}

static int refuse(struct copy_work *w, struct error *err)
{
        const struct instruction *i = w->instruction;
        const char *what = i->parents ? "--parents" : !string_empty(i->checksum) ? "--checksum" : NULL;

        if (what)
                return error_set(err, ERROR_UNSUPPORTED, "%s %s is not supported by davit yet",
                                 instruction_type_name(i->type), what);
        for (char **s = w->written; w->add && s && *s; s++)
                if (strstr(*s, "://") || string_after(*s, "git@"))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "ADD from a URL is not supported by davit yet: %s", *s);
        return 0;
}

/* The text of a here-document: quotes mean nothing in it. */
static int expand_file(struct build *b, struct stage_state *s, const struct instruction_file *f,
                       struct copy_work *w, struct error *err)
{
        struct shell_words rules = {
                .escape = '\\', .literal_quotes = true, .lookup = shell_lookup_env, .arg = s->env
        };
        struct instruction_file file = { .name = xstrdup(f->name) };

        (void)b;
        ARRAY_APPEND(w->files, w->n_files, file);
        if (!f->expand) {
                w->files[w->n_files - 1].data = xstrdup(f->data);
                return 0;
        }
        return shell_expand(&rules, f->data, &w->files[w->n_files - 1].data, err);
}

static int expand_all(struct build *b, struct stage_state *s, struct copy_work *w, struct error *err)
{
        const struct instruction *i = w->instruction;

        for (char **a = i->args; a && *a; a++) {
                char *text;

                if (build_expand(b, s, *a, &text, err) < 0)
                        return -1;
                strv_append_take(&w->written, text);
        }
        for (size_t n = 0; n < i->n_files; n++)
                if (expand_file(b, s, &i->files[n], w, err) < 0)
                        return -1;
        if (build_expand(b, s, i->value, &w->shown_dest, err) < 0 ||
            (i->chown && build_expand(b, s, i->chown, &w->chown, err) < 0) ||
            (i->chmod && build_expand(b, s, i->chmod, &w->chmod, err) < 0))
                return -1;
        w->dest = build_absolute(s, w->shown_dest, true);
        if (string_empty(w->chmod))
                return 0;
        w->rules.chmod = w->chmod;
        return chmod_check(w->chmod, err);
}

static int open_source(struct build *b, struct stage_state *s, struct copy_work *w, struct error *err)
{
        struct stage_state *stage = NULL;
        struct image *image = NULL;

        w->from.root = -1;
        if (string_empty(w->instruction->from)) {
                w->from.context = &b->context;
        } else if (build_from_resolve(b, s, w->instruction->from, &stage, &w->from.context, &image, err) <
                   0) {
                return -1;
        }
        if (w->from.context) {
                w->from.root = w->from.context->fd;
                w->rules.ignore = w->from.context->ignore;
                if (w->written)
                        build_context_announce(b, w->from.context);
                return 0;
        }
        w->rules.keep_owner = true;
        digest_chain(stage ? stage->diff_ids : image->diff_ids, stage ? stage->n_diff_ids : image->n_diff_ids,
                     &w->from.chain);
        w->from.root = build_view(b, stage ? stage->diff_ids : image->diff_ids,
                                  stage ? stage->n_diff_ids : image->n_diff_ids, err);
        return w->from.root < 0 ? -1 : 0;
}

static int find_sources(struct copy_work *w, struct error *err)
{
        w->sources = strv_new();
        for (char **pattern = w->written; pattern && *pattern; pattern++) {
                if (w->from.root < 0)
                        return error_set(err, ERROR_INVALID,
                                         "failed to compute cache key: failed to calculate checksum of ref "
                                         "davit::context: "
                                         "\"/%s\": not found",
                                         *pattern + (**pattern == '/'));
                if (source_resolve(&w->from, *pattern, &w->sources, err) < 0)
                        return -1;
        }
        if (w->instruction->exclude)
                return path_matcher_new(w->instruction->exclude, &w->rules.exclude, err);
        return 0;
}

static int make_key(struct build *b, struct stage_state *s, struct copy_work *w, struct digest *ret,
                    struct error *err)
{
        struct step_key key;
        int r = 0;

        step_key_begin(&key, s, w->add ? "add" : "copy");
        step_key_add(&key, "destination", w->dest);
        step_key_add(&key, "chown", w->chown);
        step_key_add(&key, "chmod", w->chmod);
        step_key_list(&key, "exclude", w->instruction->exclude);
        step_key_add(&key, "unpack", w->instruction->unpack == 0 ? "no" : "yes");
        for (size_t i = 0; i < w->n_files; i++)
                step_key_add(&key, w->files[i].name, w->files[i].data);
        for (char **source = w->sources; *source && r == 0; source++)
                r = source_digest(b, &w->from, *source, &w->rules, &key, err);
        step_key_finish(&key, ret);
        return r;
}

static bool is_number(const char *s)
{
        return *s && strspn(s, "0123456789") == strlen(s);
}

/* USER[:GROUP], by the destination's own passwd and group. A number alone is the group as well. */
static int find_owner(int root, const char *chown, struct copy_rules *rules, struct error *err)
{
        cleanup_runtime_user struct runtime_user user = {};
        cleanup_free char *whole = NULL;
        const char *colon = strchr(chown, ':');

        if (colon == chown)
                whole = string_format("0%s", chown);
        else if (!colon && is_number(chown))
                whole = string_format("%s:%s", chown, chown);
        else
                whole = xstrdup(chown);
        if (runtime_resolve_user(root, whole, NULL, &user, err) < 0)
                return -1;
        rules->chown = true;
        rules->uid = user.uid;
        rules->gid = user.gid;
        return 0;
}

/* Does the file begin as a tar does, compressed or not? */
static int is_archive(const struct copy_source *from, const char *path, bool *ret)
{
        cleanup_close int fd = open_in_root(from->root, *path ? path : ".", O_RDONLY | O_NONBLOCK, 0, NULL);
        cleanup_stream struct stream *file = NULL, *plain = NULL;
        cleanup_tar_reader struct tar_reader *reader = NULL;
        const struct tar_entry *entry;
        struct stat st;

        *ret = false;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 20)
                return 0;
        file = stream_new_fd(take_fd(fd));
        plain = stream_new_decompressed(file);
        reader = tar_reader_new(plain, NULL);
        *ret = tar_reader_next(reader, &entry, NULL) > 0;
        return 0;
}

static int unpack_archive(struct copy_work *w, const char *path, int root, int64_t mtime, struct error *err)
{
        cleanup_stream struct stream *file = NULL, *plain = NULL;
        struct unpack_options options = { .flags = w->rules.chown ? UNPACK_CHOWN : 0,
                                          .uid = w->rules.uid,
                                          .gid = w->rules.gid };
        int fd = open_in_root(w->from.root, path, O_RDONLY, 0, err);

        if (fd < 0)
                return -1;
        file = stream_new_fd(fd);
        plain = stream_new_decompressed(file);
        if (copy_make_directory(root, w->dest, w->rules.uid, w->rules.gid, mtime, err) < 0)
                return -1;
        return tar_unpack(root, w->dest, plain, &options, NULL, err);
}

/* Here-documents are files in a folder of the step's own first. */
static int copy_files(struct copy_work *w, struct step_tree *t, int64_t mtime, struct error *err)
{
        const struct timespec times[] = { { mtime / NSEC_PER_SEC, mtime % NSEC_PER_SEC },
                                          { mtime / NSEC_PER_SEC, mtime % NSEC_PER_SEC } };
        cleanup_close int folder = -1;

        if (w->n_files == 0)
                return 0;
        if (mkdirat(t->dirfd, "inline", 0700) < 0)
                return error_errno(err, "mkdir");
        folder = directory_open(t->dirfd, "inline", err);
        for (size_t i = 0; i < w->n_files && folder >= 0; i++) {
                struct copy_rules rules = w->rules;
                cleanup_close int fd = openat(folder, w->files[i].name,
                                              O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

                if (strchr(w->files[i].name, '/') || fd < 0)
                        return error_set(err, ERROR_INVALID, "invalid heredoc name: %s", w->files[i].name);
                if (fd_write_all(fd, w->files[i].data, strlen(w->files[i].data)) < 0 ||
                    fchmod(fd, 0644) < 0 || futimens(fd, times) < 0)
                        return error_errno(err, "write %s", w->files[i].name);
                rules.ignore = rules.exclude = NULL;
                if (copy_tree(folder, w->files[i].name, t->root, w->dest, &rules, err) < 0)
                        return -1;
        }
        return folder < 0 ? -1 : 0;
}

static int execute_copy(struct build *b, struct stage_state *s, struct step_tree *t, const struct vertex *v,
                        void *arg, struct error *err)
{
        struct copy_work *w = arg;
        int64_t mtime = s->created == TIME_ZERO ? 0 : s->created;

        (void)v;
        if (step_tree_mount(b, s, t, err) < 0)
                return -1;
        if (!string_empty(w->chown) && find_owner(t->root, w->chown, &w->rules, err) < 0)
                return -1;
        for (char **source = w->sources; *source; source++) {
                bool archive = false;

                if (w->add && w->instruction->unpack != 0)
                        is_archive(&w->from, *source, &archive);
                if (archive ? unpack_archive(w, *source, t->root, mtime, err) < 0
                            : copy_tree(w->from.root, **source ? *source : ".", t->root, w->dest, &w->rules,
                                        err) < 0)
                        return -1;
        }
        return copy_files(w, t, mtime, err);
}

/* "COPY --chown=1:2 f /dir/ # buildkit" */
static char *history_text(const struct copy_work *w)
{
        struct strbuf out = {};

        strbuf_adds(&out, w->add ? "ADD" : "COPY");
        if (!string_empty(w->chown))
                strbuf_addf(&out, " --chown=%s", w->chown);
        if (!string_empty(w->chmod))
                strbuf_addf(&out, " --chmod=%s", w->chmod);
        if (w->instruction->link)
                strbuf_adds(&out, " --link");
        for (char **source = w->written; source && *source; source++)
                strbuf_addf(&out, " %s", *source);
        for (size_t i = 0; i < w->n_files; i++)
                strbuf_addf(&out, " <<%s", w->files[i].name);
        strbuf_addf(&out, " %s # buildkit", w->shown_dest);
        return strbuf_take(&out);
}

int build_copy(struct build *b, struct stage_state *s, const struct instruction *i, struct error *err)
{
        __attribute__((cleanup(work_deinit))) struct copy_work w = {
                .instruction = i,
                .add = i->type == INSTRUCTION_ADD,
                .from = { .root = -1, .context = &b->context },
        };
        struct build_work work = { .execute = execute_copy, .arg = &w };
        struct digest key;

        if (expand_all(b, s, &w, err) < 0 || refuse(&w, err) < 0 || open_source(b, s, &w, err) < 0)
                return -1;
        work.text = build_step_text(b, s, i->original);
        if (find_sources(&w, err) < 0 || make_key(b, s, &w, &key, err) < 0) {
                free(work.text);
                return -1;
        }
        if (build_perform(b, s, &key, &work, err) < 0)
                return -1;
        build_history(s, true, history_text(&w));
        return 0;
}

static int execute_workdir(struct build *b, struct stage_state *s, struct step_tree *t,
                           const struct vertex *v, void *arg, struct error *err)
{
        struct copy_rules owner = {};

        (void)v;
        if (step_tree_mount(b, s, t, err) < 0)
                return -1;
        if (!string_empty(s->image.config.user)) {
                cleanup_runtime_user struct runtime_user user = {};

                if (runtime_resolve_user(t->root, s->image.config.user, NULL, &user, err) < 0)
                        return -1;
                owner.uid = user.uid;
                owner.gid = user.gid;
        }
        return copy_make_directory(t->root, arg, owner.uid, owner.gid,
                                   s->created == TIME_ZERO ? 0 : s->created, err);
}

int build_workdir(struct build *b, struct stage_state *s, const char *path, struct error *err)
{
        struct build_work work = { .execute = execute_workdir, .arg = (void *)path };
        struct step_key key;
        struct digest digest;

        step_key_begin(&key, s, "workdir");
        step_key_add(&key, "path", path);
        step_key_add(&key, "user", s->image.config.user);
        step_key_finish(&key, &digest);
        {
                cleanup_free char *line = string_format("WORKDIR %s", path);

                work.text = build_step_text(b, s, line);
        }
        return build_perform(b, s, &digest, &work, err);
}
