#include "registry/hosts-file.h"

#include <ctype.h>

struct parser {
        const char *p, *end;
        int line;
        struct error *err;
        struct hosts_file file;
        struct hosts_entry *entry; /* of the table that is open; NULL: the top */
        bool headers;              /* the table is its header table */
};

static int complain(struct parser *x, const char *what)
{
        return error_set(x->err, ERROR_INVALID, "line %d: %s", x->line, what);
}

/* ---- Words ---- */

static void skip_blanks(struct parser *x)
{
        while (x->p < x->end && (*x->p == ' ' || *x->p == '\t'))
                x->p++;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct parser *x)
{
        for (; x->p < x->end; x->p++) {
                if (*x->p == '#')
                        while (x->p + 1 < x->end && x->p[1] != '\n')
                                x->p++;
                else if (*x->p == '\n')
                        x->line++;
                else if (*x->p != ' ' && *x->p != '\t' && *x->p != '\r')
                        return;
        }
}

static bool take(struct parser *x, char c)
{
        skip_blanks(x);
        if (x->p == x->end || *x->p != c)
                return false;
        x->p++;
        return true;
}

/* "basic" with escapes, or 'literal'; on one line. */
static int parse_string(struct parser *x, char **ret)
{
        cleanup_strbuf struct strbuf b = {};
        char quote;

        skip_blanks(x);
        if (x->p == x->end || (*x->p != '"' && *x->p != '\''))
                return complain(x, "a string is expected");
        quote = *x->p++;
        for (; x->p < x->end && *x->p != quote; x->p++) {
                static const char from[] = "\"\\tnr", to[] = "\"\\\t\n\r";
                const char *escape = NULL;

                if ((unsigned char)*x->p < ' ' && *x->p != '\t')
                        return complain(x, "a string does not end");
                if (*x->p == '\\' && quote == '"') {
                        escape = x->p + 1 < x->end && x->p[1] ? strchr(from, x->p[1]) : NULL;
                        if (!escape)
                                return complain(x, "unknown escape in a string");
                        x->p++;
                }
                strbuf_addc(&b, escape ? to[escape - from] : *x->p);
        }
        if (x->p == x->end)
                return complain(x, "a string does not end");
        x->p++;
        *ret = strbuf_take(&b);
        return 0;
}

static int parse_key(struct parser *x, char **ret)
{
        const char *start;

        skip_blanks(x);
        if (x->p < x->end && (*x->p == '"' || *x->p == '\''))
                return parse_string(x, ret);
        start = x->p;
        while (x->p < x->end && (isalnum((unsigned char)*x->p) || *x->p == '_' || *x->p == '-'))
                x->p++;
        if (x->p == start)
                return complain(x, "a name is expected");
        *ret = xstrndup(start, (size_t)(x->p - start));
        return 0;
}

static int parse_bool(struct parser *x, bool *ret)
{
        skip_blanks(x);
        for (int yes = 0; yes < 2; yes++) {
                const char *word = yes ? "true" : "false";
                size_t len = strlen(word);

                if ((size_t)(x->end - x->p) >= len && memcmp(x->p, word, len) == 0) {
                        x->p += len;
                        *ret = yes;
                        return 0;
                }
        }
        return complain(x, "true or false is expected");
}

/* A string, or an array of strings and of arrays of strings: flattened. */
static int parse_strings(struct parser *x, int depth, char ***ret)
{
        char *one;

        if (!take(x, '[')) {
                if (parse_string(x, &one) < 0)
                        return -1;
                strv_append_take(ret, one);
                return 0;
        }
        if (depth > 1)
                return complain(x, "arrays are too deep");
        for (;;) {
                skip_lines(x);
                if (take(x, ']'))
                        return 0;
                if (strv_length(*ret) >= HOSTS_MAX)
                        return complain(x, "an array is too long");
                if (parse_strings(x, depth + 1, ret) < 0)
                        return -1;
                skip_lines(x);
                if (!take(x, ',') && !(x->p < x->end && *x->p == ']'))
                        return complain(x, "',' or ']' is expected");
        }
}

/* ---- Meaning ---- */

static int set_capabilities(struct parser *x, char *const *list)
{
        struct hosts_entry *e = x->entry;

        e->pull = strv_contains(list, "pull");
        e->resolve = strv_contains(list, "resolve");
        e->push = strv_contains(list, "push");
        for (; list && *list; list++)
                if (!streq(*list, "pull") && !streq(*list, "resolve") && !streq(*list, "push"))
                        return complain(x, "capabilities are pull, resolve and push");
        return 0;
}

