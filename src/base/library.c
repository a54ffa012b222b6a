#include "base/library.h"

#include <dlfcn.h>

int library_load(const char *file, const char *const *names, size_t count, void *functions, struct error *err)
{
        void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL), **table = functions;

        if (!handle)
                return error_set(err, ERROR_UNAVAILABLE, "%s", dlerror());
        for (size_t i = 0; i < count; i++) {
                table[i] = dlsym(handle, names[i]);
                if (!table[i]) {
                        dlclose(handle);
                        return error_set(err, ERROR_UNAVAILABLE, "%s lacks %s", file, names[i]);
                }
        }
        return 0;
}
