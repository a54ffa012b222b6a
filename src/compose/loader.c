/* What the passes share, and the way of one file: read, substitute, extend, include, merge, check, make
 * canonical. */
#include "compose/loader-internal.h"
#include "base/fd.h"

#include <stdarg.h>
#include <stdio.h>

void loader_push(struct loader *l, const char *key)
{
        if (l->depth < ARRAY_SIZE(l->keys))
                l->keys[l->depth] = key;
        l->depth++;
}

void loader_pop(struct loader *l)
{
        l->depth--;
}

const char *loader_path(struct loader *l)
{
        struct strbuf b = {};
        char *text;

        for (size_t i = 0; i < MIN(l->depth, ARRAY_SIZE(l->keys)); i++)
                strbuf_addf(&b, "%s%s", i ? "." : "", l->keys[i]);
        text = arena_strdup(&l->arena, b.data ? b.data : "");
        strbuf_deinit(&b);
        return text;
}

int mistake_at(struct loader *l, const struct node *at)
{
        if (l->place.line == 0 && at)
                l->place = *at;
        return -1;
}

int mistake(struct loader *l, const struct node *at, const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                abort();
        va_end(args);
        if (l->err->kind == ERROR_NONE) {
                error_set(l->err, ERROR_INVALID, "%s", text);
                replace_string(&l->mistake_path, loader_path(l));
        }
        return mistake_at(l, at);
}

int yaml_mistake(struct loader *l, const struct node *at, const char *file, const struct error *why)
{
        const char *text = error_message(why);

        return string_after(text, "non-string key") ? mistake(l, at, "%s", text)
                                                    : mistake(l, at, "failed to parse %s: %s", file, text);
}

void loader_warn(struct loader *l, const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;

        if (!l->options->warn)
                return;
        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                abort();
        va_end(args);
        l->options->warn(l->options->warn_context, text);
}

const char *node_type_name(const struct node *node)
{
        switch (node->kind) {
        case NODE_NULL:
                return "<nil>";
        case NODE_BOOL:
                return "bool";
        case NODE_INT:
                return "int";
        case NODE_FLOAT:
                return "float64";
        case NODE_STRING:
                return "string";
        case NODE_MAP:
                return "map[string]interface {}";
        case NODE_LIST:
                return "[]interface {}";
        }
        return "";
}

/* ---- One document ---- */

static int drop_version(struct loader *l, struct node *root, const char *file)
{
        if (!node_remove(root, "version"))
                return 0;
        if (!strv_contains(l->versioned, file))
                loader_warn(
                    l,
                    "%s: the attribute `version` is obsolete, it will be ignored, please remove it to "
                    "avoid potential confusion",
                    file);
        strv_append(&l->versioned, file);
        return 0;
}

static int load_document(struct loader *l, const char *file, const struct yaml_document *document,
                         struct node **root)
{
        struct node *new = document->root;

        if (new->kind != NODE_MAP)
                return mistake(l, new, "top-level object must be a mapping");
        if (!l->no_interpolate && interpolate(l, new) < 0)
                return -1;
        if (!l->no_extends && apply_extends(l, new, file, document) < 0)
                return -1;
        apply_marks(document->marks, document->n_marks, *root, NULL, 0);
        if (!l->no_include && apply_include(l, new, file) < 0)
                return -1;
        if (merge_trees(l, *root, new, root) < 0 || remove_duplicates(l, *root) < 0)
                return -1;
        if (!l->no_validation && (validate_schema(l, *root, file) < 0 || drop_version(l, *root, file) < 0))
                return -1;
        /* Canonical entries can show duplicates that short ones hid. */
        if (rules_walk(l, PASS_CANONICAL, l->rules, root) < 0 || omit_empty(l, *root) < 0)
                return -1;
        return remove_duplicates(l, *root);
}

static const char *keep_name(struct loader *l, const char *file)
{
        return arena_strdup(&l->arena, file);
}

int load_file(struct loader *l, const char *file, const char *text, size_t len, struct node **root,
              struct yaml_document *ret_last)
{
        cleanup_yaml_reader struct yaml_reader *reader = NULL;
        cleanup_free char *read = NULL;
        cleanup_error struct error why = {};
        struct yaml_document document = {};
        struct node place = {};
        int r;

        file = keep_name(l, file);
        if (!text) {
                if (file_read(AT_FDCWD, file, YAML_FILE_MAX, &read, &len, &why) < 0)
                        return mistake(l, NULL, "%s", error_message(&why));
                if (memchr(read, 0, len))
                        return mistake(l, NULL, "%s: yaml: control characters are not allowed", file);
                text = read;
        }
        reader = yaml_reader_new(&l->arena, text, len, file, &l->nodes);
        while ((r = yaml_read(reader, &document, &place, &why)) > 0) {
                *ret_last = document;
                if (load_document(l, file, &document, root) < 0)
                        return -1;
        }
        return r < 0 ? yaml_mistake(l, &place, file, &why) : 0;
}

int load_files(struct loader *l, char *const *files, char *const *texts, struct node **ret)
{
        struct node *root = node_new(&l->arena, NODE_MAP, NULL);
        struct yaml_document last;

        for (size_t i = 0; files[i]; i++)
                if (load_file(l, files[i], texts ? texts[i] : NULL, texts ? strlen(texts[i]) : 0, &root,
                              &last) < 0)
                        return -1;
        if (rules_walk(l, PASS_DEFAULTS, l->rules, &root) < 0 ||
            (!l->no_validation && rules_walk(l, PASS_CHECK, l->rules, &root) < 0))
                return -1;
        /* What is included keeps its place in every case. */
        if ((!l->options->no_path_resolution || l->scope.files) &&
            rules_walk(l, PASS_RESOLVE, l->rules, &root) < 0)
                return -1;
        resolve_environment(l, root);
        *ret = root;
        return 0;
}
