/* Seccomp: OCI rules → BPF bytes (once, by libseccomp: 13 ms) → loaded into a process (4 µs, without libseccomp).
 * seccomp-compile.c needs libseccomp; everything else here does not. */
#pragma once

#include "oci/spec.h"

struct seccomp_program {
        unsigned flags;   /* SECCOMP_FILTER_FLAG_… */
        bool notify;      /* has SCMP_ACT_NOTIFY: needs a listener */
        void *filter;     /* struct sock_filter[] */
        size_t n_filter;  /* instructions, at most BPF_MAXINSNS */
};
void seccomp_program_deinit(struct seccomp_program *program);
#define cleanup_seccomp_program __attribute__((cleanup(seccomp_program_deinit)))

/* Compiles. Unknown system call names are skipped, as runc does; unknown actions, operators, architectures and flags are an
 * ERROR_INVALID. Calls newer than every named one get ENOSYS instead of EPERM, so that libraries fall back. */
int seccomp_compile(const struct oci_seccomp *rules, struct seccomp_program *ret, struct error *err);

/* A program as bytes for a cache file, and back (bounds and magic are checked). */
void seccomp_program_serialize(const struct seccomp_program *program, struct strbuf *out);
int seccomp_program_parse(const void *data, size_t len, struct seccomp_program *ret, struct error *err);
int seccomp_program_read(int dirfd, const char *path, struct seccomp_program *ret, struct error *err);
int seccomp_program_write(int dirfd, const char *path, const struct seccomp_program *program, struct error *err);

/* Installs it in the calling process (which has no_new_privs or CAP_SYS_ADMIN). `ret_listener` gets the notification
 * descriptor of a program with `notify`, else stays -1. Async-signal-safe. */
int seccomp_program_load(const struct seccomp_program *program, int *ret_listener, struct error *err);

/* Docker's default profile for a set of capabilities (mask; caps.h) on this machine's architecture; free with
 * json_free_fields(&oci_seccomp_table, …). */
void seccomp_docker_default(uint64_t capabilities, struct oci_seccomp *ret);
/* A profile in Docker's JSON format (includes/excludes by capability, architecture, kernel; archMap; "name" or "names") to
 * OCI rules. `json` is the profile's text. Errors as Docker's: "Decoding seccomp profile failed: …". */
int seccomp_docker_profile(const char *json, size_t len, uint64_t capabilities, struct oci_seccomp *ret,
                           struct error *err);
