#include "tables.h"

#include "build/dockerfile.h"

int table_parse(json_object *q, json_object **ret, struct error *err)
{
        const char *text = json_get_string(q, "text");
        cleanup_dockerfile_syntax struct dockerfile_syntax syntax = {};
        cleanup_free char *tree = NULL;

        if (dockerfile_parse(text, strlen(text), &syntax, NULL, err) < 0)
                return -1;
        tree = dockerfile_syntax_format(&syntax);
        *ret = json_object_new_string(tree);
        return 0;
}

static json_object *strings(char *const *list)
{
        return list ? json_strings(list) : NULL;
}

static json_object *text_or_empty(const char *s)
{
        return json_object_new_string(s ? s : "");
}

static json_object *text_or_null(const char *s)
{
        return s ? json_object_new_string(s) : NULL;
}

static json_object *pairs(const struct instruction *i)
{
        json_object *array = json_object_new_array();

        for (size_t n = 0; n < i->n_pairs; n++) {
                const struct instruction_pair *p = &i->pairs[n];
                json_object *pair = json_object_new_object();

                json_object_object_add(pair, "Key", text_or_empty(p->key));
                json_object_object_add(pair, "Value", text_or_null(p->value));
                if (i->type == INSTRUCTION_ARG)
                        json_object_object_add(pair, "DocComment", text_or_empty(p->doc));
                else
                        json_object_object_add(pair, "NoDelim", json_object_new_boolean(p->no_delim));
                json_object_array_add(array, pair);
        }
        return array;
}

static json_object *files(const struct instruction *i, bool source)
{
        json_object *array = json_object_new_array();

        if (i->n_files == 0) {
                json_object_put(array);
                return NULL;
        }
        for (size_t n = 0; n < i->n_files; n++) {
                const struct instruction_file *f = &i->files[n];
                json_object *file = json_object_new_object();

                json_object_object_add(file, source ? "Path" : "Name", text_or_empty(f->name));
                json_object_object_add(file, "Data", text_or_empty(f->data));
                json_object_object_add(file, source ? "Expand" : "Chomp",
                                       json_object_new_boolean(source ? f->expand : f->chomp));
                json_object_array_add(array, file);
        }
        return array;
}

static json_object *tristate(int value)
{
        return value < 0 ? NULL : json_object_new_boolean(value);
}

static void add_command(json_object *o, const struct instruction *i)
{
        json_object_object_add(o, "CmdLine", strings(i->args));
        json_object_object_add(o, "Files", files(i, false));
        json_object_object_add(o, "PrependShell", json_object_new_boolean(i->shell));
        if (i->type == INSTRUCTION_RUN)
                json_object_object_add(o, "FlagsUsed", strings(i->flags_used));
}

static void add_sources(json_object *o, const struct instruction *i)
{
        json_object_object_add(o, "DestPath", text_or_empty(i->value));
        json_object_object_add(o, "SourcePaths", strings(i->args));
        json_object_object_add(o, "SourceContents", files(i, true));
        json_object_object_add(o, "Chown", text_or_empty(i->chown));
        json_object_object_add(o, "Chmod", text_or_empty(i->chmod));
        json_object_object_add(o, "Link", json_object_new_boolean(i->link));
        json_object_object_add(o, "ExcludePatterns", strings(i->exclude));
        if (i->type == INSTRUCTION_COPY) {
                json_object_object_add(o, "From", text_or_empty(i->from));
                json_object_object_add(o, "Parents", json_object_new_boolean(i->parents));
        } else {
                json_object_object_add(o, "KeepGitDir", tristate(i->keep_git_dir));
                json_object_object_add(o, "Checksum", text_or_empty(i->checksum));
                json_object_object_add(o, "Unpack", tristate(i->unpack));
        }
}

