#include "registry/curl.h"

#include <dlfcn.h>
#include <pthread.h>

static struct curl_library library;
static char *failure;

static void load(void)
{
        void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

        if (!handle) {
                failure = xstrdup(dlerror());
                return;
        }
#define CURL_FIND(name)                                                                                              \
        library.name = (__typeof__(library.name))dlsym(handle, "curl_" #name);                                       \
        if (!library.name)                                                                                           \
                failure = xstrdup("libcurl lacks curl_" #name);
        CURL_FUNCTIONS(CURL_FIND)
#undef CURL_FIND
        if (!failure && library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                failure = xstrdup("libcurl does not start");
}

const struct curl_library *curl_load(struct error *err)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, load);
        if (failure) {
                error_set(err, ERROR_UNAVAILABLE, "registries cannot be reached: %s", failure);
                return NULL;
        }
        return &library;
}
