#include "base/time.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_read(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t time_now(void)
{
        return clock_read(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
        return clock_read(CLOCK_MONOTONIC);
}

static void format_rfc3339(int64_t t, bool fixed, char ret[TIME_RFC3339_MAX])
{
        int64_t seconds = t / NSEC_PER_SEC, nanoseconds = t % NSEC_PER_SEC;
        time_t when;
        struct tm tm;
        size_t n;

        if (t == TIME_ZERO) {
                strcpy(ret, "0001-01-01T00:00:00Z");
                return;
        }
        if (nanoseconds < 0) {
                seconds--;
                nanoseconds += NSEC_PER_SEC;
        }
        when = (time_t)seconds;
        gmtime_r(&when, &tm);
        n = strftime(ret, TIME_RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
        if (nanoseconds || fixed)
                n += (size_t)snprintf(ret + n, TIME_RFC3339_MAX - n, ".%09d", (int)nanoseconds);
        while (!fixed && nanoseconds && ret[n - 1] == '0')
                n--;
        strcpy(ret + n, "Z");
}

void time_format_rfc3339nano(int64_t t, char ret[TIME_RFC3339_MAX])
{
        format_rfc3339(t, false, ret);
}

void time_format_rfc3339fixed(int64_t t, char ret[TIME_RFC3339_MAX])
{
        format_rfc3339(t, true, ret);
}

/* Reads exactly `digits` digits. */
static bool read_digits(const char **s, int digits, int *ret)
{
        int value = 0;

        for (int i = 0; i < digits; i++, (*s)++) {
                if (**s < '0' || **s > '9')
                        return false;
                value = value * 10 + (**s - '0');
        }
        *ret = value;
        return true;
}

static bool expect(const char **s, char c)
{
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

static int64_t read_fraction(const char **s)
{
        int64_t nanoseconds = 0, scale = NSEC_PER_SEC / 10;

        for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
                nanoseconds += (**s - '0') * scale;
        return nanoseconds;
}

int time_parse_rfc3339(const char *s, int64_t *ret, struct error *err)
{
        const char *p = s;
        struct tm tm = {};
        int64_t fraction = 0, offset = 0;
        int hours, minutes;
        time_t seconds;

        if (!read_digits(&p, 4, &tm.tm_year) || !expect(&p, '-') || !read_digits(&p, 2, &tm.tm_mon) || !expect(&p, '-') ||
            !read_digits(&p, 2, &tm.tm_mday) || (*p != 'T' && *p != 't' && *p != ' ') || !p++ || !read_digits(&p, 2, &tm.tm_hour) ||
            !expect(&p, ':') || !read_digits(&p, 2, &tm.tm_min) || !expect(&p, ':') || !read_digits(&p, 2, &tm.tm_sec) ||
            tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
                return error_set(err, ERROR_INVALID, "invalid time '%.64s'", s);
        if (*p == '.' || *p == ',') {
                p++;
                fraction = read_fraction(&p);
        }
        if (*p == '+' || *p == '-') {
                int sign = *p++ == '-' ? -1 : 1;

                if (!read_digits(&p, 2, &hours) || !expect(&p, ':') || !read_digits(&p, 2, &minutes))
                        return error_set(err, ERROR_INVALID, "invalid time '%.64s'", s);
                offset = sign * (hours * 3600 + minutes * 60);
        } else if (*p == 'Z' || *p == 'z') {
                p++;
        } else {
                return error_set(err, ERROR_INVALID, "invalid time '%.64s'", s);
        }
        if (*p)
                return error_set(err, ERROR_INVALID, "invalid time '%.64s'", s);
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        if (tm.tm_year == 1 - 1900) {
                *ret = TIME_ZERO;
                return 0;
        }
        if (tm.tm_year < 1678 - 1900 || tm.tm_year > 2261 - 1900)
                return error_set(err, ERROR_INVALID, "time '%.64s' is out of range", s);
        seconds = timegm(&tm);
        *ret = (seconds - offset) * NSEC_PER_SEC + fraction;
        return 0;
}

static const struct {
        const char *name;
        int64_t nanoseconds;
} duration_units[] = {
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 },
        { "\xce\xbcs", 1000 },
        { "ms", NSEC_PER_MSEC },
        { "s", NSEC_PER_SEC },
        { "m", 60 * NSEC_PER_SEC },
        { "h", 3600 * NSEC_PER_SEC },
};

int duration_parse(const char *s, int64_t *ret, struct error *err)
{
        const char *p = s;
        bool negative = *p == '-';
        int64_t total = 0;

        if (*p == '-' || *p == '+')
                p++;
        if (streq(p, "0")) {
                *ret = 0;
                return 0;
        }
        if (!*p)
                return error_set(err, ERROR_INVALID, "time: invalid duration \"%.64s\"", s);
        while (*p) {
                int64_t whole = 0, unit = 0, part;
                double fraction = 0, scale = 1;
                size_t digits = 0, unit_len;

                for (; *p >= '0' && *p <= '9'; p++, digits++)
                        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *p - '0', &whole))
                                return error_set(err, ERROR_INVALID, "time: invalid duration \"%.64s\"", s);
                if (*p == '.')
                        for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
                                fraction = fraction * 10 + (*p - '0');
                                scale *= 10;
                        }
                if (!digits)
                        return error_set(err, ERROR_INVALID, "time: invalid duration \"%.64s\"", s);
                unit_len = strcspn(p, ".0123456789");
                if (!unit_len)
                        return error_set(err, ERROR_INVALID, "time: missing unit in duration \"%.64s\"", s);
                for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++)
                        if (strlen(duration_units[i].name) == unit_len && strncmp(p, duration_units[i].name, unit_len) == 0)
                                unit = duration_units[i].nanoseconds;
                if (!unit)
                        return error_set(err, ERROR_INVALID, "time: unknown unit \"%.*s\" in duration \"%.64s\"", (int)unit_len, p, s);
                p += unit_len;
                if (__builtin_mul_overflow(whole, unit, &part) ||
                    __builtin_add_overflow(part, (int64_t)(fraction * ((double)unit / scale)), &part) ||
                    __builtin_add_overflow(total, part, &total))
                        return error_set(err, ERROR_INVALID, "time: invalid duration \"%.64s\"", s);
        }
        *ret = negative ? -total : total;
        return 0;
}

