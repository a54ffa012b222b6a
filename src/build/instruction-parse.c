/* Nodes → typed instructions: one function for each kind. */
#include "build/instruction-internal.h"

#include "base/time.h"

#include <ctype.h>

static int at_least_one(const struct dockerfile_node *node, const char *name, struct error *err)
{
        if (!*node->args && !node->child)
                return error_set(err, ERROR_INVALID, "%s requires at least one argument", name);
        return 0;
}

static int exactly_one(const struct dockerfile_node *node, const char *name, struct error *err)
{
        if (strv_length(node->args) != 1)
                return error_set(err, ERROR_INVALID, "%s requires exactly one argument", name);
        return 0;
}

static int no_flags(const struct dockerfile_node *node, struct error *err)
{
        return instruction_flags_parse(node->flags, NULL, 0, NULL, err);
}

static int parse_pairs(const struct dockerfile_node *node, const char *name, struct instruction *ret,
                       struct error *err)
{
        if (at_least_one(node, name, err) < 0 || no_flags(node, err) < 0)
                return -1;
        for (char **a = node->args; *a; a += 3) {
                struct instruction_pair pair = { .no_delim = !*a[2] };

                if (!**a)
                        return error_set(err, ERROR_INVALID, "%s names can not be blank", name);
                pair.key = xstrdup(a[0]);
                pair.value = xstrdup(a[1]);
                ARRAY_APPEND(ret->pairs, ret->n_pairs, pair);
        }
        return 0;
}

int parse_env(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_pairs(node, "ENV", ret, err);
}

int parse_label(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_pairs(node, "LABEL", ret, err);
}

static char *doc_comment(char *const *comments, const char *name)
{
        for (; *name && comments && *comments; comments++) {
                const char *rest = string_after(*comments, name);

                if (rest && *rest == ' ')
                        return xstrdup(rest + 1);
        }
        return NULL;
}

int parse_arg(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (at_least_one(node, "ARG", err) < 0 || no_flags(node, err) < 0)
                return -1;
        for (char **a = node->args; *a; a++) {
                char *equals = strchr(*a, '=');
                struct instruction_pair pair = {};

                if (equals == *a)
                        return error_set(err, ERROR_INVALID, "ARG names can not be blank");
                pair.key = equals ? xstrndup(*a, (size_t)(equals - *a)) : xstrdup(*a);
                pair.value = equals ? xstrdup(equals + 1) : NULL;
                pair.doc = doc_comment(node->comments, pair.key);
                ARRAY_APPEND(ret->pairs, ret->n_pairs, pair);
        }
        return 0;
}

static int parse_one_value(const struct dockerfile_node *node, const char *name, struct instruction *ret,
                           struct error *err)
{
        if (exactly_one(node, name, err) < 0 || no_flags(node, err) < 0)
                return -1;
        ret->value = xstrdup(node->args[0]);
        return 0;
}

int parse_maintainer(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_one_value(node, "MAINTAINER", ret, err);
}

int parse_workdir(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_one_value(node, "WORKDIR", ret, err);
}

int parse_user(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_one_value(node, "USER", ret, err);
}

int parse_stopsignal(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        return parse_one_value(node, "STOPSIGNAL", ret, err);
}

static bool stage_name_valid(const char *name)
{
        if (!isalpha((unsigned char)*name))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
                        return false;
        return true;
}

int parse_from(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        const struct instruction_flag flags[] = { { "platform", FLAG_STRING, &ret->platform } };
        size_t count = strv_length(node->args);

        if (count == 3 && strcasecmp(node->args[1], "as") == 0) {
                if (!stage_name_valid(node->args[2]))
                        return error_set(
                            err, ERROR_INVALID,
                            "invalid name for build stage: \"%s\", name can't start with a number or "
                            "contain symbols",
                            node->args[2]);
                ret->stage_name = xstrdup(node->args[2]);
                for (char *c = ret->stage_name; *c; c++)
                        *c = (char)tolower((unsigned char)*c);
        } else if (count != 1) {
                return error_set(err, ERROR_INVALID, "FROM requires either one or three arguments");
        }
        ret->value = xstrdup(node->args[0]);
        if (ret->stage_name) {
                cleanup_free char *doc = doc_comment(node->comments, ret->stage_name);

                ret->described = doc != NULL;
        }
        return instruction_flags_parse(node->flags, flags, ARRAY_SIZE(flags), NULL, err);
}

