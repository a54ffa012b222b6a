/* stats and top. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "runtime/cgroup.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/sysinfo.h>
#include <time.h>

#define PS_OUTPUT_MAX (8 << 20)
#define PS_TIMEOUT (10 * NSEC_PER_SEC)

struct container_sample {
        int64_t time;
        uint64_t system_usage;
        struct cgroup_stats stats;
};

void container_sample_free(struct container_sample *sample)
{
        if (!sample)
                return;
        cgroup_stats_deinit(&sample->stats);
        free(sample);
}

static void add(json_object *to, const char *name, json_object *value)
{
        json_object_object_add(to, name, value);
}

static void add_number(json_object *to, const char *name, uint64_t value)
{
        json_object_object_add(to, name, json_object_new_uint64(value));
}

/* Nanoseconds of all processors since the boot (the first line of /proc/stat, without guests, which are in
 * user). */
static uint64_t system_usage(void)
{
        cleanup_free char *text = NULL;
        uint64_t total = 0;
        char *p;

        if (file_read(AT_FDCWD, "/proc/stat", 1 << 20, &text, NULL, NULL) < 0)
                return 0;
        p = text + strcspn(text, " ");
        for (int i = 0; i < 8; i++)
                total += strtoull(p, &p, 10);
        return total * (uint64_t)(NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
}

static json_object *cpu_json(const struct container_sample *s)
{
        json_object *out = json_object_new_object(), *usage = json_object_new_object(),
                    *throttling = json_object_new_object();

        add_number(usage, "total_usage", s ? s->stats.cpu_total : 0);
        if (s && s->stats.n_cpu_per_cpu) {
                json_object *list = json_object_new_array();

                for (size_t i = 0; i < s->stats.n_cpu_per_cpu; i++)
                        json_object_array_add(list, json_object_new_uint64(s->stats.cpu_per_cpu[i]));
                add(usage, "percpu_usage", list);
        }
        add_number(usage, "usage_in_kernelmode", s ? s->stats.cpu_kernel : 0);
        add_number(usage, "usage_in_usermode", s ? s->stats.cpu_user : 0);
        add(out, "cpu_usage", usage);
        if (s) {
                add_number(out, "system_cpu_usage", s->system_usage);
                add_number(out, "online_cpus", (uint64_t)get_nprocs());
        }
        add_number(throttling, "periods", s ? s->stats.periods : 0);
        add_number(throttling, "throttled_periods", s ? s->stats.throttled_periods : 0);
        add_number(throttling, "throttled_time", s ? s->stats.throttled_time : 0);
        add(out, "throttling_data", throttling);
        return out;
}

static json_object *memory_json(const struct container_sample *s)
{
        json_object *out = json_object_new_object(), *stats = json_object_new_object();
        struct sysinfo info;
        uint64_t limit;

        if (!s || !s->stats.has_memory) {
                json_object_put(stats);
                return out;
        }
        sysinfo(&info);
        limit = MIN(s->stats.memory_limit, (uint64_t)info.totalram * info.mem_unit);
        add_number(out, "usage", s->stats.memory_usage);
        if (cgroup_mode() != CGROUP_V2)
                add_number(out, "max_usage", s->stats.memory_max_usage);
        for (size_t i = 0; i < s->stats.n_memory_stat; i++)
                add_number(stats, s->stats.memory_stat[i].key, s->stats.memory_stat[i].value);
        add(out, "stats", stats);
        if (s->stats.memory_failcnt)
                add_number(out, "failcnt", s->stats.memory_failcnt);
        add_number(out, "limit", limit);
        return out;
}

static json_object *io_list(const struct cgroup_io_entry *entries, size_t count)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i < count; i++) {
                json_object *entry = json_object_new_object();

                add_number(entry, "major", entries[i].major);
                add_number(entry, "minor", entries[i].minor);
                json_set_string(entry, "op", entries[i].op);
                add_number(entry, "value", entries[i].value);
                json_object_array_add(out, entry);
        }
        return out;
}

