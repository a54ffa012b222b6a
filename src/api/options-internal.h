/* dockerd's options as rows: flags (options.c) and daemon.json (options-file.c, options-builder.c) are read
 * by them. */
#pragma once

#include "api/options.h"

#include <json-c/json.h>
#include <stddef.h>

enum option_type {
        OPTION_BOOL,
        OPTION_NOT, /* a boolean whose default is true: the field holds the opposite */
        OPTION_STRING,
        OPTION_INT,
        OPTION_BYTES, /* "64m"; int64_t */
        OPTION_LIST,
        OPTION_MAP,
        OPTION_POOLS,   /* a list in flags, a list of objects in the file */
        OPTION_REFUSED, /* dockerd's, but not ours */
        OPTION_PROXIES, /* an object of the file alone; its members are flags' names */
};

struct option {
        const char *flag;
        char letter;
        const char *key; /* in daemon.json; NULL: the flag's name; "": none */
        enum option_type type;
        size_t offset;
        const char *help; /* what a refused one waits for */
        int (*check)(const char *value, struct error *err);
        const char *accepted; /* values of a refused one that say what davit does anyway */
};

/* ---- options.c ---- */
/* NULL when there is none. */
const struct option *option_by_flag(const char *name, size_t len);
const struct option *option_by_key(const char *key);
/* Its name in daemon.json. */
const char *option_key(const struct option *o);
int option_set(const struct option *o, struct daemon_options *d, const char *value, struct error *err);
/* Does this value of a refused option change nothing? */
bool option_accepts(const struct option *o, const char *value);
/* ERROR_UNSUPPORTED; `kind` is "flag" or "key". */
int option_refuse(const struct option *o, const char *kind, const char *name, struct error *err);

/* ---- options-builder.c ---- */
int options_read_builder(json_object *value, struct build_gc *ret, struct error *err);
