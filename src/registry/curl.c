#include "registry/curl.h"

#include "base/library.h"

#include <pthread.h>

static struct curl_library library;
static struct error failure;

static void load(void)
{
#define CURL_NAME(name) "curl_" #name,
        static const char *const names[] = { CURL_FUNCTIONS(CURL_NAME) };
#undef CURL_NAME

        if (library_load("libcurl.so.4", names, ARRAY_SIZE(names), &library, &failure) == 0 &&
            library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                error_set(&failure, ERROR_UNAVAILABLE, "libcurl does not start");
}

const struct curl_library *curl_load(struct error *err)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, load);
        if (failure.kind != ERROR_NONE) {
                error_set(err, ERROR_UNAVAILABLE, "registries cannot be reached: %s",
                          error_message(&failure));
                return NULL;
        }
        return &library;
}
