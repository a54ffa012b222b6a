/* The sockets of a container's embedded DNS server. */
#include "network/sandbox.h"

#include "base/fd.h"
#include "network/nftables.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static int bind_inside(int type, uint16_t *ret_port, struct error *err)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f00000b) };
        cleanup_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        socklen_t len = sizeof(a);

        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
            (type == SOCK_STREAM && listen(fd, 64) < 0) || getsockname(fd, (struct sockaddr *)&a, &len) < 0)
                return error_errno(err, "open a socket for the embedded DNS server");
        *ret_port = ntohs(a.sin_port);
        return take_fd(fd);
}

static int open_inside(void *arg, struct error *err)
{
        cleanup_nft struct nft *nft = NULL;
        cleanup_close int udp = -1, tcp = -1;
        uint16_t udp_port, tcp_port;
        int *ret_fds = arg;

        udp = bind_inside(SOCK_DGRAM, &udp_port, err);
        if (udp < 0)
                return -1;
        tcp = bind_inside(SOCK_STREAM, &tcp_port, err);
        if (tcp < 0 || nft_open("davit-dns", &nft, err) < 0)
                return -1;
        nft_dns_redirect(nft, udp_port, tcp_port);
        if (nft_commit(nft, err) < 0)
                return error_context(err, "embedded DNS server");
        ret_fds[0] = take_fd(udp);
        ret_fds[1] = take_fd(tcp);
        return 0;
}

int sandbox_dns_open(struct sandbox *s, int ret_fds[2], struct error *err)
{
        return sandbox_run(s->netns, open_inside, ret_fds, err);
}
