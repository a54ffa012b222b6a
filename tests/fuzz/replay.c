/* Replays files (or whole folders) through a fuzz target in an ordinary build. */
#include "base/fd.h"
#include "base/str.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
        cleanup_error struct error err = {};
        cleanup_free char *data = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, 64 << 20, &data, &len, &err) < 0) {
                fprintf(stderr, "%s\n", error_message(&err));
                return -1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)data, len);
        return 0;
}

static int replay_folder(const char *path)
{
        cleanup_closedir DIR *dir = opendir(path);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                cleanup_free char *name = string_format("%s/%s", path, entry->d_name);

                if (entry->d_name[0] != '.' && replay_file(name) < 0)
                        return -1;
        }
        return 0;
}

int main(int argc, char **argv)
{
        LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
        for (int i = 1; i < argc; i++) {
                struct stat st;
                int r = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);

                if (r < 0)
                        return 1;
        }
        return 0;
}
