#pragma once

#include "base/fd.h"
#include "runtime/cgroup.h"

#define CGROUP_HIERARCHIES_MAX 20

/* One mounted hierarchy. */
struct cgroup_hierarchy {
        char *name;        /* its folder's name: "cpu,cpuacct", "systemd" */
        char *controllers; /* "cpu,cpuacct", "name=systemd"; "" on v2 */
        char *mountpoint;
        bool unified;
};
struct cgroup_layout {
        enum cgroup_mode mode;
        struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
        size_t n_hierarchies;
};
/* The host's, read once. */
const struct cgroup_layout *cgroup_layout(void);
/* The pure part: the text of /proc/self/mountinfo. */
void cgroup_layout_parse(const char *mountinfo, struct cgroup_layout *ret);
void cgroup_layout_deinit(struct cgroup_layout *layout);

struct cgroup {
        char *path;
        int fds[CGROUP_HIERARCHIES_MAX]; /* by index of the layout, -1 */
        int unified;                     /* index of the v2 hierarchy or -1 */
};

/* The container's folder in the hierarchy that has the controller ("memory"), or -1; on v2 the one folder. */
int cgroup_controller_fd(const struct cgroup *cgroup, const char *controller);
int cgroup_write(int dirfd, const char *file, const char *value, struct error *err);
int cgroup_writef(int dirfd, struct error *err, const char *file, const char *format, ...) PRINTF_FORMAT(4, 5);
/* False when the file is missing or not a number ("max" is UINT64_MAX). */
bool cgroup_read_number(int dirfd, const char *file, uint64_t *ret);
/* Small files whole; NULL when missing. */
char *cgroup_read_text(int dirfd, const char *file);
/* The number after "NAME " at a line's beginning. */
bool cgroup_text_value(const char *text, const char *name, uint64_t *ret);

int cgroup_apply_v1(struct cgroup *cgroup, const struct oci_resources *r, struct error *err);
int cgroup_apply_v2(struct cgroup *cgroup, const struct oci_resources *r, struct error *err);
/* Device rules: a list on v1, a BPF program on v2. */
int cgroup_devices_apply(struct cgroup *cgroup, const struct oci_resources *r, struct error *err);
