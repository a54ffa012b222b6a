#include "compose/mount-spec.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdio.h>

/* C: of a Windows path is no separator. */
static bool is_drive(const char *section, size_t len)
{
        uint32_t rune;

        return len > 0 && utf8_decode(section, len, &rune) == len && rune_is_letter(rune);
}

static bool is_path(const char *source)
{
        uint32_t rune;
        size_t first;

        if (strchr("./~", *source) || strncmp(source, "\\\\", 2) == 0)
                return true;
        first = utf8_decode(source, strlen(source), &rune);
        return source[first] == ':' && is_drive(source, first);
}

static void set_option(struct mount_spec *spec, const char *option)
{
        static const char *const propagations[] = { "rprivate", "private", "rshared",
                                                    "shared",   "rslave",  "slave" };

        if (streq(option, "ro") || streq(option, "rw"))
                spec->read_only = option[1] == 'o';
        else if (streq(option, "nocopy"))
                spec->no_copy = true;
        else if (streq(option, "z") || streq(option, "Z"))
                spec->selinux = option;
        for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
                if (streq(option, propagations[i]))
                        spec->propagation = propagations[i];
}

static const char *take_section(struct arena *arena, struct mount_spec *spec, const char *section, size_t len,
                                bool last)
{
        char *text = arena_strndup(arena, section, len), *save = NULL;

        if (!len)
                return "empty section between colons";
        if (!spec->source && last) {
                spec->target = text;
        } else if (!spec->source) {
                spec->source = text;
        } else if (!spec->target) {
                spec->target = text;
        } else if (!last) {
                return "too many colons";
        } else {
                for (char *option = strtok_r(text, ",", &save); option; option = strtok_r(NULL, ",", &save))
                        set_option(spec, option);
        }
        return NULL;
}

int mount_spec_parse(struct arena *arena, const char *text, struct mount_spec *ret, struct error *err)
{
        struct mount_spec spec = {};
        const char *section = text, *why;
        size_t braces = 0;

        if (!*text)
                return error_set(err, ERROR_INVALID, "invalid empty volume spec");
        if (strlen(text) <= 2) {
                *ret = (struct mount_spec){ .target = arena_strdup(arena, text) };
                return 0;
        }
        for (const char *p = text;; p++) {
                if (*p == '$' && p[1] == '{')
                        braces++;
                else if (*p == '}' && braces)
                        braces--;
                if (*p && (*p != ':' || braces || is_drive(section, (size_t)(p - section))))
                        continue;
                why = take_section(arena, &spec, section, (size_t)(p - section), !*p);
                if (why)
                        return error_set(err, ERROR_INVALID, "invalid spec: %s: %s", text, why);
                if (!*p)
                        break;
                section = p + 1;
        }
        spec.bind = spec.source && is_path(spec.source);
        *ret = spec;
        return 0;
}
