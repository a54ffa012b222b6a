/* Which files, which variables, which name: everything before and after the passes over the trees. */
#include "compose/load.h"
#include "base/fd.h"
#include "base/path.h"
#include "compose/attribute.h"
#include "compose/env-file.h"
#include "compose/loader-internal.h"
#include "compose/project-internal.h"

#include <errno.h>
#include <stdio.h>

struct sources {
        const struct compose_options *options;
        char *dir;             /* the project's, absolute */
        char **files, **texts; /* absolute paths, or "-"; what stands in them */
        char **env_files;      /* what was read */
        struct environment env;
        char *name; /* of the project */
        bool named; /* by -p or COMPOSE_PROJECT_NAME */
};

static void sources_deinit(struct sources *s)
{
        free(s->dir);
        strv_free(s->files);
        strv_free(s->texts);
        strv_free(s->env_files);
        environment_deinit(&s->env);
        free(s->name);
}
#define cleanup_sources __attribute__((cleanup(sources_deinit)))

static void warn(const struct compose_options *options, const char *text)
{
        if (options->warn)
                options->warn(options->warn_context, text);
}

static char *absolute(const struct sources *s, const char *path)
{
        cleanup_free char *cwd = NULL;

        if (*path == '/')
                return path_clean(path);
        cwd = s->options->working_dir ? xstrdup(s->options->working_dir) : realpath(".", NULL);
        return path_join(cwd ? cwd : "/", path);
}

/* ---- Files ---- */

#define REMOTE_REFUSED "remote Compose files are not supported: %s"

static bool is_remote(const char *file)
{
        static const char *const prefixes[] = { "oci://", "git@",   "https://",   "http://",
                                                "git://", "ssh://", "github.com/" };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (string_after(file, prefixes[i]))
                        return true;
        return false;
}

static char *working_dir(const struct sources *s)
{
        if (!string_empty(s->options->project_dir))
                return absolute(s, s->options->project_dir);
        for (char *const *file = s->files; file && *file; file++)
                if (!streq(*file, "-"))
                        return path_dir(*file);
        return absolute(s, ".");
}

/* Those of `names` that are in `dir`; the first counts. */
static char **find_files(const char *dir, const char *const *names)
{
        char **found = NULL;

        for (; *names; names++) {
                cleanup_free char *path = path_join(dir, *names);

                if (access(path, F_OK) == 0)
                        strv_append(&found, path);
        }
        return found;
}

static void take_first(struct sources *s, char *const *found, const char *what)
{
        cleanup_free char *all = strv_join(found, ", "),
                          *many =
                              string_format("Found multiple %s files with supported names: %s", what, all),
                          *used = string_format("Using %s", found[0]);

        strv_append(&s->files, found[0]);
        if (found[1]) {
                warn(s->options, many);
                warn(s->options, used);
        }
}

static void find_default_files(struct sources *s)
{
        static const char *const names[] = { "compose.yaml", "compose.yml", "docker-compose.yml",
                                             "docker-compose.yaml", NULL },
                                 *const overrides[] = { "compose.override.yml", "compose.override.yaml",
                                                        "docker-compose.override.yml",
                                                        "docker-compose.override.yaml", NULL };
        cleanup_free char *dir = working_dir(s);

        for (;;) {
                cleanup_strv char **found = find_files(dir, names), **more = NULL;
                char *parent;

                if (found) {
                        take_first(s, found, "config");
                        more = find_files(dir, overrides);
                        if (more)
                                take_first(s, more, "override");
                        return;
                }
                parent = path_dir(dir);
                if (streq(parent, dir)) {
                        free(parent);
                        return;
                }
                free(dir);
                dir = parent;
        }
}

static int add_file(struct sources *s, const char *file, struct error *err)
{
        if (is_remote(file))
                return error_set(err, ERROR_UNSUPPORTED, REMOTE_REFUSED, file);
        strv_append_take(&s->files, streq(file, "-") ? xstrdup("-") : absolute(s, file));
        return 0;
}

