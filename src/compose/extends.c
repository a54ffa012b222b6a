/* `extends`: a service begins as another one, of this file or of another. */
#include "compose/loader-internal.h"
#include "base/path.h"

/* The chain of services that extend each other, to find circles; innermost first. */
struct chain {
        const struct chain *from;
        const char *file, *service;
        size_t depth;
};

/* Services that extend services that extend …. */
#define CHAIN_MAX 200

struct extension {
        struct loader *l;
        const char *file;      /* that is being read */
        struct node *services; /* where `extends` without a file looks */
        const struct yaml_mark *marks;
        size_t n_marks;
};

static void list_chain(struct strbuf *b, const struct chain *chain)
{
        if (chain->from)
                list_chain(b, chain->from);
        strbuf_addf(b, "\n  %s%s in %s", chain->from ? "extends " : "", chain->service, chain->file);
}

static int check_circle(struct loader *l, const struct node *at, const struct chain *chain)
{
        for (const struct chain *old = chain->from; old; old = old->from) {
                struct strbuf b = {};

                if (!streq(old->file, chain->file) || !streq(old->service, chain->service))
                        continue;
                list_chain(&b, chain);
                mistake(l, at, "Circular reference:%s", b.data);
                strbuf_deinit(&b);
                return -1;
        }
        return 0;
}

static int extend(const struct extension *x, const char *name, const struct chain *chain, struct node **ret);

/* Loads the services of another file, with their paths as seen from here. */
static int load_base(const struct extension *x, const char *name, const char *wanted, const struct node *file,
                     struct yaml_document *ret_document, struct node **ret)
{
        struct loader *l = x->l;
        cleanup_free char *path = *file->string == '/' ? path_clean(file->string)
                                                       : path_join(l->scope.dir, file->string),
                          *dir = path_dir(path), *prefix = path_relative(l->scope.dir, dir);
        struct scope outer = l->scope;
        bool extends = l->no_extends, include = l->no_include, validation = l->no_validation;
        struct node *root = node_new(&l->arena, NODE_MAP, NULL), *services;
        int r;

        l->no_extends = l->no_include = l->no_validation = true;
        r = load_file(l, path, NULL, 0, &root, ret_document);
        l->no_extends = extends;
        l->no_include = include;
        l->no_validation = validation;
        if (r < 0)
                return mistake_at(l, file);
        services = node_get(root, "services");
        if (!services)
                return mistake(l, file, "cannot extend service \"%s\" in %s: no services section", name,
                               path);
        if (services->kind != NODE_MAP)
                return mistake(l, file, "cannot extend service \"%s\" in %s: services must be a mapping",
                               name, path);
        if (!node_has(services, wanted))
                return mistake(l, file, "cannot extend service \"%s\" in %s: service \"%s\" not found in %s",
                               name, x->file, wanted, file->string);
        l->scope.prefix = prefix;
        r = rules_walk(l, PASS_RESOLVE, l->rules, &root);
        l->scope = outer;
        *ret = services;
        return r;
}

static int read_reference(struct loader *l, const char *name, const struct node *extends,
                          const char **ret_service, const struct node **ret_file)
{
        *ret_file = NULL;
        *ret_service = extends->kind == NODE_STRING ? extends->string : node_text(extends, "service");
        if (!*ret_service)
                return mistake(l, extends, "extends.%s.service is required", name);
        *ret_file = node_get(extends, "file");
        if (*ret_file && (*ret_file)->kind == NODE_NULL)
                *ret_file = NULL;
        if (*ret_file && (*ret_file)->kind != NODE_STRING)
                return mistake(l, *ret_file, "services.%s.extends.file must be a string", name);
        return 0;
}

/* Puts the service over a copy of what it extends. */
static int put_over(const struct extension *x, const char *name, const struct node *base,
                    struct node *service, struct node **ret)
{
        struct loader *l = x->l;
        struct node *copy;
        const char *const keys[] = { "services", name };

        if (base->kind == NODE_NULL) {
                *ret = service;
                return 0;
        }
        copy = node_copy(&l->arena, base);
        apply_marks(x->marks, x->n_marks, copy, keys, ARRAY_SIZE(keys));
        if (merge_service(l, copy, service, ret) < 0)
                return -1;
        node_remove(*ret, "extends");
        node_set(&l->arena, x->services, name, *ret);
        return 0;
}

static int extend(const struct extension *x, const char *name, const struct chain *chain, struct node **ret)
{
        struct loader *l = x->l;
        struct node *service = node_get(x->services, name), *extends = node_get(service, "extends"), *base;
        struct extension inner = *x;
        struct yaml_document document = {};
        struct chain next = { chain, x->file, name, chain ? chain->depth + 1 : 0 };
        const struct node *file;
        const char *wanted;

        *ret = service;
        if (service->kind == NODE_NULL)
                return 0;
        if (service->kind != NODE_MAP)
                return mistake(l, service, "services.%s must be a mapping", name);
        if (!extends)
                return 0;
        if (read_reference(l, name, extends, &wanted, &file) < 0)
                return -1;
        if (file) {
                if (load_base(x, name, wanted, file, &document, &inner.services) < 0)
                        return -1;
                inner.marks = document.marks;
                inner.n_marks = document.n_marks;
                next.file = file->string;
        } else if (!node_has(x->services, wanted)) {
                return mistake(l, extends, "cannot extend service \"%s\" in %s: service \"%s\" not found",
                               name, x->file, wanted);
        }
        if (next.depth > CHAIN_MAX)
                return mistake(l, extends, "services.%s.extends: more than %d services in a row", name,
                               CHAIN_MAX);
        if (check_circle(l, extends, &next) < 0 || extend(&inner, wanted, &next, &base) < 0)
                return -1;
        return put_over(x, name, base, service, ret);
}

int apply_extends(struct loader *l, struct node *root, const char *file, const struct yaml_document *document)
{
        struct extension x = { l, file, node_get(root, "services"), document->marks, document->n_marks };

        if (!x.services)
                return 0;
        if (x.services->kind != NODE_MAP)
                return mistake(l, x.services, "services must be a mapping");
        for (size_t i = 0; i < x.services->count; i++) {
                const char *name = x.services->map.entries[i].key;
                struct node *merged;

                if (extend(&x, name, NULL, &merged) < 0)
                        return -1;
                x.services->map.entries[i].value = merged;
        }
        return 0;
}
