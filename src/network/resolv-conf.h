/* resolv.conf(5). Pure. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

#define RESOLV_CONF_PATH "/etc/resolv.conf"
#define RESOLV_CONF_MAX (1 << 20)

struct resolv_conf {
        char **servers, **search, **options; /* NULL: none */
};
/* Fills zeroed `ret`; what it doesn't know is left out. */
void resolv_conf_parse(const char *text, struct resolv_conf *ret);
void resolv_conf_deinit(struct resolv_conf *conf);
/* Servers for those who have none. */
void resolv_conf_fallback(bool ipv6, char ***servers);
