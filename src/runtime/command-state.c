/* What looks at containers and what ends them: state, list, ps, kill, delete, pause, resume. */
#include "runtime/command.h"

#include "base/fd.h"
#include "base/spawn.h"
#include "base/time.h"

#include <errno.h>
#include <poll.h>

#define PS_MAX (4 << 20)

/* The only argument is a container's id. */
static int find_one(const struct runtime_globals *globals, int argc, char **argv,
                    const struct option *options, int (*option)(int value, void *arg, struct error *err),
                    void *arg, struct runtime_record *ret, struct error *err)
{
        static const struct option none[] = { { 0 } };
        int value;

        optind = 0;
        while ((value = command_option(argc, argv, "+afqr:", options ? options : none, err)) >= 0)
                if (!option || option(value, arg, err) < 0)
                        return err->kind ? -1 : error_set(err, ERROR_INVALID, "%s: unknown option", argv[0]);
        if (value == -2)
                return -1;
        if (optind >= argc)
                return error_set(err, ERROR_INVALID, "%s: a container's id is needed", argv[0]);
        return record_find(globals, argv[optind], ret, err);
}

static json_object *state_tree(int dirfd, const struct runtime_record *r, bool owner)
{
        const char *status = record_status(dirfd, r);
        json_object *tree = json_object_new_object();
        char created[TIME_RFC3339_MAX];

        time_format_rfc3339nano(r->created, created);
        json_set_string(tree, "ociVersion", r->oci_version);
        json_set_string(tree, "id", r->id);
        json_object_object_add(tree, "pid", json_object_new_int(streq(status, "stopped") ? 0 : r->pid));
        json_set_string(tree, "status", status);
        json_set_string(tree, "bundle", r->bundle);
        json_set_string(tree, "rootfs", r->rootfs);
        json_set_string(tree, "created", created);
        if (r->annotations.count > 0) {
                json_object *annotations = json_object_new_object();

                for (size_t i = 0; i < r->annotations.count; i++)
                        json_set_string(annotations, r->annotations.pairs[i].key,
                                        r->annotations.pairs[i].value);
                json_object_object_add(tree, "annotations", annotations);
        }
        json_set_string(tree, "owner", owner ? r->owner : "");
        return tree;
}

int command_state(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *text = NULL;
        cleanup_close int dirfd = find_one(globals, argc, argv, NULL, NULL, NULL, &record, err);

        if (dirfd < 0)
                return -1;
        tree = state_tree(dirfd, &record, false);
        text = json_format_pretty(tree, 2);
        puts(text);
        return 0;
}

/* --- list
 * -----------------------------------------------------------------------------------------------------------
 */

struct list_options {
        bool quiet, json;
};
enum { OPTION_FORMAT = 1, OPTION_QUIET, OPTION_ALL, OPTION_FORCE };

static void print_row(int dirfd, const struct runtime_record *r)
{
        const char *status = record_status(dirfd, r);
        char created[TIME_RFC3339_MAX];

        time_format_rfc3339nano(r->created, created);
        printf("%-11s %-11d %-11s %-11s %-30s %s\n", r->id, streq(status, "stopped") ? 0 : r->pid, status,
               r->bundle, created, r->owner);
}

