#include "base/paths.h"
#include "base/str.h"

#include <unistd.h>

static char *beside_us(const char *name)
{
        char own[4096];
        ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
        char *slash;

        if (n <= 0)
                return NULL;
        own[n] = 0;
        slash = strrchr(own, '/');
        return slash ? string_format("%.*s/%s", (int)(slash - own), own, name) : NULL;
}

int program_find(const char *name, char **ret, struct error *err)
{
        const char *path = getenv("PATH");
        cleanup_strv char **folders = strv_split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':');
        char *candidate = beside_us(name);

        for (size_t i = 0; candidate && access(candidate, X_OK) < 0; i++) {
                free(candidate);
                candidate = folders[i] ? string_format("%s/%s", folders[i], name) : NULL;
        }
        if (!candidate)
                return error_set(err, ERROR_NOT_FOUND, "%s: program not found beside this one or in PATH", name);
        *ret = candidate;
        return 0;
}
