/* The first line is a path, the rest a .dockerignore. */
#include "build/dockerignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = xstrndup((const char *)data, size > 4096 ? 4096 : size), *path = NULL;
        cleanup_path_matcher struct path_matcher *m = NULL;
        cleanup_strv char **patterns = NULL;
        size_t line = strcspn(text, "\n");
        bool hit;

        path = xstrndup(text, line > 256 ? 256 : line);
        line += text[line] != 0;
        patterns = dockerignore_parse(text + line, strlen(text + line));
        if (path_matcher_new(patterns, &m, NULL) < 0)
                return 0;
        (void)path_matcher_match(m, path, &hit, NULL);
        (void)path_matcher_excludes(m, path, &hit, NULL);
        (void)path_matcher_match_level(m, path, &hit, NULL);
        return 0;
}
