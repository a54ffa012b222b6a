/* Dockerfile lines that `commit --change` and `import --change` apply to a configuration. */
#include "build/dockerfile.h"
#include "build/shell-words.h"
#include "engine/image-internal.h"
#include "store/unpack.h"

#include <ctype.h>

struct change {
        const struct instruction *in;
        struct container_config *config;
        struct shell_words rules;
        bool cmd_set; /* by a line before */
};

static int expand(const struct change *c, const char *text, char **ret, struct error *err)
{
        return shell_expand(&c->rules, text ? text : "", ret, err);
}

/* The command as words: the shell takes a single string. */
static char **command(const struct change *c)
{
        static const char *const shell[] = { "/bin/sh", "-c" };
        char **words = strv_new();

        if (c->in->shell && c->config->shell && c->config->shell[0])
                strv_extend(&words, c->config->shell);
        else if (c->in->shell)
                for (size_t i = 0; i < ARRAY_SIZE(shell); i++)
                        strv_append(&words, shell[i]);
        if (c->in->args)
                strv_extend(&words, c->in->args);
        return words;
}

static int change_cmd(struct change *c, struct error *err)
{
        (void)err;
        strv_free(c->config->cmd);
        c->config->cmd = command(c);
        c->cmd_set = true;
        return 0;
}

static int change_entrypoint(struct change *c, struct error *err)
{
        (void)err;
        strv_free(c->config->entrypoint);
        c->config->entrypoint = command(c);
        if (!c->config->entrypoint[0]) {
                strv_free(c->config->entrypoint);
                c->config->entrypoint = NULL;
        }
        /* A new entry point does not go with the old command. */
        if (!c->cmd_set) {
                strv_free(c->config->cmd);
                c->config->cmd = NULL;
        }
        return 0;
}

static int change_env(struct change *c, struct error *err)
{
        for (size_t i = 0; i < c->in->n_pairs; i++) {
                cleanup_free char *key = NULL, *value = NULL;

                if (expand(c, c->in->pairs[i].key, &key, err) < 0 ||
                    expand(c, c->in->pairs[i].value, &value, err) < 0)
                        return -1;
                env_set(&c->config->env, key, value);
        }
        return 0;
}

static int change_label(struct change *c, struct error *err)
{
        for (size_t i = 0; i < c->in->n_pairs; i++) {
                cleanup_free char *key = NULL, *value = NULL;

                if (expand(c, c->in->pairs[i].key, &key, err) < 0 ||
                    expand(c, c->in->pairs[i].value, &value, err) < 0)
                        return -1;
                strmap_set(&c->config->labels, key, value);
        }
        return 0;
}

static void set_add(char ***set, const char *value)
{
        if (!strv_contains(*set, value))
                strv_append(set, value);
}

/* "80", "80/udp", "80-82". */
static int add_port(struct container_config *config, const char *text, struct error *err)
{
        cleanup_free char *ports = xstrndup(text, strcspn(text, "/"));
        const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
        char *dash = strchr(ports, '-');
        uint64_t first, last;

        if (dash)
                *dash = '\0';
        if (string_to_uint64(ports, &first, NULL) < 0 ||
            string_to_uint64(dash ? dash + 1 : ports, &last, NULL) < 0 || first > last || last > 65535 ||
            (!streq(protocol, "tcp") && !streq(protocol, "udp") && !streq(protocol, "sctp")))
                return error_set(err, ERROR_INVALID, "invalid containerPort: %s", text);
        for (uint64_t port = first; port <= last; port++) {
                cleanup_free char *entry = string_format("%llu/%s", (unsigned long long)port, protocol);

                set_add(&config->exposed_ports, entry);
        }
        return 0;
}

static int change_expose(struct change *c, struct error *err)
{
        for (char **arg = c->in->args; arg && *arg; arg++) {
                cleanup_strv char **words = NULL;

                if (shell_split(&c->rules, *arg, &words, err) < 0)
                        return -1;
                for (char **word = words; *word; word++)
                        if (add_port(c->config, *word, err) < 0)
                                return -1;
        }
        return 0;
}

