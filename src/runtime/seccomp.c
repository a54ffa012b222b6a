/* Compiled filters: kept as bytes, loaded without libseccomp. */
#include "runtime/seccomp.h"
#include "base/fd.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* The file: this header, then the instructions. */
struct header {
        char magic[8];
        uint32_t flags, notify;
        uint64_t n_filter;
};
static const char magic[8] = "davitBP1";

void seccomp_program_deinit(struct seccomp_program *p)
{
        free(p->filter);
        *p = (struct seccomp_program){};
}

void seccomp_program_serialize(const struct seccomp_program *p, struct strbuf *out)
{
        struct header h = { .flags = p->flags, .notify = p->notify, .n_filter = p->n_filter };

        memcpy(h.magic, magic, sizeof(magic));
        strbuf_add(out, &h, sizeof(h));
        strbuf_add(out, p->filter, p->n_filter * sizeof(struct sock_filter));
}

int seccomp_program_parse(const void *data, size_t len, struct seccomp_program *ret, struct error *err)
{
        struct header h;

        if (len < sizeof(h))
                return error_set(err, ERROR_INVALID, "compiled seccomp filter: truncated");
        memcpy(&h, data, sizeof(h));
        if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.n_filter == 0 || h.n_filter > BPF_MAXINSNS ||
            len != sizeof(h) + h.n_filter * sizeof(struct sock_filter))
                return error_set(err, ERROR_INVALID, "compiled seccomp filter: damaged");
        *ret = (struct seccomp_program){ .flags = h.flags, .notify = h.notify != 0, .n_filter = h.n_filter };
        ret->filter = xmemdup((const char *)data + sizeof(h), h.n_filter * sizeof(struct sock_filter));
        return 0;
}

int seccomp_program_read(int dirfd, const char *path, struct seccomp_program *ret, struct error *err)
{
        cleanup_free char *data = NULL;
        size_t len;

        if (file_read(dirfd, path, sizeof(struct header) + BPF_MAXINSNS * sizeof(struct sock_filter), &data, &len, err) < 0)
                return -1;
        return seccomp_program_parse(data, len, ret, err) < 0 ? error_context(err, "%s", path) : 0;
}

int seccomp_program_write(int dirfd, const char *path, const struct seccomp_program *p, struct error *err)
{
        cleanup_strbuf struct strbuf data = {};

        seccomp_program_serialize(p, &data);
        return file_replace(dirfd, path, data.data, data.len, 0600, false, err);
}

int seccomp_program_load(const struct seccomp_program *p, int *ret_listener, struct error *err)
{
        struct sock_fprog program = { .len = (unsigned short)p->n_filter, .filter = p->filter };
        unsigned flags = p->flags | (p->notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
        long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

        if (r < 0)
                return error_errno(err, "error loading seccomp filter into kernel");
        if (p->notify)
                *ret_listener = (int)r;
        return 0;
}