static int set_client(struct parser *x, char **list)
{
        if (strv_length(list) < 1 || strv_length(list) > 2)
                return complain(x, "client is one file, or a certificate and its key");
        replace_string(&x->entry->certificate, list[0]);
        replace_string(&x->entry->key, list[1]);
        return 0;
}

static int set_header(struct parser *x, const char *name)
{
        cleanup_strv char **values = NULL;

        if (parse_strings(x, 0, &values) < 0)
                return -1;
        for (char **value = values; value && *value; value++) {
                if (strpbrk(*value, "\r\n") || strpbrk(name, "\r\n: "))
                        return complain(x, "not a header");
                strv_append_take(&x->entry->headers, string_format("%s: %s", name, *value));
        }
        return 0;
}

static int set_member(struct parser *x, const char *key)
{
        cleanup_strv char **values = NULL;
        cleanup_free char *what = NULL;

        if (!x->entry) {
                if (streq(key, "server"))
                        return x->file.server ? complain(x, "server is given twice")
                                              : parse_string(x, &x->file.server);
        } else if (x->headers) {
                return set_header(x, key);
        } else if (streq(key, "skip_verify")) {
                return parse_bool(x, &x->entry->skip_verify);
        } else if (streq(key, "override_path")) {
                return parse_bool(x, &x->entry->override_path);
        } else if (streq(key, "capabilities")) {
                return parse_strings(x, 0, &values) < 0 ? -1 : set_capabilities(x, values);
        } else if (streq(key, "client")) {
                return parse_strings(x, 0, &values) < 0 ? -1 : set_client(x, values);
        } else if (streq(key, "ca")) {
                return parse_strings(x, 0, &x->entry->ca_files);
        }
        what = string_format("unknown name \"%.64s\"", key);
        return complain(x, what);
}

static struct hosts_entry *entry_of(struct parser *x, const char *url)
{
        for (size_t i = 0; i < x->file.count; i++)
                if (streq(x->file.hosts[i].url, url))
                        return &x->file.hosts[i];
        ARRAY_APPEND(
            x->file.hosts, x->file.count,
            ((struct hosts_entry){ .url = xstrdup(url), .pull = true, .resolve = true, .push = true }));
        return &x->file.hosts[x->file.count - 1];
}

/* [host."URL"] or [host."URL".header] */
static int parse_table(struct parser *x)
{
        cleanup_free char *first = NULL, *url = NULL, *last = NULL;

        if (parse_key(x, &first) < 0)
                return -1;
        if (!streq(first, "host"))
                return complain(x, "the tables are [host.\"URL\"] and [host.\"URL\".header]");
        if (take(x, ']')) /* [host] alone says nothing */
                return 0;
        if (!take(x, '.') || parse_key(x, &url) < 0)
                return x->err->kind ? -1 : complain(x, "a host is expected");
        if (take(x, '.') && parse_key(x, &last) < 0)
                return -1;
        if (!take(x, ']') || (last && !streq(last, "header")))
                return complain(x, "the tables are [host.\"URL\"] and [host.\"URL\".header]");
        if (x->file.count >= HOSTS_MAX)
                return complain(x, "too many hosts");
        x->entry = entry_of(x, url);
        x->headers = last != NULL;
        return 0;
}

static int parse_line(struct parser *x)
{
        cleanup_free char *key = NULL;

        if (take(x, '['))
                return parse_table(x);
        if (parse_key(x, &key) < 0)
                return -1;
        if (!take(x, '='))
                return complain(x, "'=' is expected");
        return set_member(x, key);
}

int hosts_file_parse(const char *text, size_t len, struct hosts_file *ret, struct error *err)
{
        cleanup_error struct error local = {};
        struct parser x = { text, text + len, 1, &local, {}, NULL, false };

        for (skip_lines(&x); x.p < x.end; skip_lines(&x)) {
                int line = x.line;

                if (parse_line(&x) < 0)
                        break;
                skip_blanks(&x);
                if (x.p < x.end && *x.p != '\n' && *x.p != '\r' && *x.p != '#') {
                        x.line = line;
                        complain(&x, "nothing more is expected here");
                        break;
                }
        }
        if (local.kind != ERROR_NONE) {
                hosts_file_deinit(&x.file);
                return error_move(err, &local);
        }
        *ret = x.file;
        return 0;
}

void hosts_file_deinit(struct hosts_file *f)
{
        for (size_t i = 0; i < f->count; i++) {
                free(f->hosts[i].url);
                strv_free(f->hosts[i].ca_files);
                free(f->hosts[i].certificate);
                free(f->hosts[i].key);
                strv_free(f->hosts[i].headers);
        }
        free(f->hosts);
        free(f->server);
        *f = (struct hosts_file){};
}
