/* `include`: other projects' files become part of this one; each with its own directory and its own .env. */
#include "compose/env-file.h"
#include "compose/loader-internal.h"
#include "base/path.h"

#include <sys/stat.h>

#define INCLUDE_DEPTH_MAX 64

static const char *keep(struct loader *l, char *heap)
{
        const char *copy = arena_strdup(&l->arena, heap);

        free(heap);
        return copy;
}

static const char *absolute(struct loader *l, const char *path)
{
        return *path == '/' ? path : keep(l, path_join(l->scope.dir, path));
}

static int read_texts(struct loader *l, const struct node *node, const char *what, char ***ret)
{
        if (!node || node->kind == NODE_NULL)
                return 0;
        if (node->kind == NODE_STRING) {
                strv_append(ret, node->string);
                return 0;
        }
        for (size_t i = 0; node->kind == NODE_LIST && i < node->count; i++) {
                if (node->items[i]->kind != NODE_STRING)
                        return mistake(l, node->items[i], "include.%s must be a string", what);
                strv_append(ret, node->items[i]->string);
        }
        return node->kind == NODE_LIST ? 0 : mistake(l, node, "include.%s must be a string", what);
}

/* Where the included project lives, and what its paths get in front. */
static int find_place(struct loader *l, const struct node *entry, const char *first, struct scope *inner)
{
        const struct node *given = node_get(entry, "project_directory");
        cleanup_free char *dir = NULL;

        if (given && given->kind != NODE_NULL && given->kind != NODE_STRING)
                return mistake(l, given, "include.project_directory must be a string");
        if (!node_is(given, NODE_STRING) || !*given->string) {
                dir = path_dir(first);
                inner->dir = arena_strdup(&l->arena, dir);
        } else {
                inner->dir = absolute(l, given->string);
        }
        inner->prefix = node_is(given, NODE_STRING) && *given->string == '/'
                            ? inner->dir
                            : keep(l, path_relative(l->scope.dir, inner->dir));
        return 0;
}

static int read_environment(struct loader *l, const struct node *entry, const char *dir,
                            struct environment *into)
{
        cleanup_strv char **files = NULL;
        cleanup_free char *standard = path_join(dir, ".env");
        cleanup_error struct error why = {};
        struct strmap found = {};
        struct stat st;
        int r;

        if (read_texts(l, node_get(entry, "env_file"), "env_file", &files) < 0)
                return -1;
        for (char **file = files; file && *file; file++) {
                const char *path = absolute(l, *file);

                if (stat(path, &st) < 0)
                        return mistake(l, entry, "stat %s: no such file or directory", path);
                if (S_ISDIR(st.st_mode))
                        return mistake(l, entry, "%s is not a file", path);
                replace_string(file, path);
        }
        if (!files && stat(standard, &st) == 0 && !S_ISDIR(st.st_mode))
                strv_append(&files, standard);
        environment_copy(into, l->scope.env);
        r = dotenv_files_read(files, l->scope.env, l->options, &found, &why);
        environment_merge(into, &found);
        strmap_deinit(&found);
        return r < 0 ? mistake(l, entry, "%s", error_message(&why)) : 0;
}

static int check_circle(struct loader *l, const struct node *at, const char *const *files, const char *path)
{
        struct strbuf b = {};

        for (size_t i = 0; files[i]; i++) {
                if (!streq(files[i], path))
                        continue;
                for (size_t j = 0; files[j]; j++)
                        strbuf_addf(&b, "%s%s", j ? "\n include " : "", files[j]);
                mistake(l, at, "include cycle detected:\n%s\n include %s", b.data, path);
                strbuf_deinit(&b);
                return -1;
        }
        return 0;
}

static int import(struct loader *l, const struct node *from, struct node *to)
{
        static const char *const sections[] = { "services", "volumes", "networks",
                                                "secrets",  "configs", "models" };

        for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
                const struct node *section = node_get(from, sections[s]);
                struct node *mine = node_get(to, sections[s]);

                if (!node_is(section, NODE_MAP))
                        continue;
                if (!node_is(mine, NODE_MAP)) {
                        mine = node_new(&l->arena, NODE_MAP, section);
                        node_set(&l->arena, to, sections[s], mine);
                }
                for (size_t i = 0; i < section->count; i++) {
                        const struct node_entry *entry = &section->map.entries[i];
                        const struct node *old = node_get(mine, entry->key);

                        if (old && !node_equal(old, entry->value))
                                return mistake(l, old, "%s.%s conflicts with imported resource", sections[s],
                                               entry->key);
                        if (!old)
                                node_set(&l->arena, mine, entry->key, entry->value);
                }
        }
        return 0;
}

static int include_one(struct loader *l, const struct node *entry, const char *const *files,
                       struct node *root)
{
        cleanup_strv char **paths = NULL;
        cleanup_environment struct environment env = {};
        struct scope outer = l->scope, inner = { .env = &env, .files = files };
        struct node *imported;
        int r;

        if (entry->kind != NODE_STRING && entry->kind != NODE_MAP)
                return mistake(l, entry, "include must be a string or a mapping");
        if (read_texts(l, entry->kind == NODE_STRING ? entry : node_get(entry, "path"), "path", &paths) < 0)
                return -1;
        if (!paths)
                return 0;
        for (char **path = paths; *path; path++)
                replace_string(path, absolute(l, *path));
        if (check_circle(l, entry, files, paths[0]) < 0 || find_place(l, entry, paths[0], &inner) < 0 ||
            read_environment(l, entry, inner.dir, &env) < 0)
                return -1;
        l->scope = inner;
        r = load_files(l, paths, NULL, &imported);
        l->scope = outer;
        return r < 0 ? mistake_at(l, entry) : import(l, imported, root);
}

int apply_include(struct loader *l, struct node *root, const char *file)
{
        struct node *include = node_get(root, "include");
        const char **files;
        size_t count = 0;

        if (!include || include->kind == NODE_NULL) {
                node_remove(root, "include");
                return 0;
        }
        if (include->kind != NODE_LIST)
                return mistake(l, include, "`include` must be a list, got %s",
                               node_sprint(&l->arena, include));
        while (l->scope.files && l->scope.files[count])
                count++;
        if (count > INCLUDE_DEPTH_MAX)
                return mistake(l, include, "include: more than %d files within each other",
                               INCLUDE_DEPTH_MAX);
        files = arena_alloc(&l->arena, (count + 2) * sizeof(*files));
        for (size_t i = 0; i < count; i++)
                files[i] = l->scope.files[i];
        files[count] = file;
        for (size_t i = 0; i < include->count; i++)
                if (include_one(l, include->items[i], files, root) < 0)
                        return -1;
        node_remove(root, "include");
        return 0;
}
