/* A command inside a running container, with our terminal. */
#pragma once

#include "cli/command.h"

struct exec_flags {
        bool detach, interactive, privileged, tty;
        char *detach_keys, *user, *workdir;
        char **env, **env_file;
};
/* The command's exit status, or -1. */
int exec_in_container(struct cli *cli, const struct exec_flags *f, const char *container,
                      char *const *command, struct error *err);
