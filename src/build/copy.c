/* COPY, ADD and WORKDIR: layers that are written directly, into a writable overlay that is mounted nowhere.
 */
#include "build/copy-internal.h"

#include "base/path.h"
#include "base/time.h"
#include "runtime/user.h"

#include <errno.h>

static void work_deinit(struct copy_work *w)
{
        free(w->dest);
        free(w->shown_dest);
        free(w->chown);
        free(w->chmod);
        free(w->checksum);
        strv_free(w->written);
        strv_free(w->exclude);
        for (size_t i = 0; i < w->n_items; i++) {
                free(w->items[i].path);
                path_matcher_free(w->items[i].include);
        }
        free(w->items);
        for (size_t i = 0; i < w->n_files; i++) {
                free(w->files[i].name);
                free(w->files[i].data);
        }
        free(w->files);
        path_matcher_free(w->rules.exclude);
        add_deinit(w);
        if (!w->from.context && w->from.root >= 0)
                close(w->from.root);
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
        for (char **e = i->exclude; e && *e; e++) {
                char *text;

                if (build_expand(b, s, *e, &text, err) < 0)
                        return -1;
                strv_append_take(&w->exclude, text);
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

static int open_source(struct copy_work *w, struct stage_state *s, struct error *err)
{
        struct build *b = w->build;
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
                return 0;
        }
        w->rules.keep_owner = true;
        digest_chain(stage ? stage->diff_ids : image->diff_ids, stage ? stage->n_diff_ids : image->n_diff_ids,
                     &w->from.chain);
        w->from.root = build_view(b, stage ? stage->diff_ids : image->diff_ids,
                                  stage ? stage->n_diff_ids : image->n_diff_ids, err);
        return w->from.root < 0 ? -1 : 0;
}

/* --parents: "a/./b/c" copies b/c of the folder a with the folders that lead to it; without "/./", of the
 * root. */
static int add_pattern(struct copy_work *w, const char *pattern, struct error *err)
{
        const char *pivot = strstr(pattern, "/./");
        cleanup_free char *folder = pivot ? xstrndup(pattern, (size_t)(pivot - pattern)) : xstrdup("/"),
                          *rooted = string_format("/%s", pivot ? pivot + 3 : pattern),
                          *clean = path_clean(rooted);
        char *include[] = { clean[1] ? clean + 1 : (char *)"**", NULL };
        cleanup_strv char **paths = strv_new();

        if (source_resolve(&w->from, folder, &paths, err) < 0)
                return -1;
        for (char **path = paths; *path; path++) {
                struct copy_item item = {};

                if (path_matcher_new(include, &item.include, err) < 0)
                        return -1;
                item.path = xstrdup(*path);
                ARRAY_APPEND(w->items, w->n_items, item);
        }
        return 0;
}

static int add_paths(struct copy_work *w, const char *pattern, struct error *err)
{
        cleanup_strv char **paths = strv_new();

        if (source_resolve(&w->from, pattern, &paths, err) < 0)
                return -1;
        for (char **path = paths; *path; path++)
                ARRAY_APPEND(w->items, w->n_items, ((struct copy_item){ .path = xstrdup(*path) }));
        return 0;
}

static int find_sources(struct copy_work *w, struct error *err)
{
        for (char **pattern = w->written; pattern && *pattern; pattern++) {
                int taken = w->add ? add_take_url(w, *pattern, err) : 0;

                if (!w->add && (url_is_git(*pattern) || url_is_file(*pattern)))
                        return error_set(err, ERROR_INVALID, "source can't be a %s for COPY",
                                         url_is_git(*pattern) ? "git ref" : "URL");
                if (taken < 0)
                        return -1;
                if (taken)
                        continue;
                if (w->from.root < 0)
                        return error_set(err, ERROR_INVALID,
                                         "failed to compute cache key: failed to calculate checksum of ref "
                                         "davit::context: "
                                         "\"/%s\": not found",
                                         *pattern + (**pattern == '/'));
                if (w->from.context)
                        build_context_announce(w->build, w->from.context);
                if (w->instruction->parents ? add_pattern(w, *pattern, err) < 0
                                            : add_paths(w, *pattern, err) < 0)
                        return -1;
        }
        if (!string_empty(w->checksum) && !w->n_remotes)
                return error_set(err, ERROR_INVALID, "checksum requires HTTP(S) or Git sources");
        return w->exclude ? path_matcher_new(w->exclude, &w->rules.exclude, err) : 0;
}

static int add_content(struct copy_work *w, struct step_key *key, struct error *err)
{
        if (add_look(w, key, err) < 0)
                return -1;
        for (size_t i = 0; i < w->n_files; i++)
                step_key_add(key, w->files[i].name, w->files[i].data);
        for (size_t i = 0; i < w->n_items; i++) {
                struct copy_rules rules = w->rules;

                rules.include = w->items[i].include;
                if (source_digest(w->build, &w->from, w->items[i].path, &rules, key, err) < 0)
                        return -1;
        }
        return 0;
}

static int make_key(struct copy_work *w, struct stage_state *s, struct digest *ret, struct error *err)
{
        struct step_key key;
        int r;

        step_key_begin(&key, s, w->add ? "add" : "copy");
        step_key_add(&key, "destination", w->dest);
        step_key_add(&key, "chown", w->chown);
        step_key_add(&key, "chmod", w->chmod);
        step_key_list(&key, "exclude", w->exclude);
        if (w->instruction->parents)
                step_key_list(&key, "parents", w->written);
        step_key_add(&key, "unpack",
                     w->instruction->unpack < 0 ? "auto"
                     : w->instruction->unpack   ? "yes"
                                                : "no");
        r = add_content(w, &key, err);
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

static int copy_item(struct copy_work *w, const struct copy_item *item, int root, int64_t mtime,
                     struct error *err)
{
        struct copy_rules rules = w->rules;

        if (w->add && w->instruction->unpack != 0 && source_is_archive(w->from.root, item->path))
                return add_archive(w, w->from.root, item->path, root, mtime, err);
        rules.include = item->include;
        return copy_tree(w->from.root, *item->path ? item->path : ".", root, w->dest, &rules, err);
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
        for (size_t i = 0; i < w->n_items; i++)
                if (copy_item(w, &w->items[i], t->root, mtime, err) < 0)
                        return -1;
        if (add_remotes(w, t->root, mtime, err) < 0)
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
        for (char **source = w->written; source && *source; source++)
                strbuf_addf(&out, " %s", *source);
        for (size_t i = 0; i < w->n_files; i++)
                strbuf_addf(&out, " <<%s", w->files[i].name);
        strbuf_addf(&out, " %s # buildkit", w->shown_dest);
        return strbuf_take(&out);
}

static void check_ignored(struct copy_work *w)
{
        const struct instruction *i = w->instruction;
        struct build_context *c = &w->build->context;

        for (char **s = w->written; string_empty(i->from) && s && *s; s++) {
                cleanup_free char *rooted = string_format("/%s", *s), *clean = path_clean(rooted);
                bool ignored = false;

                if (build_context_ignores(c, clean + 1, &ignored, NULL) == 0 && ignored)
                        build_warn(w->build, "CopyIgnoredFile", i->start_line, i->end_line,
                                   "Attempting to %s file \"%s\" that is excluded by .dockerignore",
                                   w->add ? "Add" : "Copy", *s);
        }
}

int build_copy(struct build *b, struct stage_state *s, const struct instruction *i, struct error *err)
{
        __attribute__((cleanup(work_deinit))) struct copy_work w = {
                .instruction = i,
                .add = i->type == INSTRUCTION_ADD,
                .from = { .root = -1, .context = &b->context },
                .build = b,
                .tmp_fd = -1,
        };
        struct build_work work = { .execute = execute_copy, .arg = &w };
        struct digest key;

        if (expand_all(b, s, &w, err) < 0)
                return -1;
        check_ignored(&w);
        if (b->options->check)
                return 0;
        if (open_source(&w, s, err) < 0)
                return -1;
        work.text = build_step_text(b, s, i->original);
        if (find_sources(&w, err) < 0 || make_key(&w, s, &key, err) < 0) {
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
        struct copy_folder folder = { .mode = 0755, .mtime = s->created == TIME_ZERO ? 0 : s->created };

        (void)v;
        if (step_tree_mount(b, s, t, err) < 0)
                return -1;
        if (!string_empty(s->image.config.user)) {
                cleanup_runtime_user struct runtime_user user = {};

                if (runtime_resolve_user(t->root, s->image.config.user, NULL, &user, err) < 0)
                        return -1;
                folder.uid = user.uid;
                folder.gid = user.gid;
        }
        return copy_make_directory(t->root, arg, &folder, err);
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
