/* davit-runtime's commands: the command line of the OCI runtimes (runc, crun) over runtime.h. One file per
 * group of commands; main.c has the table. */
#pragma once

#include "oci/spec.h"
#include "runtime/runtime.h"

#include <getopt.h>
#include <stdio.h>

/* Bytes of a config.json or a process file. */
#define COMMAND_SPEC_MAX (4 << 20)

struct runtime_globals {
        const char *root; /* the containers' records */
};

struct runtime_command {
        const char *name, *usage, *summary;
        /* `argv[0]` is the command's name. The exit code, or -1 with `err` (exit code 1, or err->exit_code).
         */
        int (*run)(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
};
extern const struct runtime_command runtime_commands[];
extern const size_t runtime_command_count;

int command_create(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_run(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_start(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_exec(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_state(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_list(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_kill(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_delete(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_pause(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_resume(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_ps(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_update(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_events(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_spec(const struct runtime_globals *globals, int argc, char **argv, struct error *err);
int command_features(const struct runtime_globals *globals, int argc, char **argv, struct error *err);

/* --- options
 * ------------------------------------------------------------------------------------------------------ */

/* The next option of `options` (a getopt_long table whose `val`s are positive; options end at the first
 * argument), -1 after the last, -2 with `err`. Begin with optind = 0. */
int command_option(int argc, char **argv, const char *letters, const struct option *options,
                   struct error *err);
/* Exactly `count` arguments are left. */
int command_arguments(int argc, char **argv, int count, struct error *err);

/* --- records (record.c)
 * --------------------------------------------------------------------------------------------- */

/* ROOT/ID/state.json. Its folder also has config.json as it was at the creation, and, until the start, the
 * socket "gate". */
struct runtime_record {
        char *oci_version, *id, *bundle, *rootfs, *cgroup_path, *owner;
        int pid;
        uint64_t pid_start; /* base/process.h */
        int64_t created;
        struct strmap annotations;
};
void runtime_record_deinit(struct runtime_record *record);
#define cleanup_runtime_record __attribute__((cleanup(runtime_record_deinit)))

/* The container's folder; ERROR_NOT_FOUND "container does not exist". Ids are checked: no path leaves the
 * root. */
int record_open(const struct runtime_globals *globals, const char *id, struct error *err);
/* Makes it, the root too; ERROR_CONFLICT when there is one. */
int record_make(const struct runtime_globals *globals, const char *id, struct error *err);
int record_save(int dirfd, const struct runtime_record *record, struct error *err);
int record_load(int dirfd, struct runtime_record *ret, struct error *err);
/* config.json as it was at the creation. */
int record_spec(int dirfd, struct oci_spec *ret, struct error *err);
void record_remove(const struct runtime_globals *globals, const char *id);
/* "created", "running", "paused", "stopped". */
const char *record_status(int dirfd, const struct runtime_record *record);
/* The record and the container taken up again; ERROR_NOT_FOUND "container not running" when its process has
 * ended. */
int record_attach(const struct runtime_record *record, struct runtime_container **ret, struct error *err);
/* Both by id. The descriptor is the container's folder. */
int record_find(const struct runtime_globals *globals, const char *id, struct runtime_record *ret,
                struct error *err);

/* What an engine asked for about a process: its number in a file, its terminal's master over a socket (with
 * its name, as runc sends it). NULL: not asked for; `master` -1: it has no terminal. */
int command_hand_out(const char *pid_file, pid_t pid, const char *console_socket, int master,
                     struct error *err);
