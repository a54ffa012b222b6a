/* create, run, start: a container's way from its bundle to its process.
 *
 * `create` leaves the container at its gate: the process waits in accept() on ROOT/ID/gate. `start` connects,
 * says go and reads until the process has become the container's (the connection ends) or says why not. `run`
 * is both in one process. */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "base/socket.h"
#include "base/time.h"
#include "runtime/console-relay.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>

struct create_options {
        const char *id, *bundle, *console_socket, *pid_file;
        int n_preserve;
        bool detach, keep, no_pivot, no_new_keyring;
};

enum {
        OPTION_BUNDLE = 1,
        OPTION_CONSOLE,
        OPTION_PID_FILE,
        OPTION_PRESERVE,
        OPTION_NO_PIVOT,
        OPTION_NO_KEYRING,
        OPTION_DETACH,
        OPTION_KEEP,
        OPTION_NO_SUBREAPER,
};

static const struct option create_options[] = {
        { "bundle", required_argument, NULL, OPTION_BUNDLE },
        { "console-socket", required_argument, NULL, OPTION_CONSOLE },
        { "pid-file", required_argument, NULL, OPTION_PID_FILE },
        { "preserve-fds", required_argument, NULL, OPTION_PRESERVE },
        { "no-pivot", no_argument, NULL, OPTION_NO_PIVOT },
        { "no-new-keyring", no_argument, NULL, OPTION_NO_KEYRING },
        { "detach", no_argument, NULL, OPTION_DETACH }, /* from here: run */
        { "keep", no_argument, NULL, OPTION_KEEP },
        { "no-subreaper", no_argument, NULL, OPTION_NO_SUBREAPER },
        { 0 },
};

static int parse(int argc, char **argv, bool for_run, struct create_options *o, struct error *err)
{
        int64_t number;
        int option;

        optind = 0;
        while ((option = command_option(argc, argv, for_run ? "+b:d" : "+b:", create_options, err)) >= 0) {
                if (!for_run &&
                    (option == OPTION_DETACH || option == OPTION_KEEP || option == OPTION_NO_SUBREAPER))
                        return error_set(err, ERROR_INVALID, "create: unknown option: %s", argv[optind - 1]);
                switch (option) {
                case 'b':
                case OPTION_BUNDLE:
                        o->bundle = optarg;
                        break;
                case OPTION_CONSOLE:
                        o->console_socket = optarg;
                        break;
                case OPTION_PID_FILE:
                        o->pid_file = optarg;
                        break;
                case OPTION_PRESERVE:
                        if (string_to_int64(optarg, &number, err) < 0 || number < 0 || number > 1000)
                                return err->kind ? -1
                                                 : error_set(err, ERROR_INVALID, "invalid --preserve-fds: %s",
                                                             optarg);
                        o->n_preserve = (int)number;
                        break;
                case OPTION_NO_PIVOT:
                        o->no_pivot = true;
                        break;
                case OPTION_NO_KEYRING:
                        o->no_new_keyring = true;
                        break;
                case 'd':
                case OPTION_DETACH:
                        o->detach = true;
                        break;
                case OPTION_KEEP:
                        o->keep = true;
                        break;
                }
        }
        if (option == -2 || command_arguments(argc, argv, 1, err) < 0)
                return -1;
        o->id = argv[optind];
        return 0;
}

/* Reads BUNDLE/config.json and keeps a copy beside the record: what a bundle says later does not matter. */
static int load_spec(const char *bundle, int dirfd, struct oci_spec *spec, struct error *err)
{
        cleanup_close int bundle_fd = directory_open(AT_FDCWD, bundle, err);
        cleanup_free char *text = NULL;
        size_t len;

        if (bundle_fd < 0)
                return -1;
        if (faccessat(bundle_fd, "config.json", F_OK, 0) < 0)
                return error_set(err, ERROR_NOT_FOUND, "JSON specification file config.json not found");
        if (file_read(bundle_fd, "config.json", COMMAND_SPEC_MAX, &text, &len, err) < 0)
                return -1;
        if (json_bind_text(&oci_spec_table, text, len, spec, err) < 0)
                return error_context(err, "config.json");
        return file_replace(dirfd, "config.json", text, len, 0600, false, err);
}

static char *default_cgroup(const char *id)
{
        return string_format("/davit-runtime-%s", id);
}

static int check_spec(struct oci_spec *spec, const char *id, const struct create_options *o,
                      struct error *err)
{
        bool terminal = spec->process && spec->process->terminal;

        if (!spec->process || !spec->root || string_empty(spec->root->path))
                return error_set(err, ERROR_INVALID, "config.json: process and root.path are needed");
        if (terminal && !o->console_socket && (o->detach || !isatty(STDIN_FILENO)))
                return error_set(err, ERROR_INVALID,
                                 "cannot allocate tty if runc will detach without setting console socket");
        if (!terminal && o->console_socket)
                return error_set(err, ERROR_INVALID,
                                 "cannot use console socket if runc will not detach or allocate tty");
        if (!spec->linux_config)
                spec->linux_config = xcalloc(1, sizeof(*spec->linux_config));
        if (string_empty(spec->linux_config->cgroups_path)) {
                free(spec->linux_config->cgroups_path);
                spec->linux_config->cgroups_path = default_cgroup(id);
        }
        return 0;
}

static char *owner_name(void)
{
        struct passwd *entry = getpwuid(geteuid());

        return entry ? xstrdup(entry->pw_name) : string_format("%d", (int)geteuid());
}

static int save(int dirfd, const struct oci_spec *spec, const char *bundle, const struct runtime_container *c,
                struct error *err)
{
        cleanup_runtime_record struct runtime_record record = {};

