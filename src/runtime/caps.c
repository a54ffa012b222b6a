#include "runtime/caps.h"
#include "base/fd.h"
#include "base/str.h"

#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>

static const char *const names[] = {
        "CAP_CHOWN",            "CAP_DAC_OVERRIDE",     "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
        "CAP_FSETID",           "CAP_KILL",             "CAP_SETGID",          "CAP_SETUID",
        "CAP_SETPCAP",          "CAP_LINUX_IMMUTABLE",  "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",        "CAP_NET_RAW",          "CAP_IPC_LOCK",        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",       "CAP_SYS_RAWIO",        "CAP_SYS_CHROOT",      "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",        "CAP_SYS_ADMIN",        "CAP_SYS_BOOT",        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",     "CAP_SYS_TIME",         "CAP_SYS_TTY_CONFIG",  "CAP_MKNOD",
        "CAP_LEASE",            "CAP_AUDIT_WRITE",      "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",     "CAP_MAC_ADMIN",        "CAP_SYSLOG",          "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",    "CAP_AUDIT_READ",       "CAP_PERFMON",         "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
};

const char *const caps_docker_default_names[] = {
        "CAP_CHOWN",     "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",     "CAP_MKNOD",
        "CAP_NET_RAW",   "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",    "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",        "CAP_AUDIT_WRITE", NULL,
};

int caps_number(const char *name)
{
        if (strncasecmp(name, "CAP_", 4) == 0)
                name += 4;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcasecmp(names[i] + 4, name) == 0)
                        return (int)i;
        return -1;
}

const char *caps_name(int number)
{
        return number >= 0 && (size_t)number < ARRAY_SIZE(names) ? names[number] : NULL;
}

int caps_last(void)
{
        static int last = -1;

        if (last < 0) {
                int n = 0;

                while ((size_t)n + 1 < ARRAY_SIZE(names) && prctl(PR_CAPBSET_READ, n + 1, 0, 0, 0) >= 0)
                        n++;
                last = n;
        }
        return last;
}

uint64_t caps_all(void)
{
        return (caps_bit(caps_last()) << 1) - 1;
}

uint64_t caps_bounding(void)
{
        uint64_t mask = 0;

        for (int i = 0; i <= caps_last(); i++)
                if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
                        mask |= caps_bit(i);
        return mask;
}

uint64_t caps_docker_defaults(void)
{
        uint64_t mask = 0;

        for (size_t i = 0; caps_docker_default_names[i]; i++)
                mask |= caps_bit(caps_number(caps_docker_default_names[i]));
        return mask;
}

int caps_from_names(char *const *list, uint64_t *ret, struct error *err)
{
        uint64_t mask = 0;

        for (size_t i = 0; list && list[i]; i++) {
                int n = caps_number(list[i]);

                if (n < 0)
                        return error_set(err, ERROR_INVALID, "unknown capability: \"%s\"", list[i]);
                mask |= caps_bit(n);
        }
        *ret = mask;
        return 0;
}

char **caps_to_names(uint64_t mask)
{
        char **list = strv_new();

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (mask & caps_bit((int)i))
                        strv_append(&list, names[i]);
        return list;
}
