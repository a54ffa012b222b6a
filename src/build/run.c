/* RUN: a container over the stage's layers; its writable layer becomes the next one. */
#include "build/run-internal.h"

#include "base/time.h"
#include "store/layer.h"

#include <errno.h>
#include <stdatomic.h>

static const char *const proxy_names[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                           "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                           "ALL_PROXY",  "all_proxy" };

static void work_deinit(struct run_work *w)
{
        strv_free(w->args);
        strv_free(w->env);
        for (size_t i = 0; i < w->n_mounts; i++)
                run_mount_deinit(&w->mounts[i]);
        free(w->mounts);
        free(w->network);
        strv_free(w->lowers);
        free(w->stubs);
}

static bool allowed(const struct build *b, const char *what)
{
        return strv_contains(b->options->allow, what);
}

static const char *build_network(const struct build *b)
{
        return string_empty(b->options->network) ? "default" : b->options->network;
}

int build_run_allowed(const struct build *b, const struct instruction *i, struct error *err)
{
        if (streq(i->network, "host") && !streq(build_network(b), "host") && !allowed(b, "network.host"))
                return error_set(err, ERROR_FORBIDDEN, "failed to load LLB: network.host is not allowed");
        if (streq(i->security, "insecure") && !allowed(b, "security.insecure"))
                return error_set(err, ERROR_FORBIDDEN,
                                 "failed to load LLB: security.insecure is not allowed");
        if (i->devices)
                return error_set(err, ERROR_UNSUPPORTED, "RUN --device is not supported by davit yet");
        return 0;
}

static int read_mounts(struct build *b, struct stage_state *s, const struct instruction *i,
                       struct run_work *w, struct error *err)
{
        struct shell_words rules = { .escape = b->file.syntax.escape,
                                     .lookup = shell_lookup_env,
                                     .arg = s->env };

        for (char **m = i->mounts; m && *m; m++) {
                struct run_mount mount;

                if (run_mount_parse(*m, &rules, &mount, err) < 0)
                        return -1;
                ARRAY_APPEND(w->mounts, w->n_mounts, mount);
        }
        return 0;
}

/* A here-document alone is the script itself (by its own interpreter if it names one); others go to the shell
 * as they stand. A script with an interpreter is a file below /dev/pipes. */
static void set_command(const struct stage_state *s, const struct instruction *i, struct run_work *w)
{
        cleanup_strbuf struct strbuf full = {};
        cleanup_free char *chomped = NULL;
        char *const *shell = s->image.config.shell;
        struct heredoc single = {};
        bool alone = i->n_files && heredoc_parse(i->args[0], &single, NULL) > 0;

        heredoc_deinit(&single);
        if (i->n_files == 0) {
                if (i->shell && shell)
                        strv_extend(&w->args, shell);
                else if (i->shell) {
                        strv_append(&w->args, "/bin/sh");
                        strv_append(&w->args, "-c");
                }
                strv_extend(&w->args, i->args);
                return;
        }
        chomped = i->files[0].chomp ? heredoc_chomp(i->files[0].data) : xstrdup(i->files[0].data);
        if (alone) {
                if (string_after(i->files[0].data, "#!"))
                        strbuf_addf(&full, "/dev/pipes/%s", i->files[0].name);
                else
                        strbuf_adds(&full, chomped);
        } else {
                strbuf_adds(&full, i->args[0]);
                for (size_t n = 0; n < i->n_files; n++)
                        strbuf_addf(&full, "\n%s%s", i->files[n].data, i->files[n].name);
        }
        if (shell) {
                strv_extend(&w->args, shell);
        } else {
                strv_append(&w->args, "/bin/sh");
                strv_append(&w->args, "-c");
        }
        strv_append(&w->args, full.data ? full.data : "");
}

static bool is_script_file(const struct instruction *i)
{
        struct heredoc single = {};
        bool alone = i->n_files && heredoc_parse(i->args[0], &single, NULL) > 0;

        heredoc_deinit(&single);
        return alone && string_after(i->files[0].data, "#!");
}

static void set_environment(struct build *b, struct stage_state *s, struct run_work *w)
{
        w->env = strv_copy(s->env);
        if (!w->env)
                w->env = strv_new();
        if (!env_get(w->env, "PATH"))
                strv_append(&w->env, BUILD_DEFAULT_PATH);
        for (size_t i = 0; i < w->n_mounts; i++) { /* the first one, whether there is an agent or not */
                cleanup_free char *socket = NULL;

                if (w->mounts[i].type != MOUNT_SSH || env_get(w->env, "SSH_AUTH_SOCK"))
                        continue;
                socket = run_ssh_target(s, &w->mounts[i], 0);
                env_set(&w->env, "SSH_AUTH_SOCK", socket);
        }
        /* Proxies reach every RUN, but neither the cache's keys nor the history. */
        for (size_t i = 0; i < ARRAY_SIZE(proxy_names); i++) {
                const char *value = strmap_get(&b->options->build_args, proxy_names[i]);

                if (value && !env_get(w->env, proxy_names[i]))
                        env_set(&w->env, proxy_names[i], value);
        }
}

static int make_key(struct build *b, struct stage_state *s, struct run_work *w, struct digest *ret,
                    struct error *err)
{
        const struct instruction *i = w->instruction;
        struct step_key key;
        int r;

        step_key_begin(&key, s, "run");
        step_key_list(&key, "args", w->args);
        step_key_list(&key, "env", s->env);
        step_key_add(&key, "user", s->image.config.user);
        step_key_add(&key, "cwd", s->image.config.working_dir);
        step_key_add(&key, "network", w->network);
        step_key_add(&key, "security", w->insecure ? "insecure" : "sandbox");
        step_key_list(&key, "hosts", b->options->extra_hosts);
        step_key_list(&key, "mounts", i->mounts);
        for (size_t n = 0; n < i->n_files; n++)
                step_key_add(&key, i->files[n].name, i->files[n].data);
        r = run_mounts_key(b, s, w, &key, err);
        step_key_finish(&key, ret);
        return r;
}

static char *process_name(char *const *args)
{
        cleanup_free char *joined = strv_join(args, " ");
        struct strbuf quoted = {};

        json_quote(&quoted, joined, strlen(joined));
        return strbuf_take(&quoted);
}

struct log_target {
        struct build *b;
        const struct vertex *v;
        struct strbuf tail; /* an unfinished line: lines are passed on whole where they can */
};

static void write_log(void *arg, const char *text, size_t len)
{
        struct log_target *log = arg;

        vertex_log(log->b, log->v, text, len);
}

static int write_table(int dirfd, const char *name, const struct json_table *table, const void *value,
                       struct error *err)
{
        cleanup_json json_object *tree = json_unbind(table, value);
        cleanup_free char *text = json_format(tree);

        return file_replace(dirfd, name, text, strlen(text), 0600, false, err);
}

static int write_script(struct step_tree *t, const struct instruction *i, struct oci_spec *spec,
                        struct run_work *w, struct error *err)
{
        static const char *const options[] = { "rbind", "rprivate", "ro", NULL };
        cleanup_free char *data = NULL, *folder = string_format("%s/pipes", t->path), *name = NULL;

        if (!is_script_file(i))
                return 0;
        if (strchr(i->files[0].name, '/'))
                return error_set(err, ERROR_INVALID, "invalid heredoc name: %s", i->files[0].name);
        data = i->files[0].chomp ? heredoc_chomp(i->files[0].data) : xstrdup(i->files[0].data);
        name = string_format("pipes/%s", i->files[0].name);
        if (mkdirat(t->dirfd, "pipes", 0755) < 0)
                return error_errno(err, "mkdir");
        if (file_replace(t->dirfd, name, data, strlen(data), 0755, false, err) < 0 ||
            fchmodat(t->dirfd, name, 0755, 0) < 0)
                return -1;
        (void)w; /* /dev is a tmpfs: the runtime makes the place */
        run_add_mount(spec, "/dev/pipes", "bind", folder, NULL, options);
        return 0;
}

static int run_container(struct build *b, struct step_tree *t, struct run_work *w, const struct vertex *v,
                         const char *id, int netns, struct oci_spec *spec, struct error *err)
{
        struct log_target log = { b, v, {} };
        struct step_output output = { write_log, &log };
        struct step_request request = { .id = (char *)id, .lowers = w->lowers, .has_netns = netns >= 0 };
        cleanup_free char *upper = string_format("%s/upper", t->path),
                          *work = string_format("%s/work", t->path), *seccomp = NULL,
                          *name = process_name(w->args);
        cleanup_error struct error failure = {};
        int code = 0;

        request.upper = upper;
        request.work = work;
        if (spec->linux_config->seccomp &&
            b->services->seccomp(b->services->arg, spec->linux_config->seccomp, &seccomp, err) < 0)
                return -1;
        request.seccomp = seccomp;
        if (write_table(t->dirfd, "config.json", &oci_spec_table, spec, err) < 0 ||
            write_table(t->dirfd, "step.json", &step_request_table, &request, err) < 0)
                return -1;
        if (step_process_run(b->services->step_program, t->path, netns, b->cancel_fd, &output, &code,
                             &failure) < 0) {
                const char *text = error_message(&failure);

                vertex_log(b, v, text, strlen(text));
                vertex_log(b, v, "\n", 1);
                if (!failure.exit_code)
                        return error_move(err, &failure);
                return error_set(err, ERROR_INVALID,
                                 "process %s did not complete successfully: exit code: %d", name, code);
        }
        if (code)
                return error_set(err, ERROR_INVALID,
                                 "process %s did not complete successfully: exit code: %d", name, code);
        return 0;
}

static int execute_run(struct build *b, struct stage_state *s, struct step_tree *t, const struct vertex *v,
                       void *arg, struct error *err)
{
        static atomic_uint counter;
        struct run_work *w = arg;
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_free char *id = string_format("build-%d-%u-%llx", (int)getpid(),
                                              atomic_fetch_add(&counter, 1), (unsigned long long)time_now());
        int netns = -1, r = -1;
        bool network = !streq(w->network, "host");

        if (layer_run_lowers(b->store, s->diff_ids, s->n_diff_ids, &w->lowers, err) < 0)
                return -1;
        if (b->services->network_open(b->services->arg, id, t->path, w->network, b->options->extra_hosts,
                                      &netns, err) < 0)
                return -1;
        if (run_spec(b, s, t, w, id, netns, &spec, err) == 0 &&
            write_script(t, w->instruction, &spec, w, err) == 0 && run_secret_env(b, w, err) == 0) {
                strv_free(spec.process->env);
                spec.process->env = strv_copy(w->env);
                r = run_container(b, t, w, v, id, network ? netns : -1, &spec, err);
        }
        if (netns >= 0)
                close(netns);
        b->services->network_close(b->services->arg, id);
        run_mounts_release(b, w);
        return r;
}

/* "|2 A=1 B=2 /bin/sh -c …": declared arguments stand before the command. */
static char *history_text(struct stage_state *s, const struct run_work *w)
{
        cleanup_strv char **args = NULL;
        cleanup_free char *joined = NULL;
        struct strbuf out = {};

        for (size_t i = 0; i < s->n_args; i++) {
                const char *value = env_get(s->env, s->args[i].key);

                env_set(&args, s->args[i].key, value ? value : "");
        }
        strbuf_adds(&out, "RUN ");
        if (args) {
                joined = strv_join(args, " ");
                strbuf_addf(&out, "|%zu %s ", strv_length(args), joined);
                free(take_ptr(joined));
        }
        joined = strv_join(w->args, " ");
        strbuf_addf(&out, "%s # buildkit", joined);
        return strbuf_take(&out);
}

/* The first line of a script stands in brackets behind "RUN <<EOF". */
static char *shown_text(const struct instruction *i)
{
        const char *data, *end;
        struct heredoc single = {};
        bool alone = i->n_files && heredoc_parse(i->args[0], &single, NULL) > 0;

        heredoc_deinit(&single);
        if (!alone)
                return xstrdup(i->original);
        data = i->files[0].data + strspn(i->files[0].data, " \t\r\n");
        end = data + strcspn(data, "\r\n");
        return string_format("%s (%.*s%s)", i->original, (int)(end - data), data,
                             end[strspn(end, " \t\r\n")] ? "..." : "");
}

int build_run_instruction(struct build *b, struct stage_state *s, const struct instruction *i,
                          struct error *err)
{
        __attribute__((cleanup(work_deinit))) struct run_work w = { .instruction = i };
        struct build_work work = { .execute = execute_run, .arg = &w };
        cleanup_free char *shown = shown_text(i), *command = NULL, *what = NULL;
        struct digest key;

        if (!i->args || !*i->args)
                return error_set(err, ERROR_INVALID, "RUN requires at least one argument");
        w.insecure = streq(i->security, "insecure");
        w.network =
            xstrdup(string_empty(i->network) || streq(i->network, "default") ? build_network(b) : i->network);
        if (read_mounts(b, s, i, &w, err) < 0)
                return -1;
        if (b->options->check)
                return 0;
        set_command(s, i, &w);
        set_environment(b, s, &w);
        if (make_key(b, s, &w, &key, err) < 0)
                return -1;
        command = strv_join(w.args, " ");
        what = work.what = string_format("mount / from exec %s", command);
        work.text = build_step_text(b, s, shown);
        if (build_perform(b, s, &key, &work, err) < 0)
                return -1;
        build_history(s, true, history_text(s, &w));
        return 0;
}
