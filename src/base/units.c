#include "base/units.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

int size_parse(const char *text, int64_t *ret, struct error *err)
{
        static const char units[] = "kmgtp";
        const char *p = text, *unit;
        double number = 0, scale = 1;
        int digits = 0;

        for (; isdigit((unsigned char)*p); p++, digits++)
                number = number * 10 + (*p - '0');
        if (*p == '.')
                for (p++; isdigit((unsigned char)*p); p++, digits++) {
                        scale /= 10;
                        number += (*p - '0') * scale;
                }
        if (!digits)
                return error_set(err, ERROR_INVALID, "invalid size: '%s'", text);
        if (*p == ' ')
                p++;
        unit = *p ? strchr(units, tolower((unsigned char)*p)) : NULL;
        if (unit) {
                for (long i = 0; i <= unit - units; i++)
                        number *= 1024;
                p++;
                if (*p == 'i' || *p == 'I')
                        p++;
        }
        if (*p == 'b' || *p == 'B')
                p++;
        if (*p)
                return error_set(err, ERROR_INVALID, "invalid suffix: '%s'", text + strspn(text, "0123456789. "));
        if (number > 9.2e18)
                return error_set(err, ERROR_INVALID, "invalid size: '%s'", text);
        *ret = (int64_t)number;
        return 0;
}

static char *format_with(double bytes, double base, const char *const *units, size_t count, int precision)
{
        size_t i = 0;

        while (bytes >= base && i + 1 < count) {
                bytes /= base;
                i++;
        }
        return string_format("%.*g%s", precision, bytes, units[i]);
}

char *size_format(double bytes, int precision)
{
        static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };

        return format_with(bytes, 1000, units, ARRAY_SIZE(units), precision);
}

char *size_format_binary(double bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" };

        return format_with(bytes, 1024, units, ARRAY_SIZE(units), 4);
}
