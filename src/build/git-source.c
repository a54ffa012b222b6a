#include "build/git.h"

#include "base/path.h"

#include <ctype.h>

/* "user@host:path" as ssh and scp write it. */
static bool is_scp_like(const char *text)
{
        size_t user = strcspn(text, "@:/?#"), host;

        if (user == 0 || text[user] != '@')
                return false;
        host = strcspn(text + user + 1, "@:/?#");
        return host && text[user + 1 + host] == ':';
}

bool url_is_git(const char *text)
{
        cleanup_free char *plain = xstrndup(text, strcspn(text, "?#"));

        if (string_after(text, "git://") || string_after(text, "ssh://") || is_scp_like(text) ||
            string_after(text, "github.com/"))
                return true;
        return (string_after(text, "http://") || string_after(text, "https://")) &&
               string_ends_with(plain, ".git");
}

void git_source_deinit(struct git_source *s)
{
        free(s->remote);
        free(s->ref);
        free(s->subdir);
        free(s->checksum);
        *s = (struct git_source){};
}

static int hex_digit(char c)
{
        return isdigit((unsigned char)c)            ? c - '0'
               : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                    : -1;
}

/* %XX and "+" of a query; heap. */
static char *unescape(const char *text, size_t len)
{
        struct strbuf out = {};

        strbuf_adds(&out, "");
        for (size_t i = 0; i < len; i++) {
                bool escape = text[i] == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 &&
                              hex_digit(text[i + 2]) >= 0;
                int value = escape ? hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]) : 0;

                if (value) {
                        strbuf_addc(&out, (char)value);
                        i += 2;
                } else {
                        strbuf_addc(&out, text[i] == '+' ? ' ' : text[i]);
                }
        }
        return strbuf_take(&out);
}

static int read_bool(const char *name, const char *value, int *ret, struct error *err)
{
        bool on = true;

        if (*value && string_to_bool(value, &on) < 0)
                return error_set(err, ERROR_INVALID, "invalid %s value: \"%s\"", name, value);
        *ret = on;
        return 0;
}

/* One "name=value" of the query. */
static int read_parameter(struct git_source *s, const char *text, size_t len, struct error *err)
{
        const char *equals = memchr(text, '=', len);
        size_t name_len = equals ? (size_t)(equals - text) : len;
        cleanup_free char *name = unescape(text, name_len),
                          *value = equals ? unescape(equals + 1, len - name_len - 1) : xstrdup("");
        int on = 1;

        if (streq(name, "ref"))
                replace_string(&s->ref, value);
        else if (streq(name, "branch"))
                free(s->ref), s->ref = string_format("refs/heads/%s", value);
        else if (streq(name, "tag"))
                free(s->ref), s->ref = string_format("refs/tags/%s", value);
        else if (streq(name, "subdir"))
                replace_string(&s->subdir, value);
        else if (streq(name, "commit") || streq(name, "checksum"))
                replace_string(&s->checksum, value);
        else if (streq(name, "keep-git-dir"))
                return read_bool(name, value, &s->keep_git, err);
        else if (streq(name, "submodules")) {
                if (read_bool(name, value, &on, err) < 0)
                        return -1;
                s->submodules = on;
        } else {
                return error_set(err, ERROR_INVALID, "unexpected query \"%s\"", name);
        }
        return 0;
}

static int read_query(struct git_source *s, const char *query, size_t len, struct error *err)
{
        for (size_t at = 0; at < len;) {
                const char *end = memchr(query + at, '&', len - at);
                size_t one = end ? (size_t)(end - query) - at : len - at;

                if (one && read_parameter(s, query + at, one, err) < 0)
                        return -1;
                at += one + 1;
        }
        return 0;
}

static void read_fragment(struct git_source *s, const char *fragment)
{
        const char *colon = strchr(fragment, ':');
        size_t len = colon ? (size_t)(colon - fragment) : strlen(fragment);

        if (len) {
                free(s->ref);
                s->ref = xstrndup(fragment, len);
        }
        if (colon)
                replace_string(&s->subdir, colon + 1);
}

static bool is_commit_part(const char *text)
{
        size_t len = strspn(text, "0123456789abcdef");

        return len >= 7 && len <= 64 && !text[len];
}

int git_source_parse(const char *url, struct git_source *ret, struct error *err)
{
        cleanup_git_source struct git_source s = { .subdir = xstrdup(""),
                                                   .keep_git = -1,
                                                   .submodules = true };
        size_t len = strcspn(url, "?#"), query = url[len] == '?' ? strcspn(url + len, "#") : 0;
        cleanup_free char *plain = xstrndup(url, len), *rooted = NULL;

        s.remote = string_format("%s%s", string_after(url, "github.com/") ? "https://" : "", plain);
        if (query && read_query(&s, url + len + 1, query - 1, err) < 0)
                return -1;
        if (url[len + query] == '#')
                read_fragment(&s, url + len + query + 1);
        if (s.ref && (*s.ref == '-' || strpbrk(s.ref, " \t\r\n*?[\\^~:") || strstr(s.ref, "..")))
                return error_set(err, ERROR_INVALID, "invalid git reference: %s", s.ref);
        if (s.checksum && !is_commit_part(s.checksum))
                return error_set(err, ERROR_INVALID, "invalid git checksum: %s", s.checksum);
        rooted = string_format("/%s", s.subdir);
        free(s.subdir);
        s.subdir = path_clean(rooted);
        memmove(s.subdir, s.subdir + 1, strlen(s.subdir));
        *ret = s;
        s = (struct git_source){};
        return 0;
}
