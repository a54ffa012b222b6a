#include "network/interface-sysctl.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

void interface_sysctls_deinit(struct interface_sysctls *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->items[i].directory);
                free(list->items[i].name);
                free(list->items[i].value);
        }
        free(list->items);
        *list = (struct interface_sysctls){ 0 };
}

/* Words of a path below /proc/sys. */
static bool is_word(const char *text)
{
        return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                            strlen(text);
}

static bool is_family(const char *text)
{
        return streq(text, "ipv4") || streq(text, "ipv6") || streq(text, "mpls");
}

static int parse_one(const char *text, struct interface_sysctls *list, struct error *err)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *key = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);
        cleanup_strv char **words = strv_split(key, '.');
        struct interface_sysctl sysctl;

        if (strv_length(words) < 5 || !streq(words[0], "net") || !is_family(words[1]) || !is_word(words[2]) ||
            strcasecmp(words[3], "IFNAME") != 0)
                return error_set(
                    err, ERROR_INVALID,
                    "unrecognised network interface sysctl '%s'; represent 'net.X.Y.ethN.Z=V' as "
                    "'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
                    text);
        if (!equals)
                return error_set(err, ERROR_INVALID, "expected sysctl '%s' to have format name=value", text);
        if (words[5] || !is_word(words[4]))
                return error_set(err, ERROR_INVALID, "expected sysctl '%s' to have format net.X.Y.IFNAME.Z",
                                 text);
        sysctl = (struct interface_sysctl){ .directory = string_format("net/%s/%s", words[1], words[2]),
                                            .name = xstrdup(words[4]),
                                            .value = xstrdup(equals + 1) };
        ARRAY_APPEND(list->items, list->count, sysctl);
        return 0;
}

int interface_sysctls_parse(const char *text, struct interface_sysctls *ret, struct error *err)
{
        cleanup_interface_sysctls struct interface_sysctls list = { 0 };
        cleanup_strv char **parts = strv_split(text, ',');

        for (char **part = parts; *part; part++)
                if (parse_one(*part, &list, err) < 0)
                        return -1;
        *ret = list;
        list = (struct interface_sysctls){ 0 };
        return 0;
}