/* The content of the here-document that `name` stands for; the last of several with one name. */
static void add_source_file(const struct dockerfile_node *node, struct heredoc *h, struct instruction *ret)
{
        struct instruction_file file = { .name = take_ptr(h->name), .expand = h->expand };

        for (size_t i = node->n_heredocs; i > 0 && !file.data; i--)
                if (streq(node->heredocs[i - 1].name, file.name))
                        file.data = h->chomp ? heredoc_chomp(node->heredocs[i - 1].content)
                                             : xstrdup(node->heredocs[i - 1].content);
        if (!file.data)
                file.data = xstrdup("");
        ARRAY_APPEND(ret->files, ret->n_files, file);
}

static int parse_sources(const struct dockerfile_node *node, const char *name, struct instruction *ret,
                         struct error *err)
{
        char **a = node->args;
        struct heredoc h = {};

        for (; *a; a++) {
                int found = heredoc_parse(*a, &h, NULL);

                if (!a[1]) {
                        heredoc_deinit(&h);
                        if (found > 0)
                                return error_set(err, ERROR_INVALID,
                                                 "%s cannot accept a heredoc as a destination", name);
                        ret->value = xstrdup(*a);
                } else if (found > 0) {
                        add_source_file(node, &h, ret);
                        heredoc_deinit(&h);
                } else {
                        strv_append(&ret->args, *a);
                }
        }
        return 0;
}

static int parse_files(const struct dockerfile_node *node, const char *name,
                       const struct instruction_flag *flags, size_t n_flags, struct instruction *ret,
                       struct error *err)
{
        if (strv_length(node->args) < 2)
                return error_set(
                    err, ERROR_INVALID,
                    "%s requires at least two arguments, but only one was provided. Destination could not "
                    "be determined",
                    name);
        if (instruction_flags_parse(node->flags, flags, n_flags, NULL, err) < 0)
                return -1;
        return parse_sources(node, name, ret, err);
}

int parse_add(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        int link = 0;
        const struct instruction_flag flags[] = {
                { "exclude", FLAG_STRINGS, &ret->exclude },
                { "chown", FLAG_STRING, &ret->chown },
                { "chmod", FLAG_STRING, &ret->chmod },
                { "link", FLAG_BOOL, &link },
                { "keep-git-dir", FLAG_BOOL, &ret->keep_git_dir },
                { "checksum", FLAG_STRING, &ret->checksum },
                { "unpack", FLAG_BOOL, &ret->unpack },
        };
        int r = parse_files(node, "ADD", flags, ARRAY_SIZE(flags), ret, err);

        ret->link = link;
        return r;
}

int parse_copy(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        int link = 0, parents = 0;
        const struct instruction_flag flags[] = {
                { "exclude", FLAG_STRINGS, &ret->exclude }, { "parents", FLAG_BOOL, &parents },
                { "chown", FLAG_STRING, &ret->chown },      { "from", FLAG_STRING, &ret->from },
                { "chmod", FLAG_STRING, &ret->chmod },      { "link", FLAG_BOOL, &link },
        };
        int r = parse_files(node, "COPY", flags, ARRAY_SIZE(flags), ret, err);

        ret->link = link;
        ret->parents = parents;
        return r;
}

/* RUN, CMD, ENTRYPOINT: words of a JSON array, or one line for the shell. */
static void parse_command(const struct dockerfile_node *node, struct instruction *ret)
{
        for (size_t i = 0; i < node->n_heredocs; i++) {
                const struct heredoc *h = &node->heredocs[i];
                struct instruction_file file = { xstrdup(h->name), xstrdup(h->content), h->expand, h->chomp };

                ARRAY_APPEND(ret->files, ret->n_files, file);
        }
        ret->shell = !node->json;
        ret->args = strv_new();
        if (node->json)
                strv_extend(&ret->args, node->args);
        else if (*node->args)
                strv_append_take(&ret->args, strv_join(node->args, " "));
}

