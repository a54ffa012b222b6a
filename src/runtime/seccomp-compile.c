/* OCI rules → BPF by libseccomp. */
#include "base/fd.h"
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct {
        const char *name;
        unsigned value;
} filter_flags[] = {
        { "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
        { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
        { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
        { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
}, architectures[] = {
        { "SCMP_ARCH_X86", SCMP_ARCH_X86 },           { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
        { "SCMP_ARCH_X32", SCMP_ARCH_X32 },           { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
        { "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },   { "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
        { "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },     { "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
        { "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },     { "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
        { "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 }, { "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
        { "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },       { "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
        { "SCMP_ARCH_S390", SCMP_ARCH_S390 },         { "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
        { "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },     { "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
        { "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
}, operators[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
}, plain_actions[] = {
        { "SCMP_ACT_KILL", SCMP_ACT_KILL },   { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS }, { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW }, { "SCMP_ACT_LOG", SCMP_ACT_LOG }, { "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
};

#define FIND(table, wanted, ret)                                                                                     \
        ({                                                                                                           \
                bool _found = false;                                                                                 \
                for (size_t _i = 0; _i < ARRAY_SIZE(table) && !_found; _i++)                                         \
                        if (streq(table[_i].name, wanted)) {                                                           \
                                *(ret) = table[_i].value;                                                            \
                                _found = true;                                                                       \
                        }                                                                                            \
                _found;                                                                                              \
        })

static int action_of(const char *name, const int64_t *errno_ret, unsigned *ret, struct error *err)
{
        unsigned number = errno_ret ? (unsigned)*errno_ret : EPERM;

        if (FIND(plain_actions, name, ret))
                return 0;
        if (streq(name, "SCMP_ACT_ERRNO"))
                *ret = SCMP_ACT_ERRNO(number & 0xffff);
        else if (streq(name, "SCMP_ACT_TRACE"))
                *ret = SCMP_ACT_TRACE(number & 0xffff);
        else
                return error_set(err, ERROR_INVALID, "seccomp: unknown action \"%s\"", name ? name : "");
        return 0;
}

static int add_architectures(scmp_filter_ctx ctx, char *const *names, struct error *err)
{
        for (; names && *names; names++) {
                unsigned arch;
                int r;

                /* Known to newer libraries than ours: nothing of it can run here. */
                if (streq(*names, "SCMP_ARCH_LOONGARCH64") || streq(*names, "SCMP_ARCH_M68K"))
                        continue;
                if (!FIND(architectures, *names, &arch))
                        return error_set(err, ERROR_INVALID, "seccomp: unknown architecture \"%s\"", *names);
                r = seccomp_arch_add(ctx, arch);
                if (r < 0 && r != -EEXIST)
                        return error_errnum(err, -r, "seccomp: architecture %s", *names);
        }
        return 0;
}

static int fill_args(const struct oci_syscall *rule, struct scmp_arg_cmp *args, struct error *err)
{
        for (size_t i = 0; i < rule->n_args; i++) {
                const struct oci_seccomp_arg *a = &rule->args[i];
                unsigned op;

                if (!FIND(operators, a->op, &op))
                        return error_set(err, ERROR_INVALID, "seccomp: unknown operator \"%s\"", a->op ? a->op : "");
                if (a->index > 5)
                        return error_set(err, ERROR_INVALID, "seccomp: argument index %u is not below 6", a->index);
                args[i] = (struct scmp_arg_cmp){ a->index, (enum scmp_compare)op, a->value, a->value_two };
        }
        return 0;
}

/* Several conditions on one argument cannot stand in one rule: they become a rule each, as with runc. */
static bool repeats_index(const struct oci_syscall *rule)
{
        unsigned seen = 0;

        for (size_t i = 0; i < rule->n_args; i++) {
                if (seen & (1u << (rule->args[i].index & 7)))
                        return true;
                seen |= 1u << (rule->args[i].index & 7);
        }
        return false;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_syscall *rule, unsigned action, unsigned default_action, struct error *err)
{
        struct scmp_arg_cmp args[6] = {};
        bool apart = repeats_index(rule);

        if (rule->n_args > ARRAY_SIZE(args))
                return error_set(err, ERROR_INVALID, "seccomp: more than 6 arguments in a rule");
        if (action == default_action)
                return 0;
        if (fill_args(rule, args, err) < 0)
                return -1;
        for (size_t n = 0; rule->names && rule->names[n]; n++) {
                int number = seccomp_syscall_resolve_name(rule->names[n]), r = 0;

                if (number == __NR_SCMP_ERROR)
                        continue;
                for (size_t i = 0; apart && i < rule->n_args && r >= 0; i++)
                        r = seccomp_rule_add_array(ctx, action, number, 1, &args[i]);
                if (!apart)
                        r = seccomp_rule_add_array(ctx, action, number, (unsigned)rule->n_args, args);
                if (r < 0 && r != -EDOM)
                        return error_errnum(err, -r, "seccomp: rule for %s", rule->names[n]);
        }
        return 0;
}

static int export_program(scmp_filter_ctx ctx, struct seccomp_program *ret, struct error *err)
{
        cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
        cleanup_free char *data = NULL;
        size_t len;
        int r;

        if (fd < 0)
                return error_errno(err, "memfd");
        r = seccomp_export_bpf(ctx, fd);
        if (r < 0)
                return error_errnum(err, -r, "seccomp: export");
        if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_file(fd, BPF_MAXINSNS * sizeof(struct sock_filter), &data, &len, err) < 0)
                return error_context(err, "seccomp: filter");
        ret->n_filter = len / sizeof(struct sock_filter);
        ret->filter = take_ptr(data);
        return 0;
}

static int build(scmp_filter_ctx ctx, const struct oci_seccomp *rules, unsigned default_action, struct seccomp_program *ret, struct error *err)
{
        if (add_architectures(ctx, rules->architectures, err) < 0)
                return -1;
        /* no_new_privs is the caller's business; a binary search tree keeps the filter fast. */
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        for (size_t i = 0; i < rules->n_syscalls; i++) {
                unsigned action;

                if (action_of(rules->syscalls[i].action, rules->syscalls[i].errno_ret, &action, err) < 0 ||
                    add_rule(ctx, &rules->syscalls[i], action, default_action, err) < 0)
                        return -1;
                ret->notify |= action == SCMP_ACT_NOTIFY;
        }
        return export_program(ctx, ret, err);
}

int seccomp_compile(const struct oci_seccomp *rules, struct seccomp_program *ret, struct error *err)
{
        struct seccomp_program program = {};
        scmp_filter_ctx ctx;
        unsigned default_action, flag;
        int r;

        if (action_of(rules->default_action, rules->default_errno_ret, &default_action, err) < 0)
                return -1;
        for (size_t i = 0; rules->flags && rules->flags[i]; i++) {
                if (!FIND(filter_flags, rules->flags[i], &flag))
                        return error_set(err, ERROR_INVALID, "seccomp flag \"%s\" not supported", rules->flags[i]);
                program.flags |= flag;
        }
        ctx = seccomp_init(default_action);
        if (!ctx)
                return error_set(err, ERROR_SYSTEM, "seccomp: out of memory");
        r = build(ctx, rules, default_action, &program, err);
        seccomp_release(ctx);
        if (r < 0) {
                seccomp_program_deinit(&program);
                return -1;
        }
        *ret = program;
        return 0;
}
