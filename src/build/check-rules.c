/* The build checks that need no more than the Dockerfile's text. */
#include "build/build-internal.h"

#include <ctype.h>
#include <strings.h>

static bool is_upper_word(const char *s)
{
        for (; *s; s++)
                if (islower((unsigned char)*s))
                        return false;
        return true;
}

static bool is_lower_word(const char *s)
{
        for (; *s; s++)
                if (isupper((unsigned char)*s))
                        return false;
        return true;
}

static void check_casing(struct build *b)
{
        const struct dockerfile_syntax *s = &b->file.syntax;
        int upper = 0, lower = 0;

        for (size_t i = 0; i < s->n_nodes; i++) {
                upper += is_upper_word(s->nodes[i]->name);
                lower += is_lower_word(s->nodes[i]->name);
        }
        for (size_t i = 0; i < s->n_nodes; i++) {
                const struct dockerfile_node *n = s->nodes[i];
                bool want_lower = lower > upper;

                if (!(want_lower ? is_lower_word(n->name) : is_upper_word(n->name)))
                        build_warn(b, "ConsistentInstructionCasing", n->start_line, n->end_line,
                                   "Command '%s' should match the case of the command majority (%s)", n->name,
                                   want_lower ? "lowercase" : "uppercase");
        }
}

static void check_from(struct build *b, size_t number)
{
        const struct instruction *from = &b->file.stages[number].from;
        const char *name = b->file.stages[number].name;
        int line = from->start_line, end = from->end_line;
        cleanup_strv char **words = strv_split(from->original, ' ');
        const char *as = NULL, *written = NULL;

        for (char **w = words; *w; w++)
                if (strcasecmp(*w, "as") == 0 && w[1]) {
                        as = *w;
                        written = w[1];
                }
        if (as && is_upper_word(as) != is_upper_word(from->name))
                build_warn(b, "FromAsCasing", line, end, "'%s' and '%s' keywords' casing do not match", as,
                           from->name);
        if (written && !is_lower_word(written))
                build_warn(b, "StageNameCasing", line, end, "Stage name '%s' should be lowercase", written);
        if (streq(name, "scratch") || streq(name, "context"))
                build_warn(b, "ReservedStageName", line, end,
                           "Stage name should not use the same name as reserved stage \"%s\"", name);
        for (size_t i = 0; *name && i < number; i++)
                if (streq(b->file.stages[i].name, name))
                        build_warn(b, "DuplicateStageName", line, end,
                                   "Duplicate stage name \"%s\", stage names should be unique", name);
        if (!string_empty(from->platform) &&
            (streq(from->platform, "$TARGETPLATFORM") || streq(from->platform, "${TARGETPLATFORM}")))
                build_warn(
                    b, "RedundantTargetPlatform", line, end,
                    "Setting platform to predefined %s in FROM is redundant as this is the default behavior",
                    from->platform);
        else if (!string_empty(from->platform) && !strchr(from->platform, '$'))
                build_warn(b, "FromPlatformFlagConstDisallowed", line, end,
                           "FROM --platform flag should not use constant value \"%s\"", from->platform);
}

/* Names that hold a word like "password" between underscores or ends. */
static bool is_secret_name(const char *name)
{
        static const char *const words[] = { "apikey",   "auth",  "credential", "credentials", "key",
                                             "password", "pword", "passwd",     "secret",      "token" };
        cleanup_strv char **parts = strv_split(name, '_');
        bool found = false;

        for (char **p = parts; *p; p++) {
                if (strcasecmp(*p, "public") == 0)
                        return false;
                for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                        found |= strcasecmp(*p, words[i]) == 0;
        }
        return found;
}

static void check_pairs(struct build *b, const struct instruction *i)
{
        for (size_t n = 0; n < i->n_pairs; n++) {
                const char *name = instruction_type_name(i->type);

                if (i->pairs[n].no_delim && i->type != INSTRUCTION_ARG)
                        build_warn(
                            b, "LegacyKeyValueFormat", i->start_line, i->end_line,
                            "\"%s key=value\" should be used instead of legacy \"%s key value\" format", name,
                            name);
                if (i->type != INSTRUCTION_LABEL && is_secret_name(i->pairs[n].key) &&
                    !(i->type == INSTRUCTION_ENV && !*i->pairs[n].value))
                        build_warn(b, "SecretsUsedInArgOrEnv", i->start_line, i->end_line,
                                   "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")", name,
                                   i->pairs[n].key);
        }
}

/* The comment above an ARG or a named stage describes it, and begins with its name. */
static void check_comment(struct build *b, const struct instruction *i)
{
        const char *name = i->type == INSTRUCTION_FROM  ? i->stage_name
                           : i->type == INSTRUCTION_ARG ? i->pairs[0].key
                                                        : NULL;
        bool described = i->type == INSTRUCTION_FROM ? i->described : name && i->pairs[0].doc;

        if (string_empty(name) || !i->commented || described)
                return;
        build_warn(b, "InvalidDefinitionDescription", i->start_line, i->end_line,
                   "Comment for %s should follow the format: `# %s <description>`",
                   instruction_type_name(i->type), name);
}

static void check_stage(struct build *b, const struct stage *s)
{
        const struct instruction *last[INSTRUCTION_WORKDIR + 1] = {};
        bool shell = false;

        for (size_t n = 0; n < s->n_commands; n++) {
                const struct instruction *i = &s->commands[n];

                check_pairs(b, i);
                check_comment(b, i);
                if (i->gap)
                        build_warn(b, "NoEmptyContinuation", i->end_line, i->end_line,
                                   "Empty continuation line");
                shell |= i->type == INSTRUCTION_SHELL;
                if (i->type == INSTRUCTION_MAINTAINER)
                        build_warn(b, "MaintainerDeprecated", i->start_line, i->end_line,
                                   "Maintainer instruction is deprecated in favor of using label");
                if ((i->type == INSTRUCTION_CMD || i->type == INSTRUCTION_ENTRYPOINT) && i->shell && !shell)
                        build_warn(b, "JSONArgsRecommended", i->start_line, i->end_line,
                                   "JSON arguments recommended for %s to prevent unintended behavior related "
                                   "to OS signals",
                                   instruction_type_name(i->type));
                if (i->type != INSTRUCTION_CMD && i->type != INSTRUCTION_ENTRYPOINT &&
                    i->type != INSTRUCTION_HEALTHCHECK)
                        continue;
                if (last[i->type]) /* the one that does not count is told */
                        build_warn(b, "MultipleInstructionsDisallowed", last[i->type]->start_line,
                                   last[i->type]->end_line,
                                   "Multiple %s instructions should not be used in the same stage because "
                                   "only the last one will be used",
                                   instruction_type_name(i->type));
                last[i->type] = i;
        }
}

void build_check(struct build *b)
{
        check_casing(b);
        for (size_t i = 0; i < b->file.n_meta_args; i++) {
                check_pairs(b, &b->file.meta_args[i]);
                check_comment(b, &b->file.meta_args[i]);
        }
        for (size_t i = 0; i < b->file.n_stages; i++) {
                check_from(b, i);
                check_comment(b, &b->file.stages[i].from);
                check_stage(b, &b->file.stages[i]);
        }
}