static int check_run(struct instruction *ret, struct error *err)
{
        static const char *const networks[] = { "default", "none", "host" }, *const securities[] = {
                "sandbox", "insecure"
        };
        bool ok = string_empty(ret->network);

        for (size_t i = 0; i < ARRAY_SIZE(networks); i++)
                ok |= streq(ret->network, networks[i]);
        if (!ok)
                return error_set(err, ERROR_INVALID, "invalid network mode \"%s\"", ret->network);
        ok = string_empty(ret->security);
        for (size_t i = 0; i < ARRAY_SIZE(securities); i++)
                ok |= streq(ret->security, securities[i]);
        if (!ok)
                return error_set(err, ERROR_INVALID, "security \"%s\" is not valid", ret->security);
        for (char **m = ret->mounts; m && *m; m++)
                if (run_mount_parse(*m, NULL, NULL, err) < 0)
                        return -1;
        return 0;
}

int parse_run(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        const struct instruction_flag flags[] = {
                { "mount", FLAG_STRINGS, &ret->mounts },
                { "network", FLAG_STRING, &ret->network },
                { "security", FLAG_STRING, &ret->security },
                { "device", FLAG_STRINGS, &ret->devices },
        };

        if (instruction_flags_parse(node->flags, flags, ARRAY_SIZE(flags), &ret->flags_used, err) < 0)
                return -1;
        parse_command(node, ret);
        return check_run(ret, err);
}

int parse_cmd(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (no_flags(node, err) < 0)
                return -1;
        parse_command(node, ret);
        return 0;
}

int parse_entrypoint(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (parse_cmd(node, ret, err) < 0)
                return -1;
        if (!*ret->args) { /* as if there were none */
                strv_free(ret->args);
                ret->args = NULL;
        }
        return 0;
}

static int parse_interval(const char *flag, const char *text, int64_t *ret, struct error *err)
{
        if (string_empty(text))
                return 0;
        if (duration_parse(text, ret, err) < 0)
                return -1;
        if (*ret != 0 && *ret < NSEC_PER_MSEC)
                return error_set(err, ERROR_INVALID, "Interval \"%s\" cannot be less than 1ms", flag);
        return 0;
}

struct health_flags {
        char *interval, *timeout, *start_period, *start_interval, *retries;
};

static void health_flags_deinit(struct health_flags *f)
{
        free(f->interval);
        free(f->timeout);
        free(f->start_period);
        free(f->start_interval);
        free(f->retries);
}

static int parse_health_flags(const struct dockerfile_node *node, struct health_config *health,
                              struct error *err)
{
        __attribute__((cleanup(health_flags_deinit))) struct health_flags f = {};
        const struct instruction_flag flags[] = {
                { "interval", FLAG_STRING, &f.interval },
                { "timeout", FLAG_STRING, &f.timeout },
                { "start-period", FLAG_STRING, &f.start_period },
                { "start-interval", FLAG_STRING, &f.start_interval },
                { "retries", FLAG_STRING, &f.retries },
        };
        int64_t retries = 0;

        if (instruction_flags_parse(node->flags, flags, ARRAY_SIZE(flags), NULL, err) < 0 ||
            parse_interval("interval", f.interval, &health->interval, err) < 0 ||
            parse_interval("timeout", f.timeout, &health->timeout, err) < 0 ||
            parse_interval("start-period", f.start_period, &health->start_period, err) < 0 ||
            parse_interval("start-interval", f.start_interval, &health->start_interval, err) < 0)
                return -1;
        if (!string_empty(f.retries) && string_to_int64(f.retries, &retries, err) < 0)
                return -1;
        if (retries < 0 || retries > INT32_MAX)
                return error_set(err, ERROR_INVALID, "--retries cannot be negative (%lld)",
                                 (long long)retries);
        health->retries = (int)retries;
        return 0;
}

