/* Random trees for the store's tests, and a text that tells two trees apart. */
#pragma once

/* Fills the folder with files, folders, links, nodes, attributes … made from `seed`. */
void tree_make_random(int dirfd, unsigned seed);
/* One line per path: type, mode, owner, size, mtime, link, device, attributes, digest. Heap. */
char *tree_describe(int dirfd);
/* A new folder below /tmp; returns a descriptor, the path in *ret_path (heap). */
int tree_new_folder(char **ret_path);
void tree_drop_folder(int fd, char *path);
