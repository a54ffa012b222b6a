/* Docker's seccomp profile: its default as a table of ours, and profiles in its JSON format. Facts of the default from
 * moby/profiles, seccomp/default.json: what is not named here fails with EPERM. */
#include "base/json.h"
#include "runtime/caps.h"
#include "runtime/seccomp.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/utsname.h>

#if defined(__x86_64__)
#define ARCH "amd64"
static const char *const own_architectures[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", NULL };
#elif defined(__aarch64__)
#define ARCH "arm64"
static const char *const own_architectures[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", NULL };
#elif defined(__s390x__)
#define ARCH "s390x"
static const char *const own_architectures[] = { "SCMP_ARCH_S390X", "SCMP_ARCH_S390", NULL };
#elif defined(__riscv)
#define ARCH "riscv64"
static const char *const own_architectures[] = { "SCMP_ARCH_RISCV64", NULL };
#elif defined(__powerpc64__)
#define ARCH "ppc64le"
static const char *const own_architectures[] = { "SCMP_ARCH_PPC64LE", NULL };
#elif defined(__loongarch64)
#define ARCH "loong64"
static const char *const own_architectures[] = { "SCMP_ARCH_LOONGARCH64", NULL };
#else
#error "no seccomp profile for this architecture"
#endif

/* Allowed to everybody. */
static const char always[] =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime "
    "clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 "
    "close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 "
    "fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
    "fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
    "ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat getcpu getcwd "
    "getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername "
    "getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit "
    "get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr "
    "getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents "
    "io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr "
    "listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier "
    "memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr "
    "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl "
    "msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open openat "
    "openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl "
    "pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead "
    "readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat "
    "rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask "
    "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity "
    "sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
    "select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 "
    "setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid setsockopt "
    "set_thread_area set_tid_address setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack "
    "signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx "
    "symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime "
    "utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev "
    "process_vm_readv process_vm_writev ptrace "
#if defined(__x86_64__)
    "arch_prctl modify_ldt"
#elif defined(__aarch64__)
    "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"
#elif defined(__s390x__)
    "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"
#elif defined(__riscv)
    "riscv_flush_icache"
#elif defined(__powerpc64__)
    "sync_file_range2 swapcontext"
#endif
    ;

/* Allowed to those who have the capability. */
static const struct {
        int capability;
        const char *names;
} by_capability[] = {
        { CAP_DAC_READ_SEARCH, "open_by_handle_at" },
        { CAP_SYS_ADMIN,
          "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules "
          "lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
          "sethostname setns syslog umount umount2 unshare" },
        { CAP_SYS_BOOT, "reboot" },
        { CAP_SYS_CHROOT, "chroot" },
        { CAP_SYS_MODULE, "delete_module init_module finit_module" },
        { CAP_SYS_PACCT, "acct" },
        { CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace" },
        { CAP_SYS_RAWIO, "iopl ioperm" },
        { CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64" },
        { CAP_SYS_TTY_CONFIG, "vhangup" },
        { CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
        { CAP_SYSLOG, "syslog" },
        { CAP_BPF, "bpf" },
        { CAP_PERFMON, "perf_event_open" },
};

/* Address families for socket(2); those below 12 are allowed as a range. */
static const uint64_t families[] = { 13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45 };
static const uint64_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

/* New namespaces in clone(2)'s flags. */
#define CLONE_NAMESPACES UINT64_C(0x7e020000)

static struct oci_syscall *rule_add(struct oci_seccomp *p, const char *action, char **names)
{
        struct oci_syscall rule = { .names = names, .action = xstrdup(action) };

        ARRAY_APPEND(p->syscalls, p->n_syscalls, rule);
        return &p->syscalls[p->n_syscalls - 1];
}

static void allow(struct oci_seccomp *p, const char *names)
{
        rule_add(p, "SCMP_ACT_ALLOW", strv_split(names, ' '));
}

static void allow_if(struct oci_seccomp *p, const char *name, uint32_t index, const char *op, uint64_t value)
{
        struct oci_syscall *rule = rule_add(p, "SCMP_ACT_ALLOW", strv_split(name, ' '));
        struct oci_seccomp_arg arg = { .index = index, .value = value, .op = xstrdup(op) };

        ARRAY_APPEND(rule->args, rule->n_args, arg);
}

static int64_t *number_new(int64_t n)
{
        return xmemdup(&n, sizeof(n));
}

void seccomp_docker_default(uint64_t capabilities, struct oci_seccomp *ret)
{
        struct oci_seccomp p = { .default_action = xstrdup("SCMP_ACT_ERRNO"), .default_errno_ret = number_new(1) };

        for (const char *const *a = own_architectures; *a; a++)
                strv_append(&p.architectures, *a);
        allow(&p, always);
        allow_if(&p, "socket", 0, "SCMP_CMP_LT", 12);
        for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                allow_if(&p, "socket", 0, "SCMP_CMP_EQ", families[i]);
        for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
                allow_if(&p, "personality", 0, "SCMP_CMP_EQ", personalities[i]);
        for (size_t i = 0; i < ARRAY_SIZE(by_capability); i++)
                if (capabilities & caps_bit(by_capability[i].capability))
                        allow(&p, by_capability[i].names);
        if (!(capabilities & caps_bit(CAP_SYS_ADMIN))) {
                /* s390 passes the flags as the second argument. */
                allow_if(&p, "clone", streq(ARCH, "s390x") ? 1 : 0, "SCMP_CMP_MASKED_EQ", CLONE_NAMESPACES);
                /* Its flags lie in memory where no filter can see them: libraries fall back on ENOSYS. */
                rule_add(&p, "SCMP_ACT_ERRNO", strv_split("clone3", ' '))->errno_ret = number_new(38);
        }
        *ret = p;
}

/* --- profiles in Docker's JSON format ---------------------------------------------------------------------------------- */

struct condition {
        char **caps, **arches;
        char *min_kernel;
};
static const struct json_field condition_fields[] = {
        JSON_FIELD("caps", struct condition, caps, JSON_STRV),
        JSON_FIELD("arches", struct condition, arches, JSON_STRV),
        JSON_FIELD("minKernel", struct condition, min_kernel, JSON_STRING),
};
static const struct json_table condition_table = JSON_TABLE(struct condition, condition_fields);

static const struct json_field arg_fields[] = {
        JSON_FIELD("index", struct oci_seccomp_arg, index, JSON_UINT32),
        JSON_FIELD("value", struct oci_seccomp_arg, value, JSON_UINT64),
        JSON_FIELD("valueTwo", struct oci_seccomp_arg, value_two, JSON_UINT64),
        JSON_FIELD("op", struct oci_seccomp_arg, op, JSON_STRING),
};
static const struct json_table arg_table = JSON_TABLE(struct oci_seccomp_arg, arg_fields);

struct profile_rule {
        char *name, *action;
        char **names;
        int64_t *errno_ret;
        struct oci_seccomp_arg *args;
        size_t n_args;
        struct condition includes, excludes;
};
static const struct json_field rule_fields[] = {
        JSON_FIELD("name", struct profile_rule, name, JSON_STRING),
        JSON_FIELD("names", struct profile_rule, names, JSON_STRV),
        JSON_FIELD("action", struct profile_rule, action, JSON_STRING),
        JSON_FIELD("errnoRet", struct profile_rule, errno_ret, JSON_INT64_PTR),
        JSON_FIELD_ARRAY("args", struct profile_rule, args, n_args, JSON_ARRAY, arg_table),
        JSON_FIELD_STRUCT("includes", struct profile_rule, includes, JSON_STRUCT, condition_table),
        JSON_FIELD_STRUCT("excludes", struct profile_rule, excludes, JSON_STRUCT, condition_table),
};
static const struct json_table rule_table = JSON_TABLE(struct profile_rule, rule_fields);

struct architecture_map {
        char *architecture;
        char **sub;
};
static const struct json_field map_fields[] = {
        JSON_FIELD("architecture", struct architecture_map, architecture, JSON_STRING),
        JSON_FIELD("subArchitectures", struct architecture_map, sub, JSON_STRV),
};
static const struct json_table map_table = JSON_TABLE(struct architecture_map, map_fields);

struct profile {
        char *default_action, *listener_path, *listener_metadata;
        int64_t *default_errno_ret;
        char **architectures, **flags;
        struct architecture_map *maps;
        size_t n_maps;
        struct profile_rule *rules;
        size_t n_rules;
};
static const struct json_field profile_fields[] = {
        JSON_FIELD("defaultAction", struct profile, default_action, JSON_STRING),
        JSON_FIELD("defaultErrnoRet", struct profile, default_errno_ret, JSON_INT64_PTR),
        JSON_FIELD("listenerPath", struct profile, listener_path, JSON_STRING),
        JSON_FIELD("listenerMetadata", struct profile, listener_metadata, JSON_STRING),
        JSON_FIELD("architectures", struct profile, architectures, JSON_STRV),
        JSON_FIELD("flags", struct profile, flags, JSON_STRV),
        JSON_FIELD_ARRAY("archMap", struct profile, maps, n_maps, JSON_ARRAY, map_table),
        JSON_FIELD_ARRAY("syscalls", struct profile, rules, n_rules, JSON_ARRAY, rule_table),
};
static const struct json_table profile_table = JSON_TABLE(struct profile, profile_fields);

static bool kernel_at_least(const char *version)
{
        struct utsname name;
        int major = 0, minor = 0, want_major = 0, want_minor = 0;

        if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
                return false;
        sscanf(version, "%d.%d", &want_major, &want_minor);
        return major > want_major || (major == want_major && minor >= want_minor);
}

static bool has_capability(uint64_t capabilities, const char *name)
{
        int number = caps_number(name);

        return number >= 0 && (capabilities & caps_bit(number));
}

/* Includes must all hold, of excludes none may. */
static bool rule_applies(const struct profile_rule *r, uint64_t capabilities)
{
        for (size_t i = 0; r->excludes.caps && r->excludes.caps[i]; i++)
                if (has_capability(capabilities, r->excludes.caps[i]))
                        return false;
        if (strv_contains(r->excludes.arches, ARCH) || (!string_empty(r->excludes.min_kernel) && kernel_at_least(r->excludes.min_kernel)))
                return false;
        for (size_t i = 0; r->includes.caps && r->includes.caps[i]; i++)
                if (!has_capability(capabilities, r->includes.caps[i]))
                        return false;
        if (strv_length(r->includes.arches) && !strv_contains(r->includes.arches, ARCH))
                return false;
        return string_empty(r->includes.min_kernel) || kernel_at_least(r->includes.min_kernel);
}

static int rule_take(struct profile_rule *r, struct oci_seccomp *out, struct error *err)
{
        struct oci_syscall *rule;

        if (!string_empty(r->name) && strv_length(r->names))
                return error_set(err, ERROR_INVALID, "use either 'name' or 'names'");
        rule = rule_add(out, r->action ? r->action : "", NULL);
        if (!string_empty(r->name))
                strv_append(&rule->names, r->name);
        else
                rule->names = take_ptr(r->names);
        rule->errno_ret = take_ptr(r->errno_ret);
        rule->args = take_ptr(r->args);
        rule->n_args = r->n_args;
        r->n_args = 0;
        return 0;
}

static int profile_convert(struct profile *p, uint64_t capabilities, struct oci_seccomp *out, struct error *err)
{
        if (strv_length(p->architectures) && p->n_maps)
                return error_set(err, ERROR_INVALID, "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'");
        out->default_action = take_ptr(p->default_action);
        out->default_errno_ret = take_ptr(p->default_errno_ret);
        out->listener_path = take_ptr(p->listener_path);
        out->listener_metadata = take_ptr(p->listener_metadata);
        out->flags = take_ptr(p->flags);
        out->architectures = take_ptr(p->architectures);
        for (size_t i = 0; i < p->n_maps; i++)
                if (streq(p->maps[i].architecture, own_architectures[0])) {
                        strv_append(&out->architectures, p->maps[i].architecture);
                        strv_extend(&out->architectures, p->maps[i].sub);
                }
        for (size_t i = 0; i < p->n_rules; i++)
                if (rule_applies(&p->rules[i], capabilities) && rule_take(&p->rules[i], out, err) < 0)
                        return -1;
        return 0;
}

int seccomp_docker_profile(const char *json, size_t len, uint64_t capabilities, struct oci_seccomp *ret,
                           struct error *err)
{
        struct profile profile = {};
        struct oci_seccomp out = {};
        int r;

        if (json_bind_text(&profile_table, json, len, &profile, err) < 0)
                r = error_context(err, "Decoding seccomp profile failed");
        else
                r = profile_convert(&profile, capabilities, &out, err);
        json_free_fields(&profile_table, &profile);
        if (r < 0) {
                json_free_fields(&oci_seccomp_table, &out);
                return -1;
        }
        *ret = out;
        return 0;
}
