#include "runtime/cgroup-internal.h"

#include <errno.h>
#include <inttypes.h>

/* Zero is "not given", as in runc. */
static bool given(const int64_t *n)
{
        return n && *n != 0;
}

static int missing(const char *controller, struct error *err)
{
        return error_set(err, ERROR_UNSUPPORTED, "cgroup: the %s controller is not there", controller);
}

static int number(int fd, const char *file, const int64_t *value, struct error *err)
{
        return given(value) ? cgroup_writef(fd, err, file, "%" PRId64, *value) : 0;
}

/* The limit must not exceed memory+swap at any moment: whichever order the kernel accepts. */
static int memory_and_swap(int fd, const struct oci_memory *m, struct error *err)
{
        cleanup_error struct error first = {};
        int64_t swap = m->swap ? *m->swap : 0;

        if (given(m->limit) && *m->limit == -1 && swap == 0 && faccessat(fd, "memory.memsw.limit_in_bytes", F_OK, 0) == 0)
                swap = -1;
        if (swap && faccessat(fd, "memory.memsw.limit_in_bytes", F_OK, 0) < 0) {
                if (swap > 0 && given(m->limit) && swap == *m->limit)
                        swap = 0;
                else if (swap == -1)
                        swap = 0;
        }
        if (number(fd, "memory.limit_in_bytes", m->limit, &first) == 0)
                return number(fd, "memory.memsw.limit_in_bytes", swap ? &swap : NULL, err);
        if (!swap || first.errnum != EINVAL)
                return error_move(err, &first);
        if (number(fd, "memory.memsw.limit_in_bytes", &swap, err) < 0)
                return -1;
        return number(fd, "memory.limit_in_bytes", m->limit, err);
}

static int memory_apply(struct cgroup *cgroup, const struct oci_memory *m, struct error *err)
{
        int fd = cgroup_controller_fd(cgroup, "memory");
        uint64_t usage;

        if (fd < 0)
                return missing("memory", err);
        if (m->check_before_update && *m->check_before_update && given(m->limit) && *m->limit > 0 &&
            cgroup_read_number(fd, "memory.usage_in_bytes", &usage) && usage > (uint64_t)*m->limit)
                return error_set(err, ERROR_INVALID, "rejecting memory limit %" PRId64 " below usage %" PRIu64, *m->limit, usage);
        if (memory_and_swap(fd, m, err) < 0 || number(fd, "memory.soft_limit_in_bytes", m->reservation, err) < 0 ||
            number(fd, "memory.kmem.tcp.limit_in_bytes", m->kernel_tcp, err) < 0)
                return -1;
        if (m->swappiness && *m->swappiness >= 0) {
                if (*m->swappiness > 100)
                        return error_set(err, ERROR_INVALID, "invalid memory swappiness value: %" PRId64 " (valid range is 0-100)",
                                         *m->swappiness);
                if (cgroup_writef(fd, err, "memory.swappiness", "%" PRId64, *m->swappiness) < 0)
                        return -1;
        }
        if (m->disable_oom_killer && *m->disable_oom_killer)
                return cgroup_write(fd, "memory.oom_control", "1", err);
        return 0;
}

static int bandwidth(int fd, const struct oci_cpu *c, struct error *err)
{
        cleanup_error struct error first = {};

        /* A period may only be accepted together with the new quota. */
        if (number(fd, "cpu.cfs_period_us", c->period, &first) < 0) {
                if (!given(c->quota) || number(fd, "cpu.cfs_quota_us", c->quota, NULL) < 0)
                        return error_move(err, &first);
                return number(fd, "cpu.cfs_period_us", c->period, err);
        }
        if (number(fd, "cpu.cfs_quota_us", c->quota, err) < 0)
                return -1;
        return number(fd, "cpu.cfs_burst_us", c->burst, err);
}

static int cpu_apply(struct cgroup *cgroup, const struct oci_cpu *c, struct error *err)
{
        bool cpu = given(c->shares) || given(c->quota) || given(c->period) || given(c->burst) || given(c->realtime_runtime) ||
                   given(c->realtime_period) || c->idle;
        bool set = !string_empty(c->cpus) || !string_empty(c->mems);
        int cpu_fd = cgroup_controller_fd(cgroup, "cpu"), set_fd = cgroup_controller_fd(cgroup, "cpuset");

        if (cpu && cpu_fd < 0)
                return missing("cpu", err);
        if (set && set_fd < 0)
                return missing("cpuset", err);
        if (number(cpu_fd, "cpu.shares", c->shares, err) < 0 || bandwidth(cpu_fd, c, err) < 0 ||
            number(cpu_fd, "cpu.rt_period_us", c->realtime_period, err) < 0 ||
            number(cpu_fd, "cpu.rt_runtime_us", c->realtime_runtime, err) < 0)
                return -1;
        if (c->idle && cgroup_writef(cpu_fd, err, "cpu.idle", "%" PRId64, *c->idle) < 0)
                return -1;
        if (!string_empty(c->cpus) && cgroup_write(set_fd, "cpuset.cpus", c->cpus, err) < 0)
                return -1;
        return string_empty(c->mems) ? 0 : cgroup_write(set_fd, "cpuset.mems", c->mems, err);
}