        record.oci_version = xstrdup(string_empty(spec->oci_version) ? "1.2.1" : spec->oci_version);
        record.id = xstrdup(c->id);
        record.pid = c->pid;
        record.pid_start = process_start_time(c->pid);
        record.bundle = xstrdup(bundle);
        record.rootfs = spec->root->path[0] == '/' ? xstrdup(spec->root->path)
                                                   : string_format("%s/%s", bundle, spec->root->path);
        record.cgroup_path = c->cgroup ? xstrdup(cgroup_path(c->cgroup)) : NULL;
        record.owner = owner_name();
        record.created = time_now();
        strmap_copy(&record.annotations, &spec->annotations);
        return record_save(dirfd, &record, err);
}

static int make(const struct create_options *o, const char *bundle, int dirfd, struct oci_spec *spec,
                int gate, struct runtime_container **ret, struct error *err)
{
        struct runtime_options options;
        int preserve[1000];

        if (load_spec(bundle, dirfd, spec, err) < 0 || check_spec(spec, o->id, o, err) < 0)
                return -1;
        runtime_options_init(&options);
        options.id = o->id;
        options.bundle = bundle;
        options.spec = spec;
        options.seccomp_compile = seccomp_compile;
        options.gate_listener = gate;
        options.outlives = gate >= 0 || o->detach;
        options.no_pivot = o->no_pivot;
        options.no_new_keyring = o->no_new_keyring;
        for (int i = 0; i < 3; i++)
                options.stdio[i] = i;
        for (int i = 0; i < o->n_preserve; i++)
                preserve[i] = 3 + i;
        options.preserve_fds = preserve;
        options.n_preserve_fds = (size_t)o->n_preserve;
        return runtime_create(&options, ret, err);
}

/* Everything up to the gate; on failure nothing is left. `*ret` is what was made. */
static int create(const struct runtime_globals *globals, const struct create_options *o, bool with_gate,
                  struct oci_spec *spec, char *bundle, struct runtime_container **ret, struct error *err)
{
        cleanup_free char *gate_path = string_format("%s/%s/gate", globals->root, o->id);
        cleanup_close int dirfd = -1, gate = -1;
        struct runtime_container *c = NULL;

        if (!realpath(o->bundle ? o->bundle : ".", bundle))
                return error_errno(err, "%s", o->bundle);
        dirfd = record_make(globals, o->id, err);
        if (dirfd < 0)
                return -1;
        if ((!with_gate || (gate = unix_listen(gate_path, SOCK_SEQPACKET, 0600, err)) >= 0) &&
            make(o, bundle, dirfd, spec, gate, &c, err) == 0 && save(dirfd, spec, bundle, c, err) == 0 &&
            command_hand_out(o->pid_file, c->pid, o->console_socket, c->console, err) == 0) {
                *ret = c;
                return 0;
        }
        if (c)
                runtime_delete(c, NULL, NULL, NULL);
        record_remove(globals, o->id);
        return error_context(err, "davit-runtime create failed");
}

int command_create(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_oci_spec struct oci_spec spec = {};
        struct create_options o = { .detach = true };
        char bundle[PATH_MAX];

        if (parse(argc, argv, false, &o, err) < 0)
                return -1;
        return create(globals, &o, true, &spec, bundle, &c, err);
}

static void poststart(struct runtime_container *c, const struct oci_spec *spec, const char *bundle)
{
        cleanup_error struct error why = {};

        if (runtime_poststart(c, spec, bundle, &why) < 0)
                log_warn("poststart: %s", error_message(&why));
}

int command_start(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option none[] = { { 0 } };
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_free char *gate = NULL;
        cleanup_close int dirfd = -1;
        const char *status;

        optind = 0;
        if (command_option(argc, argv, "+", none, err) == -2 || command_arguments(argc, argv, 1, err) < 0)
                return -1;
        if ((dirfd = record_find(globals, argv[optind], &record, err)) < 0)
                return -1;
        status = record_status(dirfd, &record);
        if (!streq(status, "created"))
                return error_set(err, ERROR_CONFLICT,
                                 streq(status, "stopped") ? "cannot start a container that has stopped"
                                                          : "cannot start an already running container");
        gate = string_format("%s/%s/gate", globals->root, record.id);
        if (record_spec(dirfd, &spec, err) < 0 || record_attach(&record, &c, err) < 0 ||
            (c->gate = unix_connect(gate, SOCK_SEQPACKET, err)) < 0)
                return -1;
        /* Whoever comes second finds no gate. */
        unlinkat(dirfd, "gate", 0);
        c->started = false;
        if (runtime_start(c, err) < 0)
                return -1;
        poststart(c, &spec, record.bundle);
        return 0;
}

int command_run(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        cleanup_oci_spec struct oci_spec spec = {};
        struct runtime_container *c = NULL;
        struct create_options o = {};
        char bundle[PATH_MAX];
        int code;

        if (parse(argc, argv, true, &o, err) < 0 || create(globals, &o, false, &spec, bundle, &c, err) < 0)
                return -1;
        if (runtime_start(c, err) < 0) {
                runtime_delete(c, &spec, bundle, NULL);
                record_remove(globals, o.id);
                return error_context(err, "davit-runtime run failed");
        }
        poststart(c, &spec, bundle);
        if (o.detach) {
                runtime_container_free(c);
                return 0;
        }
        code = console_relay(c->pidfd, o.console_socket ? -1 : c->console, c->pid, err);
        if (o.keep) {
                runtime_container_free(c);
                return code;
        }
        runtime_delete(c, &spec, bundle, NULL);
        record_remove(globals, o.id);
        return code;
}
