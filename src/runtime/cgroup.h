/* A container's cgroup: version 1 (a folder in each controller's hierarchy), version 2, and the hybrid of both, behind
 * one interface. Everything works by descriptors of the container's own folders, opened once. */
#pragma once

#include "oci/spec.h"

enum cgroup_mode { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

/* The host's layout, found once per process. */
enum cgroup_mode cgroup_mode(void);

struct cgroup; /* opaque */

/* Makes (or takes over) the cgroup `path`: absolute ("/davit/ID", below each hierarchy's mount point) or relative to
 * the caller's own cgroup. The form "slice:prefix:name" (systemd) is an ERROR_UNSUPPORTED. A cgroup that already
 * has processes in it is an ERROR_CONFLICT, unless `shared`. */
int cgroup_create(const char *path, bool shared, struct cgroup **ret, struct error *err);
/* Opens an existing one; ERROR_NOT_FOUND when there is none. For davitd's statistics and for cleaning up. */
int cgroup_open(const char *path, struct cgroup **ret, struct error *err);
void cgroup_free(struct cgroup *cgroup); /* closes; removes nothing */
DEFINE_CLEANUP(struct cgroup *, cleanup_cgroup_func, cgroup_free)
#define cleanup_cgroup __attribute__((cleanup(cleanup_cgroup_func)))
const char *cgroup_path(const struct cgroup *cgroup);
/* The v2 folder for clone3(CLONE_INTO_CGROUP), or -1. */
int cgroup_v2_fd(const struct cgroup *cgroup);

/* Sets the limits; NULL members stay as they are. With `initial` the device rules are installed too. Docker's users see
 * update errors of the kernel as they are. */
int cgroup_apply(struct cgroup *cgroup, const struct oci_resources *resources, bool initial, struct error *err);

/* Moves the calling (single-threaded) process in; on v2 a no-op when it was cloned into it. */
int cgroup_join(struct cgroup *cgroup, struct error *err);
/* Moves any process in. */
int cgroup_add(struct cgroup *cgroup, pid_t pid, struct error *err);

/* Returns when the kernel reports the state reached. */
int cgroup_freeze(struct cgroup *cgroup, bool frozen, struct error *err);
bool cgroup_is_frozen(struct cgroup *cgroup);
/* Sends `signal` to every process in it and in those below (cgroup.kill for SIGKILL where the kernel has it). */
int cgroup_kill(struct cgroup *cgroup, int signal, struct error *err);
/* All pids in it and below; heap array. */
int cgroup_pids(struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_count, struct error *err);
/* Removes it and those below; processes that are just dying are waited for (bounded). Missing is no error. */
int cgroup_remove(struct cgroup *cgroup, struct error *err);

/* A descriptor that becomes readable (EPOLLIN; EPOLLPRI never) when an out-of-memory event may have happened: read it
 * empty, then compare cgroup_oom_kills(). -1 with ERROR_UNSUPPORTED where there is no memory controller. */
int cgroup_oom_fd(struct cgroup *cgroup, struct error *err);
uint64_t cgroup_oom_kills(struct cgroup *cgroup);

struct cgroup_named_value {
        char *key;
        uint64_t value;
};
struct cgroup_io_entry {
        uint64_t major, minor;
        char op[16]; /* "Read", "Write", … on v1, "read", "write" on v2, as Docker shows them */
        uint64_t value;
};
/* What the files say; times in nanoseconds. UINT64_MAX: unlimited. */
struct cgroup_stats {
        uint64_t cpu_total, cpu_kernel, cpu_user;
        uint64_t *cpu_per_cpu; /* v1 only */
        size_t n_cpu_per_cpu;
        uint64_t periods, throttled_periods, throttled_time;
        bool has_memory;
        uint64_t memory_usage, memory_max_usage, memory_limit, memory_failcnt;
        uint64_t memory_cache; /* what Docker's CLI takes off the usage: total_inactive_file or inactive_file */
        struct cgroup_named_value *memory_stat;
        size_t n_memory_stat;
        bool has_pids;
        uint64_t pids_current, pids_limit;
        struct cgroup_io_entry *io_bytes, *io_ops; /* io_service_bytes_recursive, io_serviced_recursive */
        size_t n_io_bytes, n_io_ops;
};
int cgroup_stats(struct cgroup *cgroup, struct cgroup_stats *ret, struct error *err);
void cgroup_stats_deinit(struct cgroup_stats *stats);
#define cleanup_cgroup_stats __attribute__((cleanup(cgroup_stats_deinit)))
