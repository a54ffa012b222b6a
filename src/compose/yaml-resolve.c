/* Plain scalars. */
#include "compose/yaml.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

static const struct {
        const char *text;
        enum node_kind kind;
        double value;
} words[] = {
        { "", NODE_NULL, 0 },
        { "~", NODE_NULL, 0 },
        { "null", NODE_NULL, 0 },
        { "Null", NODE_NULL, 0 },
        { "NULL", NODE_NULL, 0 },
        { "true", NODE_BOOL, 1 },
        { "True", NODE_BOOL, 1 },
        { "TRUE", NODE_BOOL, 1 },
        { "false", NODE_BOOL, 0 },
        { "False", NODE_BOOL, 0 },
        { "FALSE", NODE_BOOL, 0 },
        { ".nan", NODE_FLOAT, NAN },
        { ".NaN", NODE_FLOAT, NAN },
        { ".NAN", NODE_FLOAT, NAN },
        { ".inf", NODE_FLOAT, INFINITY },
        { ".Inf", NODE_FLOAT, INFINITY },
        { ".INF", NODE_FLOAT, INFINITY },
        { "+.inf", NODE_FLOAT, INFINITY },
        { "+.Inf", NODE_FLOAT, INFINITY },
        { "+.INF", NODE_FLOAT, INFINITY },
        { "-.inf", NODE_FLOAT, -INFINITY },
        { "-.Inf", NODE_FLOAT, -INFINITY },
        { "-.INF", NODE_FLOAT, -INFINITY },
};

#define NUMBER_MAX 64

/* Go's ParseInt with base 0: 0x, 0o, 0b, a leading 0 is octal. */
static bool resolve_integer(const char *text, struct node *ret)
{
        bool negative = *text == '-';
        const char *digits = text + (*text == '-' || *text == '+');
        int base = 10;
        unsigned long long value;
        char *end;

        if (*digits == '0' && digits[1]) {
                char letter = (char)tolower((unsigned char)digits[1]);

                base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
                digits += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
        }
        if (!isalnum((unsigned char)*digits))
                return false;
        errno = 0;
        value = strtoull(digits, &end, base);
        if (*end || end == digits || errno || value > (unsigned long long)INT64_MAX + negative)
                return false;
        ret->kind = NODE_INT;
        ret->integer = negative ? (int64_t)(0 - value) : (int64_t)value;
        return true;
}

/* [-+]?(.d+|d+(.d*)?)([eE][-+]?d+)? */
static bool looks_like_float(const char *p)
{
        size_t before, after = 0;

        p += *p == '-' || *p == '+';
        before = strspn(p, "0123456789");
        p += before;
        if (*p == '.') {
                p++;
                after = strspn(p, "0123456789");
                p += after;
        }
        if (!before && !after)
                return false;
        if (*p == 'e' || *p == 'E') {
                p++;
                p += *p == '-' || *p == '+';
                before = strspn(p, "0123456789");
                p += before;
                if (!before)
                        return false;
        }
        return !*p;
}

void yaml_resolve(const char *text, struct node *ret)
{
        char plain[NUMBER_MAX];
        size_t len = 0;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (streq(text, words[i].text)) {
                        ret->kind = words[i].kind;
                        if (ret->kind == NODE_BOOL)
                                ret->boolean = words[i].value > 0;
                        else
                                ret->number = words[i].value;
                        return;
                }
        ret->kind = NODE_STRING;
        ret->string = text;
        if (!strchr("+-.0123456789", *text))
                return;
        for (const char *p = text; *p; p++)
                if (*p != '_') {
                        if (len + 1 == sizeof(plain))
                                return;
                        plain[len++] = *p;
                }
        plain[len] = 0;
        if (resolve_integer(plain, ret) || !looks_like_float(plain))
                return;
        ret->kind = NODE_FLOAT;
        ret->number = strtod(plain, NULL);
}
