/* update and commit. */
#include "cli/container-flags.h"
#include "cli/each.h"
#include "client/client.h"
#include "oci/reference.h"

#include <stdio.h>

struct update {
        char *cpuset_cpus, *cpuset_mems, *restart;
        int64_t blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, cpus, memory,
            memory_reservation, memory_swap, pids_limit, kernel_memory;
};
#define U struct update
static const struct option update_options[] = {
        OPTION_ROW("blkio-weight", 0, OPTION_KIND_UINT16, U, blkio_weight, "uint16",
                   "Block IO (relative weight), between 10 and 1000, or 0 to disable", "0"),
        OPTION_INT("cpu-period", 0, U, cpu_period, "Limit CPU CFS (Completely Fair Scheduler) period"),
        OPTION_INT("cpu-quota", 0, U, cpu_quota, "Limit CPU CFS (Completely Fair Scheduler) quota"),
        OPTION_INT("cpu-rt-period", 0, U, cpu_rt_period, "Limit the CPU real-time period in microseconds"),
        OPTION_INT("cpu-rt-runtime", 0, U, cpu_rt_runtime, "Limit the CPU real-time runtime in microseconds"),
        OPTION_INT("cpu-shares", 'c', U, cpu_shares, "CPU shares (relative weight)"),
        OPTION_ROW("cpus", 0, OPTION_KIND_DECIMAL, U, cpus, "decimal", "Number of CPUs"),
        OPTION_STRING("cpuset-cpus", 0, U, cpuset_cpus, "CPUs in which to allow execution (0-3, 0,1)"),
        OPTION_STRING("cpuset-mems", 0, U, cpuset_mems, "MEMs in which to allow execution (0-3, 0,1)"),
        OPTION_ROW("kernel-memory", 0, OPTION_KIND_BYTES, U, kernel_memory, "bytes",
                   "Kernel memory limit (deprecated)", NULL, NULL, true),
        OPTION_ROW("memory", 'm', OPTION_KIND_BYTES, U, memory, "bytes", "Memory limit"),
        OPTION_ROW("memory-reservation", 0, OPTION_KIND_BYTES, U, memory_reservation, "bytes",
                   "Memory soft limit"),
        OPTION_ROW("memory-swap", 0, OPTION_KIND_SWAP_BYTES, U, memory_swap, "bytes",
                   "Swap limit equal to memory plus swap: -1 to enable unlimited swap"),
        OPTION_INT("pids-limit", 0, U, pids_limit, "Tune container pids limit (set -1 for unlimited)"),
        OPTION_STRING("restart", 0, U, restart, "Restart policy to apply when a container exits"),
};

static void add_number(json_object *body, const char *name, int64_t value)
{
        json_object_object_add(body, name, json_object_new_int64(value));
}

static int make_update(struct invocation *call, json_object **ret, struct error *err)
{
        const struct update *u = call->values;
        json_object *body, *policy = json_object_new_object();
        const char *colon = u->restart ? strchr(u->restart, ':') : NULL;
        cleanup_free char *name =
            colon ? xstrndup(u->restart, (size_t)(colon - u->restart)) : xstrdup(u->restart);
        int64_t count = 0;

        if (colon && string_to_int64(colon + 1, &count, NULL) < 0) {
                json_object_put(policy);
                return error_set(err, ERROR_INVALID,
                                 "invalid restart policy format: maximum retry count must be an integer");
        }
        body = json_object_new_object();
        add_number(body, "BlkioWeight", u->blkio_weight);
        json_set_string(body, "CpusetCpus", u->cpuset_cpus ? u->cpuset_cpus : "");
        json_set_string(body, "CpusetMems", u->cpuset_mems ? u->cpuset_mems : "");
        add_number(body, "CpuShares", u->cpu_shares);
        add_number(body, "Memory", u->memory);
        add_number(body, "MemoryReservation", u->memory_reservation);
        add_number(body, "MemorySwap", u->memory_swap);
        add_number(body, "CpuPeriod", u->cpu_period);
        add_number(body, "CpuQuota", u->cpu_quota);
        add_number(body, "CpuRealtimePeriod", u->cpu_rt_period);
        add_number(body, "CpuRealtimeRuntime", u->cpu_rt_runtime);
        add_number(body, "NanoCpus", u->cpus);
        if (option_given(call, "pids-limit"))
                add_number(body, "PidsLimit", u->pids_limit);
        json_set_string(policy, "Name", name ? name : "");
        add_number(policy, "MaximumRetryCount", count);
        json_object_object_add(body, "RestartPolicy", policy);
        *ret = body;
        return 0;
}

