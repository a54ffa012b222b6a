/* Relative paths of the host become absolute, or relative to the file that includes or extends. */
#include "compose/loader-internal.h"
#include "base/path.h"

#include <ctype.h>
#include <limits.h>
#include <sys/stat.h>

static const char *keep(struct loader *l, char *heap)
{
        const char *copy = arena_strdup(&l->arena, heap);

        free(heap);
        return copy;
}

static const char *expand_home(struct loader *l, const char *path)
{
        const char *home = getenv("HOME");

        if (*path != '~')
                return path;
        if (string_empty(home)) {
                loader_warn(l, "cannot expand '~', because the environment lacks HOME");
                return path;
        }
        return keep(l, path_join(home, path + 1));
}

static const char *absolute(struct loader *l, const char *path)
{
        path = expand_home(l, path);
        return *path == '/' || !*path ? path : keep(l, path_join(l->scope.prefix, path));
}

static bool is_windows_absolute(const char *path)
{
        return strncmp(path, "\\\\", 2) == 0 || strncmp(path, "//", 2) == 0 ||
               (isalpha((unsigned char)path[0]) && path[1] == ':' && (path[2] == '\\' || path[2] == '/'));
}

static const char *absolute_or_windows(struct loader *l, const char *path)
{
        path = expand_home(l, path);
        return *path == '/' || is_windows_absolute(path) ? path : keep(l, path_join(l->scope.prefix, path));
}

int resolve_path(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind != NODE_STRING)
                return mistake(l, *node, "unexpected type %s", node_type_name(*node));
        (*node)->string = absolute(l, (*node)->string);
        return 0;
}

int resolve_path_or_windows(struct loader *l, const struct rule_node *at, struct node **node)
{
        (void)at;
        if ((*node)->kind == NODE_STRING)
                (*node)->string = absolute_or_windows(l, (*node)->string);
        return 0;
}

/* A build's context may also be a URL, an image or a service. */
int resolve_context(struct loader *l, const struct rule_node *at, struct node **node)
{
        static const char *const remote[] = { "service:", "https://", "http://",    "git://",
                                              "ssh://",   "git@",     "github.com/" };

        if ((*node)->kind == NODE_STRING) {
                if (strstr((*node)->string, "://"))
                        return 0;
                for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
                        if (string_after((*node)->string, remote[i]))
                                return 0;
        }
        return resolve_path(l, at, node);
}

int resolve_mount(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *source = node_get(*node, "source");

        if (!streq(node_text(*node, "type"), "bind"))
                return 0;
        if (!source)
                return mistake(l, *node,
                               "invalid mount config for type \"bind\": field Source must not be empty");
        return resolve_path_or_windows(l, at, &source);
}

/* A local volume that is a bind mount. */
int resolve_volume_options(struct loader *l, const struct rule_node *at, struct node **node)
{
        struct node *options = node_get(*node, "driver_opts"), *device = node_get(options, "device");

        if (!streq(node_text(*node, "driver"), "local") || !streq(node_text(options, "o"), "bind") || !device)
                return 0;
        return resolve_path_or_windows(l, at, &device);
}

/* What is watched is watched where its first symbolic link leads. */
int resolve_watch_path(struct loader *l, const struct rule_node *at, struct node **node)
{
        if (resolve_path(l, at, node) < 0)
                return -1;
        for (const char *p = (*node)->string;; p++) {
                cleanup_free char *part = NULL, *target = NULL;
                struct stat st;

                if (*p && *p != '/')
                        continue;
                part = xstrndup((*node)->string, (size_t)(p - (*node)->string));
                if (*part && lstat(part, &st) == 0 && S_ISLNK(st.st_mode)) {
                        target = realpath(part, NULL);
                        if (!target)
                                return mistake(l, *node, "lstat %s: no such file or directory", part);
                        (*node)->string = arena_format(&l->arena, "%s%s", target, p);
                        return 0;
                }
                if (!*p)
                        return 0;
        }
}

/* ---- Values of the environment that the model takes up ---- */

/* A variable that is named alone gets the value that it has. */
static void resolve_service(struct loader *l, struct node *service)
{
        struct node *environment = node_get(service, "environment");

        for (size_t i = 0; node_is(environment, NODE_LIST) && i < environment->count; i++) {
                struct node *item = environment->items[i];
                const char *value = item->kind == NODE_STRING && !strchr(item->string, '=')
                                        ? environment_get(l->scope.env, item->string)
                                        : NULL;

                if (value)
                        item->string = arena_format(&l->arena, "%s=%s", item->string, value);
        }
}

static void resolve_contents(struct loader *l, struct node *objects, const char *to)
{
        for (size_t i = 0; node_is(objects, NODE_MAP) && i < objects->count; i++) {
                struct node *object = objects->map.entries[i].value;
                const char *name = node_text(object, "environment"),
                           *value = name ? environment_get(l->scope.env, name) : NULL;

                if (value)
                        node_set(&l->arena, object, to, node_string(&l->arena, value, object));
        }
}

void resolve_environment(struct loader *l, struct node *root)
{
        struct node *services = node_get(root, "services");

        for (size_t i = 0; node_is(services, NODE_MAP) && i < services->count; i++)
                resolve_service(l, services->map.entries[i].value);
        resolve_contents(l, node_get(root, "secrets"), SECRET_CONTENT);
        resolve_contents(l, node_get(root, "configs"), "content");
}
