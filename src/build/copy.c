/* COPY, ADD and WORKDIR: layers that are written directly, into a writable overlay that is mounted nowhere.
 */
#include "build/fetch.h"

#include "base/time.h"
#include "runtime/user.h"
#include "store/tar.h"
#include "store/unpack.h"

#include <errno.h>

/* An instruction with everything expanded. */
struct copy_work {
        const struct instruction *instruction;
        struct store *store;
        bool add;
        char *dest, *chown, *chmod, *checksum, *shown_dest; /* dest: absolute; shown: as written */
        char **written;                                     /* sources as written */
        struct copy_source from;
        char **sources;                 /* resolved */
        struct instruction_file *files; /* here-documents, expanded */
        size_t n_files;
        struct copy_rules rules;
        char **urls;    /* of `written`: what is fetched */
        char *tmp_name; /* the folder it is fetched into, files 0, 1, … */
        int tmp_fd;
        struct fetched *fetched;
        size_t n_fetched;
};

static void work_deinit(struct copy_work *w)
{
        free(w->dest);
        free(w->shown_dest);
        free(w->chown);
        free(w->chmod);
        free(w->checksum);
        strv_free(w->written);
        strv_free(w->sources);
        for (size_t i = 0; i < w->n_files; i++) {
                free(w->files[i].name);
                free(w->files[i].data);
        }
        free(w->files);
        path_matcher_free(w->rules.exclude);
        strv_free(w->urls);
        for (size_t i = 0; i < w->n_fetched; i++)
                fetched_deinit(&w->fetched[i]);
        free(w->fetched);
        if (w->tmp_fd >= 0)
                close(w->tmp_fd);
        if (w->tmp_name)
                store_tmp_remove(w->store, w->tmp_name);
        free(w->tmp_name);
        if (!w->from.context && w->from.root >= 0)
                close(w->from.root);
}

static int refuse(struct copy_work *w, struct error *err)
{
        const struct instruction *i = w->instruction;

        if (i->parents)
                return error_set(err, ERROR_UNSUPPORTED, "COPY --parents is not supported by davit yet");
        if (!string_empty(i->checksum) && !w->urls)
                return error_set(err, ERROR_INVALID, "checksum can't be specified for non-HTTP(S) sources");
        return 0;
}

static int fetch_repository(struct build *b, struct copy_work *w, const char *url, const char *as,
                            struct fetched *ret, struct error *err)
{
        cleanup_free char *path = string_format("%s/tmp/%s", b->store->root, w->tmp_name), *sub = NULL,
                          *commit = NULL;

        if (!string_empty(w->checksum))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "ADD --checksum of a git repository is not supported by davit yet");
        if (fetch_git(url, path, as, w->instruction->keep_git_dir == 1, &sub, &commit, err) < 0)
                return error_context(err, "failed to load cache key");
        digest_of(commit, strlen(commit), &ret->digest);
        ret->name = xstrdup(url);
        ret->folder = string_format("%s/%s", as, sub);
        return 0;
}