static int files_of_environment(struct sources *s, struct error *err)
{
        const char *files = environment_get(&s->env, "COMPOSE_FILE"),
                   *separator = environment_get(&s->env, "COMPOSE_PATH_SEPARATOR");

        if (string_empty(separator))
                separator = ":";
        for (const char *p = files; p;) {
                const char *end = strstr(p, separator);
                cleanup_free char *file = end ? xstrndup(p, (size_t)(end - p)) : xstrdup(p), *path = NULL;

                path = streq(file, "-") ? xstrdup("-") : absolute(s, file);
                if (!is_remote(file) && !streq(file, "-") && access(path, F_OK) < 0)
                        return error_errno(err, "stat %s", path);
                if (add_file(s, file, err) < 0)
                        return -1;
                p = end ? end + strlen(separator) : NULL;
        }
        return 0;
}

static int read_files(struct sources *s, struct error *err)
{
        if (!s->files)
                return error_set(err, ERROR_NOT_FOUND, "no configuration file provided: not found");
        s->texts = strv_copy(s->options->texts);
        for (char **file = s->files; *file && !s->options->texts; file++) {
                cleanup_free char *text = NULL;
                size_t len;
                int r = streq(*file, "-") ? fd_read_file(STDIN_FILENO, YAML_FILE_MAX, &text, &len, err)
                                          : file_read(AT_FDCWD, *file, YAML_FILE_MAX, &text, &len, err);

                if (r < 0)
                        return streq(*file, "-") ? error_context(err, "standard input") : -1;
                if (memchr(text, 0, len))
                        return error_set(err, ERROR_INVALID, "yaml: control characters are not allowed");
                strv_append_take(&s->texts, take_ptr(text));
        }
        return 0;
}

/* ---- Variables ---- */

static int read_env_files(struct sources *s, struct error *err)
{
        const char *disabled = environment_get(&s->env, "COMPOSE_DISABLE_ENV_FILE");
        cleanup_free char *dir = working_dir(s), *standard = path_join(dir, ".env");
        cleanup_strv char **files = NULL;
        struct strmap found = {};
        bool off = false;
        struct stat st;
        int r;

        if (!s->env_files) {
                if (disabled && string_to_bool(disabled, &off) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "strconv.ParseBool: parsing \"%s\": invalid syntax", disabled);
                if (off || stat(standard, &st) < 0 || S_ISDIR(st.st_mode))
                        return 0;
                strv_append(&files, standard);
        }
        r = dotenv_files_read(s->env_files ? s->env_files : files, &s->env, s->options, &found, err);
        environment_merge(&s->env, &found);
        strmap_deinit(&found);
        return r;
}

/* --env-file, for which COMPOSE_ENV_FILES stands in the shell's environment. */
static void take_env_files(struct sources *s)
{
        const char *list = environment_get(&s->env, "COMPOSE_ENV_FILES");
        cleanup_strv char **listed = list ? strv_split(list, ',') : NULL;

        for (char *const *file = s->options->env_files ? s->options->env_files : listed; file && *file;
             file++)
                if (**file)
                        strv_append_take(&s->env_files, absolute(s, *file));
}

/* ---- The name ---- */

static char *normal_name(const char *text)
{
        struct strbuf b = {};

        for (; *text; text++) {
                char c = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
                bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                if (first || (b.len && (c == '_' || c == '-')))
                        strbuf_addc(&b, c);
        }
        return strbuf_take(&b);
}

static int check_name(const char *name, struct error *err)
{
        cleanup_free char *normal = normal_name(name);

        return streq(normal, name)
                   ? 0
                   : error_set(
                         err, ERROR_INVALID,
                         "invalid project name \"%s\": must consist only of lowercase alphanumeric "
                         "characters, hyphens, and underscores as well as start with a letter or number",
                         name);
}

/* The last `name:` of the files. A file that cannot be read fails here already, as it does for the reference.
 */
