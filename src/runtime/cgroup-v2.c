#include "runtime/cgroup-internal.h"

#include <errno.h>
#include <inttypes.h>

static bool given(const int64_t *n)
{
        return n && *n != 0;
}

/* -1 is "max". */
static int limit(int fd, const char *file, int64_t value, struct error *err)
{
        return value < 0 ? cgroup_write(fd, file, "max", err) : cgroup_writef(fd, err, file, "%" PRId64, value);
}

static int memory_apply(int fd, const struct oci_memory *m, struct error *err)
{
        uint64_t usage;

        if (m->check_before_update && *m->check_before_update && given(m->limit) && *m->limit > 0 &&
            cgroup_read_number(fd, "memory.current", &usage) && usage > (uint64_t)*m->limit)
                return error_set(err, ERROR_INVALID, "rejecting memory limit %" PRId64 " below usage %" PRIu64, *m->limit, usage);
        if (given(m->swap)) {
                /* The spec's figure is memory + swap, the kernel's is swap alone. */
                if (*m->swap > 0 && !given(m->limit))
                        return error_set(err, ERROR_INVALID, "unable to set swap limit without memory limit");
                if (*m->swap > 0 && *m->limit > 0 && *m->swap < *m->limit)
                        return error_set(err, ERROR_INVALID, "memory+swap limit should be >= memory limit");
                if (faccessat(fd, "memory.swap.max", F_OK, 0) == 0) {
                        if (limit(fd, "memory.swap.max", *m->swap < 0 || *m->limit < 0 ? -1 : *m->swap - *m->limit, err) < 0)
                                return -1;
                } else if (*m->swap > 0 && *m->swap != *m->limit) {
                        return error_set(err, ERROR_UNSUPPORTED, "the kernel does not limit swap");
                }
        } else if (given(m->limit) && *m->limit == -1 && faccessat(fd, "memory.swap.max", F_OK, 0) == 0) {
                if (limit(fd, "memory.swap.max", -1, err) < 0)
                        return -1;
        }
        if (given(m->limit) && limit(fd, "memory.max", *m->limit, err) < 0)
                return -1;
        return given(m->reservation) ? limit(fd, "memory.low", *m->reservation, err) : 0;
}

/* Shares 2…262144 to weight 1…10000. */
static uint64_t weight_of_shares(int64_t shares)
{
        if (shares < 2)
                shares = 2;
        if (shares > 262144)
                shares = 262144;
        return 1 + ((uint64_t)(shares - 2) * 9999) / 262142;
}

static int bandwidth(int fd, const struct oci_cpu *c, struct error *err)
{
        int64_t period = given(c->period) ? *c->period : 0;
        cleanup_free char *text = NULL;

        if (!given(c->quota) && !period)
                return 0;
        if (given(c->quota) && *c->quota > 0)
                text = period ? string_format("%" PRId64 " %" PRId64, *c->quota, period) : string_format("%" PRId64, *c->quota);
        else if (given(c->quota))
                text = period ? string_format("max %" PRId64, period) : xstrdup("max");
        if (!text) {
                /* Only the period changes: keep the quota. */
                cleanup_free char *now = cgroup_read_text(fd, "cpu.max");

                if (now)
                        now[strcspn(now, " \n")] = '\0';
                text = string_format("%s %" PRId64, now ? now : "max", period);
        }
        return cgroup_write(fd, "cpu.max", text, err);
}

static int cpu_apply(int fd, const struct oci_cpu *c, struct error *err)
{
        if (given(c->realtime_runtime) || given(c->realtime_period))
                return error_set(err, ERROR_UNSUPPORTED, "cgroup v2 has no realtime CPU limits");
        if (c->idle && cgroup_writef(fd, err, "cpu.idle", "%" PRId64, *c->idle) < 0)
                return -1;
        if (given(c->shares) && !(c->idle && *c->idle) &&
            cgroup_writef(fd, err, "cpu.weight", "%" PRIu64, weight_of_shares(*c->shares)) < 0)
                return -1;
        /* A burst above the quota is refused, so it goes down before and up after. */
        if (bandwidth(fd, c, err) < 0)
                return -1;
        if (given(c->burst) && cgroup_writef(fd, err, "cpu.max.burst", "%" PRId64, *c->burst) < 0)
                return -1;
        if (!string_empty(c->cpus) && cgroup_write(fd, "cpuset.cpus", c->cpus, err) < 0)
                return -1;
        return string_empty(c->mems) ? 0 : cgroup_write(fd, "cpuset.mems", c->mems, err);
}

