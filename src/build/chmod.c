/* COPY --chmod: "0755" or "u=rwX,go=rX" as chmod(1) takes them. */
#include "build/build-internal.h"

static bool is_octal(const char *text)
{
        return *text && strspn(text, "01234567") == strlen(text);
}

static mode_t who_mask(const char **p)
{
        mode_t mask = 0;

        for (;; ++*p) {
                if (**p == 'u')
                        mask |= S_ISUID | S_IRWXU;
                else if (**p == 'g')
                        mask |= S_ISGID | S_IRWXG;
                else if (**p == 'o')
                        mask |= S_ISVTX | S_IRWXO;
                else if (**p == 'a')
                        mask |= 07777;
                else
                        return mask;
        }
}

/* The bits of "rwXst" or of "u", "g", "o" (a copy), for everybody. -1 when there are others. */
static int permission_bits(const char **p, mode_t mode)
{
        int bits = 0;

        if (**p && strchr("ugo", **p)) {
                int shift = **p == 'u' ? 6 : **p == 'g' ? 3 : 0, one = (mode >> shift) & 7;

                ++*p;
                return one | one << 3 | one << 6;
        }
        for (;; ++*p) {
                if (**p == 'r')
                        bits |= 0444;
                else if (**p == 'w')
                        bits |= 0222;
                else if (**p == 'x' || (**p == 'X' && (S_ISDIR(mode) || (mode & 0111))))
                        bits |= 0111;
                else if (**p == 's')
                        bits |= S_ISUID | S_ISGID;
                else if (**p == 't')
                        bits |= S_ISVTX;
                else if (**p != 'X')
                        return bits;
        }
}

/* One clause, "go+rX-w". */
static int apply_clause(const char **p, mode_t *mode)
{
        mode_t who = who_mask(p);

        if (!who)
                who = 07777;
        if (!**p || !strchr("+-=", **p))
                return -1;
        while (**p && strchr("+-=", **p)) {
                char op = *(*p)++;
                mode_t bits = (mode_t)permission_bits(p, *mode) & who;

                if (op == '-')
                        *mode &= ~bits;
                else if (op == '+')
                        *mode |= bits;
                else
                        *mode = (*mode & ~who) | bits;
        }
        return 0;
}

static int apply(const char *text, mode_t *mode)
{
        if (is_octal(text)) {
                unsigned long value = strtoul(text, NULL, 8);

                if (value > 07777)
                        return -1;
                *mode = (*mode & S_IFMT) | (mode_t)value;
                return 0;
        }
        for (;;) {
                if (apply_clause(&text, mode) < 0)
                        return -1;
                if (!*text)
                        return 0;
                if (*text++ != ',')
                        return -1;
        }
}

int chmod_check(const char *text, struct error *err)
{
        mode_t mode = S_IFREG;

        if (apply(text, &mode) < 0)
                return error_set(
                    err, ERROR_INVALID,
                    "invalid chmod parameter: '%s'. it should be octal string and between 0 and 07777", text);
        return 0;
}

mode_t chmod_apply(const char *text, mode_t mode)
{
        apply(text, &mode);
        return mode & 07777;
}

mode_t chmod_directory(const char *text)
{
        mode_t mode = 0755;

        return text && is_octal(text) ? chmod_apply(text, mode) : mode;
}