static int name_of_files(struct loader *l, const struct sources *s, const char **ret)
{
        for (size_t i = 0; s->files[i]; i++) {
                cleanup_error struct error why = {};
                cleanup_yaml_reader struct yaml_reader *reader = NULL;
                struct yaml_document document;
                struct node place = {};
                size_t nodes = 0;
                int r;

                reader = yaml_reader_new(&l->arena, s->texts[i], strlen(s->texts[i]),
                                         arena_strdup(&l->arena, s->files[i]), &nodes);
                while ((r = yaml_read(reader, &document, &place, &why)) > 0) {
                        const struct node *name = node_get(document.root, "name");

                        if (name && (name->kind == NODE_STRING || name->kind == NODE_INT) &&
                            *node_sprint(&l->arena, name))
                                *ret = node_sprint(&l->arena, name);
                }
                if (r < 0)
                        return string_after(error_message(&why), "yaml: ")
                                   ? mistake(l, &place, "%s", error_message(&why))
                                   : yaml_mistake(l, &place, s->files[i], &why);
        }
        return 0;
}

static void warn_symlink(const struct sources *s, const char *name)
{
        cleanup_free char *real = realpath(s->dir, NULL), *base = real ? path_base(real) : NULL, *text = NULL;

        if (!base || streq(base, name))
                return;
        text = string_format(
            "project has been loaded without an explicit name from a symlink. Using name \"%s\"", name);
        warn(s->options, text);
}

static int find_name(struct loader *l, struct sources *s)
{
        const char *given = s->options->project_name, *in_files = NULL;
        cleanup_free char *base = path_base(s->dir), *expanded = NULL;

        if (string_empty(given))
                given = environment_get(&s->env, "COMPOSE_PROJECT_NAME");
        if (!string_empty(given)) {
                s->named = true;
                s->name = xstrdup(given);
                return check_name(given, l->err);
        }
        if (name_of_files(l, s, &in_files) < 0)
                return -1;
        if (in_files && !l->no_interpolate && interpolate_text(l, "name", in_files, &expanded) < 0)
                return -1;
        if (expanded)
                in_files = expanded;
        if (!in_files)
                warn_symlink(s, base);
        s->name = in_files && s->options->no_normalize ? xstrdup(in_files)
                                                       : normal_name(in_files ? in_files : base);
        return 0;
}

/* ---- All together ---- */

static int gather(struct sources *s, struct error *err)
{
        const struct compose_options *options = s->options;

        if (!string_empty(options->project_name) && check_name(options->project_name, err) < 0)
                return -1;
        environment_merge_list(&s->env, options->environment ? options->environment : environ);
        if (!environment_get(&s->env, "PWD")) {
                cleanup_free char *cwd = absolute(s, ".");

                environment_set(&s->env, "PWD", cwd);
        }
        take_env_files(s);
        for (char *const *file = options->files; file && *file; file++)
                if (add_file(s, *file, err) < 0)
                        return -1;
        if (read_env_files(s, err) < 0 || (!s->files && files_of_environment(s, err) < 0))
                return -1;
        if (!s->files)
                find_default_files(s);
        /* The project's directory may be another one than where we are. */
        if (read_env_files(s, err) < 0)
                return -1;
        s->dir = working_dir(s);
        return read_files(s, err);
}

/* Where the mistake is, as a line of its own. */
static int locate(struct loader *l)
{
        cleanup_free char *message = l->err->message;

        if (!l->options->locate || l->place.line == 0) {
                take_ptr(message);
                return -1;
        }
        l->err->message =
            string_format("%s\n  at %s:%d:%d%s%s", message, l->place.file, l->place.line, l->place.column,
                          string_empty(l->mistake_path) ? "" : ": ", l->mistake_path ? l->mistake_path : "");
        return -1;
}

static void loader_deinit(struct loader *l)
{
        strv_free(l->versioned);
        free(l->mistake_path);
        arena_deinit(&l->arena);
}
#define cleanup_loader __attribute__((cleanup(loader_deinit)))

