#include "oci/reference.h"

#include "base/str.h"

#include <ctype.h>

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH 128
#define LIBRARY "library/"

static int bad_format(struct error *err)
{
        return error_set(err, ERROR_INVALID, "invalid reference format");
}

static bool is_lower_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
        return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_xdigit(char c)
{
        return isxdigit((unsigned char)c);
}

bool reference_is_id(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Alphanumeric runs joined by ".", "_", "__" or any number of "-". */
static bool component_valid(const char *s, size_t len)
{
        size_t i = 0;

        for (;;) {
                size_t start = i, joint;

                while (i < len && is_lower_alnum(s[i]))
                        i++;
                if (i == start)
                        return false;
                if (i == len)
                        return true;
                joint = i;
                if (s[i] == '.')
                        i++;
                else if (s[i] == '_')
                        i += s[i + 1] == '_' ? 2 : 1;
                else
                        while (i < len && s[i] == '-')
                                i++;
                if (i == joint || i >= len)
                        return false;
        }
}

static bool path_valid(const char *path)
{
        for (;;) {
                size_t len = strcspn(path, "/");

                if (!component_valid(path, len))
                        return false;
                if (!path[len])
                        return true;
                path += len + 1;
        }
}

static bool host_valid(const char *s, size_t len)
{
        if (len > 2 && s[0] == '[' && s[len - 1] == ']') {
                for (size_t i = 1; i < len - 1; i++)
                        if (!is_xdigit(s[i]) && s[i] != ':')
                                return false;
                return true;
        }
        for (size_t i = 0, start = 0; i <= len; i++) {
                if (i < len && s[i] != '.') {
                        if (!is_alnum(s[i]) && s[i] != '-')
                                return false;
                        continue;
                }
                if (i == start || s[start] == '-' || s[i - 1] == '-')
                        return false;
                start = i + 1;
        }
        return true;
}

static bool domain_valid(const char *domain)
{
        const char *bracket = strrchr(domain, ']'), *colon = strrchr(bracket ? bracket : domain, ':');
        size_t len = colon ? (size_t)(colon - domain) : strlen(domain);

        if (colon && (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1)))
                return false;
        return host_valid(domain, len);
}

static bool tag_valid(const char *tag)
{
        size_t len = strlen(tag);

        if (len == 0 || len > TAG_MAX_LENGTH || !(is_alnum(tag[0]) || tag[0] == '_'))
                return false;
        for (size_t i = 1; i < len; i++)
                if (!is_alnum(tag[i]) && !strchr("_.-", tag[i]))
                        return false;
        return true;
}

/* algorithm ":" at least 32 hexadecimal digits; the algorithm is words joined by one of -_+. */
static bool digest_shaped(const char *digest)
{
        const char *p = digest;
        size_t hex;

        for (;;) {
                if (!isalpha((unsigned char)*p))
                        return false;
                while (is_alnum(*p))
                        p++;
                if (*p == ':')
                        break;
                if (!*p || !strchr("-_+.", *p))
                        return false;
                p++;
        }
        hex = strlen(++p);
        for (size_t i = 0; i < hex; i++)
                if (!is_xdigit(p[i]))
                        return false;
        return hex >= 32;
}

static int check_digest(const char *digest, struct error *err)
{
        static const struct {
                const char *prefix;
                size_t len;
        } algorithms[] = { { "sha256:", 64 }, { "sha384:", 96 }, { "sha512:", 128 } };

        if (!digest_shaped(digest))
                return bad_format(err);
        for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
                const char *hex = string_after(digest, algorithms[i].prefix);

                if (!hex)
                        continue;
                if (strlen(hex) != algorithms[i].len)
                        return error_set(err, ERROR_INVALID, "invalid checksum digest length");
                if (strspn(hex, "0123456789abcdef") != strlen(hex))
                        return error_set(err, ERROR_INVALID, "invalid checksum digest format");
                return 0;
        }
        return error_set(err, ERROR_INVALID, "unsupported digest algorithm");
}

static bool has_upper(const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (isupper((unsigned char)s[i]))
                        return true;
        return false;
}

/* Where the domain ends, if the text begins with one. */
static const char *domain_end(const char *text)
{
        const char *slash = strchr(text, '/');
        size_t len = slash ? (size_t)(slash - text) : 0;

        if (!slash)
                return NULL;
        if (memchr(text, '.', len) || memchr(text, ':', len) ||
            (len == 9 && memcmp(text, "localhost", 9) == 0) || has_upper(text, len))
                return slash;
        return NULL;
}

static void split(const char *text, struct reference *r)
{
        const char *slash = domain_end(text), *rest = slash ? slash + 1 : text, *end;

        r->domain = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(REFERENCE_DEFAULT_DOMAIN);
        if (streq(r->domain, "index.docker.io"))
                replace_string(&r->domain, REFERENCE_DEFAULT_DOMAIN);
        end = rest + strcspn(rest, ":@");
        r->path = string_format(
            "%s%.*s", streq(r->domain, REFERENCE_DEFAULT_DOMAIN) && !strchr(rest, '/') ? LIBRARY : "",
            (int)(end - rest), rest);
        if (*end == ':') {
                const char *tag = end + 1;

                end = tag + strcspn(tag, "@");
                r->tag = xstrndup(tag, (size_t)(end - tag));
        }
        if (*end == '@')
                r->digest = xstrdup(end + 1);
}

int reference_parse(const char *text, struct reference *ret, struct error *err)
{
        cleanup_reference struct reference r = {};

        if (reference_is_id(text))
                return error_set(err, ERROR_INVALID,
                                 "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
                                 text);
        split(text, &r);
        /* Docker looks for capitals in everything up to the tag. */
        if (has_upper(r.path, strlen(r.path)))
                return error_set(err, ERROR_INVALID,
                                 "invalid reference format: repository name (%s) must be lowercase", r.path);
        if (!domain_valid(r.domain) || !path_valid(r.path) || (r.tag && !tag_valid(r.tag)))
                return bad_format(err);
        if (r.digest && check_digest(r.digest, err) < 0)
                return -1;
        if (strlen(r.path) > NAME_MAX_LENGTH)
                return error_set(err, ERROR_INVALID, "repository name must not be more than %d characters",
                                 NAME_MAX_LENGTH);
        *ret = r;
        r = (struct reference){};
        return 0;
}

void reference_deinit(struct reference *r)
{
        free(r->domain);
        free(r->path);
        free(r->tag);
        free(r->digest);
        *r = (struct reference){};
}

void reference_default_tag(struct reference *r)
{
        if (!r->tag && !r->digest)
                r->tag = xstrdup(REFERENCE_DEFAULT_TAG);
}

char *reference_name(const struct reference *r)
{
        return string_format("%s/%s", r->domain, r->path);
}

char *reference_familiar_name(const struct reference *r)
{
        const char *short_name;

        if (!streq(r->domain, REFERENCE_DEFAULT_DOMAIN))
                return reference_name(r);
        short_name = string_after(r->path, LIBRARY);
        return xstrdup(short_name && !strchr(short_name, '/') ? short_name : r->path);
}

static char *with_tag_and_digest(char *name, const struct reference *r)
{
        char *whole = string_format("%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "",
                                    r->digest ? "@" : "", r->digest ? r->digest : "");

        free(name);
        return whole;
}

char *reference_format(const struct reference *r)
{
        return with_tag_and_digest(reference_name(r), r);
}

char *reference_familiar(const struct reference *r)
{
        return with_tag_and_digest(reference_familiar_name(r), r);
}

bool reference_is_build_state(const char *text)
{
        return strncmp(text, "build:", 6) == 0 && strchr(text, '#');
}
