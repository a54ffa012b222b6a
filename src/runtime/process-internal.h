#pragma once

#include "oci/spec.h"

/* rlimits, oom_score_adj, scheduler, io priority, affinity, personality, LSM labels; limits.c. */
int process_limits(const struct oci_process *process, const struct oci_linux *lin, int procfd, struct error *err);
/* strerror() as Go prints it ("no such file or directory"); a static buffer. */
const char *process_strerror(int errnum);