static json_object *io_json(const struct container_sample *s)
{
        static const char *const empty[] = { "io_queue_recursive",     "io_service_time_recursive",
                                             "io_wait_time_recursive", "io_merged_recursive",
                                             "io_time_recursive",      "sectors_recursive" };
        json_object *out = json_object_new_object();

        add(out, "io_service_bytes_recursive", s ? io_list(s->stats.io_bytes, s->stats.n_io_bytes) : NULL);
        add(out, "io_serviced_recursive", s ? io_list(s->stats.io_ops, s->stats.n_io_ops) : NULL);
        for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
                add(out, empty[i], s && cgroup_mode() != CGROUP_V2 ? json_object_new_array() : NULL);
        return out;
}

/* The interfaces of a process's network namespace, from its net/dev. */
static json_object *networks_json(int pid)
{
        static const char *const names[] = { "rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
                                             NULL,       NULL,         NULL,        NULL,
                                             "tx_bytes", "tx_packets", "tx_errors", "tx_dropped" };
        cleanup_free char *path = string_format("/proc/%d/net/dev", pid), *text = NULL;
        json_object *out;
        char *line, *rest;

        if (file_read(AT_FDCWD, path, 1 << 20, &text, NULL, NULL) < 0)
                return NULL;
        out = json_object_new_object();
        for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *colon = strchr(line, ':'), *name = line + strspn(line, " "),
                     *p = colon ? colon + 1 : NULL;
                json_object *entry;

                if (!colon)
                        continue;
                *colon = 0;
                if (streq(name, "lo"))
                        continue;
                entry = json_object_new_object();
                for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                        uint64_t value = strtoull(p, &p, 10);

                        if (names[i])
                                add_number(entry, names[i], value);
                }
                add(out, name, entry);
        }
        return out;
}

static int take_sample(struct engine *engine, struct container *c, struct container_sample **ret,
                       struct error *err)
{
        cleanup_free char *path = container_cgroup_path(engine, c);
        cleanup_cgroup struct cgroup *cgroup = NULL;
        struct container_sample *sample;

        if (cgroup_open(path, &cgroup, err) < 0)
                return -1;
        sample = xcalloc(1, sizeof(*sample));
        sample->time = time_now();
        sample->system_usage = system_usage();
        if (cgroup_stats(cgroup, &sample->stats, err) < 0) {
                free(sample);
                return -1;
        }
        *ret = sample;
        return 0;
}

static void add_time(json_object *out, const char *name, int64_t t)
{
        char text[TIME_RFC3339_MAX];

        time_format_rfc3339nano(t, text);
        json_set_string(out, name, text);
}

int engine_container_stats(struct engine *engine, const char *reference, struct container_sample **previous,
                           json_object **ret, struct error *err)
{
        cleanup_container struct container *c = NULL;
        struct container_sample *now = NULL;
        cleanup_free char *name = NULL;
        json_object *out, *pids = json_object_new_object(), *networks = NULL;
        int pid = 0;

        if (container_find(engine, reference, &c, err) < 0) {
                json_object_put(pids);
                return -1;
        }
        if (container_is_running(c) && take_sample(engine, c, &now, NULL) == 0) {
                pthread_mutex_lock(&c->lock);
                pid = c->state.pid;
                pthread_mutex_unlock(&c->lock);
                if (pid && !streq(c->host.network_mode, "host"))
                        networks = networks_json(pid);
        }
        out = json_object_new_object();
        pthread_mutex_lock(&c->lock);
        name = string_format("/%s", c->name);
        pthread_mutex_unlock(&c->lock);
        json_set_string(out, "name", name);
        json_set_string(out, "id", c->id);
        add_time(out, "read", now ? now->time : TIME_ZERO);
        add_time(out, "preread", *previous ? (*previous)->time : TIME_ZERO);
        if (now && now->stats.has_pids) {
                add_number(pids, "current", now->stats.pids_current);
                if (now->stats.pids_limit != UINT64_MAX)
                        add_number(pids, "limit", now->stats.pids_limit);
        }
        add(out, "pids_stats", pids);
        add(out, "blkio_stats", io_json(now));
        add_number(out, "num_procs", 0);
        add(out, "storage_stats", json_object_new_object());
        add(out, "cpu_stats", cpu_json(now));
        add(out, "precpu_stats", cpu_json(*previous));
        add(out, "memory_stats", memory_json(now));
        if (networks)
                add(out, "networks", networks);
        container_sample_free(*previous);
        *previous = now;
        *ret = out;
        return 0;
}

