#include "base/path.h"

#include "base/str.h"

/* Drops the last component of what is in `b` behind `root` bytes; false if there is none, or if it is "..". */
static bool drop_last(struct strbuf *b, size_t root)
{
        size_t at = b->len;

        while (at > root && b->data[at - 1] != '/')
                at--;
        if (b->len == root || streq(b->data + at, ".."))
                return false;
        b->len = at > root ? at - 1 : root;
        b->data[b->len] = '\0';
        return true;
}

char *path_clean(const char *path)
{
        struct strbuf b = { 0 };
        size_t root = *path == '/';

        if (root)
                strbuf_addc(&b, '/');
        while (*path) {
                size_t len = strcspn(path, "/");

                if (len == 2 && path[0] == '.' && path[1] == '.') {
                        if (!drop_last(&b, root) && !root)
                                strbuf_adds(&b, b.len ? "/.." : "..");
                } else if (len && !(len == 1 && *path == '.')) {
                        if (b.len > root)
                                strbuf_addc(&b, '/');
                        strbuf_add(&b, path, len);
                }
                path += len;
                path += *path == '/';
        }
        if (b.len == 0)
                strbuf_addc(&b, '.');
        return strbuf_take(&b);
}