static int throttle(int fd, const char *file, const struct oci_throttle_device *d, size_t n, struct error *err)
{
        for (size_t i = 0; i < n; i++)
                if (cgroup_writef(fd, err, file, "%" PRId64 ":%" PRId64 " %" PRIu64, d[i].major, d[i].minor, d[i].rate) < 0)
                        return -1;
        return 0;
}

static int weights(int fd, const struct oci_block_io *b, struct error *err)
{
        bool bfq = faccessat(fd, "blkio.bfq.weight", F_OK, 0) == 0;

        if (number(fd, bfq ? "blkio.bfq.weight" : "blkio.weight", b->weight, err) < 0 ||
            number(fd, "blkio.leaf_weight", b->leaf_weight, err) < 0)
                return -1;
        for (size_t i = 0; i < b->n_weight_device; i++) {
                const struct oci_weight_device *d = &b->weight_device[i];

                if (given(d->weight) && cgroup_writef(fd, err, bfq ? "blkio.bfq.weight_device" : "blkio.weight_device",
                                                      "%" PRId64 ":%" PRId64 " %" PRId64, d->major, d->minor, *d->weight) < 0)
                        return -1;
                if (given(d->leaf_weight) && cgroup_writef(fd, err, "blkio.leaf_weight_device", "%" PRId64 ":%" PRId64 " %" PRId64,
                                                           d->major, d->minor, *d->leaf_weight) < 0)
                        return -1;
        }
        return 0;
}

static int block_io_apply(struct cgroup *cgroup, const struct oci_block_io *b, struct error *err)
{
        int fd = cgroup_controller_fd(cgroup, "blkio");
        bool any = given(b->weight) || given(b->leaf_weight) || b->n_weight_device || b->n_read_bps || b->n_write_bps ||
                   b->n_read_iops || b->n_write_iops;

        if (!any)
                return 0;
        if (fd < 0)
                return missing("blkio", err);
        if (weights(fd, b, err) < 0)
                return -1;
        if (throttle(fd, "blkio.throttle.read_bps_device", b->read_bps, b->n_read_bps, err) < 0 ||
            throttle(fd, "blkio.throttle.write_bps_device", b->write_bps, b->n_write_bps, err) < 0 ||
            throttle(fd, "blkio.throttle.read_iops_device", b->read_iops, b->n_read_iops, err) < 0 ||
            throttle(fd, "blkio.throttle.write_iops_device", b->write_iops, b->n_write_iops, err) < 0)
                return -1;
        return 0;
}

static int small_ones(struct cgroup *cgroup, const struct oci_resources *r, struct error *err)
{
        int pids = cgroup_controller_fd(cgroup, "pids"), huge = cgroup_controller_fd(cgroup, "hugetlb");
        int rdma = cgroup_controller_fd(cgroup, "rdma");

        if (r->pids && given(r->pids->limit)) {
                if (pids < 0)
                        return missing("pids", err);
                if (*r->pids->limit < 0 ? cgroup_write(pids, "pids.max", "max", err) < 0
                                        : number(pids, "pids.max", r->pids->limit, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < r->n_hugepage_limits; i++) {
                cleanup_free char *file = string_format("hugetlb.%s.limit_in_bytes", r->hugepage_limits[i].page_size);

                if (huge < 0)
                        return missing("hugetlb", err);
                if (cgroup_writef(huge, err, file, "%" PRIu64, r->hugepage_limits[i].limit) < 0)
                        return -1;
        }
        for (size_t i = 0; i < r->n_rdma; i++) {
                const struct oci_rdma *d = &r->rdma[i];

                if (rdma < 0)
                        return missing("rdma", err);
                if (d->hca_handles && cgroup_writef(rdma, err, "rdma.max", "%s hca_handle=%" PRId64, d->key, *d->hca_handles) < 0)
                        return -1;
                if (d->hca_objects && cgroup_writef(rdma, err, "rdma.max", "%s hca_object=%" PRId64, d->key, *d->hca_objects) < 0)
                        return -1;
        }
        return 0;
}

static int network_apply(struct cgroup *cgroup, const struct oci_network *n, struct error *err)
{
        int cls = cgroup_controller_fd(cgroup, "net_cls"), prio = cgroup_controller_fd(cgroup, "net_prio");

        if (given(n->class_id) && cls < 0)
                return missing("net_cls", err);
        if (n->n_priorities && prio < 0)
                return missing("net_prio", err);
        if (number(cls, "net_cls.classid", n->class_id, err) < 0)
                return -1;
        for (size_t i = 0; i < n->n_priorities; i++)
                if (cgroup_writef(prio, err, "net_prio.ifpriomap", "%s %u", n->priorities[i].name, n->priorities[i].priority) < 0)
                        return -1;
        return 0;
}

int cgroup_apply_v1(struct cgroup *cgroup, const struct oci_resources *r, struct error *err)
{
        if (r->unified.count)
                return error_set(err, ERROR_INVALID, "invalid configuration: cannot use unified on cgroup v1");
        if ((r->memory && memory_apply(cgroup, r->memory, err) < 0) || (r->cpu && cpu_apply(cgroup, r->cpu, err) < 0) ||
            (r->block_io && block_io_apply(cgroup, r->block_io, err) < 0) ||
            (r->network && network_apply(cgroup, r->network, err) < 0))
                return -1;
        return small_ones(cgroup, r, err);
}
