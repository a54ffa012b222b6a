/* The files of a build definition: HCL or JSON → items by kind and name. */
#include "base/fd.h"
#include "cli/bake-definition.h"

#include <errno.h>

void bake_free(struct bake *b)
{
        for (size_t i = 0; i < b->n_items; i++) {
                struct bake_item *item = &b->items[i];

                for (size_t n = 0; n < item->n_attributes; n++) {
                        free(item->attributes[n].name);
                        free(item->attributes[n].value.text);
                        json_object_put(item->attributes[n].value.json);
                }
                free(item->attributes);
                free(item->kind);
                free(item->name);
        }
        free(b->items);
        strv_free(b->overrides);
        json_object_put(b->targets);
        json_object_put(b->groups);
        free(b);
}

static struct bake_item *add_item(struct bake *b, const char *kind, const char *name)
{
        struct bake_item item = { .kind = xstrdup(kind), .name = xstrdup(name) };

        ARRAY_APPEND(b->items, b->n_items, item);
        return &b->items[b->n_items - 1];
}

static void add_attribute(struct bake_item *item, const char *name, struct bake_value value)
{
        struct bake_attribute a = { xstrdup(name), value };

        ARRAY_APPEND(item->attributes, item->n_attributes, a);
}

static int add_block(struct bake *b, const struct hcl_block *block, struct error *err)
{
        static const char *const kinds[] = { "variable", "function", "group", "target", NULL };
        struct bake_item *item;

        if (!strv_contains((char *const *)kinds, block->type) || strv_length(block->labels) != 1)
                return error_set(
                    err, ERROR_INVALID,
                    "line %d: Unsupported block type: Blocks of type \"%s\" are not expected here",
                    block->line, block->type);
        item = add_item(b, block->type, block->labels[0]);
        for (size_t i = 0; i < block->n_attributes; i++)
                add_attribute(item, block->attributes[i].name,
                              (struct bake_value){ .text = xstrdup(block->attributes[i].text) });
        return 0;
}

/* "NAME = value" outside of blocks is a variable. */
static int add_hcl(struct bake *b, const char *text, size_t len, struct error *err)
{
        cleanup_hcl_block struct hcl_block file = {};

        if (hcl_parse(text, len, &file, err) < 0)
                return -1;
        for (size_t i = 0; i < file.n_attributes; i++)
                add_attribute(add_item(b, "variable", file.attributes[i].name), "default",
                              (struct bake_value){ .text = xstrdup(file.attributes[i].text) });
        for (size_t i = 0; i < file.n_blocks; i++)
                if (add_block(b, &file.blocks[i], err) < 0)
                        return -1;
        return 0;
}

static int add_json_kind(struct bake *b, const char *kind, json_object *named, struct error *err)
{
        if (!json_object_is_type(named, json_type_object))
                return error_set(err, ERROR_INVALID, "%s: an object is needed", kind);
        json_object_object_foreach(named, name, body)
        {
                struct bake_item *item = add_item(b, kind, name);

                if (!json_object_is_type(body, json_type_object))
                        return error_set(err, ERROR_INVALID, "%s.%s: an object is needed", kind, name);
                json_object_object_foreach(body, key, value)
                    add_attribute(item, key, (struct bake_value){ .json = json_object_get(value) });
        }
        return 0;
}

static int add_json(struct bake *b, const char *text, size_t len, struct error *err)
{
        static const char *const kinds[] = { "variable", "function", "group", "target" };
        cleanup_json json_object *tree = NULL;

        if (json_parse_text(text, len, &tree, err) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                json_object *named = json_get(tree, kinds[i]);

                if (named && add_json_kind(b, kinds[i], named, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_file(struct bake *b, const char *path, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;
        bool yaml = string_ends_with(path, ".yaml") || string_ends_with(path, ".yml");

        if (streq(path, "-") ? fd_read_file(STDIN_FILENO, HCL_TEXT_MAX, &text, &len, err) < 0
                             : access(path, R_OK) < 0)
                return err->kind ? -1
                                 : error_set(err, ERROR_INVALID, "open %s: %s", path,
                                             errno == ENOENT ? "no such file or directory" : strerror(errno));
        if (!text && file_read(AT_FDCWD, path, HCL_TEXT_MAX, &text, &len, err) < 0)
                return -1;
        if (yaml)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "%s: compose files are not supported by davit's bake yet", path);
        if ((text[strspn(text, " \t\r\n")] == '{' ? add_json(b, text, len, err)
                                                  : add_hcl(b, text, len, err)) < 0)
                return error_context(err, "failed to parse %s", path);
        return 0;
}

int bake_open(char *const *files, struct bake **ret, struct error *err)
{
        cleanup_bake struct bake *b = xcalloc(1, sizeof(*b));

        for (; *files; files++)
                if (add_file(b, *files, err) < 0)
                        return -1;
        *ret = take_ptr(b);
        return 0;
}
