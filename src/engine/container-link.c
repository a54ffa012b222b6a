/* Legacy links (--link on networks that are not user-defined): a container's own name for another one, which
 * is a name of the other, too ("/web/db"). They are kept by the container that asked for them, as "ID:ALIAS";
 * a link to a container that is gone is none. What a started container sees of them: network-link.c. */
#include "engine/container-internal.h"

#include "base/log.h"

/* "NAME", "NAME:ALIAS", and "/NAME:/PARENT/ALIAS" as inspect shows them. */
static int split(const char *text, char **ret_name, char **ret_alias, struct error *err)
{
        const char *colon = strchr(text, ':'), *slash;

        if (!*text)
                return error_set(err, ERROR_INVALID, "empty string specified for links");
        if (colon && strchr(colon + 1, ':'))
                return error_set(err, ERROR_INVALID, "bad format for links: %s", text);
        *ret_name = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
        *ret_alias = xstrdup(colon ? colon + 1 : text);
        if (**ret_name == '/' && (slash = strrchr(*ret_alias, '/'))) {
                replace_string(ret_alias, slash + 1);
                memmove(*ret_name, *ret_name + 1, strlen(*ret_name));
        }
        return 0;
}

/* The container whose network `name` uses. */
static int find_linked(struct engine *engine, const char *name, struct container **ret, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_error struct error why = {};
        const char *other;

        if (!*name)
                return error_set(err, ERROR_INVALID,
                                 "could not get container for : invalid name or ID supplied: \"\"");
        if (container_find(engine, name, &c, &why) < 0)
                return error_set(err, ERROR_INVALID, "could not get container for %s: %s", name,
                                 error_message(&why));
        while ((other = string_after(c->host.network_mode, "container:"))) {
                struct container *next = container_by_id(engine, other);

                if (!next)
                        return error_set(err, ERROR_INVALID,
                                         "could not get container for %s: No such container: %s", name,
                                         other);
                container_drop(c);
                c = next;
        }
        if (streq(c->host.network_mode, "host"))
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: host type networking can't be used with links. This "
                                 "would result in undefined behavior");
        *ret = take_ptr(c);
        return 0;
}

static bool is_user_defined(const char *mode)
{
        static const char *const others[] = { "bridge", "host", "none", "default", "" };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (streq(mode, others[i]))
                        return false;
        return mode && !string_after(mode, "container:");
}

int container_links_take(struct engine *engine, struct container *c, struct error *err)
{
        cleanup_strv char **wanted = take_ptr(c->host.links);

        /* On user-defined networks the endpoints have them. */
        for (char **w = is_user_defined(c->host.network_mode) ? NULL : wanted; w && *w; w++) {
                cleanup_free char *name = NULL, *alias = NULL, *link = NULL;
                cleanup_container struct container *other = NULL;

                if (split(*w, &name, &alias, err) < 0 || find_linked(engine, name, &other, err) < 0)
                        return -1;
                link = string_format("%s:%s", other->id, alias);
                if (!c->links || !strv_contains(c->links, link))
                        strv_append(&c->links, link);
        }
        return 0;
}

static struct container *linked(struct engine *engine, const char *link, const char **ret_alias)
{
        cleanup_free char *id = xstrndup(link, strcspn(link, ":"));

        *ret_alias = link + strlen(id) + 1;
        return container_by_id(engine, id);
}

static char **copy_links(struct container *c)
{
        char **links;

        pthread_mutex_lock(&c->lock);
        links = c->links ? strv_copy(c->links) : NULL;
        pthread_mutex_unlock(&c->lock);
        return links;
}

/* ---- A start ---- */

void container_links_open(struct engine *engine, struct container *c, struct container_links *ret)
{
        char **links = copy_links(c);

        *ret = (struct container_links){ .texts = links };
        for (char **l = links; l && *l; l++) {
                const char *alias;
                struct container *other = linked(engine, *l, &alias);
                struct network_link item;

                if (!other)
                        continue;
                item = (struct network_link){ .id = other->id,
                                              .name = __atomic_load_n(&other->name, __ATOMIC_ACQUIRE),
                                              .alias = alias,
                                              .hostname = other->config.hostname,
                                              .env = other->config.env,
                                              .exposed_ports = other->config.exposed_ports };
                array_reserve((void **)&ret->others, ret->count, sizeof(other));
                ret->others[ret->count] = other;
                ARRAY_APPEND(ret->items, ret->count, item);
        }
}

