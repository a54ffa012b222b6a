/* Platforms: how they are spelt, and which image runs where. */
#include "oci/image.h"

#include <ctype.h>
#include <sys/utsname.h>

#define STRUCT struct platform
static const struct json_field platform_fields[] = {
        JSON_FIELD("architecture", STRUCT, architecture, JSON_STRING),
        JSON_FIELD("os", STRUCT, os, JSON_STRING),
        JSON_FIELD("os.version", STRUCT, os_version, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("os.features", STRUCT, os_features, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("variant", STRUCT, variant, JSON_STRING, JSON_OMIT_EMPTY),
};
const struct json_table platform_table = JSON_TABLE(STRUCT, platform_fields);
#undef STRUCT

/* Spellings of architectures: what is written, what it means. A NULL variant keeps the one that is given. */
static const struct {
        const char *alias, *architecture, *variant;
} aliases[] = {
        { "i386", "386", "" },        { "i486", "386", "" },
        { "i586", "386", "" },        { "i686", "386", "" },
        { "x86_64", "amd64", NULL },  { "x86-64", "amd64", NULL },
        { "aarch64", "arm64", NULL }, { "armhf", "arm", "v7" },
        { "armel", "arm", "v6" },     { "armv8l", "arm", "v7" },
        { "armv7l", "arm", "v7" },    { "armv6l", "arm", "v6" },
        { "riscv", "riscv64", NULL }, { "loongarch64", "loong64", NULL },
};

static const char *const known_systems[] = {
        "linux",   "windows", "darwin",  "freebsd", "netbsd", "openbsd", "dragonfly", "solaris",
        "illumos", "aix",     "android", "ios",     "js",     "plan9",   "wasip1",    "zos",
};

static const char *const known_architectures[] = {
        "386",      "amd64", "arm",     "arm64",   "loong64", "mips", "mipsle",  "mips64",
        "mips64le", "ppc64", "ppc64le", "riscv64", "s390x",   "wasm", "sparc64",
};

static bool listed(const char *const *list, size_t count, const char *s)
{
        for (size_t i = 0; i < count; i++)
                if (streq(list[i], s))
                        return true;
        return false;
}

static void lower(char **s)
{
        for (char *p = *s; p && *p; p++)
                *p = (char)tolower((unsigned char)*p);
}

static void normalize_variant(struct platform *p)
{
        const char *v = p->variant ? p->variant : "";

        if (streq(p->architecture, "arm64") && (streq(v, "8") || streq(v, "v8")))
                replace_string(&p->variant, "");
        else if (streq(p->architecture, "amd64") && (streq(v, "v1") || streq(v, "1")))
                replace_string(&p->variant, "");
        else if (streq(p->architecture, "arm") && !*v)
                replace_string(&p->variant, "v7");
        else if (streq(p->architecture, "arm") && isdigit((unsigned char)v[0]) && !v[1]) {
                char *fixed = string_format("v%s", v);

                free(p->variant);
                p->variant = fixed;
        }
}

void platform_normalize(struct platform *p)
{
        lower(&p->os);
        lower(&p->architecture);
        lower(&p->variant);
        if (streq(p->os, "macos"))
                replace_string(&p->os, "darwin");
        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (streq(aliases[i].alias, p->architecture)) {
                        replace_string(&p->architecture, aliases[i].architecture);
                        if (aliases[i].variant && (string_empty(p->variant) || !*aliases[i].variant))
                                replace_string(&p->variant, aliases[i].variant);
                        break;
                }
        normalize_variant(p);
}

void platform_host(struct platform *ret)
{
        struct utsname u;
        struct platform p = { .os = xstrdup("linux") };

        uname(&u);
        p.architecture = xstrdup(u.machine);
        platform_normalize(&p);
        *ret = p;
}

static bool component_valid(const char *s)
{
        if (!*s)
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char)*s) && !strchr("_-.", *s))
                        return false;
        return true;
}