/* ---- top ---- */

/* Columns of one line; the last takes the rest of it. */
static json_object *split_fields(char *line, size_t columns)
{
        json_object *out = json_object_new_array();

        for (size_t i = 0; i + 1 < columns; i++) {
                size_t len;

                line += strspn(line, " ");
                len = strcspn(line, " ");
                json_object_array_add(out, json_object_new_string_len(line, (int)len));
                line += len;
        }
        line += strspn(line, " ");
        json_object_array_add(out, json_object_new_string(line));
        return out;
}

static size_t count_fields(const char *line)
{
        size_t n = 0;

        while (*(line += strspn(line, " "))) {
                n++;
                line += strcspn(line, " ");
        }
        return n;
}

static bool has_pid(const pid_t *pids, size_t count, long pid)
{
        for (size_t i = 0; i < count; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

static int parse_ps(char *text, const pid_t *pids, size_t n_pids, json_object **ret, struct error *err)
{
        cleanup_json json_object *out = json_object_new_object();
        json_object *processes = json_object_new_array(), *titles;
        char *rest, *line = strtok_r(text, "\n", &rest);
        size_t columns = line ? count_fields(line) : 0, pid_column = columns;

        json_object_object_add(out, "Processes", processes);
        if (!columns)
                return error_set(err, ERROR_INVALID, "Couldn't find PID field in ps output");
        titles = split_fields(line, columns);
        json_object_object_add(out, "Titles", titles);
        for (size_t i = 0; i < columns; i++)
                if (streq(json_object_get_string(json_object_array_get_idx(titles, i)), "PID"))
                        pid_column = i;
        if (pid_column == columns)
                return error_set(err, ERROR_INVALID, "Couldn't find PID field in ps output");
        while ((line = strtok_r(NULL, "\n", &rest))) {
                json_object *fields = split_fields(line, columns);
                long pid =
                    strtol(json_object_get_string(json_object_array_get_idx(fields, pid_column)), NULL, 10);

                if (has_pid(pids, n_pids, pid))
                        json_object_array_add(processes, fields);
                else
                        json_object_put(fields);
        }
        *ret = take_ptr(out);
        return 0;
}

int engine_container_top(struct engine *engine, const char *reference, const char *ps_args, json_object **ret,
                         struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_free char *path = NULL;
        cleanup_strbuf struct strbuf output = {}, errors = {};
        cleanup_cgroup struct cgroup *cgroup = NULL;
        int code;
        cleanup_free pid_t *pids = NULL;
        cleanup_strv char **argv = NULL, **words = strv_split(string_empty(ps_args) ? "-ef" : ps_args, ' ');
        size_t n_pids;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        if (!container_is_running(c))
                return error_set(err, ERROR_CONFLICT, "container %s is not running", c->id);
        path = container_cgroup_path(engine, c);
        if (cgroup_open(path, &cgroup, err) < 0 || cgroup_pids(cgroup, &pids, &n_pids, err) < 0)
                return -1;
        strv_append(&argv, "ps");
        for (size_t i = 0; words[i]; i++)
                if (*words[i])
                        strv_append(&argv, words[i]);
        if (spawn_capture(&(struct spawn_options){ .program = "ps", .argv = argv }, NULL, 0, PS_OUTPUT_MAX,
                          PS_TIMEOUT, &output, &errors, &code, err) < 0)
                return -1;
        if (code != 0) {
                /* Its first line says why. */
                const char *said = errors.data ? errors.data : "";

                if (*said == '\n' || !*said)
                        return error_set(err, ERROR_SYSTEM, "ps: exit status %d", code);
                return error_set(err, ERROR_SYSTEM, "ps: %.*s", (int)strcspn(said, "\n"), said);
        }
        container_event(engine, c, "top", NULL);
        return parse_ps(output.data ? output.data : (char[]){ 0 }, pids, n_pids, ret, err);
}
