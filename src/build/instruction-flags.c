#include "build/dockerfile-internal.h"

#include <ctype.h>

/* Edits (insert, delete, replace) that turn `a` into `b`; `a` is at most 32 long. */
static size_t distance(const char *a, const char *b, bool with_case)
{
        size_t la = strlen(a), row[34];

        for (size_t i = 0; i <= la; i++)
                row[i] = i;
        for (size_t j = 0; b[j]; j++) {
                size_t diagonal = row[0];

                row[0] = j + 1;
                for (size_t i = 0; i < la; i++) {
                        bool same = with_case ? a[i] == b[j]
                                              : tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
                        size_t best = MIN(MIN(row[i], row[i + 1]) + 1, diagonal + !same);

                        diagonal = row[i + 1];
                        row[i + 1] = best;
                }
        }
        return row[la];
}

char *did_you_mean(const char *word, const char *const *options, size_t count, bool with_case)
{
        const char *best = NULL;
        size_t least = 3;
        bool lower = false;
        cleanup_free char *name = NULL;

        if (strlen(word) > 32)
                return xstrdup("");
        for (size_t i = 0; i < count; i++) {
                size_t d = distance(word, options[i], with_case);

                if (d == 0)
                        return xstrdup("");
                if (d < least) {
                        least = d;
                        best = options[i];
                }
        }
        if (!best)
                return xstrdup("");
        for (const char *c = word; *c; c++)
                lower |= islower((unsigned char)*c) != 0;
        name = xstrdup(best);
        for (char *c = name; *c && !with_case; c++)
                *c = (char)(lower ? tolower((unsigned char)*c) : toupper((unsigned char)*c));
        return string_format(" (did you mean %s?)", name);
}

static int unknown_flag(const char *name, const struct instruction_flag *flags, size_t count,
                        struct error *err)
{
        const char *names[16];
        cleanup_free char *hint = NULL;

        for (size_t i = 0; i < count; i++)
                names[i] = flags[i].name;
        hint = did_you_mean(name, names, count, true);
        return error_set(err, ERROR_INVALID, "unknown flag: --%s%s", name, hint);
}

static int set_bool(const struct instruction_flag *flag, const char *value, struct error *err)
{
        if (!value || strcasecmp(value, "true") == 0)
                *(int *)flag->value = 1;
        else if (strcasecmp(value, "false") == 0)
                *(int *)flag->value = 0;
        else if (!*value)
                return error_set(err, ERROR_INVALID, "missing a value on flag: --%s", flag->name);
        else
                return error_set(err, ERROR_INVALID, "expecting boolean value for flag --%s, not: %s",
                                 flag->name, value);
        return 0;
}

static int set_flag(const struct instruction_flag *flag, const char *value, char ***used, struct error *err)
{
        if (strv_contains(*used, flag->name) && flag->type != FLAG_STRINGS)
                return error_set(err, ERROR_INVALID, "duplicate flag specified: %s", flag->name);
        if (!strv_contains(*used, flag->name))
                strv_append(used, flag->name);
        if (flag->type == FLAG_BOOL)
                return set_bool(flag, value, err);
        if (!value)
                return error_set(err, ERROR_INVALID, "missing a value on flag: --%s", flag->name);
        if (flag->type == FLAG_STRINGS)
                strv_append(flag->value, value);
        else
                *(char **)flag->value = xstrdup(value);
        return 0;
}

int instruction_flags_parse(char *const *given, const struct instruction_flag *flags, size_t count,
                            char ***ret_used, struct error *err)
{
        cleanup_strv char **used = strv_new();

        for (; given && *given; given++) {
                const char *name = string_after(*given, "--"), *value;
                cleanup_free char *plain = NULL;
                size_t i;

                if (!name)
                        return error_set(err, ERROR_INVALID, "arg should start with -- : %s", *given);
                value = strchr(name, '=');
                plain = value ? xstrndup(name, (size_t)(value - name)) : xstrdup(name);
                for (i = 0; i < count && !streq(flags[i].name, plain);)
                        i++;
                if (i == count)
                        return unknown_flag(plain, flags, count, err);
                if (set_flag(&flags[i], value ? value + 1 : NULL, &used, err) < 0)
                        return -1;
        }
        if (ret_used) {
                strv_sort(used);
                *ret_used = take_ptr(used);
        }
        return 0;
}
