/* update and events/stats: a container's limits and what it uses. */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/units.h"

#define RESOURCES_MAX (1 << 20)

enum {
        OPTION_RESOURCES = 1,
        OPTION_STATS,
        /* Limits, by the place of their value in the resources. */
        OPTION_MEMORY,
        OPTION_RESERVATION,
        OPTION_SWAP,
        OPTION_PERIOD,
        OPTION_QUOTA,
        OPTION_BURST,
        OPTION_SHARES,
        OPTION_IDLE,
        OPTION_CPUS,
        OPTION_MEMS,
        OPTION_PIDS,
        OPTION_BLKIO,
};

static const struct option update_options[] = {
        { "resources", required_argument, NULL, OPTION_RESOURCES },
        { "memory", required_argument, NULL, OPTION_MEMORY },
        { "memory-reservation", required_argument, NULL, OPTION_RESERVATION },
        { "memory-swap", required_argument, NULL, OPTION_SWAP },
        { "cpu-period", required_argument, NULL, OPTION_PERIOD },
        { "cpu-quota", required_argument, NULL, OPTION_QUOTA },
        { "cpu-burst", required_argument, NULL, OPTION_BURST },
        { "cpu-share", required_argument, NULL, OPTION_SHARES },
        { "cpu-idle", required_argument, NULL, OPTION_IDLE },
        { "cpuset-cpus", required_argument, NULL, OPTION_CPUS },
        { "cpuset-mems", required_argument, NULL, OPTION_MEMS },
        { "pids-limit", required_argument, NULL, OPTION_PIDS },
        { "blkio-weight", required_argument, NULL, OPTION_BLKIO },
        { 0 },
};

/* Bytes may have a unit; -1 is no limit. */
static int set_number(const char *text, bool bytes, int64_t **place, struct error *err)
{
        int64_t value;

        if (bytes && text[0] != '-' ? size_parse(text, &value, err) < 0
                                    : string_to_int64(text, &value, err) < 0)
                return error_context(err, "update: invalid value %s", text);
        free(*place);
        *place = xmemdup(&value, sizeof(value));
        return 0;
}

static int take_limit(int option, struct oci_resources *r, struct error *err)
{
        switch (option) {
        case OPTION_MEMORY:
                return set_number(optarg, true, &r->memory->limit, err);
        case OPTION_RESERVATION:
                return set_number(optarg, true, &r->memory->reservation, err);
        case OPTION_SWAP:
                return set_number(optarg, true, &r->memory->swap, err);
        case OPTION_PERIOD:
                return set_number(optarg, false, &r->cpu->period, err);
        case OPTION_QUOTA:
                return set_number(optarg, false, &r->cpu->quota, err);
        case OPTION_BURST:
                return set_number(optarg, false, &r->cpu->burst, err);
        case OPTION_SHARES:
                return set_number(optarg, false, &r->cpu->shares, err);
        case OPTION_IDLE:
                return set_number(optarg, false, &r->cpu->idle, err);
        case OPTION_CPUS:
                free(r->cpu->cpus);
                r->cpu->cpus = xstrdup(optarg);
                return 0;
        case OPTION_MEMS:
                free(r->cpu->mems);
                r->cpu->mems = xstrdup(optarg);
                return 0;
        case OPTION_PIDS:
                return set_number(optarg, false, &r->pids->limit, err);
        default:
                return set_number(optarg, false, &r->block_io->weight, err);
        }
}

static int load_resources(const char *path, struct oci_resources *ret, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;
        int r;

        if (streq(path, "-"))
                r = fd_read_file(STDIN_FILENO, RESOURCES_MAX, &text, &len, err);
        else
                r = file_read(AT_FDCWD, path, RESOURCES_MAX, &text, &len, err);
        return r < 0 || json_bind_text(&oci_resources_table, text, len, ret, err) < 0
                   ? error_context(err, "%s", path)
                   : 0;
}

static void make_members(struct oci_resources *r)
{
        r->memory = r->memory ?: xcalloc(1, sizeof(*r->memory));
        r->cpu = r->cpu ?: xcalloc(1, sizeof(*r->cpu));
        r->pids = r->pids ?: xcalloc(1, sizeof(*r->pids));
        r->block_io = r->block_io ?: xcalloc(1, sizeof(*r->block_io));
}