/* Appends value/unit with its fraction, without trailing zeros. */
static void add_fraction(struct strbuf *b, uint64_t value, uint64_t unit, const char *name)
{
        uint64_t rest = value % unit;

        strbuf_addf(b, "%" PRIu64, value / unit);
        if (rest) {
                strbuf_addc(b, '.');
                for (uint64_t digit = unit / 10; rest; rest %= digit, digit /= 10)
                        strbuf_addc(b, (char)('0' + rest / digit));
        }
        strbuf_adds(b, name);
}

char *duration_format(int64_t d)
{
        uint64_t u = d < 0 ? -(uint64_t)d : (uint64_t)d;
        struct strbuf b = {};

        if (d == 0)
                return xstrdup("0s");
        if (d < 0)
                strbuf_addc(&b, '-');
        if (u < (uint64_t)NSEC_PER_SEC) {
                if (u < 1000)
                        strbuf_addf(&b, "%" PRIu64 "ns", u);
                else if (u < (uint64_t)NSEC_PER_MSEC)
                        add_fraction(&b, u, 1000, "\xc2\xb5s");
                else
                        add_fraction(&b, u, (uint64_t)NSEC_PER_MSEC, "ms");
                return strbuf_take(&b);
        }
        if (u >= 3600 * (uint64_t)NSEC_PER_SEC)
                strbuf_addf(&b, "%" PRIu64 "h", u / (3600 * (uint64_t)NSEC_PER_SEC));
        if (u >= 60 * (uint64_t)NSEC_PER_SEC)
                strbuf_addf(&b, "%" PRIu64 "m", u / (60 * (uint64_t)NSEC_PER_SEC) % 60);
        add_fraction(&b, u % (60 * (uint64_t)NSEC_PER_SEC), (uint64_t)NSEC_PER_SEC, "s");
        return strbuf_take(&b);
}

char *duration_human(int64_t d)
{
        int64_t seconds = d / NSEC_PER_SEC, minutes = seconds / 60;
        /* As Go's Duration.Hours() + 0.5 truncated. */
        int64_t hours = (d + 1800 * NSEC_PER_SEC) / (3600 * NSEC_PER_SEC);

        if (seconds < 1)
                return xstrdup("Less than a second");
        if (seconds == 1)
                return xstrdup("1 second");
        if (seconds < 60)
                return string_format("%" PRId64 " seconds", seconds);
        if (minutes == 1)
                return xstrdup("About a minute");
        if (minutes < 60)
                return string_format("%" PRId64 " minutes", minutes);
        if (hours == 1)
                return xstrdup("About an hour");
        if (hours < 48)
                return string_format("%" PRId64 " hours", hours);
        if (hours < 24 * 7 * 2)
                return string_format("%" PRId64 " days", hours / 24);
        if (hours < 24 * 30 * 2)
                return string_format("%" PRId64 " weeks", hours / 24 / 7);
        if (hours < 24 * 365 * 2)
                return string_format("%" PRId64 " months", hours / 24 / 30);
        return string_format("%" PRId64 " years", hours / 24 / 365);
}
