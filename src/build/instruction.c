#include "build/instruction-internal.h"

#include <strings.h>

static const struct instruction_kind kinds[] = {
        [INSTRUCTION_ADD] = { "ADD", read_json_or_strings, parse_add },
        [INSTRUCTION_ARG] = { "ARG", read_words_or_pairs, parse_arg },
        [INSTRUCTION_CMD] = { "CMD", read_json_or_string, parse_cmd },
        [INSTRUCTION_COPY] = { "COPY", read_json_or_strings, parse_copy },
        [INSTRUCTION_ENTRYPOINT] = { "ENTRYPOINT", read_json_or_string, parse_entrypoint },
        [INSTRUCTION_ENV] = { "ENV", read_env, parse_env },
        [INSTRUCTION_EXPOSE] = { "EXPOSE", read_strings, parse_expose },
        [INSTRUCTION_FROM] = { "FROM", read_strings, parse_from },
        [INSTRUCTION_HEALTHCHECK] = { "HEALTHCHECK", read_health, parse_healthcheck },
        [INSTRUCTION_LABEL] = { "LABEL", read_label, parse_label },
        [INSTRUCTION_MAINTAINER] = { "MAINTAINER", read_string, parse_maintainer },
        [INSTRUCTION_ONBUILD] = { "ONBUILD", read_sub_instruction, parse_onbuild },
        [INSTRUCTION_RUN] = { "RUN", read_json_or_string, parse_run },
        [INSTRUCTION_SHELL] = { "SHELL", read_json_or_string, parse_shell },
        [INSTRUCTION_STOPSIGNAL] = { "STOPSIGNAL", read_string, parse_stopsignal },
        [INSTRUCTION_USER] = { "USER", read_string, parse_user },
        [INSTRUCTION_VOLUME] = { "VOLUME", read_json_or_strings, parse_volume },
        [INSTRUCTION_WORKDIR] = { "WORKDIR", read_string, parse_workdir },
};

const struct instruction_kind *instruction_kind_find(const char *name, enum instruction_type *ret_type)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                if (strcasecmp(kinds[i].name, name) != 0)
                        continue;
                *ret_type = (enum instruction_type)i;
                return &kinds[i];
        }
        return NULL;
}

const char *instruction_type_name(enum instruction_type type)
{
        return kinds[type].name;
}

static int unknown_instruction(const char *name, struct error *err)
{
        const char *names[ARRAY_SIZE(kinds)];
        cleanup_free char *hint = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                names[i] = kinds[i].name;
        hint = did_you_mean(name, names, ARRAY_SIZE(kinds), false);
        return error_set(err, ERROR_INVALID, "unknown instruction: %s%s", name, hint);
}

int instruction_from_node(const struct dockerfile_node *node, struct instruction *ret, struct error *err)
{
        cleanup_instruction struct instruction i = { .keep_git_dir = -1, .unpack = -1 };
        const struct instruction_kind *kind = instruction_kind_find(node->name, &i.type);

        if (!kind)
                return unknown_instruction(node->name, err);
        i.name = xstrdup(node->name);
        i.original = xstrdup(node->original);
        i.start_line = node->start_line;
        i.end_line = node->end_line;
        i.gap = node->gap;
        i.commented = node->comments && *node->comments;
        if (kind->parse(node, &i, err) < 0)
                return -1;
        *ret = i;
        i = (struct instruction){};
        return 0;
}

int instruction_parse(const char *line, struct instruction *ret, struct error *err)
{
        cleanup_dockerfile_syntax struct dockerfile_syntax syntax = {};

        if (dockerfile_parse(line, strlen(line), &syntax, NULL, err) < 0)
                return -1;
        if (syntax.n_nodes != 1)
                return error_set(err, ERROR_INVALID, "more than one instruction: %s", line);
        return instruction_from_node(syntax.nodes[0], ret, err);
}

void instruction_deinit(struct instruction *i)
{
        for (size_t n = 0; n < i->n_pairs; n++) {
                free(i->pairs[n].key);
                free(i->pairs[n].value);
                free(i->pairs[n].doc);
        }
        for (size_t n = 0; n < i->n_files; n++) {
                free(i->files[n].name);
                free(i->files[n].data);
        }
        free(i->pairs);
        free(i->files);
        if (i->health) {
                json_free_fields(&health_config_table, i->health);
                free(i->health);
        }
        for (char **s[] = { &i->name, &i->original, &i->value, &i->from, &i->chown, &i->chmod, &i->checksum,
                            &i->network, &i->security, &i->platform, &i->stage_name, NULL },
                  ***p = s;
             *p; p++)
                free(**p);
        strv_free(i->args);
        strv_free(i->exclude);
        strv_free(i->mounts);
        strv_free(i->devices);
        strv_free(i->flags_used);
        *i = (struct instruction){};
}

static int add_instruction(struct dockerfile *d, struct instruction *i, struct error *err)
{
        if (i->type == INSTRUCTION_FROM) {
                struct stage stage = { .from = *i };

                stage.name = i->stage_name ? i->stage_name : "";
                ARRAY_APPEND(d->stages, d->n_stages, stage);
        } else if (d->n_stages) {
                struct stage *stage = &d->stages[d->n_stages - 1];

                ARRAY_APPEND(stage->commands, stage->n_commands, *i);
        } else if (i->type == INSTRUCTION_ARG) {
                ARRAY_APPEND(d->meta_args, d->n_meta_args, *i);
        } else {
                return error_set(err, ERROR_INVALID, "no build stage in current context");
        }
        *i = (struct instruction){};
        return 0;
}

static int read_node(struct dockerfile *d, const struct dockerfile_node *node, struct error *err)
{
        cleanup_instruction struct instruction i = {};

        if (instruction_from_node(node, &i, err) < 0)
                return error_context(err, "dockerfile parse error on line %d", node->start_line);
        return add_instruction(d, &i, err);
}

int dockerfile_read(const char *text, size_t len, struct dockerfile *ret,
                    struct dockerfile_location *ret_location, struct error *err)
{
        cleanup_dockerfile struct dockerfile d = {};

        if (dockerfile_parse(text, len, &d.syntax, ret_location, err) < 0)
                return -1;
        for (size_t i = 0; i < d.syntax.n_nodes; i++) {
                const struct dockerfile_node *node = d.syntax.nodes[i];

                if (read_node(&d, node, err) == 0)
                        continue;
                if (ret_location)
                        *ret_location = (struct dockerfile_location){ node->start_line, node->end_line };
                return -1;
        }
        *ret = d;
        d = (struct dockerfile){};
        return 0;
}

void dockerfile_deinit(struct dockerfile *d)
{
        dockerfile_syntax_deinit(&d->syntax);
        for (size_t i = 0; i < d->n_meta_args; i++)
                instruction_deinit(&d->meta_args[i]);
        for (size_t i = 0; i < d->n_stages; i++) {
                struct stage *s = &d->stages[i];

                instruction_deinit(&s->from);
                for (size_t n = 0; n < s->n_commands; n++)
                        instruction_deinit(&s->commands[n]);
                free(s->commands);
        }
        free(d->meta_args);
        free(d->stages);
        *d = (struct dockerfile){};
}
