/* What `-p` and Compose's short `ports` say: [ip:][host[-range]:]container[-range][/protocol]. Pure. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct port_spec {
        char *ip;        /* without brackets; NULL: every address */
        char *published; /* "8080", "8080-8090" (any of them); NULL: any */
        uint16_t port;
        char *protocol; /* tcp, udp, sctp */
};

/* One for each port of the container, in the order of their numbers. */
int port_spec_parse(const char *text, struct port_spec **ret, size_t *ret_count, struct error *err);
void port_specs_free(struct port_spec *specs, size_t count);