/* ADD's URLs are fetched before the key is made: their content is in it. */
static int fetch_all(struct build *b, struct copy_work *w, struct error *err)
{
        if (!w->urls)
                return 0;
        w->tmp_fd = store_tmp_directory(b->store, &w->tmp_name, err);
        for (size_t i = 0; w->tmp_fd >= 0 && w->urls[i]; i++) {
                cleanup_free char *as = string_format("%zu", i);
                struct fetched f = {};

                if (url_is_git(w->urls[i])
                        ? fetch_repository(b, w, w->urls[i], as, &f, err) < 0
                        : fetch_file(w->urls[i], w->tmp_fd, as,
                                     string_empty(w->checksum) ? NULL : w->checksum, &f, err) < 0)
                        return -1;
                ARRAY_APPEND(w->fetched, w->n_fetched, f);
        }
        return w->tmp_fd < 0 ? -1 : 0;
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
                if (w->add && (url_is_file(text) || url_is_git(text)))
                        strv_append(&w->urls, text);
        }
        for (size_t n = 0; n < i->n_files; n++)
                if (expand_file(b, s, &i->files[n], w, err) < 0)
                        return -1;
        if (build_expand(b, s, i->value, &w->shown_dest, err) < 0 ||
            (i->chown && build_expand(b, s, i->chown, &w->chown, err) < 0) ||
            (i->chmod && build_expand(b, s, i->chmod, &w->chmod, err) < 0) ||
            (i->checksum && build_expand(b, s, i->checksum, &w->checksum, err) < 0))
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
                if (strv_length(w->written) > strv_length(w->urls))
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
                if (strv_contains(w->urls, *pattern))
                        continue;
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
        step_key_add(&key, "unpack",
                     w->instruction->unpack < 0 ? "auto"
                     : w->instruction->unpack   ? "yes"
                                                : "no");
        for (size_t i = 0; i < w->n_fetched; i++) {
                char hex[DIGEST_HEX_SIZE], time[32];

                digest_format_hex(&w->fetched[i].digest, hex);
                snprintf(time, sizeof(time), "%lld", (long long)w->fetched[i].mtime);
                step_key_add(&key, w->fetched[i].name, hex);
                step_key_add(&key, "modified", time);
                step_key_add(&key, "git", w->instruction->keep_git_dir == 1 ? "kept" : "dropped");
        }
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

static int unpack_archive(struct copy_work *w, int from, const char *path, int root, int64_t mtime,
                          struct error *err)
{
        cleanup_stream struct stream *file = NULL, *plain = NULL;
        struct unpack_options options = { .flags = w->rules.chown ? UNPACK_CHOWN : 0,
                                          .uid = w->rules.uid,
                                          .gid = w->rules.gid };
        int fd = open_in_root(from, path, O_RDONLY, 0, err);

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

/* What was fetched: a file of mode 600 unless told otherwise, unpacked only on demand. */
static int copy_fetched(struct copy_work *w, int root, int64_t mtime, struct error *err)
{
        for (size_t i = 0; i < w->n_fetched; i++) {
                struct copy_rules rules = w->rules;
                cleanup_free char *file = string_format("%zu", i), *dest = NULL;
                size_t len = strlen(w->dest);

                rules.ignore = NULL;
                if (w->fetched[i].folder) {
                        if (copy_tree(w->tmp_fd, w->fetched[i].folder, root, w->dest, &rules, err) < 0)
                                return -1;
                        continue;
                }
                rules.exclude = NULL;
                if (w->instruction->unpack == 1 && source_is_archive(w->tmp_fd, file)) {
                        if (unpack_archive(w, w->tmp_fd, file, root, mtime, err) < 0)
                                return -1;
                        continue;
                }
                dest = string_format("%s%s", w->dest, w->dest[len - 1] == '/' ? w->fetched[i].name : "");
                if (copy_tree(w->tmp_fd, file, root, dest, &rules, err) < 0)
                        return -1;
        }
        return 0;
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
                        archive = source_is_archive(w->from.root, *source);
                if (archive ? unpack_archive(w, w->from.root, *source, t->root, mtime, err) < 0
                            : copy_tree(w->from.root, **source ? *source : ".", t->root, w->dest, &w->rules,
                                        err) < 0)
                        return -1;
        }
        if (copy_fetched(w, t->root, mtime, err) < 0)
                return -1;
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
                .store = b->store,
                .tmp_fd = -1,
        };
        struct build_work work = { .execute = execute_copy, .arg = &w };
        struct digest key;

        if (expand_all(b, s, &w, err) < 0 || refuse(&w, err) < 0)
                return -1;
        if (b->options->check)
                return 0;
        if (open_source(b, s, &w, err) < 0)
                return -1;
        work.text = build_step_text(b, s, i->original);
        if (fetch_all(b, &w, err) < 0 || find_sources(&w, err) < 0 || make_key(b, s, &w, &key, err) < 0) {
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
