#include "runtime/runtime-internal.h"
#include "runtime/process-internal.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

/* The kernel's structure for sched_setattr(2); its header repeats glibc's struct sched_param. */
struct sched_attr {
        uint32_t size, sched_policy;
        uint64_t sched_flags;
        int32_t sched_nice;
        uint32_t sched_priority;
        uint64_t sched_runtime, sched_deadline, sched_period;
        uint32_t sched_util_min, sched_util_max;
};

struct word {
        const char *name;
        unsigned long value;
};

static const struct word rlimits[] = {
        { "RLIMIT_AS", RLIMIT_AS },           { "RLIMIT_CORE", RLIMIT_CORE },         { "RLIMIT_CPU", RLIMIT_CPU },
        { "RLIMIT_DATA", RLIMIT_DATA },       { "RLIMIT_FSIZE", RLIMIT_FSIZE },       { "RLIMIT_LOCKS", RLIMIT_LOCKS },
        { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
        { "RLIMIT_NOFILE", RLIMIT_NOFILE },   { "RLIMIT_NPROC", RLIMIT_NPROC },       { "RLIMIT_RSS", RLIMIT_RSS },
        { "RLIMIT_RTPRIO", RLIMIT_RTPRIO },   { "RLIMIT_RTTIME", RLIMIT_RTTIME },     { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
        { "RLIMIT_STACK", RLIMIT_STACK },
};
static const struct word policies[] = {
        { "SCHED_OTHER", SCHED_OTHER }, { "SCHED_FIFO", SCHED_FIFO }, { "SCHED_RR", SCHED_RR }, { "SCHED_BATCH", SCHED_BATCH },
        { "SCHED_ISO", 4 },             { "SCHED_IDLE", SCHED_IDLE }, { "SCHED_DEADLINE", 6 },
};
static const struct word sched_flags[] = {
        { "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 },       { "SCHED_FLAG_DL_OVERRUN", 0x04 },
        { "SCHED_FLAG_KEEP_POLICY", 0x08 },   { "SCHED_FLAG_KEEP_PARAMS", 0x10 },   { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
        { "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};
static const struct word io_classes[] = {
        { "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT }, { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE }, { "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
};
static const struct word domains[] = { { "LINUX", 0 }, { "LINUX32", 0x0008 } };

static const struct word *word_find(const struct word *words, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (streq(words[i].name, name))
                        return &words[i];
        return NULL;
}

static int rlimits_apply(const struct oci_process *p, struct error *err)
{
        for (size_t i = 0; i < p->n_rlimits; i++) {
                const struct oci_rlimit *l = &p->rlimits[i];
                const struct word *w = word_find(rlimits, ARRAY_SIZE(rlimits), l->type);
                struct rlimit value = { .rlim_cur = l->soft, .rlim_max = l->hard };

                if (!w)
                        return error_set(err, ERROR_INVALID, "invalid rlimit type: %s", l->type ? l->type : "");
                if (setrlimit((__rlimit_resource_t)w->value, &value) < 0)
                        return error_errno(err, "error setting rlimit type %lu", w->value);
        }
        return 0;
}

static int scheduler_apply(const struct oci_scheduler *s, struct error *err)
{
        const struct word *policy = word_find(policies, ARRAY_SIZE(policies), s->policy);
        struct sched_attr attr = { .size = sizeof(attr) };

        if (!policy)
                return error_set(err, ERROR_INVALID, "invalid scheduler policy: %s", s->policy ? s->policy : "");
        attr.sched_policy = (uint32_t)policy->value;
        attr.sched_nice = s->nice;
        attr.sched_priority = (uint32_t)s->priority;
        attr.sched_runtime = s->runtime;
        attr.sched_deadline = s->deadline;
        attr.sched_period = s->period;
        for (size_t i = 0; s->flags && s->flags[i]; i++) {
                const struct word *flag = word_find(sched_flags, ARRAY_SIZE(sched_flags), s->flags[i]);

                if (!flag)
                        return error_set(err, ERROR_INVALID, "invalid scheduler flag: %s", s->flags[i]);
                attr.sched_flags |= flag->value;
        }
        return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? error_errno(err, "error setting scheduler") : 0;
}

static int io_priority_apply(const struct oci_io_priority *io, struct error *err)
{
        const struct word *class = word_find(io_classes, ARRAY_SIZE(io_classes), io->class_name);

        if (!class || io->priority < 0 || io->priority > 7)
                return error_set(err, ERROR_INVALID, "invalid ioPriority %s %d", io->class_name ? io->class_name : "", io->priority);
        if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (class->value << IOPRIO_CLASS_SHIFT) | (unsigned)io->priority) < 0)
                return error_errno(err, "failed to set io priority");
        return 0;
}

/* "0-3,7" */
static int affinity_apply(const char *list, struct error *err)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        for (const char *s = list; *s;) {
                char *end;
                unsigned long from = strtoul(s, &end, 10), to = from;

                if (end == s || from >= CPU_SETSIZE)
                        return error_set(err, ERROR_INVALID, "invalid CPU list \"%s\"", list);
                if (*end == '-') {
                        s = end + 1;
                        to = strtoul(s, &end, 10);
                        if (end == s || to < from || to >= CPU_SETSIZE)
                                return error_set(err, ERROR_INVALID, "invalid CPU list \"%s\"", list);
                }
                for (; from <= to; from++)
                        CPU_SET(from, &set);
                if (*end && *end != ',')
                        return error_set(err, ERROR_INVALID, "invalid CPU list \"%s\"", list);
                s = *end ? end + 1 : end;
        }
        return sched_setaffinity(0, sizeof(set), &set) < 0 ? error_errno(err, "set CPU affinity") : 0;
}

static int personality_apply(const struct oci_personality *p, struct error *err)
{
        const struct word *domain = word_find(domains, ARRAY_SIZE(domains), p->domain);

        if (!domain)
                return error_set(err, ERROR_INVALID, "unknown personality domain \"%s\"", p->domain ? p->domain : "");
        if (p->flags && p->flags[0])
                return error_set(err, ERROR_INVALID, "additional flags for personality are not supported");
        return personality(domain->value) < 0 ? error_errno(err, "set personality") : 0;
}

/* Lowering needs a privilege that the caller may lack: what it is already is not written. */
static int oom_score_apply(int procfd, int wanted, struct error *err)
{
        cleanup_free char *now = NULL;
        char text[16];
        size_t len;

        if (file_read(procfd, "self/oom_score_adj", 64, &now, &len, err) < 0)
                return -1;
        if (atoi(now) == wanted)
                return 0;
        snprintf(text, sizeof(text), "%d", wanted);
        return file_write(procfd, "self/oom_score_adj", text, err);
}

static int labels_apply(const struct oci_process *p, int procfd, struct error *err)
{
        if (!string_empty(p->apparmor_profile)) {
                cleanup_free char *text = string_format("exec %s", p->apparmor_profile);

                if (access("/sys/module/apparmor/parameters/enabled", F_OK) < 0 && faccessat(procfd, "self/attr/apparmor", F_OK, 0) < 0)
                        return error_set(err, ERROR_UNSUPPORTED, "AppArmor profile \"%s\": this kernel has no AppArmor",
                                         p->apparmor_profile);
                if (file_write(procfd, "self/attr/apparmor/exec", text, err) < 0 )
                        return error_context(err, "AppArmor profile \"%s\"", p->apparmor_profile);
        }
        if (!string_empty(p->selinux_label)) {
                if (faccessat(procfd, "self/attr/exec", F_OK, 0) < 0)
                        return error_set(err, ERROR_UNSUPPORTED, "SELinux label \"%s\": this kernel has no SELinux", p->selinux_label);
                if (file_write(procfd, "self/attr/exec", p->selinux_label, err) < 0)
                        return error_context(err, "SELinux label \"%s\"", p->selinux_label);
        }
        return 0;
}

int process_limits(const struct oci_process *p, const struct oci_linux *lin, int procfd, struct error *err)
{
        const struct oci_cpu_affinity *affinity = lin ? NULL : p->exec_cpu_affinity;

        if (p->oom_score_adj && oom_score_apply(procfd, *p->oom_score_adj, err) < 0)
                return error_context(err, "oom_score_adj");
        if (p->scheduler && scheduler_apply(p->scheduler, err) < 0)
                return -1;
        if (p->io_priority && io_priority_apply(p->io_priority, err) < 0)
                return -1;
        if (affinity && !string_empty(affinity->final) && affinity_apply(affinity->final, err) < 0)
                return -1;
        if (lin && lin->personality && personality_apply(lin->personality, err) < 0)
                return -1;
        if (labels_apply(p, procfd, err) < 0)
                return -1;
        return rlimits_apply(p, err);
}
