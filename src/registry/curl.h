/* libcurl, loaded when it is first needed. */
#pragma once

#include "base/error.h"

#include <curl/curl.h>
/* The type checks of these macros would refer to the functions themselves. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

/* One member per function that is used, named without "curl_". */
#define CURL_FUNCTIONS(F)                                                                                            \
        F(global_init)                                                                                               \
        F(easy_init)                                                                                                 \
        F(easy_setopt)                                                                                               \
        F(easy_getinfo)                                                                                              \
        F(easy_pause)                                                                                                \
        F(easy_strerror)                                                                                             \
        F(easy_cleanup)                                                                                              \
        F(slist_append)                                                                                              \
        F(slist_free_all)                                                                                            \
        F(multi_init)                                                                                                \
        F(multi_add_handle)                                                                                          \
        F(multi_remove_handle)                                                                                       \
        F(multi_perform)                                                                                             \
        F(multi_poll)                                                                                                \
        F(multi_info_read)                                                                                           \
        F(multi_cleanup)

struct curl_library {
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
        CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* The same for all callers; NULL with ERROR_UNAVAILABLE when the library is not there. */
const struct curl_library *curl_load(struct error *err);
