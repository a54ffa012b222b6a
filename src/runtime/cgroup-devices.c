/* Device rules. The last rule that matches wins; what none matches is refused. Behind the spec's rules come those that every
 * container needs (runc's list): making nodes, the standard ones, terminals. */
#include "runtime/cgroup-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

struct rule {
        bool allow;
        char type;           /* 'a', 'b', 'c' */
        int64_t major, minor; /* -1: all */
        unsigned access;     /* BPF_DEVCG_ACC_… */
};

#define RWM (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)
static const struct rule always[] = {
        { true, 'c', -1, -1, BPF_DEVCG_ACC_MKNOD },
        { true, 'b', -1, -1, BPF_DEVCG_ACC_MKNOD },
        { true, 'c', 1, 3, RWM },
        { true, 'c', 1, 8, RWM },
        { true, 'c', 1, 7, RWM },
        { true, 'c', 5, 0, RWM },
        { true, 'c', 1, 5, RWM },
        { true, 'c', 1, 9, RWM },
        { true, 'c', 136, -1, RWM },
        { true, 'c', 5, 2, RWM },
};

static int rule_from_spec(const struct oci_device_rule *in, struct rule *ret, struct error *err)
{
        const char *access = string_empty(in->access) ? "rwm" : in->access;
        struct rule r = { .allow = in->allow, .type = string_empty(in->type) ? 'a' : in->type[0], .major = -1, .minor = -1 };

        if (r.type == 'u')
                r.type = 'c';
        if (r.type != 'a' && r.type != 'b' && r.type != 'c')
                return error_set(err, ERROR_INVALID, "device rule: unknown type \"%s\"", in->type);
        if (in->major)
                r.major = *in->major;
        if (in->minor)
                r.minor = *in->minor;
        for (; *access; access++) {
                unsigned bit = *access == 'r' ? BPF_DEVCG_ACC_READ
                               : *access == 'w' ? BPF_DEVCG_ACC_WRITE
                               : *access == 'm' ? BPF_DEVCG_ACC_MKNOD
                                                : 0;

                if (!bit)
                        return error_set(err, ERROR_INVALID, "device rule: unknown access \"%s\"", in->access);
                r.access |= bit;
        }
        *ret = r;
        return 0;
}

static int rules_make(const struct oci_resources *resources, struct rule **ret, size_t *ret_count, struct error *err)
{
        cleanup_free struct rule *rules = NULL;
        size_t count = 0;

        for (size_t i = 0; i < resources->n_devices; i++) {
                struct rule r;

                if (rule_from_spec(&resources->devices[i], &r, err) < 0)
                        return -1;
                /* A rule for everything makes those before it void. */
                if (r.type == 'a' && r.major == -1 && r.minor == -1)
                        count = 0;
                ARRAY_APPEND(rules, count, r);
        }
        for (size_t i = 0; i < ARRAY_SIZE(always); i++)
                ARRAY_APPEND(rules, count, always[i]);
        *ret = take_ptr(rules);
        *ret_count = count;
        return 0;
}

/* --- version 1 ------------------------------------------------------------------------------------------------------- */

static void number_text(int64_t n, char out[24])
{
        if (n < 0)
                snprintf(out, 24, "*");
        else
                snprintf(out, 24, "%" PRId64, n);
}

