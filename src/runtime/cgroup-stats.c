#include "runtime/cgroup-internal.h"

#include <inttypes.h>

#define TICK_NS 10000000 /* USER_HZ is 100 on every Linux */

void cgroup_stats_deinit(struct cgroup_stats *s)
{
        for (size_t i = 0; i < s->n_memory_stat; i++)
                free(s->memory_stat[i].key);
        free(s->memory_stat);
        free(s->cpu_per_cpu);
        free(s->io_bytes);
        free(s->io_ops);
        memset(s, 0, sizeof(*s));
}

static uint64_t value_of(const char *text, const char *name)
{
        uint64_t n = 0;

        return cgroup_text_value(text, name, &n) ? n : 0;
}

static void memory_stat_parse(const char *text, struct cgroup_stats *s)
{
        while (text && *text) {
                const char *end = strchrnul(text, '\n'), *space = memchr(text, ' ', (size_t)(end - text));

                if (space && s->n_memory_stat < 256) {
                        struct cgroup_named_value v = { xstrndup(text, (size_t)(space - text)), strtoull(space + 1, NULL, 10) };

                        ARRAY_APPEND(s->memory_stat, s->n_memory_stat, v);
                }
                text = *end ? end + 1 : end;
        }
}

/* --- version 1 ------------------------------------------------------------------------------------------------------- */

static void cpu_v1(struct cgroup *cgroup, struct cgroup_stats *s)
{
        int acct = cgroup_controller_fd(cgroup, "cpuacct"), cpu = cgroup_controller_fd(cgroup, "cpu");
        cleanup_free char *stat = cgroup_read_text(acct, "cpuacct.stat"), *per_cpu = cgroup_read_text(acct, "cpuacct.usage_percpu");
        cleanup_free char *throttling = cgroup_read_text(cpu, "cpu.stat");
        char *save = NULL;

        cgroup_read_number(acct, "cpuacct.usage", &s->cpu_total);
        s->cpu_user = value_of(stat, "user") * TICK_NS;
        s->cpu_kernel = value_of(stat, "system") * TICK_NS;
        for (char *w = per_cpu ? strtok_r(per_cpu, " \n", &save) : NULL; w; w = strtok_r(NULL, " \n", &save))
                ARRAY_APPEND(s->cpu_per_cpu, s->n_cpu_per_cpu, strtoull(w, NULL, 10));
        s->periods = value_of(throttling, "nr_periods");
        s->throttled_periods = value_of(throttling, "nr_throttled");
        s->throttled_time = value_of(throttling, "throttled_time");
}

static void memory_v1(struct cgroup *cgroup, struct cgroup_stats *s)
{
        int fd = cgroup_controller_fd(cgroup, "memory");
        cleanup_free char *stat = cgroup_read_text(fd, "memory.stat");

        s->has_memory = cgroup_read_number(fd, "memory.usage_in_bytes", &s->memory_usage);
        cgroup_read_number(fd, "memory.max_usage_in_bytes", &s->memory_max_usage);
        cgroup_read_number(fd, "memory.limit_in_bytes", &s->memory_limit);
        cgroup_read_number(fd, "memory.failcnt", &s->memory_failcnt);
        /* The largest page-aligned number is v1's word for "no limit". */
        if (s->memory_limit >= (UINT64_C(1) << 62))
                s->memory_limit = UINT64_MAX;
        memory_stat_parse(stat, s);
        s->memory_cache = value_of(stat, "total_inactive_file");
}

/* Lines "8:0 Read 4096"; the total without a device is left out. */
static void io_v1(int fd, const char *file, struct cgroup_io_entry **entries, size_t *count)
{
        cleanup_free char *text = cgroup_read_text(fd, file);
        char *save = NULL;

        for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
                struct cgroup_io_entry e = {};

                if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %15s %" SCNu64, &e.major, &e.minor, e.op, &e.value) == 4)
                        ARRAY_APPEND(*entries, *count, e);
        }
}