static int parse_update(int argc, char **argv, struct oci_resources *resources, struct error *err)
{
        int option;

        make_members(resources);
        optind = 0;
        while ((option = command_option(argc, argv, "+r:", update_options, err)) >= 0) {
                if (option == 'r' || option == OPTION_RESOURCES) {
                        if (load_resources(optarg, resources, err) < 0)
                                return -1;
                        make_members(resources);
                } else if (take_limit(option, resources, err) < 0) {
                        return -1;
                }
        }
        return option == -2 ? -1 : command_arguments(argc, argv, 1, err);
}

int command_update(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        struct oci_resources resources = {};
        cleanup_close int dirfd = -1;
        int r = -1;

        if (parse_update(argc, argv, &resources, err) == 0 &&
            (dirfd = record_find(globals, argv[optind], &record, err)) >= 0 &&
            record_attach(&record, &c, err) == 0)
                r = runtime_update(c, &resources, err);
        json_free_fields(&oci_resources_table, &resources);
        return r;
}

/* --- events
 * -----------------------------------------------------------------------------------------------------------
 */

static void add_number(json_object *to, const char *name, uint64_t value)
{
        json_object_object_add(to, name, json_object_new_uint64(value));
}

static json_object *add_object(json_object *to, const char *name)
{
        json_object *object = json_object_new_object();

        json_object_object_add(to, name, object);
        return object;
}

/* runc's shape of `events --stats`. */
static json_object *stats_tree(const char *id, const struct cgroup_stats *s)
{
        json_object *tree = json_object_new_object(), *data, *cpu, *usage, *throttling, *memory, *part;

        json_set_string(tree, "type", "stats");
        json_set_string(tree, "id", id);
        data = add_object(tree, "data");
        cpu = add_object(data, "cpu");
        usage = add_object(cpu, "usage");
        add_number(usage, "total", s->cpu_total);
        add_number(usage, "kernel", s->cpu_kernel);
        add_number(usage, "user", s->cpu_user);
        throttling = add_object(cpu, "throttling");
        add_number(throttling, "periods", s->periods);
        add_number(throttling, "throttledPeriods", s->throttled_periods);
        add_number(throttling, "throttledTime", s->throttled_time);
        if (s->has_memory) {
                memory = add_object(data, "memory");
                add_number(memory, "cache", s->memory_cache);
                part = add_object(memory, "usage");
                add_number(part, "limit", s->memory_limit);
                add_number(part, "usage", s->memory_usage);
                add_number(part, "max", s->memory_max_usage);
                add_number(part, "failcnt", s->memory_failcnt);
                part = add_object(memory, "raw");
                for (size_t i = 0; i < s->n_memory_stat; i++)
                        add_number(part, s->memory_stat[i].key, s->memory_stat[i].value);
        }
        if (s->has_pids) {
                part = add_object(data, "pids");
                add_number(part, "current", s->pids_current);
                add_number(part, "limit", s->pids_limit == UINT64_MAX ? 0 : s->pids_limit);
        }
        return tree;
}

int command_events(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option options[] = {
                { "stats", no_argument, NULL, OPTION_STATS },
                { 0 },
        };
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_cgroup_stats struct cgroup_stats stats = {};
        cleanup_json json_object *tree = NULL;
        cleanup_close int dirfd = -1;
        cleanup_free char *text = NULL;
        bool once = streq(argv[0], "stats");
        int option;

        optind = 0;
        while ((option = command_option(argc, argv, "+", options, err)) >= 0)
                once = once || option == OPTION_STATS;
        if (option == -2 || command_arguments(argc, argv, 1, err) < 0)
                return -1;
        if (!once)
                return error_set(err, ERROR_UNSUPPORTED, "events without --stats is not supported yet");
        if ((dirfd = record_find(globals, argv[optind], &record, err)) < 0 ||
            record_attach(&record, &c, err) < 0)
                return -1;
        if (!c->cgroup)
                return error_set(err, ERROR_UNSUPPORTED, "container %s has no cgroup", record.id);
        if (cgroup_stats(c->cgroup, &stats, err) < 0)
                return -1;
        tree = stats_tree(record.id, &stats);
        text = json_format(tree);
        puts(text);
        return 0;
}
