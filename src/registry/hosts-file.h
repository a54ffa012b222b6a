/* hosts.toml: where a registry's images may come from besides the registry itself. The format is containerd's
 * (docs/hosts.md there); of TOML it takes tables, strings, booleans, and arrays of them. Pure. */
#pragma once

#include "base/str.h"

#define HOSTS_FILE_MAX (256 << 10)
#define HOSTS_MAX 64

struct hosts_entry {
        char *url; /* as written; "https://…" is understood where no scheme is given */
        bool pull, resolve, push;
        bool skip_verify, override_path;
        char **ca_files;
        char *certificate, *key;
        char **headers; /* "Name: value" */
};
struct hosts_file {
        char *server; /* the registry itself; NULL: as its name says */
        struct hosts_entry *hosts;
        size_t count;
};

/* ERROR_INVALID "line N: …". */
int hosts_file_parse(const char *text, size_t len, struct hosts_file *ret, struct error *err);
void hosts_file_deinit(struct hosts_file *f);
#define cleanup_hosts_file __attribute__((cleanup(hosts_file_deinit)))