static int change_volume(struct change *c, struct error *err)
{
        for (char **arg = c->in->args; arg && *arg; arg++) {
                cleanup_free char *path = NULL;

                if (expand(c, *arg, &path, err) < 0)
                        return -1;
                if (!*path)
                        return error_set(err, ERROR_INVALID, "VOLUME specified can not be an empty string");
                set_add(&c->config->volumes, path);
        }
        return 0;
}

static int change_workdir(struct change *c, struct error *err)
{
        cleanup_free char *path = NULL, *joined = NULL, *clean = NULL;
        const char *old = c->config->working_dir;

        if (expand(c, c->in->value, &path, err) < 0)
                return -1;
        joined = path[0] == '/' ? xstrdup(path) : string_format("%s/%s", old ? old : "", path);
        clean = tar_clean_path(joined);
        free(c->config->working_dir);
        c->config->working_dir = string_format("/%s", clean ? clean : "");
        return 0;
}

static int change_string(struct change *c, char **target, struct error *err)
{
        char *value;

        if (expand(c, c->in->value, &value, err) < 0)
                return -1;
        free(*target);
        *target = value;
        return 0;
}

static int change_user(struct change *c, struct error *err)
{
        return change_string(c, &c->config->user, err);
}

static int change_stopsignal(struct change *c, struct error *err)
{
        return change_string(c, &c->config->stop_signal, err);
}

static int change_onbuild(struct change *c, struct error *err)
{
        (void)err;
        strv_append(&c->config->on_build, c->in->value);
        return 0;
}

static int change_healthcheck(struct change *c, struct error *err)
{
        (void)err;
        if (!c->config->healthcheck)
                c->config->healthcheck = xcalloc(1, sizeof(*c->config->healthcheck));
        json_free_fields(&health_config_table, c->config->healthcheck);
        memset(c->config->healthcheck, 0, sizeof(*c->config->healthcheck));
        json_copy(&health_config_table, c->in->health, c->config->healthcheck);
        return 0;
}

static const struct {
        const char *name;
        int (*apply)(struct change *c, struct error *err);
} commands[] = {
        { "CMD", change_cmd },         { "ENTRYPOINT", change_entrypoint },   { "ENV", change_env },
        { "EXPOSE", change_expose },   { "HEALTHCHECK", change_healthcheck }, { "LABEL", change_label },
        { "ONBUILD", change_onbuild }, { "STOPSIGNAL", change_stopsignal },   { "USER", change_user },
        { "VOLUME", change_volume },   { "WORKDIR", change_workdir },
};

static int apply_line(const char *line, struct container_config *config, bool *cmd_set, struct error *err)
{
        cleanup_instruction struct instruction in = {};
        struct change c = { .in = &in, .config = config, .cmd_set = *cmd_set };
        cleanup_free char *word = NULL;
        int r;

        line += strspn(line, " \t\r\n");
        if (!*line || *line == '#')
                return 0;
        word = xstrndup(line, strcspn(line, " \t\r\n"));
        for (char *p = word; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        c.rules = (struct shell_words){ .escape = '\\', .lookup = shell_lookup_env, .arg = config->env };
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                if (!streq(commands[i].name, word))
                        continue;
                if (instruction_parse(line, &in, err) < 0)
                        return -1;
                r = commands[i].apply(&c, err);
                *cmd_set = c.cmd_set;
                return r;
        }
        return error_set(err, ERROR_INVALID, "%s is not a valid change command", word);
}

int changes_apply(char *const *changes, struct container_config *config, struct error *err)
{
        bool cmd_set = false;

        for (; changes && *changes; changes++)
                if (apply_line(*changes, config, &cmd_set, err) < 0)
                        return -1;
        return 0;
}
