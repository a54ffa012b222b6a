/* --ssh: an agent's socket travels as a descriptor. Keys from files get an agent of their own, which lives as
 * long as we do: it runs a `cat` on a pipe of ours. */
#include "base/fd.h"
#include "base/spawn.h"
#include "base/time.h"
#include "cli/build.h"

#include <errno.h>
#include <sys/wait.h>

#define START_TIMEOUT_MS 5000

void build_agent_stop(struct build_agent *a)
{
        cleanup_free char *socket = a->folder ? string_format("%s/agent", a->folder) : NULL;

        if (a->leash >= 0)
                close(a->leash);
        if (a->pid > 0)
                spawn_wait(a->pid, &(int){ 0 }, NULL);
        if (socket) {
                unlink(socket);
                rmdir(a->folder);
        }
        free(a->folder);
}

static int start_agent(struct build_agent *a, const char *socket, struct error *err)
{
        char *argv[] = { (char *)"ssh-agent", (char *)"-a", (char *)socket, (char *)"cat", NULL };
        int pipe_fds[2];

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return error_errno(err, "pipe");
        a->leash = pipe_fds[1];
        {
                struct spawn_options options = {
                        .program = "ssh-agent", .argv = argv, .fds = pipe_fds, .n_fds = 1
                };
                int r = spawn(&options, &a->pid, NULL, err);

                close(pipe_fds[0]);
                if (r < 0)
                        return error_context(err, "failed to build: ssh keys need the program ssh-agent");
        }
        for (int waited = 0; access(socket, F_OK) < 0; waited += 10) {
                if (waited >= START_TIMEOUT_MS)
                        return error_set(err, ERROR_UNAVAILABLE, "failed to build: ssh-agent does not start");
                usleep(10000);
        }
        return 0;
}

static int add_key(const char *socket, const char *key, struct error *err)
{
        cleanup_strbuf struct strbuf errors = {};
        cleanup_strv char **env = NULL;
        char *argv[] = { (char *)"ssh-add", (char *)"-q", (char *)"--", (char *)key, NULL };
        struct spawn_options options = { .program = "ssh-add", .argv = argv, .new_session = true };
        int code;

        strv_append_take(&env, string_format("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"));
        strv_append_take(&env, string_format("SSH_AUTH_SOCK=%s", socket));
        strv_append(&env, "SSH_ASKPASS_REQUIRE=never");
        options.env = env;
        if (spawn_capture(&options, NULL, 0, 0, 0, NULL, &errors, &code, err) < 0)
                return error_context(err, "failed to build: ssh-add");
        while (errors.len && errors.data[errors.len - 1] == '\n')
                errors.data[--errors.len] = 0;
        return code == 0 ? 0
                         : error_set(err, ERROR_INVALID, "failed to build: failed to read ssh key %s: %s",
                                     key, errors.len ? errors.data : "ssh-add failed");
}

/* An agent that knows these keys; its socket in *ret. */
static int serve_keys(struct build_upload *u, char *const *keys, char **ret, struct error *err)
{
        char folder[] = "/tmp/davit-ssh.XXXXXX";
        struct build_agent *a;

        if (!mkdtemp(folder))
                return error_errno(err, "failed to build: %s", folder);
        ARRAY_APPEND(u->agents, u->n_agents,
                     ((struct build_agent){ .folder = xstrdup(folder), .leash = -1 }));
        a = &u->agents[u->n_agents - 1];
        *ret = string_format("%s/agent", folder);
        if (start_agent(a, *ret, err) < 0)
                return -1;
        for (; *keys; keys++)
                if (add_key(*ret, *keys, err) < 0)
                        return -1;
        return 0;
}

/* "ID[=SOCKET|KEY[,KEY…]]" */
static int find_socket(struct build_upload *u, const char *value, char **ret, struct error *err)
{
        cleanup_strv char **paths = value ? strv_split(value, ',') : NULL;
        struct stat st;

        if (!paths) {
                if (string_empty(getenv("SSH_AUTH_SOCK")))
                        return error_set(
                            err, ERROR_INVALID,
                            "failed to build: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK "
                            "is set");
                *ret = xstrdup(getenv("SSH_AUTH_SOCK"));
                return 0;
        }
        for (char **p = paths; *p; p++) {
                if (stat(*p, &st) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "failed to build: failed to open %s: open %s: %s", *p, *p,
                                         errno == ENOENT ? "no such file or directory" : strerror(errno));
                if (S_ISSOCK(st.st_mode) && paths[1])
                        return error_set(err, ERROR_INVALID, "failed to build: only single socket allowed");
        }
        if (!S_ISSOCK(st.st_mode))
                return serve_keys(u, paths, ret, err);
        *ret = xstrdup(paths[0]);
        return 0;
}

int build_ssh(const struct build_flags *f, struct build_upload *u, struct error *err)
{
        for (char **s = f->ssh; s && *s; s++) {
                const char *equals = strchr(*s, '=');
                cleanup_free char *id = xstrndup(*s, strcspn(*s, "=")), *socket = NULL;
                int fd;

                if (!*id)
                        replace_string(&id, "default");
                if (strv_contains(u->options.ssh, id))
                        return error_set(err, ERROR_INVALID, "failed to build: invalid duplicate ID %s", id);
                if (find_socket(u, equals ? equals + 1 : NULL, &socket, err) < 0)
                        return -1;
                if (u->n_fds == ARRAY_SIZE(u->fds))
                        return error_set(err, ERROR_INVALID, "failed to build: too many build contexts");
                fd = open(socket, O_PATH | O_CLOEXEC);
                if (fd < 0)
                        return error_set(err, ERROR_INVALID, "failed to build: failed to open %s: %s", socket,
                                         strerror(errno));
                u->fds[u->n_fds++] = fd;
                strv_append(&u->options.ssh, id);
        }
        return 0;
}