int parse_healthcheck(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        struct health_config *health = ret->health = xcalloc(1, sizeof(*health));
        char **args = node->args;

        if (at_least_one(node, "HEALTHCHECK", err) < 0)
                return -1;
        if (strcasecmp(args[0], "NONE") == 0) {
                if (args[1])
                        return error_set(err, ERROR_INVALID, "HEALTHCHECK NONE takes no arguments");
                strv_append(&health->test, "NONE");
                return no_flags(node, err);
        }
        if (parse_health_flags(node, health, err) < 0)
                return -1;
        if (strcasecmp(args[0], "CMD") != 0) {
                cleanup_free char *type = xstrdup(args[0]);

                for (char *c = type; *c; c++)
                        *c = (char)toupper((unsigned char)*c);
                return error_set(err, ERROR_INVALID, "Unknown type \"%s\" in HEALTHCHECK (try CMD)", type);
        }
        if (!args[1])
                return error_set(err, ERROR_INVALID, "Missing command after HEALTHCHECK CMD");
        strv_append(&health->test, node->json ? "CMD" : "CMD-SHELL");
        if (node->json)
                strv_extend(&health->test, args + 1);
        else
                strv_append_take(&health->test, strv_join(args + 1, " "));
        return 0;
}

int parse_expose(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (at_least_one(node, "EXPOSE", err) < 0 || no_flags(node, err) < 0)
                return -1;
        ret->args = strv_copy(node->args);
        strv_sort(ret->args);
        return 0;
}

int parse_volume(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (at_least_one(node, "VOLUME", err) < 0 || no_flags(node, err) < 0)
                return -1;
        for (char **a = node->args; *a; a++) {
                size_t skip = strspn(*a, " \t\r\n\v\f"), len = strlen(*a + skip);

                while (len && strchr(" \t\r\n\v\f", (*a)[skip + len - 1]))
                        len--;
                if (len == 0)
                        return error_set(err, ERROR_INVALID, "VOLUME specified can not be an empty string");
                strv_append_take(&ret->args, xstrndup(*a + skip, len));
        }
        return 0;
}

int parse_shell(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        if (no_flags(node, err) < 0 || at_least_one(node, "SHELL", err) < 0)
                return -1;
        if (!node->json)
                return error_set(err, ERROR_INVALID, "SHELL requires the arguments to be in JSON form");
        ret->args = strv_copy(node->args);
        return 0;
}

/* The line without its ONBUILD, with the here-documents that followed. */
static char *onbuild_expression(const struct dockerfile_node *node)
{
        cleanup_strbuf struct strbuf out = {};
        const char *rest = node->original + strspn(node->original, " \t\v\f\r");

        if (strncasecmp(rest, "ONBUILD", 7) == 0) {
                rest += 7;
                rest += strspn(rest, " \t\v\f\r");
        }
        strbuf_adds(&out, rest);
        for (size_t i = 0; i < node->n_heredocs; i++)
                strbuf_addf(&out, "\n%s%s", node->heredocs[i].content, node->heredocs[i].name);
        return strbuf_take(&out);
}

int parse_onbuild(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        const char *trigger;

        if (at_least_one(node, "ONBUILD", err) < 0 || no_flags(node, err) < 0)
                return -1;
        trigger = node->child ? node->child->name : node->args[0];
        if (strcasecmp(trigger, "ONBUILD") == 0)
                return error_set(err, ERROR_INVALID, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
        if (strcasecmp(trigger, "MAINTAINER") == 0 || strcasecmp(trigger, "FROM") == 0)
                return error_set(err, ERROR_INVALID, "%s isn't allowed as an ONBUILD trigger",
                                 strcasecmp(trigger, "FROM") == 0 ? "FROM" : "MAINTAINER");
        ret->value = onbuild_expression(node);
        return 0;
}
