#include "oci/spec.h"

#define S(type, name, member, kind) JSON_FIELD(name, struct oci_##type, member, kind, JSON_OMIT_EMPTY)
/* Printed even when empty. */
#define ALWAYS(type, name, member, kind) JSON_FIELD(name, struct oci_##type, member, kind)
#define PTR(type, name, member, table) \
        JSON_FIELD_STRUCT(name, struct oci_##type, member, JSON_STRUCT_PTR, table, JSON_OMIT_EMPTY)
#define LIST(type, name, member, table) \
        JSON_FIELD_ARRAY(name, struct oci_##type, member, n_##member, JSON_ARRAY, table, JSON_OMIT_EMPTY)
#define TABLE(type, ...)                                                                                             \
        static const struct json_field type##_fields[] = { __VA_ARGS__ };                                            \
        static const struct json_table type##_table = JSON_TABLE(struct oci_##type, type##_fields)
#define PUBLIC_TABLE(type, ...)                                                                                      \
        static const struct json_field type##_fields[] = { __VA_ARGS__ };                                            \
        const struct json_table oci_##type##_table = JSON_TABLE(struct oci_##type, type##_fields)

TABLE(box, ALWAYS(box, "height", height, JSON_UINT32), ALWAYS(box, "width", width, JSON_UINT32));
TABLE(user, ALWAYS(user, "uid", uid, JSON_UINT32), ALWAYS(user, "gid", gid, JSON_UINT32),
      S(user, "umask", umask, JSON_INT64_PTR),
      JSON_FIELD_UINT32S("additionalGids", struct oci_user, additional_gids, n_additional_gids, JSON_OMIT_EMPTY));
TABLE(rlimit, ALWAYS(rlimit, "type", type, JSON_STRING), ALWAYS(rlimit, "hard", hard, JSON_UINT64),
      ALWAYS(rlimit, "soft", soft, JSON_UINT64));
PUBLIC_TABLE(capabilities, S(capabilities, "bounding", bounding, JSON_STRV),
             S(capabilities, "effective", effective, JSON_STRV), S(capabilities, "inheritable", inheritable, JSON_STRV),
             S(capabilities, "permitted", permitted, JSON_STRV), S(capabilities, "ambient", ambient, JSON_STRV));
TABLE(scheduler, ALWAYS(scheduler, "policy", policy, JSON_STRING), S(scheduler, "nice", nice, JSON_INT),
      S(scheduler, "priority", priority, JSON_INT), S(scheduler, "flags", flags, JSON_STRV),
      S(scheduler, "runtime", runtime, JSON_UINT64), S(scheduler, "deadline", deadline, JSON_UINT64),
      S(scheduler, "period", period, JSON_UINT64));
TABLE(io_priority, ALWAYS(io_priority, "class", class_name, JSON_STRING),
      ALWAYS(io_priority, "priority", priority, JSON_INT));
TABLE(cpu_affinity, S(cpu_affinity, "initial", initial, JSON_STRING), S(cpu_affinity, "final", final, JSON_STRING));
PUBLIC_TABLE(process, S(process, "terminal", terminal, JSON_BOOL), PTR(process, "consoleSize", console_size, box_table),
             JSON_FIELD_STRUCT("user", struct oci_process, user, JSON_STRUCT, user_table),
             S(process, "args", args, JSON_STRV), S(process, "env", env, JSON_STRV),
             ALWAYS(process, "cwd", cwd, JSON_STRING), PTR(process, "capabilities", capabilities, oci_capabilities_table),
             LIST(process, "rlimits", rlimits, rlimit_table),
             S(process, "noNewPrivileges", no_new_privileges, JSON_BOOL),
             S(process, "apparmorProfile", apparmor_profile, JSON_STRING),
             S(process, "oomScoreAdj", oom_score_adj, JSON_INT_PTR), PTR(process, "scheduler", scheduler, scheduler_table),
             S(process, "selinuxLabel", selinux_label, JSON_STRING),
             PTR(process, "ioPriority", io_priority, io_priority_table),
             PTR(process, "execCPUAffinity", exec_cpu_affinity, cpu_affinity_table));
TABLE(root, ALWAYS(root, "path", path, JSON_STRING), S(root, "readonly", readonly, JSON_BOOL));
TABLE(id_mapping, ALWAYS(id_mapping, "containerID", container_id, JSON_UINT32),
      ALWAYS(id_mapping, "hostID", host_id, JSON_UINT32), ALWAYS(id_mapping, "size", size, JSON_UINT32));
TABLE(mount, ALWAYS(mount, "destination", destination, JSON_STRING), S(mount, "type", type, JSON_STRING),
      S(mount, "source", source, JSON_STRING), S(mount, "davitSourceRoot", source_root, JSON_STRING),
      S(mount, "options", options, JSON_STRV),
      LIST(mount, "uidMappings", uid_mappings, id_mapping_table), LIST(mount, "gidMappings", gid_mappings, id_mapping_table));
TABLE(hook, ALWAYS(hook, "path", path, JSON_STRING), S(hook, "args", args, JSON_STRV), S(hook, "env", env, JSON_STRV),
      S(hook, "timeout", timeout, JSON_INT_PTR));
TABLE(hooks, LIST(hooks, "prestart", prestart, hook_table), LIST(hooks, "createRuntime", create_runtime, hook_table),
      LIST(hooks, "createContainer", create_container, hook_table),
      LIST(hooks, "startContainer", start_container, hook_table), LIST(hooks, "poststart", poststart, hook_table),
      LIST(hooks, "poststop", poststop, hook_table));
TABLE(namespace, ALWAYS(namespace, "type", type, JSON_STRING), S(namespace, "path", path, JSON_STRING));
TABLE(device, ALWAYS(device, "path", path, JSON_STRING), ALWAYS(device, "type", type, JSON_STRING),
      ALWAYS(device, "major", major, JSON_INT64), ALWAYS(device, "minor", minor, JSON_INT64),
      S(device, "fileMode", file_mode, JSON_INT64_PTR), S(device, "uid", uid, JSON_INT64_PTR),
      S(device, "gid", gid, JSON_INT64_PTR));
TABLE(device_rule, ALWAYS(device_rule, "allow", allow, JSON_BOOL), S(device_rule, "type", type, JSON_STRING),
      S(device_rule, "major", major, JSON_INT64_PTR), S(device_rule, "minor", minor, JSON_INT64_PTR),
      S(device_rule, "access", access, JSON_STRING));
TABLE(memory, S(memory, "limit", limit, JSON_INT64_PTR), S(memory, "reservation", reservation, JSON_INT64_PTR),
      S(memory, "swap", swap, JSON_INT64_PTR), S(memory, "kernel", kernel, JSON_INT64_PTR),
      S(memory, "kernelTCP", kernel_tcp, JSON_INT64_PTR), S(memory, "swappiness", swappiness, JSON_INT64_PTR),
      S(memory, "disableOOMKiller", disable_oom_killer, JSON_BOOL_PTR),
      S(memory, "useHierarchy", use_hierarchy, JSON_BOOL_PTR),
      S(memory, "checkBeforeUpdate", check_before_update, JSON_BOOL_PTR));
TABLE(cpu, S(cpu, "shares", shares, JSON_INT64_PTR), S(cpu, "quota", quota, JSON_INT64_PTR),
      S(cpu, "burst", burst, JSON_INT64_PTR), S(cpu, "period", period, JSON_INT64_PTR),
      S(cpu, "realtimeRuntime", realtime_runtime, JSON_INT64_PTR),
      S(cpu, "realtimePeriod", realtime_period, JSON_INT64_PTR), S(cpu, "cpus", cpus, JSON_STRING),
      S(cpu, "mems", mems, JSON_STRING), S(cpu, "idle", idle, JSON_INT64_PTR));
TABLE(pids, S(pids, "limit", limit, JSON_INT64_PTR));
TABLE(weight_device, ALWAYS(weight_device, "major", major, JSON_INT64), ALWAYS(weight_device, "minor", minor, JSON_INT64),
      S(weight_device, "weight", weight, JSON_INT64_PTR), S(weight_device, "leafWeight", leaf_weight, JSON_INT64_PTR));
TABLE(throttle_device, ALWAYS(throttle_device, "major", major, JSON_INT64),
      ALWAYS(throttle_device, "minor", minor, JSON_INT64), ALWAYS(throttle_device, "rate", rate, JSON_UINT64));
TABLE(block_io, S(block_io, "weight", weight, JSON_INT64_PTR), S(block_io, "leafWeight", leaf_weight, JSON_INT64_PTR),
      LIST(block_io, "weightDevice", weight_device, weight_device_table),
      LIST(block_io, "throttleReadBpsDevice", read_bps, throttle_device_table),
      LIST(block_io, "throttleWriteBpsDevice", write_bps, throttle_device_table),
      LIST(block_io, "throttleReadIOPSDevice", read_iops, throttle_device_table),
      LIST(block_io, "throttleWriteIOPSDevice", write_iops, throttle_device_table));
TABLE(hugepage_limit, ALWAYS(hugepage_limit, "pageSize", page_size, JSON_STRING),
      ALWAYS(hugepage_limit, "limit", limit, JSON_UINT64));
TABLE(interface_priority, ALWAYS(interface_priority, "name", name, JSON_STRING),
      ALWAYS(interface_priority, "priority", priority, JSON_UINT32));
TABLE(network, S(network, "classID", class_id, JSON_INT64_PTR),
      LIST(network, "priorities", priorities, interface_priority_table));
TABLE(rdma, S(rdma, "hcaHandles", hca_handles, JSON_INT64_PTR), S(rdma, "hcaObjects", hca_objects, JSON_INT64_PTR));
PUBLIC_TABLE(resources, LIST(resources, "devices", devices, device_rule_table),
             PTR(resources, "memory", memory, memory_table), PTR(resources, "cpu", cpu, cpu_table),
             PTR(resources, "pids", pids, pids_table), PTR(resources, "blockIO", block_io, block_io_table),
             LIST(resources, "hugepageLimits", hugepage_limits, hugepage_limit_table),
             PTR(resources, "network", network, network_table),
             JSON_FIELD_ARRAY("rdma", struct oci_resources, rdma, n_rdma, JSON_MAP, rdma_table, JSON_OMIT_EMPTY),
             S(resources, "unified", unified, JSON_STRMAP));
TABLE(seccomp_arg, ALWAYS(seccomp_arg, "index", index, JSON_UINT32), ALWAYS(seccomp_arg, "value", value, JSON_UINT64),
      S(seccomp_arg, "valueTwo", value_two, JSON_UINT64), ALWAYS(seccomp_arg, "op", op, JSON_STRING));
TABLE(syscall, ALWAYS(syscall, "names", names, JSON_STRV), ALWAYS(syscall, "action", action, JSON_STRING),
      S(syscall, "errnoRet", errno_ret, JSON_INT64_PTR), LIST(syscall, "args", args, seccomp_arg_table));
PUBLIC_TABLE(seccomp, ALWAYS(seccomp, "defaultAction", default_action, JSON_STRING),
             S(seccomp, "defaultErrnoRet", default_errno_ret, JSON_INT64_PTR),
             S(seccomp, "architectures", architectures, JSON_STRV), S(seccomp, "flags", flags, JSON_STRV),
             S(seccomp, "listenerPath", listener_path, JSON_STRING),
             S(seccomp, "listenerMetadata", listener_metadata, JSON_STRING),
             LIST(seccomp, "syscalls", syscalls, syscall_table));
TABLE(intel_rdt, S(intel_rdt, "closID", clos_id, JSON_STRING), S(intel_rdt, "schemata", schemata, JSON_STRV),
      S(intel_rdt, "l3CacheSchema", l3_cache_schema, JSON_STRING),
      S(intel_rdt, "memBwSchema", mem_bw_schema, JSON_STRING));
TABLE(personality, ALWAYS(personality, "domain", domain, JSON_STRING), S(personality, "flags", flags, JSON_STRV));
TABLE(time_offset, S(time_offset, "secs", secs, JSON_INT64), S(time_offset, "nanosecs", nanosecs, JSON_UINT32));
TABLE(linux, LIST(linux, "uidMappings", uid_mappings, id_mapping_table),
      LIST(linux, "gidMappings", gid_mappings, id_mapping_table), S(linux, "sysctl", sysctl, JSON_STRMAP),
      PTR(linux, "resources", resources, oci_resources_table), S(linux, "cgroupsPath", cgroups_path, JSON_STRING),
      LIST(linux, "namespaces", namespaces, namespace_table), LIST(linux, "devices", devices, device_table),
      PTR(linux, "seccomp", seccomp, oci_seccomp_table), S(linux, "rootfsPropagation", rootfs_propagation, JSON_STRING),
      S(linux, "maskedPaths", masked_paths, JSON_STRV), S(linux, "readonlyPaths", readonly_paths, JSON_STRV),
      S(linux, "mountLabel", mount_label, JSON_STRING), PTR(linux, "intelRdt", intel_rdt, intel_rdt_table),
      PTR(linux, "personality", personality, personality_table),
      JSON_FIELD_ARRAY("timeOffsets", struct oci_linux, time_offsets, n_time_offsets, JSON_MAP, time_offset_table,
                       JSON_OMIT_EMPTY));
PUBLIC_TABLE(spec, ALWAYS(spec, "ociVersion", oci_version, JSON_STRING), PTR(spec, "process", process, oci_process_table),
             PTR(spec, "root", root, root_table), S(spec, "hostname", hostname, JSON_STRING),
             S(spec, "domainname", domainname, JSON_STRING), LIST(spec, "mounts", mounts, mount_table),
             PTR(spec, "hooks", hooks, hooks_table), S(spec, "annotations", annotations, JSON_STRMAP),
             PTR(spec, "linux", linux_config, linux_table));

void oci_spec_deinit(struct oci_spec *spec)
{
        json_free_fields(&oci_spec_table, spec);
        memset(spec, 0, sizeof(*spec));
}

const struct oci_namespace *oci_spec_namespace(const struct oci_spec *spec, const char *type)
{
        const struct oci_linux *lin = spec->linux_config;

        for (size_t i = 0; lin && i < lin->n_namespaces; i++)
                if (streq(lin->namespaces[i].type, type))
                        return &lin->namespaces[i];
        return NULL;
}
