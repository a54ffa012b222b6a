/* Sysctls of one interface, as the driver option com.docker.network.endpoint.sysctls has them: a list
 * "net.ipv4.conf.IFNAME.log_martians=1,…" in which IFNAME (in any case) stands for the interface. Pure. */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct interface_sysctl {
        char *directory; /* "net/ipv4/conf" */
        char *name;      /* "log_martians" */
        char *value;
};
struct interface_sysctls {
        struct interface_sysctl *items;
        size_t count;
};
void interface_sysctls_deinit(struct interface_sysctls *list);
#define cleanup_interface_sysctls __attribute__((cleanup(interface_sysctls_deinit)))

/* Fills zeroed `ret`. ERROR_INVALID with Docker's sentence. */
int interface_sysctls_parse(const char *text, struct interface_sysctls *ret, struct error *err);
