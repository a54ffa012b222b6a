/* `build --call`: what a Dockerfile offers, without building it. */
#include "cli/build.h"

#include "build/dockerfile.h"

#include <stdio.h>
#include <strings.h>

/* Rows of `columns` cells, NULL-terminated; each column is as wide as its widest cell and `gap`. */
static void print_table(char *const *cells, size_t columns, int gap)
{
        int widths[4] = {};
        size_t count = strv_length(cells);

        for (size_t i = 0; i < count; i++)
                widths[i % columns] = MAX(widths[i % columns], (int)strlen(cells[i]));
        for (size_t i = 0; i < count; i++) {
                bool last = i % columns == columns - 1;

                printf("%-*s%s", last ? 0 : widths[i % columns] + gap, cells[i], last ? "\n" : "");
        }
}

static const struct stage *find_stage(const struct dockerfile *d, const char *name)
{
        for (size_t i = d->n_stages; i > 0; i--)
                if (strcasecmp(d->stages[i - 1].name, name) == 0)
                        return &d->stages[i - 1];
        return NULL;
}

static int print_targets(const struct dockerfile *d, bool json)
{
        cleanup_strv char **cells = NULL;
        cleanup_json json_object *tree = json_object_new_object();
        json_object *list = json_object_new_array();

        json_object_object_add(tree, "targets", list);
        strv_append(&cells, "TARGET");
        strv_append(&cells, "DESCRIPTION");
        for (size_t i = 0; i < d->n_stages; i++) {
                const char *name = d->stages[i].name;
                json_object *o = json_object_new_object();
                bool is_default = i == d->n_stages - 1;

                json_set_string(o, "name", name);
                if (is_default)
                        json_object_object_add(o, "default", json_object_new_boolean(true));
                json_set_string(o, "base", d->stages[i].from.value);
                json_object_array_add(list, o);
                strv_append_take(&cells, is_default && !*name
                                             ? xstrdup("(default)")
                                             : string_format("%s%s", name, is_default ? " (default)" : ""));
                strv_append(&cells, "");
        }
        if (json) {
                cleanup_free char *text = json_format_pretty(tree, 2);

                printf("%s\n", text);
        } else {
                print_table(cells, 2, 1);
        }
        return 0;
}

struct outline {
        char **args, **secrets; /* cells of the tables */
        json_object *json_args, *json_secrets;
        const struct build_options *options;
};

static void add_arg(struct outline *o, const struct instruction_pair *p)
{
        const char *given = strmap_get(&o->options->build_args, p->key), *value = given      ? given
                                                                                  : p->value ? p->value
                                                                                             : "";
        json_object *row = json_object_new_object();

        strv_append(&o->args, p->key);
        strv_append(&o->args, value);
        strv_append(&o->args, p->doc ? p->doc : "");
        json_set_string(row, "name", p->key);
        json_set_string(row, "value", value);
        json_object_array_add(o->json_args, row);
}

static void add_secret(struct outline *o, const char *mount)
{
        cleanup_strv char **fields = strv_split(mount, ',');
        const char *id = NULL;
        bool secret = false, required = false;
        json_object *row;

        for (char **f = fields; *f; f++) {
                secret |= streq(*f, "type=secret");
                required |= streq(*f, "required") || streq(*f, "required=true");
                if (string_after(*f, "id="))
                        id = string_after(*f, "id=");
        }
        if (!secret || !id)
                return;
        strv_append(&o->secrets, id);
        strv_append(&o->secrets, required ? "true" : "");
        row = json_object_new_object();
        json_set_string(row, "name", id);
        json_object_object_add(row, "required", json_object_new_boolean(required));
        json_object_array_add(o->json_secrets, row);
}

/* A stage after the one that it stands on. */
static void add_stage(struct outline *o, const struct dockerfile *d, const struct stage *s, int depth)
{
        const struct stage *base = find_stage(d, s->from.value);

        if (base && base < s && depth < 100)
                add_stage(o, d, base, depth + 1);
        for (size_t i = 0; i < s->n_commands; i++) {
                const struct instruction *c = &s->commands[i];

                for (size_t n = 0; c->type == INSTRUCTION_ARG && n < c->n_pairs; n++)
                        add_arg(o, &c->pairs[n]);
                for (char **m = c->mounts; m && *m; m++)
                        add_secret(o, *m);
        }
}

static void print_outline_json(const struct outline *o, const char *name)
{
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_free char *text = NULL;

        json_set_string(tree, "name", name);
        json_object_object_add(tree, "args", json_object_get(o->json_args));
        json_object_object_add(tree, "secrets", json_object_get(o->json_secrets));
        text = json_format_pretty(tree, 2);
        printf("%s\n", text);
}

static int print_outline(const struct dockerfile *d, const struct build_options *options, bool json,
                         struct error *err)
{
        static const char *const arg_heads[] = { "BUILD ARG", "VALUE", "DESCRIPTION" };
        cleanup_strv char **args = NULL, **secrets = NULL;
        cleanup_json json_object *json_args = json_object_new_array(),
                                 *json_secrets = json_object_new_array();
        struct outline o = { .json_args = json_args, .json_secrets = json_secrets, .options = options };
        const struct stage *s =
            string_empty(options->target) ? &d->stages[d->n_stages - 1] : find_stage(d, options->target);

        if (!s)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: target stage \"%s\" could not be found",
                                 options->target);
        for (size_t i = 0; i < ARRAY_SIZE(arg_heads); i++)
                strv_append(&o.args, arg_heads[i]);
        strv_append(&o.secrets, "SECRET");
        strv_append(&o.secrets, "REQUIRED");
        add_stage(&o, d, s, 0);
        args = o.args;
        secrets = o.secrets;
        if (json) {
                print_outline_json(&o, s->name);
                return 0;
        }
        if (*s->name)
                printf("TARGET: %s\n\n", s->name);
        if (args[ARRAY_SIZE(arg_heads)]) {
                print_table(args, 3, 3);
                printf("\n");
        }
        if (secrets[2]) {
                print_table(secrets, 2, 3);
                printf("\n");
        }
        return 0;
}

int build_call(const char *call, const struct build_options *options, struct error *err)
{
        cleanup_free char *method = xstrndup(call, strcspn(call, ","));
        bool json = strstr(call, ",format=json") != NULL, targets = streq(method, "targets");
        cleanup_dockerfile struct dockerfile d = {};

        if (!targets && !streq(method, "outline"))
                return error_set(
                    err, ERROR_INVALID,
                    "failed to build: failed to solve: unsupported request frontend.%s: unsupported request",
                    method);
        if (!options->dockerfile)
                return error_set(err, ERROR_UNSUPPORTED,
                                 "failed to build: --call needs a Dockerfile that the client can read");
        if (dockerfile_read(options->dockerfile, strlen(options->dockerfile), &d, NULL, err) < 0)
                return error_context(err, "failed to build: failed to solve");
        if (d.n_stages == 0)
                return error_set(err, ERROR_INVALID,
                                 "failed to build: failed to solve: dockerfile contains no stages to build");
        return targets ? print_targets(&d, json) : print_outline(&d, options, json, err);
}