static void add_health(json_object *o, const struct health_config *h)
{
        json_object *health = json_object_new_object();

        json_object_object_add(health, "Test", strings(h->test));
        if (h->interval)
                json_object_object_add(health, "Interval", json_object_new_int64(h->interval));
        if (h->timeout)
                json_object_object_add(health, "Timeout", json_object_new_int64(h->timeout));
        if (h->start_period)
                json_object_object_add(health, "StartPeriod", json_object_new_int64(h->start_period));
        if (h->start_interval)
                json_object_object_add(health, "StartInterval", json_object_new_int64(h->start_interval));
        if (h->retries)
                json_object_object_add(health, "Retries", json_object_new_int(h->retries));
        json_object_object_add(o, "Health", health);
}

static json_object *command(const struct instruction *i)
{
        static const char *const value_names[] = {
                [INSTRUCTION_MAINTAINER] = "Maintainer", [INSTRUCTION_ONBUILD] = "Expression",
                [INSTRUCTION_STOPSIGNAL] = "Signal",     [INSTRUCTION_USER] = "User",
                [INSTRUCTION_WORKDIR] = "Path",
        };
        static const char *const list_names[] = {
                [INSTRUCTION_EXPOSE] = "Ports",
                [INSTRUCTION_SHELL] = "Shell",
                [INSTRUCTION_VOLUME] = "Volumes",
                [INSTRUCTION_WORKDIR] = NULL,
        };
        json_object *o = json_object_new_object(), *whole = json_object_new_object();

        if (i->type == INSTRUCTION_ENV || i->type == INSTRUCTION_LABEL || i->type == INSTRUCTION_ARG)
                json_object_object_add(o,
                                       i->type == INSTRUCTION_ENV     ? "Env"
                                       : i->type == INSTRUCTION_LABEL ? "Labels"
                                                                      : "Args",
                                       pairs(i));
        else if (i->type == INSTRUCTION_ADD || i->type == INSTRUCTION_COPY)
                add_sources(o, i);
        else if (i->type == INSTRUCTION_RUN || i->type == INSTRUCTION_CMD ||
                 i->type == INSTRUCTION_ENTRYPOINT)
                add_command(o, i);
        else if (i->type == INSTRUCTION_HEALTHCHECK)
                add_health(o, i->health);
        else if (list_names[i->type])
                json_object_object_add(o, list_names[i->type], strings(i->args));
        else
                json_object_object_add(o, value_names[i->type], text_or_empty(i->value));
        json_object_object_add(whole, "Name", text_or_empty(i->name));
        json_object_object_add(whole, "Cmd", o);
        return whole;
}

static json_object *stage(const struct stage *s)
{
        json_object *o = json_object_new_object(), *commands = s->n_commands ? json_object_new_array() : NULL;

        for (size_t i = 0; i < s->n_commands; i++)
                json_object_array_add(commands, command(&s->commands[i]));
        json_object_object_add(o, "cmds", commands);
        json_object_object_add(o, "from", text_or_empty(s->from.value));
        json_object_object_add(o, "name", text_or_empty(s->name));
        json_object_object_add(o, "platform", text_or_empty(s->from.platform));
        return o;
}

int table_instructions(json_object *q, json_object **ret, struct error *err)
{
        const char *text = json_get_string(q, "text");
        cleanup_dockerfile struct dockerfile d = {};
        json_object *o, *meta, *stages;

        if (dockerfile_read(text, strlen(text), &d, NULL, err) < 0)
                return -1;
        o = json_object_new_object();
        meta = d.n_meta_args ? json_object_new_array() : NULL;
        stages = d.n_stages ? json_object_new_array() : NULL;
        for (size_t i = 0; i < d.n_meta_args; i++) {
                json_object *arg = json_object_new_object();

                json_object_object_add(arg, "Args", pairs(&d.meta_args[i]));
                json_object_array_add(meta, arg);
        }
        for (size_t i = 0; i < d.n_stages; i++)
                json_object_array_add(stages, stage(&d.stages[i]));
        json_object_object_add(o, "meta", meta);
        json_object_object_add(o, "stages", stages);
        *ret = o;
        return 0;
}
