/* Children by posix_spawn, with exactly the descriptors they are given, awaited through pidfds. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <sys/types.h>

/* Most descriptors a child is given. */
#define SPAWN_MAX_FDS 4096

struct spawn_options {
        const char *program;   /* a path; looked up in PATH when it has no slash */
        char *const *argv;     /* argv[0] too */
        char *const *env;      /* NULL: ours */
        const int *fds;        /* the child's descriptors 0, 1, 2, …; -1 is /dev/null; all others are closed */
        size_t n_fds;          /* fewer than 3: the missing ones of 0, 1, 2 are /dev/null */
        const char *directory; /* the child's working directory, NULL: ours */
        bool new_session;
};

/* Starts the child. `ret_pidfd` may be NULL. A missing program is an ERROR_NOT_FOUND. */
int spawn(const struct spawn_options *options, pid_t *ret_pid, int *ret_pidfd, struct error *err);

/* Waits for the child and gives its exit code, 128 + signal for one that was killed. */
int spawn_wait(pid_t pid, int *ret_code, struct error *err);

/* Runs a program to its end, feeds it `input` (NULL: /dev/null) and gathers its standard output, at most `cap` bytes
 * (what is beyond is read and dropped), and of its standard error the first 4096 bytes. `timeout` in ns (0: none); one
 * that runs longer is killed, ERROR_UNAVAILABLE. */
int spawn_capture(const struct spawn_options *options, const void *input, size_t input_len, size_t cap,
                  int64_t timeout, struct strbuf *output, struct strbuf *errors, int *ret_code,
                  struct error *err);