static void stats_v1(struct cgroup *cgroup, struct cgroup_stats *s)
{
        int blkio = cgroup_controller_fd(cgroup, "blkio");

        cpu_v1(cgroup, s);
        memory_v1(cgroup, s);
        io_v1(blkio, "blkio.bfq.io_service_bytes_recursive", &s->io_bytes, &s->n_io_bytes);
        io_v1(blkio, "blkio.bfq.io_serviced_recursive", &s->io_ops, &s->n_io_ops);
        if (!s->n_io_bytes)
                io_v1(blkio, "blkio.throttle.io_service_bytes_recursive", &s->io_bytes, &s->n_io_bytes);
        if (!s->n_io_ops)
                io_v1(blkio, "blkio.throttle.io_serviced_recursive", &s->io_ops, &s->n_io_ops);
}

/* --- version 2 ------------------------------------------------------------------------------------------------------- */

static void io_v2(int fd, struct cgroup_stats *s)
{
        static const struct {
                const char *key, *op;
                bool bytes;
        } keys[] = { { " rbytes=", "read", true }, { " wbytes=", "write", true }, { " rios=", "read", false }, { " wios=", "write", false } };
        cleanup_free char *text = cgroup_read_text(fd, "io.stat");
        char *save = NULL;

        for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
                for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                        struct cgroup_io_entry e = {};
                        const char *at = strstr(line, keys[i].key);

                        if (!at || sscanf(line, "%" SCNu64 ":%" SCNu64, &e.major, &e.minor) != 2)
                                continue;
                        snprintf(e.op, sizeof(e.op), "%s", keys[i].op);
                        e.value = strtoull(at + strlen(keys[i].key), NULL, 10);
                        if (keys[i].bytes)
                                ARRAY_APPEND(s->io_bytes, s->n_io_bytes, e);
                        else
                                ARRAY_APPEND(s->io_ops, s->n_io_ops, e);
                }
}

static void stats_v2(struct cgroup *cgroup, struct cgroup_stats *s)
{
        int fd = cgroup_v2_fd(cgroup);
        cleanup_free char *cpu = cgroup_read_text(fd, "cpu.stat"), *memory = cgroup_read_text(fd, "memory.stat");
        cleanup_free char *events = cgroup_read_text(fd, "memory.events");

        s->cpu_total = value_of(cpu, "usage_usec") * 1000;
        s->cpu_user = value_of(cpu, "user_usec") * 1000;
        s->cpu_kernel = value_of(cpu, "system_usec") * 1000;
        s->periods = value_of(cpu, "nr_periods");
        s->throttled_periods = value_of(cpu, "nr_throttled");
        s->throttled_time = value_of(cpu, "throttled_usec") * 1000;
        s->has_memory = cgroup_read_number(fd, "memory.current", &s->memory_usage);
        cgroup_read_number(fd, "memory.peak", &s->memory_max_usage);
        cgroup_read_number(fd, "memory.max", &s->memory_limit);
        s->memory_failcnt = value_of(events, "oom");
        memory_stat_parse(memory, s);
        s->memory_cache = value_of(memory, "inactive_file");
        io_v2(fd, s);
}

int cgroup_stats(struct cgroup *cgroup, struct cgroup_stats *ret, struct error *err)
{
        int pids = cgroup_controller_fd(cgroup, "pids");

        memset(ret, 0, sizeof(*ret));
        ret->memory_limit = ret->pids_limit = UINT64_MAX;
        if (cgroup_mode() == CGROUP_V2 && cgroup_v2_fd(cgroup) < 0)
                return error_set(err, ERROR_NOT_FOUND, "the cgroup is gone");
        (cgroup_mode() == CGROUP_V2 ? stats_v2 : stats_v1)(cgroup, ret);
        ret->has_pids = cgroup_read_number(pids, "pids.current", &ret->pids_current);
        cgroup_read_number(pids, "pids.max", &ret->pids_limit);
        return 0;
}
