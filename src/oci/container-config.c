#include "oci/container-config.h"

#define STRUCT struct health_config
static const struct json_field health_config_fields[] = {
        JSON_FIELD("Test", STRUCT, test, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("Interval", STRUCT, interval, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("Timeout", STRUCT, timeout, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("StartPeriod", STRUCT, start_period, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("StartInterval", STRUCT, start_interval, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("Retries", STRUCT, retries, JSON_INT, JSON_OMIT_EMPTY),
};
const struct json_table health_config_table = JSON_TABLE(STRUCT, health_config_fields);
#undef STRUCT

#define STRUCT struct restart_policy
static const struct json_field restart_policy_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("MaximumRetryCount", STRUCT, maximum_retry_count, JSON_INT),
};
const struct json_table restart_policy_table = JSON_TABLE(STRUCT, restart_policy_fields);
#undef STRUCT

#define STRUCT struct container_config
static const struct json_field container_config_fields[] = {
        JSON_FIELD("Hostname", STRUCT, hostname, JSON_STRING),
        JSON_FIELD("Domainname", STRUCT, domainname, JSON_STRING),
        JSON_FIELD("User", STRUCT, user, JSON_STRING),
        JSON_FIELD("AttachStdin", STRUCT, attach_stdin, JSON_BOOL),
        JSON_FIELD("AttachStdout", STRUCT, attach_stdout, JSON_BOOL),
        JSON_FIELD("AttachStderr", STRUCT, attach_stderr, JSON_BOOL),
        JSON_FIELD("ExposedPorts", STRUCT, exposed_ports, JSON_SET, JSON_OMIT_EMPTY),
        JSON_FIELD("Tty", STRUCT, tty, JSON_BOOL),
        JSON_FIELD("OpenStdin", STRUCT, open_stdin, JSON_BOOL),
        JSON_FIELD("StdinOnce", STRUCT, stdin_once, JSON_BOOL),
        JSON_FIELD("Env", STRUCT, env, JSON_STRV),
        JSON_FIELD("Cmd", STRUCT, cmd, JSON_STRV, JSON_OR_STRING),
        JSON_FIELD_STRUCT("Healthcheck", STRUCT, healthcheck, JSON_STRUCT_PTR, health_config_table, JSON_OMIT_EMPTY),
        JSON_FIELD("ArgsEscaped", STRUCT, args_escaped, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Image", STRUCT, image, JSON_STRING),
        JSON_FIELD("Volumes", STRUCT, volumes, JSON_SET),
        JSON_FIELD("WorkingDir", STRUCT, working_dir, JSON_STRING),
        JSON_FIELD("Entrypoint", STRUCT, entrypoint, JSON_STRV, JSON_OR_STRING),
        JSON_FIELD("NetworkDisabled", STRUCT, network_disabled, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("MacAddress", STRUCT, mac_address, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("OnBuild", STRUCT, on_build, JSON_STRV),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP),
        JSON_FIELD("StopSignal", STRUCT, stop_signal, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("StopTimeout", STRUCT, stop_timeout, JSON_INT_PTR, JSON_OMIT_NULL),
        JSON_FIELD("Shell", STRUCT, shell, JSON_STRV, JSON_OMIT_EMPTY | JSON_OR_STRING),
};
const struct json_table container_config_table = JSON_TABLE(STRUCT, container_config_fields);
#undef STRUCT

#define STRUCT struct port_binding
static const struct json_field port_binding_fields[] = {
        JSON_FIELD("HostIp", STRUCT, host_ip, JSON_STRING),
        JSON_FIELD("HostPort", STRUCT, host_port, JSON_STRING),
};
const struct json_table port_binding_table = JSON_TABLE(STRUCT, port_binding_fields);
#undef STRUCT

#define STRUCT struct log_config
static const struct json_field log_config_fields[] = {
        JSON_FIELD("Type", STRUCT, type, JSON_STRING),
        JSON_FIELD("Config", STRUCT, config, JSON_STRMAP, JSON_EMPTY_NOT_NULL),
};
static const struct json_table log_config_table = JSON_TABLE(STRUCT, log_config_fields);
#undef STRUCT

#define STRUCT struct device_mapping
static const struct json_field device_mapping_fields[] = {
        JSON_FIELD("PathOnHost", STRUCT, path_on_host, JSON_STRING),
        JSON_FIELD("PathInContainer", STRUCT, path_in_container, JSON_STRING),
        JSON_FIELD("CgroupPermissions", STRUCT, cgroup_permissions, JSON_STRING),
};
static const struct json_table device_mapping_table = JSON_TABLE(STRUCT, device_mapping_fields);
#undef STRUCT

#define STRUCT struct device_request
static const struct json_field device_request_fields[] = {
        JSON_FIELD("Driver", STRUCT, driver, JSON_STRING),
        JSON_FIELD("Count", STRUCT, count, JSON_INT),
        JSON_FIELD("DeviceIDs", STRUCT, device_ids, JSON_STRV),
        JSON_FIELD("Capabilities", STRUCT, capabilities, JSON_RAW),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP),
};
static const struct json_table device_request_table = JSON_TABLE(STRUCT, device_request_fields);
#undef STRUCT

#define STRUCT struct weight_device
static const struct json_field weight_device_fields[] = {
        JSON_FIELD("Path", STRUCT, path, JSON_STRING),
        JSON_FIELD("Weight", STRUCT, weight, JSON_INT),
};
static const struct json_table weight_device_table = JSON_TABLE(STRUCT, weight_device_fields);
#undef STRUCT

#define STRUCT struct throttle_device
static const struct json_field throttle_device_fields[] = {
        JSON_FIELD("Path", STRUCT, path, JSON_STRING),
        JSON_FIELD("Rate", STRUCT, rate, JSON_UINT64),
};
static const struct json_table throttle_device_table = JSON_TABLE(STRUCT, throttle_device_fields);
#undef STRUCT

#define STRUCT struct ulimit
static const struct json_field ulimit_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING),
        JSON_FIELD("Hard", STRUCT, hard, JSON_INT64),
        JSON_FIELD("Soft", STRUCT, soft, JSON_INT64),
};
static const struct json_table ulimit_table = JSON_TABLE(STRUCT, ulimit_fields);
#undef STRUCT

#define STRUCT struct bind_options
static const struct json_field bind_options_fields[] = {
        JSON_FIELD("Propagation", STRUCT, propagation, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("NonRecursive", STRUCT, non_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("CreateMountpoint", STRUCT, create_mountpoint, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("ReadOnlyNonRecursive", STRUCT, read_only_non_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("ReadOnlyForceRecursive", STRUCT, read_only_force_recursive, JSON_BOOL, JSON_OMIT_EMPTY),
};
static const struct json_table bind_options_table = JSON_TABLE(STRUCT, bind_options_fields);
#undef STRUCT

#define STRUCT struct volume_driver_config
static const struct json_field volume_driver_config_fields[] = {
        JSON_FIELD("Name", STRUCT, name, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Options", STRUCT, options, JSON_STRMAP, JSON_OMIT_EMPTY),
};
static const struct json_table volume_driver_config_table = JSON_TABLE(STRUCT, volume_driver_config_fields);
#undef STRUCT

#define STRUCT struct volume_options
static const struct json_field volume_options_fields[] = {
        JSON_FIELD("NoCopy", STRUCT, no_copy, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Labels", STRUCT, labels, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("Subpath", STRUCT, subpath, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("DriverConfig", STRUCT, driver_config, JSON_STRUCT_PTR, volume_driver_config_table, JSON_OMIT_EMPTY),
};
static const struct json_table volume_options_table = JSON_TABLE(STRUCT, volume_options_fields);
#undef STRUCT

#define STRUCT struct image_mount_options
static const struct json_field image_mount_options_fields[] = {
        JSON_FIELD("Subpath", STRUCT, subpath, JSON_STRING, JSON_OMIT_EMPTY),
};
static const struct json_table image_mount_options_table = JSON_TABLE(STRUCT, image_mount_options_fields);
#undef STRUCT

#define STRUCT struct tmpfs_options
static const struct json_field tmpfs_options_fields[] = {
        JSON_FIELD("SizeBytes", STRUCT, size_bytes, JSON_INT64, JSON_OMIT_EMPTY),
        JSON_FIELD("Mode", STRUCT, mode, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("Options", STRUCT, options, JSON_RAW, JSON_OMIT_EMPTY),
};
static const struct json_table tmpfs_options_table = JSON_TABLE(STRUCT, tmpfs_options_fields);
#undef STRUCT

#define STRUCT struct mount_config
static const struct json_field mount_config_fields[] = {
        JSON_FIELD("Type", STRUCT, type, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Source", STRUCT, source, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Target", STRUCT, target, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("ReadOnly", STRUCT, read_only, JSON_BOOL, JSON_OMIT_EMPTY),
        JSON_FIELD("Consistency", STRUCT, consistency, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("BindOptions", STRUCT, bind_options, JSON_STRUCT_PTR, bind_options_table, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("VolumeOptions", STRUCT, volume_options, JSON_STRUCT_PTR, volume_options_table, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("ImageOptions", STRUCT, image_options, JSON_STRUCT_PTR, image_mount_options_table, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("TmpfsOptions", STRUCT, tmpfs_options, JSON_STRUCT_PTR, tmpfs_options_table, JSON_OMIT_EMPTY),
};
static const struct json_table mount_config_table = JSON_TABLE(STRUCT, mount_config_fields);
#undef STRUCT

#define STRUCT struct host_config
/* Resources that `update` changes as well, in the order of inspect. */
#define RESOURCE_FIELDS                                                                                              \
        JSON_FIELD("CpuShares", STRUCT, cpu_shares, JSON_INT64), JSON_FIELD("Memory", STRUCT, memory, JSON_INT64),   \
            JSON_FIELD("NanoCpus", STRUCT, nano_cpus, JSON_INT64),                                                   \
            JSON_FIELD("CgroupParent", STRUCT, cgroup_parent, JSON_STRING),                                          \
            JSON_FIELD("BlkioWeight", STRUCT, blkio_weight, JSON_INT),                                               \
            JSON_FIELD_ARRAY("BlkioWeightDevice", STRUCT, blkio_weight_device, n_blkio_weight_device, JSON_ARRAY,    \
                             weight_device_table),                                                                   \
            JSON_FIELD_ARRAY("BlkioDeviceReadBps", STRUCT, blkio_device_read_bps, n_blkio_device_read_bps,           \
                             JSON_ARRAY, throttle_device_table),                                                     \
            JSON_FIELD_ARRAY("BlkioDeviceWriteBps", STRUCT, blkio_device_write_bps, n_blkio_device_write_bps,        \
                             JSON_ARRAY, throttle_device_table),                                                     \
            JSON_FIELD_ARRAY("BlkioDeviceReadIOps", STRUCT, blkio_device_read_iops, n_blkio_device_read_iops,        \
                             JSON_ARRAY, throttle_device_table),                                                     \
            JSON_FIELD_ARRAY("BlkioDeviceWriteIOps", STRUCT, blkio_device_write_iops, n_blkio_device_write_iops,     \
                             JSON_ARRAY, throttle_device_table),                                                     \
            JSON_FIELD("CpuPeriod", STRUCT, cpu_period, JSON_INT64),                                                 \
            JSON_FIELD("CpuQuota", STRUCT, cpu_quota, JSON_INT64),                                                   \
            JSON_FIELD("CpuRealtimePeriod", STRUCT, cpu_realtime_period, JSON_INT64),                                \
            JSON_FIELD("CpuRealtimeRuntime", STRUCT, cpu_realtime_runtime, JSON_INT64),                              \
            JSON_FIELD("CpusetCpus", STRUCT, cpuset_cpus, JSON_STRING),                                              \
            JSON_FIELD("CpusetMems", STRUCT, cpuset_mems, JSON_STRING),                                              \
            JSON_FIELD_ARRAY("Devices", STRUCT, devices, n_devices, JSON_ARRAY, device_mapping_table),               \
            JSON_FIELD("DeviceCgroupRules", STRUCT, device_cgroup_rules, JSON_STRV),                                 \
            JSON_FIELD_ARRAY("DeviceRequests", STRUCT, device_requests, n_device_requests, JSON_ARRAY,               \
                             device_request_table),                                                                  \
            JSON_FIELD("KernelMemoryTCP", STRUCT, kernel_memory_tcp, JSON_INT64, JSON_OMIT_EMPTY),                   \
            JSON_FIELD("MemoryReservation", STRUCT, memory_reservation, JSON_INT64),                                 \
            JSON_FIELD("MemorySwap", STRUCT, memory_swap, JSON_INT64),                                               \
            JSON_FIELD("MemorySwappiness", STRUCT, memory_swappiness, JSON_INT64_PTR),                               \
            JSON_FIELD("OomKillDisable", STRUCT, oom_kill_disable, JSON_BOOL_PTR),                                   \
            JSON_FIELD("PidsLimit", STRUCT, pids_limit, JSON_INT64_PTR),                                             \
            JSON_FIELD_ARRAY("Ulimits", STRUCT, ulimits, n_ulimits, JSON_ARRAY, ulimit_table),                       \
            JSON_FIELD("CpuCount", STRUCT, cpu_count, JSON_INT64),                                                   \
            JSON_FIELD("CpuPercent", STRUCT, cpu_percent, JSON_INT64),                                               \
            JSON_FIELD("IOMaximumIOps", STRUCT, io_maximum_iops, JSON_INT64),                                        \
            JSON_FIELD("IOMaximumBandwidth", STRUCT, io_maximum_bandwidth, JSON_INT64)

static const struct json_field host_config_fields[] = {
        JSON_FIELD("Binds", STRUCT, binds, JSON_STRV),
        JSON_FIELD("ContainerIDFile", STRUCT, container_id_file, JSON_STRING),
        JSON_FIELD_STRUCT("LogConfig", STRUCT, log_config, JSON_STRUCT, log_config_table),
        JSON_FIELD("NetworkMode", STRUCT, network_mode, JSON_STRING),
        JSON_FIELD_ARRAY("PortBindings", STRUCT, port_bindings, n_port_bindings, JSON_MAP_ARRAYS, port_binding_table),
        JSON_FIELD_STRUCT("RestartPolicy", STRUCT, restart_policy, JSON_STRUCT, restart_policy_table),
        JSON_FIELD("AutoRemove", STRUCT, auto_remove, JSON_BOOL),
        JSON_FIELD("VolumeDriver", STRUCT, volume_driver, JSON_STRING),
        JSON_FIELD("VolumesFrom", STRUCT, volumes_from, JSON_STRV),
        JSON_FIELD_UINT32S("ConsoleSize", STRUCT, console_size, n_console_size),
        JSON_FIELD("Annotations", STRUCT, annotations, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("CapAdd", STRUCT, cap_add, JSON_STRV, JSON_OR_STRING),
        JSON_FIELD("CapDrop", STRUCT, cap_drop, JSON_STRV, JSON_OR_STRING),
        JSON_FIELD("CgroupnsMode", STRUCT, cgroupns_mode, JSON_STRING),
        JSON_FIELD("Dns", STRUCT, dns, JSON_STRV),
        JSON_FIELD("DnsOptions", STRUCT, dns_options, JSON_STRV),
        JSON_FIELD("DnsSearch", STRUCT, dns_search, JSON_STRV),
        JSON_FIELD("ExtraHosts", STRUCT, extra_hosts, JSON_STRV),
        JSON_FIELD("GroupAdd", STRUCT, group_add, JSON_STRV),
        JSON_FIELD("IpcMode", STRUCT, ipc_mode, JSON_STRING),
        JSON_FIELD("Cgroup", STRUCT, cgroup, JSON_STRING),
        JSON_FIELD("Links", STRUCT, links, JSON_STRV),
        JSON_FIELD("OomScoreAdj", STRUCT, oom_score_adj, JSON_INT),
        JSON_FIELD("PidMode", STRUCT, pid_mode, JSON_STRING),
        JSON_FIELD("Privileged", STRUCT, privileged, JSON_BOOL),
        JSON_FIELD("PublishAllPorts", STRUCT, publish_all_ports, JSON_BOOL),
        JSON_FIELD("ReadonlyRootfs", STRUCT, readonly_rootfs, JSON_BOOL),
        JSON_FIELD("SecurityOpt", STRUCT, security_opt, JSON_STRV),
        JSON_FIELD("StorageOpt", STRUCT, storage_opt, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("Tmpfs", STRUCT, tmpfs, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("UTSMode", STRUCT, uts_mode, JSON_STRING),
        JSON_FIELD("UsernsMode", STRUCT, userns_mode, JSON_STRING),
        JSON_FIELD("ShmSize", STRUCT, shm_size, JSON_INT64),
        JSON_FIELD("Sysctls", STRUCT, sysctls, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("Runtime", STRUCT, runtime, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("Isolation", STRUCT, isolation, JSON_STRING),
        RESOURCE_FIELDS,
        JSON_FIELD_ARRAY("Mounts", STRUCT, mounts, n_mounts, JSON_ARRAY, mount_config_table, JSON_OMIT_EMPTY),
        JSON_FIELD("MaskedPaths", STRUCT, masked_paths, JSON_STRV),
        JSON_FIELD("ReadonlyPaths", STRUCT, readonly_paths, JSON_STRV),
        JSON_FIELD("Init", STRUCT, init, JSON_BOOL_PTR, JSON_OMIT_NULL),
};
const struct json_table host_config_table = JSON_TABLE(STRUCT, host_config_fields);

static const struct json_field update_config_fields[] = {
        RESOURCE_FIELDS,
        JSON_FIELD_STRUCT("RestartPolicy", STRUCT, restart_policy, JSON_STRUCT, restart_policy_table),
};
const struct json_table update_config_table = JSON_TABLE(STRUCT, update_config_fields);
#undef STRUCT

#define STRUCT struct endpoint_ipam_config
static const struct json_field endpoint_ipam_config_fields[] = {
        JSON_FIELD("IPv4Address", STRUCT, ipv4_address, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("IPv6Address", STRUCT, ipv6_address, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("LinkLocalIPs", STRUCT, link_local_ips, JSON_STRV, JSON_OMIT_EMPTY),
};
static const struct json_table endpoint_ipam_config_table = JSON_TABLE(STRUCT, endpoint_ipam_config_fields);
#undef STRUCT

/* The same fields for the settings alone and for an entry of a map, where they lie behind the key. */
#define ENDPOINT_FIELDS(STRUCT, prefix)                                                                              \
        JSON_FIELD_STRUCT("IPAMConfig", STRUCT, prefix ipam_config, JSON_STRUCT_PTR, endpoint_ipam_config_table),    \
            JSON_FIELD("Links", STRUCT, prefix links, JSON_STRV), JSON_FIELD("Aliases", STRUCT, prefix aliases, JSON_STRV), \
            JSON_FIELD("MacAddress", STRUCT, prefix mac_address, JSON_STRING),                                       \
            JSON_FIELD("DriverOpts", STRUCT, prefix driver_opts, JSON_STRMAP),                                       \
            JSON_FIELD("GwPriority", STRUCT, prefix gw_priority, JSON_INT),                                          \
            JSON_FIELD("NetworkID", STRUCT, prefix network_id, JSON_STRING),                                         \
            JSON_FIELD("EndpointID", STRUCT, prefix endpoint_id, JSON_STRING),                                       \
            JSON_FIELD("Gateway", STRUCT, prefix gateway, JSON_STRING),                                              \
            JSON_FIELD("IPAddress", STRUCT, prefix ip_address, JSON_STRING),                                         \
            JSON_FIELD("IPPrefixLen", STRUCT, prefix ip_prefix_len, JSON_INT),                                       \
            JSON_FIELD("IPv6Gateway", STRUCT, prefix ipv6_gateway, JSON_STRING),                                     \
            JSON_FIELD("GlobalIPv6Address", STRUCT, prefix global_ipv6_address, JSON_STRING),                        \
            JSON_FIELD("GlobalIPv6PrefixLen", STRUCT, prefix global_ipv6_prefix_len, JSON_INT),                      \
            JSON_FIELD("DNSNames", STRUCT, prefix dns_names, JSON_STRV)

static const struct json_field endpoint_settings_fields[] = { ENDPOINT_FIELDS(struct endpoint_settings, ) };
const struct json_table endpoint_settings_table = JSON_TABLE(struct endpoint_settings, endpoint_settings_fields);

static const struct json_field endpoint_entry_fields[] = { ENDPOINT_FIELDS(struct endpoint_entry, settings.) };
const struct json_table endpoint_entry_table = JSON_TABLE(struct endpoint_entry, endpoint_entry_fields);

static const struct json_field networking_config_fields[] = {
        JSON_FIELD_ARRAY("EndpointsConfig", struct networking_config, endpoints, n_endpoints, JSON_MAP, endpoint_entry_table),
};
const struct json_table networking_config_table = JSON_TABLE(struct networking_config, networking_config_fields);
