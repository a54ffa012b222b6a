#include "base/process.h"

#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process_status {
        char state;
        uint64_t start;
};

/* Fields 3 and 22 of /proc/PID/stat (proc(5)); zero if there is no such process. */
static struct process_status read_status(pid_t pid)
{
        struct process_status status = {};
        cleanup_free char *text = NULL;
        char path[32];
        const char *p;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (file_read(AT_FDCWD, path, 4096, &text, NULL, NULL) < 0)
                return status;
        p = strrchr(text, ')'); /* the name may hold anything */
        for (int field = 2; p && field < 22; field++) {
                p = strchr(p + 1, ' ');
                if (p && field == 2)
                        status.state = p[1];
        }
        if (p)
                status.start = strtoull(p + 1, NULL, 10);
        return status;
}

uint64_t process_start_time(pid_t pid)
{
        return read_status(pid).start;
}

bool process_is_alive(pid_t pid, uint64_t start)
{
        struct process_status status = read_status(pid);

        return pid > 0 && status.start == start && start != 0 && status.state != 'Z' && status.state != 'X';
}