static int load_tree(struct loader *l, struct sources *s, struct node **ret)
{
        if (find_name(l, s) < 0)
                return -1;
        environment_set(&s->env, "COMPOSE_PROJECT_NAME", s->name);
        if (load_files(l, s->files, s->texts, ret) < 0)
                return -1;
        if ((*ret)->count == 0)
                return mistake(l, NULL, "empty compose file");
        if (!*s->name)
                return mistake(l, NULL, "project name must not be empty");
        if (l->options->no_normalize)
                return 0;
        node_set(&l->arena, *ret, "name", node_string(&l->arena, s->name, NULL));
        return normalize(l, *ret, s->name);
}

/* From options to a canonical tree. `env` is where values come from: `s->env`, or nothing for a model. */
static int prepare(const struct compose_options *options, struct loader *l, struct sources *s,
                   const struct environment *env, struct node **ret)
{
        if (gather(s, l->err) < 0)
                return -1;
        *l = (struct loader){ .options = options,
                              .err = l->err,
                              .no_interpolate = options->no_interpolate,
                              .scope = { .dir = s->dir, .prefix = s->dir, .env = env } };
        l->rules = rules_new(&l->arena);
        return load_tree(l, s, ret) < 0 ? locate(l) : 0;
}

static void activate_profiles(const struct compose_options *options, const struct sources *s,
                              struct compose_project *project)
{
        const char *list = environment_get(&s->env, "COMPOSE_PROFILES");
        cleanup_strv char **names = NULL;

        if (options->profiles && *options->profiles) {
                strv_extend(&project->profiles, options->profiles);
        } else {
                names = strv_split(list ? list : "", ',');
                for (char **name = names; *name; name++) {
                        const char *start = *name + strspn(*name, " \t");
                        size_t len = strlen(start);

                        while (len && strchr(" \t", start[len - 1]))
                                len--;
                        strv_append_take(&project->profiles, xstrndup(start, len));
                }
        }
        project_apply_profiles(project);
}

static int finish(const struct compose_options *options, struct loader *l, struct sources *s,
                  const struct node *root, struct compose_project *project)
{
        project->name = take_ptr(s->name);
        project->working_dir = xstrdup(s->dir);
        project->files = take_ptr(s->files);
        project->env_files = take_ptr(s->env_files);
        project->environment = environment_list(&s->env);
        if (bind_project(l, root, project) < 0)
                return locate(l);
        activate_profiles(options, s, project);
        if (!options->no_consistency && check_consistency(project, l->err) < 0)
                return -1;
        if (!options->no_env_resolution &&
            compose_project_resolve_environment(project, !options->keep_env_files, l->err) < 0)
                return -1;
        return project_resolve_labels(project, !options->keep_env_files, l->err);
}

int compose_load(const struct compose_options *options, struct compose_project **ret, struct error *err)
{
        struct compose_options o = *options;
        cleanup_sources struct sources sources = { .options = &o };
        cleanup_loader struct loader l = { .err = err };
        cleanup_compose_project struct compose_project *project = NULL;
        struct node *root;

        if (prepare(&o, &l, &sources, &sources.env, &root) < 0)
                return -1;
        project = xcalloc(1, sizeof(*project));
        if (finish(&o, &l, &sources, root, project) < 0)
                return -1;
        *ret = take_ptr(project);
        return 0;
}

int compose_load_model(const struct compose_options *options, json_object **ret, struct error *err)
{
        struct compose_options o = *options;
        cleanup_sources struct sources sources = { .options = &o };
        cleanup_loader struct loader l = { .err = err };
        const struct environment nothing = {};
        struct node *root;

        if (prepare(&o, &l, &sources, &nothing, &root) < 0)
                return -1;
        *ret = node_to_json(root);
        return 0;
}

int compose_project_name(const struct compose_options *options, char **ret, struct error *err)
{
        cleanup_compose_project struct compose_project *project = NULL;
        const char *given = options->project_name;

        if (string_empty(given))
                given = options->environment ? env_get(options->environment, "COMPOSE_PROJECT_NAME")
                                             : getenv("COMPOSE_PROJECT_NAME");
        if (!string_empty(given)) {
                *ret = xstrdup(given);
                return 0;
        }
        if (compose_load(options, &project, err) < 0)
                return -1;
        *ret = take_ptr(project->name);
        return 0;
}
