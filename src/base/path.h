/* Paths as text. */
#pragma once

/* As Go's filepath.Clean: no empty and "." components, ".." applied where it can be; "" gives "."; heap. */
char *path_clean(const char *path);
