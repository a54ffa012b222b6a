/* The git program, without questions and without the settings of whoever started the engine. */
#include "build/git.h"

#include "base/fd.h"
#include "base/spawn.h"
#include "base/time.h"

#define TIMEOUT (600 * NSEC_PER_SEC)
#define OUTPUT_MAX 65536

static char **environment(const char *header)
{
        char **env = NULL;

        strv_append_take(&env, string_format("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"));
        strv_append(&env, "GIT_TERMINAL_PROMPT=0");
        strv_append(&env, "GIT_CONFIG_NOSYSTEM=1");
        strv_append(&env, "GIT_CONFIG_GLOBAL=/dev/null");
        strv_append(&env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes");
        strv_append(&env, "HOME=/");
        if (header) { /* not among the arguments, which every process sees */
                strv_append(&env, "GIT_CONFIG_COUNT=1");
                strv_append(&env, "GIT_CONFIG_KEY_0=http.extraHeader");
                strv_append_take(&env, string_format("GIT_CONFIG_VALUE_0=%s", header));
        }
        return env;
}

struct git_call {
        const char *directory, *header;
        struct strbuf *output; /* NULL: dropped */
};

/* Runs git with the arguments; what it wrote on standard error is the message. */
static int git(const struct git_call *call, const char *const *args, struct error *err)
{
        cleanup_strbuf struct strbuf errors = {};
        cleanup_strv char **argv = NULL, **env = environment(call->header);
        struct spawn_options options = { .program = "git", .directory = call->directory };
        int code;

        strv_append(&argv, "git");
        strv_extend(&argv, (char *const *)args);
        options.argv = argv;
        options.env = env;
        if (spawn_capture(&options, NULL, 0, OUTPUT_MAX, TIMEOUT, call->output, &errors, &code, err) < 0)
                return error_context(err, "git");
        if (code == 0)
                return 0;
        while (errors.len && errors.data[errors.len - 1] == '\n')
                errors.data[--errors.len] = 0;
        return error_set(err, ERROR_INVALID, "git %s: %s", args[0], errors.len ? errors.data : "failed");
}

static bool is_commit(const char *text)
{
        size_t len = strspn(text, "0123456789abcdef");

        return (len == 40 || len == 64) && !text[len];
}

/* The line of ls-remote's output that names the reference: its commit, heap; NULL. */
static char *find_line(const char *output, const char *name)
{
        cleanup_strv char **lines = strv_split(output, '\n');

        for (char **l = lines; *l; l++) {
                char *tab = strchr(*l, '\t');

                if (!tab || !streq(tab + 1, name))
                        continue;
                *tab = 0;
                return is_commit(*l) ? xstrdup(*l) : NULL;
        }
        return NULL;
}

/* Branches go before tags; of a tag with a message the commit counts. */
static char *choose_commit(const char *output, const char *ref)
{
        static const char *const forms[] = { "refs/heads/%s", "refs/tags/%s^{}", "refs/tags/%s",
                                             "refs/%s",       "%s^{}",           "%s" };
        char *commit = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(forms) && !commit; i++) {
                cleanup_strbuf struct strbuf name = {};
                const char *hole = strstr(forms[i], "%s");

                strbuf_add(&name, forms[i], (size_t)(hole - forms[i]));
                strbuf_adds(&name, ref);
                strbuf_adds(&name, hole + 2);
                commit = find_line(output, name.data);
        }
        return commit;
}

int git_resolve(const struct git_source *s, const char *header, char **ret_commit, struct error *err)
{
        const char *ref = string_empty(s->ref) ? "HEAD" : s->ref;
        cleanup_free char *peeled = string_format("%s^{}", ref);
        const char *const args[] = { "ls-remote", "--", s->remote, ref, peeled, NULL };
        cleanup_strbuf struct strbuf output = {};
        char *commit;

        if (is_commit(ref)) {
                commit = xstrdup(ref);
        } else {
                if (git(&(struct git_call){ "/", header, &output }, args, err) < 0)
                        return -1;
                commit = choose_commit(output.data ? output.data : "", ref);
                if (!commit)
                        return error_set(err, ERROR_INVALID,
                                         "repository does not contain ref %s, output: \"%s\"", ref,
                                         output.data ? output.data : "");
        }
        if (s->checksum && strncmp(commit, s->checksum, strlen(s->checksum)) != 0) {
                error_set(err, ERROR_INVALID, "expected checksum to match %s, got %s", s->checksum, commit);
                free(commit);
                return -1;
        }
        *ret_commit = commit;
        return 0;
}

/* One commit alone; servers that don't give it by its name are asked for everything. */
static int fetch_commit(const struct git_source *s, const struct git_call *call, const char *commit,
                        struct error *err)
{
        const char *const shallow[] = { "fetch", "-q", "--depth=1", "--no-tags", "origin", commit, NULL },
                          *const whole[] = {
                                  "fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*",
                                  NULL
                          };

        (void)s;
        return git(call, shallow, NULL) < 0 ? git(call, whole, err) : 0;
}

int git_checkout(const struct git_source *s, const char *header, const char *commit, const char *path,
                 const char *as, bool keep_git, struct error *err)
{
        cleanup_free char *folder = string_format("%s/%s", path, as);
        const char *const init[] = { "init", "-q", "--", as, NULL },
                          *const remote[] = { "remote", "add", "origin", s->remote, NULL },
                          *const checkout[] = { "checkout", "-q", "--detach", commit, NULL },
                          *const modules[] = { "submodule",   "update",    "-q", "--init",
                                               "--recursive", "--depth=1", NULL };
        struct git_call call = { folder, header, NULL };
        cleanup_close int fd = -1;

        if (git(&(struct git_call){ path, NULL, NULL }, init, err) < 0 || git(&call, remote, err) < 0 ||
            fetch_commit(s, &call, commit, err) < 0 || git(&call, checkout, err) < 0 ||
            (s->submodules && git(&call, modules, err) < 0))
                return -1;
        fd = directory_open(AT_FDCWD, folder, err);
        return fd < 0 || (!keep_git && tree_remove(fd, ".git", err) < 0) ? -1 : 0;
}