static int list_options(int argc, char **argv, struct list_options *ret, struct error *err)
{
        static const struct option options[] = {
                { "format", required_argument, NULL, OPTION_FORMAT },
                { "quiet", no_argument, NULL, OPTION_QUIET },
                { 0 },
        };
        int option;

        optind = 0;
        while ((option = command_option(argc, argv, "+f:q", options, err)) >= 0) {
                if (option == 'q' || option == OPTION_QUIET)
                        ret->quiet = true;
                else if (streq(optarg, "json") || streq(optarg, "table"))
                        ret->json = streq(optarg, "json");
                else
                        return error_set(err, ERROR_INVALID, "invalid format option");
        }
        return option == -2 ? -1 : command_arguments(argc, argv, 0, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

int command_list(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        cleanup_json json_object *all = json_object_new_array();
        cleanup_free char *text = NULL;
        struct list_options options = {};
        struct dirent **names;
        int count;

        if (list_options(argc, argv, &options, err) < 0)
                return -1;
        count = scandir(globals->root, &names, NULL, by_name);
        if (count < 0 && errno != ENOENT)
                return error_errno(err, "%s", globals->root);
        if (!options.quiet && !options.json)
                printf("%-11s %-11s %-11s %-11s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
                       "OWNER");
        for (int i = 0; i < count; i++) {
                cleanup_runtime_record struct runtime_record record = {};
                cleanup_close int dirfd = record_find(globals, names[i]->d_name, &record, NULL);

                free(names[i]);
                if (dirfd < 0)
                        continue;
                if (options.json)
                        json_object_array_add(all, state_tree(dirfd, &record, true));
                else if (options.quiet)
                        puts(record.id);
                else
                        print_row(dirfd, &record);
        }
        if (count >= 0)
                free(names);
        if (options.json) {
                text = json_object_array_length(all) > 0 ? json_format(all) : xstrdup("null");
                puts(text);
        }
        return 0;
}

/* --- ps
 * -------------------------------------------------------------------------------------------------------------
 */

static bool is_listed(const pid_t *pids, size_t count, long pid)
{
        for (size_t i = 0; i < count; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

/* The lines of ps(1) whose PID column names one of the container's processes. */
static int print_ps(char *output, const pid_t *pids, size_t count, struct error *err)
{
        char *lines, *line = strtok_r(output, "\n", &lines), *words;
        int column = -1, at = 0;
        cleanup_free char *head = xstrdup(line ? line : "");

        for (char *word = strtok_r(head, " ", &words); word; word = strtok_r(NULL, " ", &words), at++)
                if (streq(word, "PID"))
                        column = at;
        if (column < 0)
                return error_set(err, ERROR_INVALID, "couldn't find PID field in ps output");
        puts(line);
        while ((line = strtok_r(NULL, "\n", &lines))) {
                cleanup_free char *copy = xstrdup(line);
                char *word = strtok_r(copy, " ", &words);

                for (at = 0; word && at < column; at++)
                        word = strtok_r(NULL, " ", &words);
                if (word && is_listed(pids, count, strtol(word, NULL, 10)))
                        puts(line);
        }
        return 0;
}

static int show_ps(char **arguments, const pid_t *pids, size_t count, struct error *err)
{
        cleanup_strv char **argv = strv_new();
        cleanup_strbuf struct strbuf output = {}, errors = {};
        struct spawn_options spawn = { .program = "ps" };
        int code;

        strv_append(&argv, "ps");
        if (*arguments)
                strv_extend(&argv, arguments);
        else
                strv_append(&argv, "-ef");
        spawn.argv = argv;
        if (spawn_capture(&spawn, NULL, 0, PS_MAX, 0, &output, &errors, &code, err) < 0)
                return -1;
        if (code != 0)
                return error_set(err, ERROR_SYSTEM, "ps: exit status %d: %s", code,
                                 errors.data ? errors.data : "");
        strbuf_addc(&output, '\0');
        return print_ps(output.data, pids, count, err);
}

int command_ps(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option options[] = { { "format", required_argument, NULL, OPTION_FORMAT },
                                                 { 0 } };
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_close int dirfd = -1;
        cleanup_free pid_t *pids = NULL;
        bool json = false;
        size_t count;
        int option;

        optind = 0;
        while ((option = command_option(argc, argv, "+f:", options, err)) >= 0)
                if (!(json = streq(optarg, "json")) && !streq(optarg, "table"))
                        return error_set(err, ERROR_INVALID, "invalid format option");
        if (option == -2)
                return -1;
        if (optind >= argc)
                return error_set(err, ERROR_INVALID, "ps: a container's id is needed");
        if ((dirfd = record_find(globals, argv[optind], &record, err)) < 0 ||
            record_attach(&record, &c, err) < 0 || runtime_pids(c, &pids, &count, err) < 0)
                return -1;
        if (!json)
                return show_ps(argv + optind + 1, pids, count, err);
        for (size_t i = 0; i < count; i++)
                printf("%s%d", i ? "," : "[", (int)pids[i]);
        puts(count ? "]" : "[]");
        return 0;
}

/* --- ending and suspending
 * ------------------------------------------------------------------------------------------------ */

static int take_all(int value, void *arg, struct error *err)
{
        (void)err;
        if (value != 'a' && value != OPTION_ALL)
                return -1;
        *(bool *)arg = true;
        return 0;
}

int command_kill(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option options[] = { { "all", no_argument, NULL, OPTION_ALL }, { 0 } };
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_close int dirfd = -1;
        bool all = false;
        int signal = SIGTERM;

        if ((dirfd = find_one(globals, argc, argv, options, take_all, &all, &record, err)) < 0)
                return -1;
        if (optind + 1 < argc && runtime_signal_parse(argv[optind + 1], &signal, err) < 0)
                return -1;
        /* The flag may stand behind the id, as engines write it. */
        for (int i = optind + 1; i < argc; i++)
                all = all || streq(argv[i], "--all") || streq(argv[i], "-a");
        if (all && streq(record_status(dirfd, &record), "stopped") && !string_empty(record.cgroup_path)) {
                cleanup_cgroup struct cgroup *cgroup = NULL;

                return cgroup_open(record.cgroup_path, &cgroup, NULL) < 0 ? 0
                                                                          : cgroup_kill(cgroup, signal, err);
        }
        return record_attach(&record, &c, err) < 0 ? -1 : runtime_kill(c, signal, all, err);
}

static int take_force(int value, void *arg, struct error *err)
{
        (void)err;
        if (value != 'f' && value != OPTION_FORCE)
                return -1;
        *(bool *)arg = true;
        return 0;
}

/* Kills what runs and waits for its end; it is somebody else's child. */
static int end(const struct runtime_record *record, struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = NULL;
        struct pollfd ended = { .events = POLLIN };

        if (record_attach(record, &c, NULL) < 0)
                return 0;
        if (runtime_kill(c, SIGKILL, false, NULL) < 0)
                return 0;
        runtime_resume(c, NULL);
        ended.fd = c->pidfd;
        if (poll(&ended, 1, 10000) != 1)
                return error_set(err, ERROR_UNAVAILABLE, "container init still running");
        return 0;
}

static int clear(int dirfd, const struct runtime_record *record, struct error *err)
{
        struct runtime_container *c = xcalloc(1, sizeof(*c));
        cleanup_oci_spec struct oci_spec spec = {};
        bool has_spec;

        c->id = xstrdup(record->id);
        c->pid = c->pidfd = c->gate = c->console = c->listener = -1;
        if (!string_empty(record->cgroup_path))
                cgroup_open(record->cgroup_path, &c->cgroup, NULL);
        has_spec = record_spec(dirfd, &spec, NULL) == 0;
        return runtime_delete(c, has_spec ? &spec : NULL, record->bundle, err);
}

int command_delete(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option options[] = { { "force", no_argument, NULL, OPTION_FORCE }, { 0 } };
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_close int dirfd = -1;
        bool force = false;
        const char *status;

        dirfd = find_one(globals, argc, argv, options, take_force, &force, &record, err);
        if (dirfd < 0 && force && error_is(err, ERROR_NOT_FOUND)) {
                error_clear(err);
                return 0;
        }
        if (dirfd < 0)
                return -1;
        status = record_status(dirfd, &record);
        /* A container that was never started has nothing to lose. */
        if (!force && !streq(status, "stopped") && !streq(status, "created"))
                return error_set(err, ERROR_CONFLICT, "cannot delete container %s that is not stopped: %s",
                                 record.id, status);
        if (end(&record, err) < 0 || clear(dirfd, &record, err) < 0)
                return -1;
        record_remove(globals, record.id);
        return 0;
}

static int suspend(const struct runtime_globals *globals, int argc, char **argv, bool pause,
                   struct error *err)
{
        cleanup_runtime_container struct runtime_container *c = NULL;
        cleanup_runtime_record struct runtime_record record = {};
        cleanup_close int dirfd = find_one(globals, argc, argv, NULL, NULL, NULL, &record, err);
        const char *status;

        if (dirfd < 0)
                return -1;
        status = record_status(dirfd, &record);
        if (pause && !streq(status, "running") && !streq(status, "created"))
                return error_set(err, ERROR_CONFLICT, "container not running or created: %s", status);
        if (!pause && !streq(status, "paused"))
                return error_set(err, ERROR_CONFLICT, "container not paused");
        if (record_attach(&record, &c, err) < 0)
                return -1;
        return pause ? runtime_pause(c, err) : runtime_resume(c, err);
}

int command_pause(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        return suspend(globals, argc, argv, true, err);
}

int command_resume(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        return suspend(globals, argc, argv, false, err);
}
