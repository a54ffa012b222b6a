#include "base/path.h"

#include "base/str.h"

/* Drops the last component of what is in `b` behind `root` bytes; false if there is none, or if it is "..".
 */
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

char *path_join(const char *base, const char *path)
{
        cleanup_free char *joined = NULL;

        if (string_empty(base) && string_empty(path))
                return xstrdup("");
        joined = string_format("%s%s%s", base ? base : "", string_empty(base) ? "" : "/", path ? path : "");
        return path_clean(joined);
}

char *path_relative(const char *from, const char *to)
{
        struct strbuf b = {};
        size_t common = 0, i = 0;

        /* Where the last component ends that both share. */
        for (;; i++) {
                bool end_from = !from[i] || from[i] == '/', end_to = !to[i] || to[i] == '/';

                if (end_from && end_to)
                        common = i;
                if (!from[i] || !to[i] || from[i] != to[i])
                        break;
        }
        from += common;
        to += common;
        for (; *from; from++)
                if (*from == '/' && from[1])
                        strbuf_adds(&b, b.len ? "/.." : "..");
        to += *to == '/';
        if (*to)
                strbuf_addf(&b, "%s%s", b.len ? "/" : "", to);
        if (!b.len)
                strbuf_addc(&b, '.');
        return strbuf_take(&b);
}

char *path_dir(const char *path)
{
        const char *slash = strrchr(path, '/');
        cleanup_free char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup("");

        return path_clean(dir);
}

char *path_base(const char *path)
{
        size_t len = strlen(path), start;

        if (!len)
                return xstrdup(".");
        while (len > 1 && path[len - 1] == '/')
                len--;
        for (start = len; start > 0 && path[start - 1] != '/'; start--)
                ;
        return start == len ? xstrdup("/") : xstrndup(path + start, len - start);
}
