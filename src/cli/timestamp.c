#include "cli/timestamp.h"
#include "base/str.h"
#include "base/time.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

static char *format(int64_t t)
{
        return string_format("%lld.%09lld", (long long)(t / NSEC_PER_SEC), (long long)(t % NSEC_PER_SEC));
}

/* "1700000000" and "1700000000.123456789", passed on as they are. */
static bool is_number(const char *text)
{
        size_t digits = strspn(text, "0123456789");

        if (!digits)
                return false;
        if (!text[digits])
                return true;
        return text[digits] == '.' && text[digits + 1] &&
               !text[digits + 1 + strspn(text + digits + 1, "0123456789")];
}

static bool has_zone(const char *text)
{
        const char *clock = strchr(text, 'T');

        return clock && strpbrk(clock, "Z+-");
}

/* Dates and times without seconds, minutes or a zone are what is before them, here. */
static int parse_local(const char *text, int64_t *ret)
{
        static const char *const layouts[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
                                               "%Y-%m-%d" };

        for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
                struct tm tm = { .tm_isdst = -1 };
                const char *end = strptime(text, layouts[i], &tm);
                int64_t nanoseconds = 0, unit = NSEC_PER_SEC / 10;

                if (!end)
                        continue;
                if (i == 0 && *end == '.')
                        for (end++; isdigit((unsigned char)*end); end++, unit /= 10)
                                nanoseconds += (*end - '0') * unit;
                if (*end)
                        continue;
                *ret = (int64_t)mktime(&tm) * NSEC_PER_SEC + nanoseconds;
                return 0;
        }
        return -1;
}

/* "2026-01-02Z", "…T15:04+01:00": the date or time alone with a zone behind it. */
static int parse_zoned(const char *text, int64_t *ret)
{
        cleanup_free char *whole = NULL;
        const char *clock = strchr(text, 'T');
        size_t head = clock ? (size_t)(strpbrk(clock, "Z+-") - text) : strcspn(text, "Z");
        int colons = 0;

        for (const char *p = clock; p && p < text + head; p++)
                colons += *p == ':';
        if (!text[head])
                return -1;
        whole = string_format("%.*s%s%s", (int)head, text,
                              !clock        ? "T00:00:00"
                              : colons == 0 ? ":00:00"
                              : colons == 1 ? ":00"
                                            : "",
                              text + head);
        return time_parse_rfc3339(whole, ret, NULL);
}

int timestamp_parse(const char *text, int64_t now, char **ret, struct error *err)
{
        int64_t t;

        if (is_number(text)) {
                *ret = xstrdup(text);
                return 0;
        }
        if (duration_parse(text, &t, NULL) == 0)
                t = now - t;
        else if ((has_zone(text) || text[strcspn(text, "Z")] ? parse_zoned(text, &t)
                                                             : parse_local(text, &t)) < 0)
                return error_set(err, ERROR_INVALID, "failed to parse value as time or duration: \"%s\"",
                                 text);
        *ret = format(t);
        return 0;
}
