/* The local driver's options: type, device, o - what mount(8) would be told. */
#include "engine/volume-internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/mount.h>

/* Each option and those that it needs beside it. */
static const struct {
        const char *name, *needs[2];
} known_options[] = {
        { "type", { "device" } },
        { "o", { "device", "type" } },
        { "device", { "type" } },
        { "size", { NULL } },
};

static const struct mount_word {
        const char *name;
        unsigned long set, clear;
} mount_words[] = {
        { "rw", 0, MS_RDONLY },
        { "ro", MS_RDONLY, 0 },
        { "suid", 0, MS_NOSUID },
        { "nosuid", MS_NOSUID, 0 },
        { "dev", 0, MS_NODEV },
        { "nodev", MS_NODEV, 0 },
        { "exec", 0, MS_NOEXEC },
        { "noexec", MS_NOEXEC, 0 },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "async", 0, MS_SYNCHRONOUS },
        { "dirsync", MS_DIRSYNC, 0 },
        { "mand", MS_MANDLOCK, 0 },
        { "nomand", 0, MS_MANDLOCK },
        { "atime", 0, MS_NOATIME },
        { "noatime", MS_NOATIME, 0 },
        { "diratime", 0, MS_NODIRATIME },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "relatime", MS_RELATIME, 0 },
        { "norelatime", 0, MS_RELATIME },
        { "strictatime", MS_STRICTATIME, 0 },
        { "nostrictatime", 0, MS_STRICTATIME },
        { "bind", MS_BIND, 0 },
        { "rbind", MS_BIND | MS_REC, 0 },
        { "defaults", 0, 0 },
};

int volume_options_check(const struct strmap *options, struct error *err)
{
        for (size_t i = 0; i < options->count; i++) {
                bool known = false;

                for (size_t k = 0; k < ARRAY_SIZE(known_options); k++)
                        known = known || streq(options->pairs[i].key, known_options[k].name);
                if (!known)
                        return error_set(err, ERROR_INVALID, "invalid option: \"%s\"", options->pairs[i].key);
        }
        if (strmap_get(options, "size"))
                return error_set(err, ERROR_INVALID, "quota size requested but no quota support");
        for (size_t k = 0; k < ARRAY_SIZE(known_options); k++) {
                if (!strmap_get(options, known_options[k].name))
                        continue;
                for (size_t n = 0; n < 2 && known_options[k].needs[n]; n++)
                        if (!strmap_get(options, known_options[k].needs[n]))
                                return error_set(err, ERROR_INVALID, "missing required option: \"%s\"",
                                                 known_options[k].needs[n]);
        }
        return 0;
}

static const struct mount_word *find_word(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
                if (streq(mount_words[i].name, name))
                        return &mount_words[i];
        return NULL;
}

/* Splits "o" into flags and what the file system is told itself. */
static unsigned long parse_o(const char *o, char ***ret_data)
{
        cleanup_strv char **words = strv_split(o ? o : "", ',');
        unsigned long flags = 0;

        for (char **w = words; *w; w++) {
                const struct mount_word *known = find_word(*w);

                if (known)
                        flags = (flags & ~known->clear) | known->set;
                else if (**w)
                        strv_append(ret_data, *w);
        }
        return flags;
}

const char *volume_options_bind(const struct strmap *options)
{
        cleanup_strv char **data = NULL;

        return parse_o(strmap_get(options, "o"), &data) & MS_BIND ? strmap_get(options, "device") : NULL;
}

bool volume_options_mount(const struct strmap *options)
{
        return options->count > 0 && !volume_options_bind(options);
}

char **volume_options_flags(const struct strmap *options)
{
        const char *o = strmap_get(options, "o");
        cleanup_strv char **words = strv_split(o ? o : "", ',');
        char **flags = NULL;

        for (char **w = words; *w; w++)
                if (find_word(*w) && !(find_word(*w)->set & MS_BIND) && !streq(*w, "defaults"))
                        strv_append(&flags, *w);
        return flags;
}

/* The kernel's NFS and CIFS clients take addresses, no names. */
static int resolve_addr(char ***data, struct error *err)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;

        for (char **d = *data; d && *d; d++) {
                const char *name = string_after(*d, "addr=");
                char address[INET6_ADDRSTRLEN];
                int r;

                if (!name)
                        continue;
                r = getaddrinfo(name, NULL, &hints, &found);
                if (r != 0)
                        return error_set(err, ERROR_SYSTEM,
                                         "error resolving passed in network volume address: "
                                         "lookup %s: %s",
                                         name, gai_strerror(r));
                r = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL, 0,
                                NI_NUMERICHOST);
                freeaddrinfo(found);
                if (r == 0) {
                        free(*d);
                        *d = string_format("addr=%s", address);
                }
        }
        return 0;
}

int volume_options_apply(const struct strmap *options, const char *mountpoint, struct error *err)
{
        const char *type = strmap_get(options, "type"), *device = strmap_get(options, "device");
        cleanup_strv char **data = NULL;
        cleanup_free char *joined = NULL;
        unsigned long flags = parse_o(strmap_get(options, "o"), &data);

        if (resolve_addr(&data, err) < 0)
                return -1;
        joined = data ? strv_join(data, ",") : xstrdup("");
        if (mount(device, mountpoint, type, flags, joined) < 0) {
                int errnum = errno;
                cleanup_free char *reason = xstrdup(strerror(errnum));
                cleanup_free char *shown = flags ? string_format(", flags: 0x%lx", flags) : xstrdup("");

                reason[0] = (char)(reason[0] | 0x20);
                error_set(err, ERROR_SYSTEM,
                          "error while mounting volume '%s': failed to mount local volume: mount "
                          "%s:%s%s%s%s: %s",
                          mountpoint, device, mountpoint, shown, *joined ? ", data: " : "", joined, reason);
                return -1;
        }
        return 0;
}
