#include "registry/challenge.h"

#include <ctype.h>
#include <strings.h>

static const char *skip_space(const char *p)
{
        while (*p == ' ' || *p == '\t')
                p++;
        return p;
}

static bool is_token(char c)
{
        return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* name=value or name="quoted \" value". Returns what stands behind it, NULL when there is no parameter here. */
static const char *parse_parameter(const char *p, char **ret_name, char **ret_value)
{
        cleanup_strbuf struct strbuf value = {};
        const char *start = p;
        cleanup_free char *name = NULL;

        while (is_token(*p))
                p++;
        name = xstrndup(start, (size_t)(p - start));
        p = skip_space(p);
        if (p == start || *p != '=')
                return NULL;
        p = skip_space(p + 1);
        if (*p == '"') {
                for (p++; *p && *p != '"'; p++) {
                        if (*p == '\\' && p[1])
                                p++;
                        strbuf_addc(&value, *p);
                }
                if (*p == '"')
                        p++;
        } else {
                while (*p && *p != ',' && *p != ' ' && *p != '\t')
                        strbuf_addc(&value, *p++);
        }
        *ret_name = take_ptr(name);
        *ret_value = strbuf_take(&value);
        return p;
}

static void set_parameter(struct challenge *c, const char *name, const char *value)
{
        if (strcasecmp(name, "realm") == 0)
                replace_string(&c->realm, value);
        else if (strcasecmp(name, "service") == 0)
                replace_string(&c->service, value);
        else if (strcasecmp(name, "scope") == 0)
                replace_string(&c->scope, value);
}

void challenge_parse(const char *header, struct challenge *ret)
{
        struct challenge best = {}, current = {};
        const char *p = header;

        for (;;) {
                char *name = NULL, *value = NULL;
                const char *next, *start;

                p += strspn(p, " \t,");
                next = *p ? parse_parameter(p, &name, &value) : NULL;
                if (next) {
                        set_parameter(&current, name, value);
                        free(name);
                        free(value);
                        p = next;
                        continue;
                }
                /* A new scheme, or the end: keep the stronger one. */
                if (current.scheme > best.scheme) {
                        challenge_deinit(&best);
                        best = current;
                } else {
                        challenge_deinit(&current);
                }
                current = (struct challenge){};
                if (!*p)
                        break;
                start = p;
                while (*p && *p != ' ' && *p != '\t' && *p != ',')
                        p++;
                if ((size_t)(p - start) == 5 && strncasecmp(start, "basic", 5) == 0)
                        current.scheme = CHALLENGE_BASIC;
                else if ((size_t)(p - start) == 6 && strncasecmp(start, "bearer", 6) == 0)
                        current.scheme = CHALLENGE_BEARER;
        }
        *ret = best;
}

void challenge_deinit(struct challenge *c)
{
        free(c->realm);
        free(c->service);
        free(c->scope);
        *c = (struct challenge){};
}