void container_links_close(struct container_links *links)
{
        for (size_t i = 0; i < links->count; i++)
                container_drop(links->others[i]);
        free(links->others);
        free(links->items);
        strv_free(links->texts);
        *links = (struct container_links){};
}

static void tell(struct engine *engine, struct container *parent, const struct container *moved)
{
        struct container_links links;
        cleanup_free char *dir = container_dir(engine, parent->id);

        container_links_open(engine, parent, &links);
        for (size_t i = 0; i < links.count; i++) {
                cleanup_error struct error err = {};

                if (links.others[i] == moved &&
                    network_link_moved(engine->networks, dir, &links.items[i], &err) < 0)
                        log_warn("container %s: %s", parent->id, error_message(&err));
        }
        container_links_close(&links);
}

void container_links_moved(struct engine *engine, const struct container *c)
{
        struct container **all;
        size_t count;

        if (!engine->has_links)
                return;
        container_list_all(engine, &all, &count);
        for (size_t i = 0; i < count; i++)
                if (all[i]->links && container_is_running(all[i]))
                        tell(engine, all[i], c);
        container_list_drop(all, count);
}

/* ---- Reading ---- */

json_object *container_links_json(struct engine *engine, struct container *c)
{
        cleanup_strv char **links = copy_links(c);
        json_object *out = NULL;

        for (char **l = links; l && *l; l++) {
                const char *alias;
                cleanup_container struct container *other = linked(engine, *l, &alias);
                cleanup_free char *text = NULL;

                if (!other)
                        continue;
                text = string_format("/%s:/%s/%s", other->name, c->name, alias);
                if (!out)
                        out = json_object_new_array();
                json_object_array_add(out, json_object_new_string(text));
        }
        return out;
}

void container_link_names(struct engine *engine, const struct container *c, json_object *names)
{
        struct container **all;
        size_t count;

        if (!engine->has_links)
                return;
        container_list_all(engine, &all, &count);
        for (size_t i = 0; i < count; i++) {
                cleanup_strv char **links = all[i]->links ? copy_links(all[i]) : NULL;

                for (char **l = links; l && *l; l++) {
                        const char *alias = string_after(*l, c->id);
                        cleanup_free char *text =
                            alias ? string_format("/%s/%s", all[i]->name, alias + 1) : NULL;

                        if (text)
                                json_object_array_add(names, json_object_new_string(text));
                }
        }
        container_list_drop(all, count);
}

/* ---- By name: "web/db" ---- */

/* The parent of the link, and the link as it keeps it (heap). */
static struct container *find_link(struct engine *engine, const char *reference, char **ret_link)
{
        const char *name = *reference == '/' ? reference + 1 : reference, *slash = strchr(name, '/');
        cleanup_free char *parent_name = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
        cleanup_container struct container *parent = NULL;
        cleanup_strv char **links = NULL;

        if (!slash || !engine->has_links || container_find(engine, parent_name, &parent, NULL) < 0)
                return NULL;
        links = copy_links(parent);
        for (char **l = links; l && *l; l++)
                if (streq(strchr(*l, ':') + 1, slash + 1)) {
                        *ret_link = xstrdup(*l);
                        return take_ptr(parent);
                }
        return NULL;
}

struct container *container_by_link(struct engine *engine, const char *reference)
{
        cleanup_free char *link = NULL;
        cleanup_container struct container *parent = find_link(engine, reference, &link);
        const char *alias;

        return parent ? linked(engine, link, &alias) : NULL;
}

int container_link_remove(struct engine *engine, const char *reference, struct error *err)
{
        cleanup_free char *link = NULL;
        cleanup_container struct container *parent = find_link(engine, reference, &link), *c = NULL;
        cleanup_strv char **left = NULL;
        int r;

        if (!parent)
                return container_find(engine, reference, &c, err) < 0
                           ? -1
                           : error_set(err, ERROR_CONFLICT,
                                       "Conflict, cannot remove the default link name of the container");
        pthread_mutex_lock(&parent->operation);
        pthread_mutex_lock(&parent->lock);
        for (char **l = parent->links; l && *l; l++)
                if (!streq(*l, link))
                        strv_append(&left, *l);
        strv_free(parent->links);
        parent->links = take_ptr(left);
        pthread_mutex_unlock(&parent->lock);
        r = container_save(parent, err);
        pthread_mutex_unlock(&parent->operation);
        return r;
}
