#include "cli/container-grammar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <strings.h>

bool grammar_is_ip(const char *text)
{
        unsigned char buffer[16];

        return inet_pton(AF_INET, text, buffer) == 1 || inet_pton(AF_INET6, text, buffer) == 1;
}

int check_ip(const char *value, struct error *err)
{
        return grammar_is_ip(value)
                   ? 0
                   : error_set(err, ERROR_INVALID, "IP address is not correctly formatted: %s", value);
}

/* A name of letters, digits and inner dashes, in labels with dots; "." alone is the empty list of domains. */
int check_domain(const char *value, struct error *err)
{
        const char *text = value + strspn(value, " \t");
        size_t len = strlen(text);
        bool letter = false, fine = true;

        if (streq(text, "."))
                return 0;
        len -= len && text[len - 1] == '.';
        for (size_t i = 0; fine && i < len; i++) {
                bool edge = i == 0 || i + 1 == len || text[i - 1] == '.' || text[i + 1] == '.';

                letter |= isalpha((unsigned char)text[i]) != 0;
                fine = isalnum((unsigned char)text[i]) || (text[i] == '-' && !edge) ||
                       (text[i] == '.' && i > 0 && text[i - 1] != '.');
        }
        return fine && letter && len < 255 ? 0
                                           : error_set(err, ERROR_INVALID, "%s is not a valid domain", value);
}

int check_attach(const char *value, struct error *err)
{
        if (strcasecmp(value, "stdin") == 0 || strcasecmp(value, "stdout") == 0 ||
            strcasecmp(value, "stderr") == 0)
                return 0;
        return error_set(err, ERROR_INVALID, "valid streams are STDIN, STDOUT and STDERR");
}

/* host:ip or host=ip; the separator is the first '=' or ':'. */
static const char *host_separator(const char *text)
{
        const char *equals = strchr(text, '=');

        return equals ? equals : strchr(text, ':');
}

/* CONTAINER[:ALIAS] */
int check_link(const char *value, struct error *err)
{
        const char *colon = strchr(value, ':');

        if (!*value)
                return error_set(err, ERROR_INVALID, "empty string specified for links");
        if (colon && strchr(colon + 1, ':'))
                return error_set(err, ERROR_INVALID, "bad format for links: %s", value);
        return 0;
}

int check_add_host(const char *value, struct error *err)
{
        const char *separator = host_separator(value);
        cleanup_free char *ip = NULL;
        size_t len;

        if (!separator || separator == value)
                return error_set(err, ERROR_INVALID, "bad format for add-host: \"%s\"", value);
        ip = xstrdup(separator + 1);
        len = strlen(ip);
        if (*ip == '[' && ip[len - 1] == ']') {
                ip[len - 1] = 0;
                memmove(ip, ip + 1, len - 1);
        }
        if (!streq(ip, "host-gateway") && !grammar_is_ip(ip))
                return error_set(err, ERROR_INVALID, "invalid IP address in add-host: \"%s\"", separator + 1);
        return 0;
}

char *normal_host(const char *text)
{
        const char *separator = host_separator(text);
        const char *ip = separator ? separator + 1 : "";
        size_t len = strlen(ip);

        if (!separator)
                return xstrdup(text);
        if (*ip == '[' && len && ip[len - 1] == ']') {
                ip++;
                len -= 2;
        }
        return string_format("%.*s:%.*s", (int)(separator - text), text, (int)len, ip);
}

int compact_json(char **text, struct error *err)
{
        cleanup_error struct error why = {};
        cleanup_json json_object *tree = NULL;
        struct strbuf b = {};
        bool quoted = false;

        if (json_parse_text(*text, strlen(*text), &tree, &why) < 0) {
                const char *said = string_after(error_message(&why), "invalid JSON: ");

                /* Go's encoder has other words for a text that ends too early than its stream reader. */
                return error_set(err, ERROR_INVALID, "%s",
                                 streq(said, "unexpected EOF") ? "unexpected end of JSON input"
                                 : said                        ? said
                                                               : error_message(&why));
        }
        for (const char *p = *text; *p; p++) {
                if (quoted || !isspace((unsigned char)*p))
                        strbuf_addc(&b, *p);
                if (*p == '\\' && quoted && p[1])
                        strbuf_addc(&b, *++p);
                else if (*p == '"')
                        quoted = !quoted;
        }
        free(*text);
        *text = strbuf_take(&b);
        return 0;
}

void grammar_set_pair(struct strmap *map, const char *text)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

        strmap_set(map, name, equals ? equals + 1 : "");
}

/* Fields separated by commas, CSV: a field in double quotes may hold commas and doubled quotes. */
int grammar_split_csv(const char *text, char ***ret, struct error *err)
{
        const char *start = text;

        while (true) {
                cleanup_strbuf struct strbuf field = {};

                if (*text == '"') {
                        for (text++; *text && !(*text == '"' && text[1] != '"'); text++) {
                                strbuf_addc(&field, *text);
                                text += *text == '"';
                        }
                        if (*text != '"' || (text[1] && text[1] != ','))
                                return error_set(err, ERROR_INVALID,
                                                 "parse error on line 1, column %zu: extraneous or missing "
                                                 "\" in quoted-field",
                                                 (size_t)(text - start) + 1);
                        text++;
                } else {
                        size_t len = strcspn(text, ",");

                        strbuf_add(&field, text, len);
                        if (memchr(text, '"', len))
                                return error_set(
                                    err, ERROR_INVALID,
                                    "parse error on line 1, column %zu: bare \" in non-quoted-field",
                                    (size_t)((const char *)memchr(text, '"', len) - start) + 1);
                        text += len;
                }
                strv_append_take(ret, strbuf_take(&field));
                if (!*text)
                        return 0;
                text++;
        }
}
