/* Go's path functions that Dockerfiles and .dockerignore are defined by. */
#include "build/dockerignore.h"

#include "base/utf8.h"

/* One character of a class; 0 or -1. */
static int class_rune(const char **p, const char *end, uint32_t *ret)
{
        size_t n;

        if (*p == end || **p == '-' || **p == ']')
                return -1;
        if (**p == '\\' && ++*p == end)
                return -1;
        n = utf8_decode(*p, (size_t)(end - *p), ret);
        if (*ret == UTF8_ERROR && n == 1)
                return -1;
        *p += n;
        return *p == end ? -1 : 0;
}

/* A class, behind its "[": does it hold `rune`? 1, 0, or -1 for a malformed one. */
static int class_match(const char **p, const char *end, uint32_t rune)
{
        bool negated = *p < end && **p == '^', hit = false;

        *p += negated;
        for (int count = 0;; count++) {
                uint32_t low, high;

                if (*p < end && **p == ']' && count) {
                        ++*p;
                        return hit != negated;
                }
                if (class_rune(p, end, &low) < 0)
                        return -1;
                high = low;
                if (**p == '-') {
                        ++*p;
                        if (class_rune(p, end, &high) < 0)
                                return -1;
                }
                hit |= rune >= low && rune <= high;
        }
}

/* A piece without "*" against the beginning of `*name`, which moves on. A mismatch still checks the rest of
 * the piece. */
static int chunk_match(const char *p, const char *end, const char **name)
{
        const char *s = *name;
        bool failed = false;

        while (p < end) {
                uint32_t rune;
                size_t n = utf8_decode(s, strlen(s), &rune);

                failed |= n == 0;
                if (*p == '[') {
                        int r;

                        p++;
                        r = class_match(&p, end, rune);
                        if (r < 0)
                                return -1;
                        failed |= r == 0;
                } else if (*p == '?') {
                        failed |= *s == '/';
                        p++;
                } else {
                        if (*p == '\\' && ++p == end)
                                return -1;
                        failed |= *p != *s;
                        n = 1; /* byte by byte */
                        p++;
                }
                if (!failed)
                        s += n;
        }
        if (failed)
                return 0;
        *name = s;
        return 1;
}

/* The end of the piece at `p`: the next "*" outside of a class. */
static const char *chunk_end(const char *p)
{
        bool in_class = false;

        for (; *p && (*p != '*' || in_class); p++) {
                if (*p == '\\' && p[1])
                        p++;
                else if (*p == '[')
                        in_class = true;
                else if (*p == ']')
                        in_class = false;
        }
        return p;
}

/* The piece behind a "*": at the first place where it fits. */
static int star_match(const char *p, const char *end, const char **name)
{
        const char *s = *name;

        for (; *s && *s != '/'; s++) {
                const char *t = s + 1;
                int r = chunk_match(p, end, &t);

                if (r < 0)
                        return -1;
                if (r > 0 && (*end || !*t)) {
                        *name = t;
                        return 1;
                }
        }
        return 0;
}

int path_glob(const char *pattern, const char *name)
{
        while (*pattern) {
                bool star = *pattern == '*';
                const char *end, *t = name;
                int r;

                pattern += strspn(pattern, "*");
                end = chunk_end(pattern);
                if (star && !*pattern)
                        return strchr(name, '/') == NULL;
                r = chunk_match(pattern, end, &t);
                if (r > 0 && (!*t || *end)) {
                        name = t;
                        pattern = end;
                        continue;
                }
                if (r == 0 || star)
                        r = r < 0 ? r : star ? star_match(pattern, end, &name) : 0;
                else if (r > 0)
                        r = 0;
                if (r < 0)
                        return -1;
                pattern = end;
                if (r > 0)
                        continue;
                while (*pattern) { /* no match: is the rest well-formed? */
                        const char *none = "";

                        pattern += strspn(pattern, "*");
                        end = chunk_end(pattern);
                        if (chunk_match(pattern, end, &none) < 0)
                                return -1;
                        pattern = end;
                }
                return 0;
        }
        return *name == 0;
}
