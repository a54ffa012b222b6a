/* What the engine tells about itself and its host: /version, /info, /system/df. */
#pragma once

#include "base/json.h"

struct engine;

#define ENGINE_API_VERSION "1.51"
#define ENGINE_API_MIN_VERSION "1.24"

/* GET /version. */
json_object *engine_version(struct engine *engine);
/* GET /info. */
int engine_info(struct engine *engine, json_object **ret, struct error *err);
/* GET /system/df: Docker's object before 1.52. `types` (NULL: all) are of "container", "image", "volume",
 * "build-cache"; others are an ERROR_INVALID. */
int engine_disk_usage(struct engine *engine, char *const *types, json_object **ret, struct error *err);

/* Facts about the host, read from the kernel. */
struct host_info {
        char *kernel_version, *architecture, *operating_system, *os_version, *name;
        int cpus;
        int64_t memory;
        bool cgroup2;
        bool memory_limit, swap_limit, cpu_cfs_period, cpu_cfs_quota, cpu_shares, cpu_set, pids_limit, oom_kill_disable;
        bool ipv4_forwarding, seccomp, apparmor;
};
void host_info_read(struct host_info *ret);
void host_info_deinit(struct host_info *info);
#define cleanup_host_info __attribute__((cleanup(host_info_deinit)))
/* "amd64", "arm64": Go's name of this machine. */
const char *host_go_architecture(void);