static int parse_one(const char *text, struct platform *p, struct error *err)
{
        struct platform host = {};

        platform_host(&host);
        p->os = xstrdup(text);
        p->architecture = xstrdup(host.architecture);
        p->variant = xstrdup(host.variant);
        platform_normalize(p);
        if (!listed(known_systems, ARRAY_SIZE(known_systems), p->os)) {
                replace_string(&p->os, host.os);
                replace_string(&p->architecture, text);
                replace_string(&p->variant, "");
                platform_normalize(p);
        }
        platform_deinit(&host);
        if (listed(known_architectures, ARRAY_SIZE(known_architectures), p->architecture) ||
            !streq(p->os, "linux"))
                return 0;
        return error_set(err, ERROR_INVALID,
                         "\"%s\": unknown operating system or architecture: invalid argument", text);
}

int platform_parse(const char *text, struct platform *ret, struct error *err)
{
        cleanup_strv char **parts = strv_split(text, '/');
        cleanup_platform struct platform p = {};
        size_t count = strv_length(parts);

        for (size_t i = 0; i < count; i++)
                if (!component_valid(parts[i]))
                        return error_set(err, ERROR_INVALID,
                                         "\"%s\" is an invalid component of \"%s\": platform specifier "
                                         "component must match "
                                         "\"^[A-Za-z0-9_.-]+$\": invalid argument",
                                         parts[i], text);
        if (count > 3)
                return error_set(err, ERROR_INVALID,
                                 "\"%s\": cannot parse platform specifier: invalid argument", text);
        if (count == 1) {
                if (parse_one(text, &p, err) < 0)
                        return -1;
        } else {
                p.os = xstrdup(parts[0]);
                p.architecture = xstrdup(parts[1]);
                p.variant = xstrdup(count == 3 ? parts[2] : "");
                platform_normalize(&p);
        }
        *ret = p;
        p = (struct platform){};
        return 0;
}

char *platform_format(const struct platform *p)
{
        return string_format("%s/%s%s%s", p->os ? p->os : "", p->architecture ? p->architecture : "",
                             string_empty(p->variant) ? "" : "/", p->variant ? p->variant : "");
}

/* "v7" → 7; nothing → what it stands for. */
static int variant_number(const struct platform *p)
{
        if (string_empty(p->variant))
                return streq(p->architecture, "arm64") ? 8 : streq(p->architecture, "amd64") ? 1 : 0;
        return atoi(p->variant + (p->variant[0] == 'v'));
}

int platform_match(const struct platform *want, const struct platform *have, bool strict)
{
        struct platform w = {}, h = {};
        int score = 0, wanted, there;

        platform_copy(&w, want);
        platform_copy(&h, have);
        platform_normalize(&w);
        platform_normalize(&h);
        wanted = variant_number(&w);
        there = variant_number(&h);
        if (!streq(w.os, h.os))
                score = 0;
        else if (streq(w.architecture, h.architecture) && wanted == there)
                score = 100;
        else if (strict)
                score = 0;
        else if (streq(w.architecture, h.architecture))
                score = there < wanted ? 50 + there : 0;
        else if (streq(w.architecture, "arm64") && streq(h.architecture, "arm"))
                score = there <= 8 ? 20 + there : 0;
        else if (streq(w.architecture, "amd64") && streq(h.architecture, "386"))
                score = 20;
        platform_deinit(&w);
        platform_deinit(&h);
        return score;
}

bool platform_suits(const struct platform *want, const struct platform *have)
{
        return platform_match(want, have, false) ||
               (string_empty(have->variant) && streq(want->os, have->os) &&
                streq(want->architecture, have->architecture));
}

void platform_copy(struct platform *dst, const struct platform *src)
{
        json_copy(&platform_table, src, dst);
}

void platform_deinit(struct platform *p)
{
        json_free_fields(&platform_table, p);
        *p = (struct platform){};
}