static int throttle(int fd, const char *key, const struct oci_throttle_device *d, size_t n, struct error *err)
{
        for (size_t i = 0; i < n; i++)
                if (cgroup_writef(fd, err, "io.max", "%" PRId64 ":%" PRId64 " %s=%" PRIu64, d[i].major, d[i].minor, key,
                                  d[i].rate) < 0)
                        return -1;
        return 0;
}

static int weights(int fd, const struct oci_block_io *b, struct error *err)
{
        bool bfq = faccessat(fd, "io.bfq.weight", F_OK, 0) == 0;

        if (given(b->leaf_weight))
                return error_set(err, ERROR_UNSUPPORTED, "cgroup v2 has no leaf weight");
        if (given(b->weight)) {
                /* 10…1000 is what callers give; io.weight has 1…10000. */
                int64_t w = bfq ? *b->weight : 1 + (*b->weight - 10) * 9999 / 990;

                if (cgroup_writef(fd, err, bfq ? "io.bfq.weight" : "io.weight", "%" PRId64, w) < 0)
                        return -1;
        }
        for (size_t i = 0; i < b->n_weight_device; i++) {
                const struct oci_weight_device *d = &b->weight_device[i];

                if (given(d->weight) && cgroup_writef(fd, err, bfq ? "io.bfq.weight" : "io.weight", "%" PRId64 ":%" PRId64 " %" PRId64,
                                                      d->major, d->minor, *d->weight) < 0)
                        return -1;
        }
        return 0;
}

static int block_io_apply(int fd, const struct oci_block_io *b, struct error *err)
{
        if (weights(fd, b, err) < 0 || throttle(fd, "rbps", b->read_bps, b->n_read_bps, err) < 0 ||
            throttle(fd, "wbps", b->write_bps, b->n_write_bps, err) < 0 ||
            throttle(fd, "riops", b->read_iops, b->n_read_iops, err) < 0 ||
            throttle(fd, "wiops", b->write_iops, b->n_write_iops, err) < 0)
                return -1;
        return 0;
}

static int small_ones(int fd, const struct oci_resources *r, struct error *err)
{
        if (r->pids && given(r->pids->limit) && limit(fd, "pids.max", *r->pids->limit, err) < 0)
                return -1;
        for (size_t i = 0; i < r->n_hugepage_limits; i++) {
                cleanup_free char *file = string_format("hugetlb.%s.max", r->hugepage_limits[i].page_size);

                if (cgroup_writef(fd, err, file, "%" PRIu64, r->hugepage_limits[i].limit) < 0)
                        return -1;
        }
        for (size_t i = 0; i < r->n_rdma; i++) {
                const struct oci_rdma *d = &r->rdma[i];

                if (d->hca_handles && cgroup_writef(fd, err, "rdma.max", "%s hca_handle=%" PRId64, d->key, *d->hca_handles) < 0)
                        return -1;
                if (d->hca_objects && cgroup_writef(fd, err, "rdma.max", "%s hca_object=%" PRId64, d->key, *d->hca_objects) < 0)
                        return -1;
        }
        if (r->network && (given(r->network->class_id) || r->network->n_priorities))
                return error_set(err, ERROR_UNSUPPORTED, "cgroup v2 has no network classes and priorities");
        for (size_t i = 0; i < r->unified.count; i++) {
                if (strchr(r->unified.pairs[i].key, '/'))
                        return error_set(err, ERROR_INVALID, "unified resource \"%s\" must be a file name (no slashes)",
                                         r->unified.pairs[i].key);
                if (cgroup_write(fd, r->unified.pairs[i].key, r->unified.pairs[i].value, err) < 0)
                        return -1;
        }
        return 0;
}

int cgroup_apply_v2(struct cgroup *cgroup, const struct oci_resources *r, struct error *err)
{
        int fd = cgroup_v2_fd(cgroup);

        if (fd < 0)
                return error_set(err, ERROR_SYSTEM, "no cgroup v2 folder");
        if ((r->memory && memory_apply(fd, r->memory, err) < 0) || (r->cpu && cpu_apply(fd, r->cpu, err) < 0) ||
            (r->block_io && block_io_apply(fd, r->block_io, err) < 0))
                return -1;
        return small_ones(fd, r, err);
}
