/* Copying a tree as it is: owners, modes, times, hard links, symlinks, devices and extended attributes. */
#pragma once

#include "base/error.h"

/* Copies what is in the folder `from` into the folder `to` (both descriptors), and the folder's own owner, mode and
 * times. Nothing is followed. On failure a part may be there. */
int tree_copy(int from, int to, struct error *err);
