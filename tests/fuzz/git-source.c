/* Addresses of repositories: what is accepted names a folder of the repository and cannot be taken for an
 * option. */
#include "base/str.h"
#include "build/git.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_git_source struct git_source s = {};
        cleanup_free char *url = xstrndup((const char *)data, size), *inside = NULL;

        url_is_git(url);
        if (git_source_parse(url, &s, &err) < 0)
                return 0;
        inside = string_format("/%s/", s.subdir);
        if (*s.subdir == '/' || strstr(inside, "/../") || (s.ref && *s.ref == '-'))
                abort();
        return 0;
}
