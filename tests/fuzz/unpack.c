/* Unpacking any bytes into a folder: nothing may appear beside it. */
#include "base/fd.h"
#include "store/unpack.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_stream struct stream *in = stream_new_memory(data, size);
        struct unpack_options options = { .flags = UNPACK_WHITEOUTS | UNPACK_REFUSE_DEVICES };
        char path[] = "/tmp/davit-fuzz-XXXXXX";
        cleanup_close int outer = -1, root = -1;
        cleanup_closedir DIR *dir = NULL;
        struct dirent *d;

        if (!mkdtemp(path))
                return 0;
        outer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (outer < 0 || mkdirat(outer, "root", 0755) < 0)
                abort();
        root = open_beneath(outer, "root", O_RDONLY | O_DIRECTORY, 0, NULL);
        tar_unpack(root, "", in, &options, NULL, &err);
        if (directory_list(outer, ".", &dir, NULL) == 0)
                while ((d = readdir(dir)))
                        if (d->d_name[0] != '.' && strcmp(d->d_name, "root") != 0)
                                abort();
        tree_remove(AT_FDCWD, path, NULL);
        return 0;
}
