#include "network/port.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
        const char *name;
        int number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

int port_protocol_parse(const char *text)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (strcasecmp(text, protocols[i].name) == 0)
                        return protocols[i].number;
        return -1;
}

const char *port_protocol_name(int protocol)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (protocol == protocols[i].number)
                        return protocols[i].name;
        return "";
}

const char *port_format(uint16_t port, int protocol, char *buffer)
{
        snprintf(buffer, PORT_TEXT_SIZE, "%u/%s", port, port_protocol_name(protocol));
        return buffer;
}

static int number_parse(const char *text, size_t len, uint16_t *ret)
{
        unsigned value = 0;

        if (len == 0)
                return -1;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = value * 10 + (unsigned)(text[i] - '0');
                if (value > UINT16_MAX)
                        return -1;
        }
        *ret = (uint16_t)value;
        return 0;
}

int port_parse(const char *text, uint16_t *ret_port, int *ret_protocol, struct error *err)
{
        const char *slash = strchr(text, '/');
        int protocol = IPPROTO_TCP;
        uint16_t port;

        if (number_parse(text, slash ? (size_t)(slash - text) : strlen(text), &port) < 0)
                return error_set(err, ERROR_INVALID, "invalid port specification: \"%s\"", text);
        if (slash && slash[1])
                protocol = port_protocol_parse(slash + 1);
        if (protocol < 0)
                return error_set(err, ERROR_INVALID, "invalid port specification: \"%s\"", text);
        *ret_port = port;
        *ret_protocol = protocol;
        return 0;
}

int port_range_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last, struct error *err)
{
        const char *dash = strchr(text, '-');
        uint16_t first = 0, last;

        if (*text && number_parse(text, dash ? (size_t)(dash - text) : strlen(text), &first) < 0)
                return error_set(err, ERROR_INVALID, "invalid port specification: \"%s\"", text);
        last = first;
        if (dash && (number_parse(dash + 1, strlen(dash + 1), &last) < 0 || last < first))
                return error_set(err, ERROR_INVALID, "invalid port specification: \"%s\"", text);
        *ret_first = first;
        *ret_last = last;
        return 0;
}

void port_dynamic_range(uint16_t *ret_first, uint16_t *ret_last)
{
        cleanup_free char *text = NULL;
        unsigned first, last;
        size_t len;

        *ret_first = 49153;
        *ret_last = 65535;
        if (file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, &len, NULL) < 0 ||
            sscanf(text, "%u %u", &first, &last) != 2 || first == 0 || first > last || last > UINT16_MAX)
                return;
        *ret_first = (uint16_t)first;
        *ret_last = (uint16_t)last;
}

static socklen_t socket_address(const struct ip_address *ip, uint16_t port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *in = (void *)ret;
        struct sockaddr_in6 *in6 = (void *)ret;

        memset(ret, 0, sizeof(*ret));
        if (ip->family == AF_INET) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                memcpy(&in->sin_addr, ip->bytes, 4);
                return sizeof(*in);
        }
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, ip->bytes, 16);
        return sizeof(*in6);
}

/* Without SO_REUSEADDR a port whose last connections linger (TIME_WAIT) couldn't be had; with it two sockets
 * that don't listen could share the port. So bind with it, listen for a moment - that makes the kernel look
 * at everybody else on the port - and drop the flag: from here on nobody gets in. A socket that goes on
 * listening keeps everybody out anyway, and keeps the flag, which its connections inherit: else these would
 * block the port after us. */
static int make_exclusive(int fd, bool listening)
{
        int off = 0;

        if (listen(fd, SOMAXCONN) < 0)
                return -1;
        if (listening)
                return 0;
        if (shutdown(fd, SHUT_RD) < 0)
                return -1;
        return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
}

int port_bind(const struct ip_address *ip, uint16_t port, int protocol, bool listening, struct error *err)
{
        bool stream = protocol != IPPROTO_UDP;
        cleanup_close int fd =
            socket(ip->family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, protocol);
        struct sockaddr_storage address;
        socklen_t len = socket_address(ip, port, &address);
        char text[IP_TEXT_SIZE];
        int on = 1;

        if (fd < 0)
                return error_errno(err, "open a %s socket", port_protocol_name(protocol));
        if (stream)
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (ip->family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *)&address, len) < 0 || (stream && make_exclusive(fd, listening) < 0))
                return error_errno(err, "bind %s port %u of %s", port_protocol_name(protocol), port,
                                   ip_address_format(ip, text));
        return take_fd(fd);
}
