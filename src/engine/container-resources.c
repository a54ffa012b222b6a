/* HostConfig's limits as the OCI spec has them. */
#include "engine/container-internal.h"
#include "runtime/defaults.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int64_t *number(int64_t value)
{
        return xmemdup(&value, sizeof(value));
}

static int64_t *number_unless_zero(int64_t value)
{
        return value ? number(value) : NULL;
}

static struct oci_memory *memory_limits(const struct host_config *h)
{
        struct oci_memory *m = xcalloc(1, sizeof(*m));

        m->limit = number_unless_zero(h->memory);
        m->reservation = number_unless_zero(h->memory_reservation);
        m->swap = number_unless_zero(h->memory_swap);
        if (h->memory_swappiness)
                m->swappiness = number(*h->memory_swappiness);
        if (h->oom_kill_disable && *h->oom_kill_disable)
                m->disable_oom_killer = xmemdup(h->oom_kill_disable, sizeof(bool));
        return m;
}

static struct oci_cpu *cpu_limits(const struct host_config *h)
{
        struct oci_cpu *c = xcalloc(1, sizeof(*c));

        c->shares = number_unless_zero(h->cpu_shares);
        c->period = number_unless_zero(h->cpu_period);
        c->quota = number_unless_zero(h->cpu_quota);
        if (h->nano_cpus) {
                c->period = number(100000);
                c->quota = number(h->nano_cpus / 10000);
        }
        c->realtime_period = number_unless_zero(h->cpu_realtime_period);
        c->realtime_runtime = number_unless_zero(h->cpu_realtime_runtime);
        c->cpus = string_empty(h->cpuset_cpus) ? NULL : xstrdup(h->cpuset_cpus);
        c->mems = string_empty(h->cpuset_mems) ? NULL : xstrdup(h->cpuset_mems);
        return c;
}

static int device_numbers(const char *path, int64_t *major_number, int64_t *minor_number, struct error *err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return error_errno(err, "%s", path);
        if (!S_ISBLK(st.st_mode))
                return error_set(err, ERROR_INVALID, "%s is not a block device", path);
        *major_number = major(st.st_rdev);
        *minor_number = minor(st.st_rdev);
        return 0;
}

static int throttles(const struct throttle_device *items, size_t count, struct oci_throttle_device **ret,
                     size_t *ret_count, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                struct oci_throttle_device device = { .rate = items[i].rate };

                if (device_numbers(items[i].path, &device.major, &device.minor, err) < 0)
                        return -1;
                ARRAY_APPEND(*ret, *ret_count, device);
        }
        return 0;
}

static int block_io(const struct host_config *h, struct oci_resources *ret, struct error *err)
{
        struct oci_block_io *b = ret->block_io = xcalloc(1, sizeof(*b));

        b->weight = number_unless_zero(h->blkio_weight);
        for (size_t i = 0; i < h->n_blkio_weight_device; i++) {
                struct oci_weight_device device = { .weight = number(h->blkio_weight_device[i].weight) };

                ARRAY_APPEND(b->weight_device, b->n_weight_device, device);
                if (device_numbers(h->blkio_weight_device[i].path, &b->weight_device[i].major,
                                   &b->weight_device[i].minor, err) < 0)
                        return -1;
        }
        if (throttles(h->blkio_device_read_bps, h->n_blkio_device_read_bps, &b->read_bps, &b->n_read_bps,
                      err) < 0 ||
            throttles(h->blkio_device_write_bps, h->n_blkio_device_write_bps, &b->write_bps, &b->n_write_bps,
                      err) < 0 ||
            throttles(h->blkio_device_read_iops, h->n_blkio_device_read_iops, &b->read_iops, &b->n_read_iops,
                      err) < 0 ||
            throttles(h->blkio_device_write_iops, h->n_blkio_device_write_iops, &b->write_iops,
                      &b->n_write_iops, err) < 0)
                return -1;
        return 0;
}

int container_resources(const struct host_config *h, struct oci_resources *ret, struct error *err)
{
        ret->memory = memory_limits(h);
        ret->cpu = cpu_limits(h);
        if (h->pids_limit) {
                ret->pids = xcalloc(1, sizeof(*ret->pids));
                ret->pids->limit = number(*h->pids_limit > 0 ? *h->pids_limit : -1);
        }
        return block_io(h, ret, err);
}
