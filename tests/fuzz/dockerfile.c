/* Any text as a Dockerfile: syntax tree, stages, mounts. */
#include "build/dockerfile.h"
#include "build/shell-words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct shell_words rules = { .escape = '\\', .lookup = shell_lookup_env };
        cleanup_dockerfile struct dockerfile d = {};
        struct dockerfile_location where;
        cleanup_free char *tree = NULL;

        if (dockerfile_read((const char *)data, size, &d, &where, NULL) < 0)
                return 0;
        tree = dockerfile_syntax_format(&d.syntax);
        for (size_t s = 0; s < d.n_stages; s++)
                for (size_t i = 0; i < d.stages[s].n_commands; i++)
                        for (char **m = d.stages[s].commands[i].mounts; m && *m; m++) {
                                struct run_mount mount;

                                if (run_mount_parse(*m, &rules, &mount, NULL) == 0)
                                        run_mount_deinit(&mount);
                        }
        return 0;
}
