/* Docker's defaults for a container, each written once (features.md 5.2). NULL-terminated lists. */
#pragma once

#include "oci/spec.h"

extern const char *const runtime_masked_paths[];
extern const char *const runtime_readonly_paths[];

/* The mounts of every container: /proc, /dev, /dev/pts, /sys, /sys/fs/cgroup, /dev/mqueue, in order (/dev/shm, which
 * depends on the ipc mode, is the caller's; its options are below). Appends copies. */
void runtime_default_mounts(struct oci_mount **mounts, size_t *count);
extern const char *const runtime_shm_options[]; /* nosuid, noexec, nodev, mode=1777; add size=N */

/* Appends the device rules that Docker puts into a spec (deny all, allow the standard nodes). */
void runtime_default_device_rules(struct oci_device_rule **rules, size_t *count);
/* Appends masked and read-only paths, incl. this host's /sys/devices/system/cpu/cpuN/thermal_throttle. */
void runtime_default_masked_paths(char ***list);
void runtime_default_readonly_paths(char ***list);

/* The device at an absolute host path as a spec wants it (type, numbers, mode, owners); ERROR_INVALID "not a device node". */
int runtime_device_from_host(const char *path, struct oci_device *ret, struct error *err);
