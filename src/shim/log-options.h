/* Log drivers and their options: checked by davitd when a container is created, parsed again by the shim. */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* davit's default, unlike Docker's unbounded file. */
#define LOG_DEFAULT_SIZE INT64_C(20000000)
#define LOG_DEFAULT_FILES 5

struct log_options {
        int64_t max_size; /* bytes; -1: unlimited */
        int max_files;
        /* mode=non-blocking: what a log service does not take and what does not fit into `buffer_size` bytes is dropped. Files are
         * written at once in either mode: nothing is buffered, nothing dropped. */
        bool non_blocking;
        int64_t buffer_size;
};

/* For `create`: ERROR_INVALID with Docker's sentence for an unknown driver or option; a driver that Docker has and we
 * have not is an ERROR_UNSUPPORTED that names it. */
int log_options_check(const char *driver, const struct strmap *options, struct error *err);
/* For the start: the values, too ("failed to initialize logging driver: invalid size: 'abc'"). */
int log_options_parse(const char *driver, const struct strmap *options, struct log_options *ret,
                      struct error *err);
/* Can `docker logs` read it? (json-file, local; journald where its journal can be read is not.) */
bool log_driver_is_readable(const char *driver);
/* Names for `docker info`; the list is static. */
char *const *log_driver_names(void);

struct log_subject {
        const char *id, *name, *image_id, *image_name;
        char *const *env;
        const struct strmap *labels;
};
/* The attributes (`labels`, `labels-regex`, `env`, `env-regex`, `tag` options) and the expanded tag. */
int log_describe(const char *driver, const struct strmap *options, const struct log_subject *subject,
                 struct strmap *attributes, char **ret_tag, struct error *err);
