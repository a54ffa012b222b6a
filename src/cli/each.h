/* Commands that do the same to each of their arguments: the name is printed when it went well, the error when
 * not. */
#pragma once

#include "cli/command.h"

/* Does it to one; 0 prints the name (unless `quiet`), 1 prints nothing. */
typedef int (*each_function)(struct cli *cli, struct invocation *call, const char *name, struct error *err);
/* The exit status: 1 when one of them failed. */
int each_argument(struct cli *cli, struct invocation *call, each_function function);

/* "WARNING! …" and [y/N] on the terminal: 1 yes, 0 no. */
int confirm(const char *warning);
/* The same with a question of its own: "Are you sure?" */
int ask(const char *question);
/* The `filters` parameter out of --filter name=value options; heap, NULL when there are none. */
char *filters_text(char *const *filters);

struct stream;
/* Copies a stream to a file (replaced atomically; NULL or "": standard output). */
int save_stream(struct stream *s, const char *path, const char *what, struct error *err);
