/* Paths as text. */
#pragma once

#include <stdbool.h>

/* As Go's filepath.Clean: no empty and "." components, ".." applied where it can be; "" gives "."; heap. */
char *path_clean(const char *path);
/* As Go's filepath.Join of two: an empty part is left out; cleaned; heap. */
char *path_join(const char *base, const char *path);
/* The way from one absolute cleaned path to another (Go's filepath.Rel); heap. */
char *path_relative(const char *from, const char *to);
/* As Go's filepath.Dir and Base; heap. */
char *path_dir(const char *path);
char *path_base(const char *path);