static int run_update(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_json json_object *body = NULL;
        struct client *client;
        int status = 0;

        if (!call->given)
                return error_set(err, ERROR_INVALID,
                                 "you must provide one or more flags when using this command");
        if (make_update(call, &body, err) < 0 || cli_client(cli, &client, err) < 0)
                return -1;
        for (char *const *name = call->args; *name; name++) {
                cleanup_query struct client_query q = {};
                cleanup_json json_object *answer = NULL;
                cleanup_error struct error why = {};
                json_object *warnings;

                client_query_init(&q, "/containers/%s/update", *name);
                if (client_call(client, "POST", &q, body, &answer, NULL, &why) < 0) {
                        fflush(stdout);
                        fprintf(stderr, "%s\n", error_message(&why));
                        status = 1;
                        continue;
                }
                puts(*name);
                warnings = json_get(answer, "Warnings");
                for (size_t i = 0; warnings && i < json_object_array_length(warnings); i++)
                        fprintf(stderr, "%s\n",
                                json_object_get_string(json_object_array_get_idx(warnings, i)));
        }
        return status;
}

/* ---- commit ---- */

struct commit {
        char *author, *message;
        char **change;
        bool pause;
};
static const struct option commit_options[] = {
        OPTION_STRING("author", 'a', struct commit, author,
                      "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"),
        OPTION_LIST("change", 'c', struct commit, change,
                    "Apply Dockerfile instruction to the created image"),
        OPTION_STRING("message", 'm', struct commit, message, "Commit message"),
        OPTION_BOOL("pause", 'p', struct commit, pause, "Pause container during commit", "true"),
};

static int run_commit(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct commit *o = call->values;
        cleanup_reference struct reference r = {};
        cleanup_json json_object *answer = NULL;
        cleanup_query struct client_query q = {};
        cleanup_free char *repo = NULL;
        struct client *client;
        bool pause = !option_given(call, "pause") || o->pause;

        if (!string_empty(call->args[1])) {
                if (reference_parse(call->args[1], &r, err) < 0)
                        return -1;
                if (r.digest)
                        return error_set(err, ERROR_INVALID,
                                         "refusing to create a tag with a digest reference");
                reference_default_tag(&r);
                repo = reference_familiar_name(&r);
        }
        client_query_init(&q, "/commit");
        client_query_add(&q, "container", call->args[0]);
        client_query_add(&q, "repo", repo);
        client_query_add(&q, "tag", r.tag);
        client_query_add(&q, "comment", o->message);
        client_query_add(&q, "author", o->author);
        for (size_t i = 0; o->change && o->change[i]; i++)
                client_query_add(&q, "changes", o->change[i]);
        client_query_add(&q, "pause", pause ? "1" : "0");
        if (cli_client(cli, &client, err) < 0)
                return -1;
        /* No body: a configuration, even an empty one, would come before the container's. */
        if (client_call(client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        puts(json_get_string(answer, "Id") ? json_get_string(answer, "Id") : "");
        return 0;
}

const struct command update_command = { .name = "update",
                                        .group = "Commands",
                                        .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
                                        .summary = "Update configuration of one or more containers",
                                        .aliases = "container update, update",
                                        COMMAND_OPTIONS(update_options, struct update),
                                        .min_args = 1,
                                        .max_args = -1,
                                        .run = run_update };
const struct command commit_command = { .name = "commit",
                                        .group = "Commands",
                                        .usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
                                        .summary = "Create a new image from a container's changes",
                                        .aliases = "container commit, commit",
                                        COMMAND_OPTIONS(commit_options, struct commit),
                                        .min_args = 1,
                                        .max_args = 2,
                                        .run = run_commit };
