/* Published ports: Docker's port grammar and the host's sockets that keep a port ours. */
#pragma once

#include "base/error.h"
#include "network/address.h"

#include <stddef.h>
#include <stdint.h>

#define PORT_TEXT_SIZE 16

/* "80", "80/tcp", "53/UDP": without a protocol tcp. -1 with Docker's sentence. */
int port_parse(const char *text, uint16_t *ret_port, int *ret_protocol, struct error *err);
/* "8000", "8000-8010", "" (0-0: any). */
int port_range_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last, struct error *err);
/* "tcp", "udp", "sctp" in any case; -1. */
int port_protocol_parse(const char *text);
const char *port_protocol_name(int protocol);
/* "80/tcp" into a buffer of PORT_TEXT_SIZE. */
const char *port_format(uint16_t port, int protocol, char *buffer);

/* net.ipv4.ip_local_port_range, else 49153-65535. */
void port_dynamic_range(uint16_t *ret_first, uint16_t *ret_last);

/* Binds a host port and returns its socket: exclusive even against SO_REUSEADDR, not listening (a connection
 * that no rule redirects is refused). With `listen` it accepts connections (a relay). IPv6 sockets are IPv6
 * only. The error has the errno (EADDRINUSE). */
int port_bind(const struct ip_address *ip, uint16_t port, int protocol, bool listen, struct error *err);