static int list_write(int fd, const struct rule *rules, size_t count, struct error *err)
{
        cleanup_close int allow = openat(fd, "devices.allow", O_WRONLY | O_CLOEXEC);
        cleanup_close int deny = openat(fd, "devices.deny", O_WRONLY | O_CLOEXEC);
        bool everything = count && rules[0].allow && rules[0].type == 'a';

        if (allow < 0 || deny < 0)
                return error_errno(err, "open devices.allow");
        if (write(everything ? allow : deny, "a", 1) < 0)
                return error_errno(err, "write a to devices.%s", everything ? "allow" : "deny");
        for (size_t i = 0; i < count; i++) {
                const struct rule *r = &rules[i];
                char text[80], major[24], minor[24];
                int n;

                if (r->type == 'a' || (everything && r->allow))
                        continue;
                number_text(r->major, major);
                number_text(r->minor, minor);
                n = snprintf(text, sizeof(text), "%c %s:%s %s%s%s", r->type, major, minor,
                             r->access & BPF_DEVCG_ACC_READ ? "r" : "", r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                             r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
                if (write(r->allow ? allow : deny, text, (size_t)n) < 0)
                        return error_errno(err, "write \"%s\" to devices.%s", text, r->allow ? "allow" : "deny");
        }
        return 0;
}

/* --- version 2: a program that is asked at every open and mknod ---------------------------------------------------------- */

struct program {
        struct bpf_insn *insns;
        size_t count;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
        struct bpf_insn insn = { .code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm };

        ARRAY_APPEND(p->insns, p->count, insn);
}

/* r2 = type, r3 = access, r4 = major, r5 = minor. Jumps over the rule's verdict when it does not match. */
static void rule_emit(struct program *p, const struct rule *r)
{
        size_t jumps[5], n = 0;

        if (r->type != 'a') {
                jumps[n++] = p->count;
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, r->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
        }
        if ((r->access & RWM) != RWM) {
                /* Allowing needs all that is asked for to be in the rule, refusing any of it. */
                emit(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
                emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, (int32_t)(r->allow ? ~r->access & RWM : r->access));
                jumps[n++] = p->count;
                emit(p, BPF_JMP | (r->allow ? BPF_JNE : BPF_JEQ) | BPF_K, BPF_REG_1, 0, 0, 0);
        }
        if (r->major >= 0) {
                jumps[n++] = p->count;
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)r->major);
        }
        if (r->minor >= 0) {
                jumps[n++] = p->count;
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)r->minor);
        }
        emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, r->allow);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        for (size_t i = 0; i < n; i++)
                p->insns[jumps[i]].off = (int16_t)(p->count - jumps[i] - 1);
}

static void program_make(struct program *p, const struct rule *rules, size_t count)
{
        emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
        emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 0, 0);
        emit(p, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
        emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
        emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
        for (size_t i = count; i > 0; i--)
                rule_emit(p, &rules[i - 1]);
        emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int program_attach(int fd, const struct program *p, struct error *err)
{
        union bpf_attr load = {
                .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                .insn_cnt = (uint32_t)p->count,
                .insns = (uint64_t)(uintptr_t)p->insns,
                .license = (uint64_t)(uintptr_t)"Apache-2.0",
        };
        union bpf_attr attach = { .target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };
        cleanup_close int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

        if (prog < 0)
                return error_errno(err, "load the device rules");
        attach.attach_bpf_fd = (uint32_t)prog;
        if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
                return error_errno(err, "attach the device rules");
        return 0;
}

static bool allows_everything(const struct rule *rules, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!rules[i].allow)
                        return false;
        return count && rules[0].type == 'a' && rules[0].access == RWM;
}

int cgroup_devices_apply(struct cgroup *cgroup, const struct oci_resources *resources, struct error *err)
{
        cleanup_free struct rule *rules = NULL;
        size_t count = 0;
        int fd = cgroup_mode() == CGROUP_V2 ? cgroup_v2_fd(cgroup) : cgroup_controller_fd(cgroup, "devices");
        struct program program = {};
        int r;

        if (rules_make(resources, &rules, &count, err) < 0)
                return -1;
        if (fd < 0)
                return error_set(err, ERROR_UNSUPPORTED, "cgroup: the devices controller is not there");
        if (cgroup_mode() != CGROUP_V2)
                return list_write(fd, rules, count, err);
        if (allows_everything(rules, count))
                return 0;
        program_make(&program, rules, count);
        r = program_attach(fd, &program, err);
        free(program.insns);
        return r;
}
