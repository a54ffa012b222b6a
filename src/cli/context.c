/* Contexts live in Docker's places: config.json "currentContext", contexts/meta/SHA256(NAME)/meta.json. */
#include "cli/context.h"
#include "cli/client-info.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/format.h"
#include "cli/inspect.h"
#include "base/sha256.h"

#include <ctype.h>
#include <stdio.h>

#define META_MAX (1 << 20)

static char *meta_folder(const struct cli *cli, const char *name)
{
        char hex[65];

        sha256_hex(name, strlen(name), hex);
        return string_format("%s/contexts/meta/%s", cli->config_dir, hex);
}

static int read_meta(struct cli *cli, const char *name, json_object **ret, struct error *err)
{
        cleanup_free char *folder = meta_folder(cli, name), *path = string_format("%s/meta.json", folder),
                          *text = NULL;
        size_t len;

        if (file_read(AT_FDCWD, path, META_MAX, &text, &len, NULL) < 0)
                return error_set(err, ERROR_NOT_FOUND,
                                 "context \"%s\": context not found: open %s: no such file or directory",
                                 name, path);
        return json_parse_text(text, len, ret, err);
}

static const char *meta_host(json_object *meta)
{
        return json_get_string(json_get(json_get(meta, "Endpoints"), "docker"), "Host");
}

/* The name of the context in use: "default" when none is. */
const char *context_name(struct cli *cli)
{
        const char *from_environment = getenv("DOCKER_CONTEXT"), *configured;

        if (!string_empty(cli->context))
                return cli->context;
        if (!string_empty(cli->host) || !string_empty(getenv("DOCKER_HOST")))
                return "default";
        if (!string_empty(from_environment))
                return from_environment;
        configured = json_get_string(cli_config(cli), "currentContext");
        return string_empty(configured) ? "default" : configured;
}

int context_host(struct cli *cli, char **ret, struct error *err)
{
        const char *host = getenv("DOCKER_HOST"), *name;
        cleanup_json json_object *meta = NULL;

        if (!string_empty(cli->host) && !string_empty(cli->context))
                return error_set(err, ERROR_INVALID,
                                 "conflicting options: cannot specify both --host and --context");
        *ret = NULL;
        name = context_name(cli);
        if (streq(name, "default")) {
                *ret = xstrdup(!string_empty(cli->host) ? cli->host : string_empty(host) ? NULL : host);
                return 0;
        }
        if (read_meta(cli, name, &meta, err) < 0)
                return -1;
        *ret = xstrdup(meta_host(meta));
        return 0;
}

/* ---- Commands ---- */

static int check_name(const char *name, struct error *err)
{
        bool good = strlen(name) >= 2 && isalnum((unsigned char)*name);

        for (const char *p = name; good && *p; p++)
                good = isalnum((unsigned char)*p) || strchr("_.+-", *p);
        if (streq(name, "default"))
                return error_set(err, ERROR_INVALID, "\"default\" is a reserved context name");
        return good ? 0
                    : error_set(err, ERROR_INVALID,
                                "context name \"%s\" is invalid, names are validated against regexp "
                                "\"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"",
                                name);
}

struct context_create {
        char *description, *from;
        char **docker;
};
static const struct option create_options[] = {
        OPTION_STRING("description", 0, struct context_create, description, "Description of the context"),
        OPTION_ROW("docker", 0, OPTION_KIND_LIST, struct context_create, docker, "stringToString",
                   "set the docker endpoint", "[]"),
        OPTION_STRING("from", 0, struct context_create, from, "create context from a named context"),
};

static const struct option update_options[] = {
        OPTION_STRING("description", 0, struct context_create, description, "Description of the context"),
        OPTION_ROW("docker", 0, OPTION_KIND_LIST, struct context_create, docker, "stringToString",
                   "set the docker endpoint", "[]"),
};
#define ENDPOINT_HELP                                                                                        \
        "\n\nDocker endpoint config:\n\n"                                                                    \
        "NAME                DESCRIPTION\n"                                                                  \
        "host                Docker endpoint on which to connect (unix:///path, ssh://user@host or\n"        \
        "                    tcp://host:port)"

static int refuse_endpoint_key(const char *part, struct error *err)
{
        static const char *const tls_keys[] = { "ca", "cert", "key", "skip-tls-verify" };
        cleanup_free char *key = xstrndup(part, strcspn(part, "="));

        for (size_t i = 0; i < ARRAY_SIZE(tls_keys); i++)
                if (streq(key, tls_keys[i]))
                        return error_set(
                            err, ERROR_UNSUPPORTED,
                            "unable to create docker endpoint config: %s: contexts with TLS are not "
                            "supported yet",
                            key);
        return error_set(err, ERROR_INVALID,
                         "unable to create docker endpoint config: unrecognized config key: %s", key);
}

/* "host=unix:///x,skip-tls-verify=true". */
static int parse_endpoint(char *const *given, char **ret_host, struct error *err)
{
        for (; given && *given; given++) {
                cleanup_strv char **parts = strv_split(*given, ',');

                for (size_t i = 0; parts[i]; i++) {
                        const char *host = string_after(parts[i], "host=");

                        if (!host)
                                return refuse_endpoint_key(parts[i], err);
                        if (!strstr(host, "://"))
                                return error_set(
                                    err, ERROR_INVALID,
                                    "unable to create docker endpoint config: unable to apply docker "
                                    "endpoint options: unable to parse docker host `%s`",
                                    host);
                        replace_string(ret_host, host);
                }
        }
        return 0;
}

static int save_meta(struct cli *cli, const char *name, json_object *meta, struct error *err)
{
        cleanup_free char *folder = meta_folder(cli, name), *path = string_format("%s/meta.json", folder),
                          *text = json_format(meta);

        if (directory_make(AT_FDCWD, folder, 0755, err) < 0)
                return -1;
        return file_replace(AT_FDCWD, path, text, strlen(text), 0644, false, err);
}

static int write_meta(struct cli *cli, const char *name, const char *description, const char *host,
                      struct error *err)
{
        cleanup_json json_object *meta = json_object_new_object();
        json_object *metadata = json_object_new_object(), *endpoints = json_object_new_object(),
                    *docker = json_object_new_object();

        if (!string_empty(description))
                json_set_string(metadata, "Description", description);
        if (host)
                json_set_string(docker, "Host", host);
        json_object_object_add(docker, "SkipTLSVerify", json_object_new_boolean(false));
        json_object_object_add(endpoints, "docker", docker);
        json_set_string(meta, "Name", name);
        json_object_object_add(meta, "Metadata", metadata);
        json_object_object_add(meta, "Endpoints", endpoints);
        return save_meta(cli, name, meta, err);
}

int context_meta_text(struct cli *cli, const char *name, char **ret, struct error *err)
{
        cleanup_json json_object *meta = NULL;

        if (check_name(name, err) < 0 || read_meta(cli, name, &meta, err) < 0)
                return -1;
        *ret = json_format(meta);
        return 0;
}

int context_add(struct cli *cli, const char *name, json_object *meta, struct error *err)
{
        cleanup_json json_object *there = NULL;

        if (check_name(name, err) < 0)
                return -1;
        if (read_meta(cli, name, &there, NULL) == 0)
                return error_set(err, ERROR_CONFLICT, "context \"%s\" already exists", name);
        return save_meta(cli, name, meta, err);
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        struct context_create *o = call->values;
        const char *name = call->args[0];
        cleanup_json json_object *there = NULL, *from = NULL;
        cleanup_free char *host = NULL;

        if (check_name(name, err) < 0)
                return -1;
        if (read_meta(cli, name, &there, NULL) == 0)
                return error_set(err, ERROR_CONFLICT, "context \"%s\" already exists", name);
        if (o->from && !streq(o->from, "default")) {
                if (read_meta(cli, o->from, &from, err) < 0)
                        return -1;
                host = xstrdup(meta_host(from));
        } else if (o->from) {
                host = xstrdup(getenv("DOCKER_HOST"));
        }
        if (parse_endpoint(o->docker, &host, err) < 0 || write_meta(cli, name, o->description, host, err) < 0)
                return -1;
        puts(name);
        fprintf(stderr, "Successfully created context \"%s\"\n", name);
        return 0;
}

static int run_update(struct cli *cli, struct invocation *call, struct error *err)
{
        struct context_create *o = call->values;
        const char *name = call->args[0], *description;
        cleanup_json json_object *meta = NULL;
        cleanup_free char *host = NULL;

        if (check_name(name, err) < 0 || read_meta(cli, name, &meta, err) < 0)
                return -1;
        host = xstrdup(meta_host(meta));
        description =
            o->description ? o->description : json_get_string(json_get(meta, "Metadata"), "Description");
        if (parse_endpoint(o->docker, &host, err) < 0 || write_meta(cli, name, description, host, err) < 0)
                return -1;
        puts(name);
        fprintf(stderr, "Successfully updated context \"%s\"\n", name);
        return 0;
}

/* All contexts as {"Name", "Description", "Host"}, the default first. */
static json_object *list_contexts(struct cli *cli)
{
        json_object *list = json_object_new_array(), *entry = json_object_new_object();
        const char *host = getenv("DOCKER_HOST");
        cleanup_free char *folder = string_format("%s/contexts/meta", cli->config_dir);
        cleanup_closedir DIR *dir = opendir(folder);
        struct dirent *file;

        json_set_string(entry, "Name", "default");
        json_set_string(entry, "Description", "Current DOCKER_HOST based configuration");
        json_set_string(entry, "Host",
                        !string_empty(cli->host) ? cli->host
                        : string_empty(host)     ? "unix:///run/davit/davit.sock"
                                                 : host);
        json_object_array_add(list, entry);
        while (dir && (file = readdir(dir))) {
                cleanup_free char *path = string_format("%s/%s/meta.json", folder, file->d_name),
                                  *text = NULL;
                cleanup_json json_object *meta = NULL;
                const char *name, *description;
                size_t len;

                if (file->d_name[0] == '.' || file_read(AT_FDCWD, path, META_MAX, &text, &len, NULL) < 0 ||
                    json_parse_text(text, len, &meta, NULL) < 0)
                        continue;
                name = json_get_string(meta, "Name");
                description = json_get_string(json_get(meta, "Metadata"), "Description");
                entry = json_object_new_object();
                json_set_string(entry, "Name", name ? name : "");
                json_set_string(entry, "Description", description ? description : "");
                json_set_string(entry, "Host", meta_host(meta) ? meta_host(meta) : "");
                json_object_array_add(list, entry);
        }
        return list;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(json_get_string(*(json_object *const *)a, "Name"),
                      json_get_string(*(json_object *const *)b, "Name"));
}

struct context_ls {
        char *format;
        bool quiet;
};
static const struct option ls_options[] = {
        OPTION_STRING("format", 0, struct context_ls, format,
                      "Format output using a custom template:\n'table':            Print output in table "
                      "format with column headers (default)\n'table TEMPLATE':   Print "
                      "output in table format using the given Go template\n'json':             Print in JSON "
                      "format\n'TEMPLATE':         Print output using the given Go "
                      "template.\nRefer to https://docs.docker.com/go/formatting/ for more information about "
                      "formatting output with templates"),
        OPTION_BOOL("quiet", 'q', struct context_ls, quiet, "Only show context names"),
};

static int run_ls(struct cli *cli, struct invocation *call, struct error *err)
{
        static const struct format_field fields[] = { { "Name", "NAME" },
                                                      { "Description", "DESCRIPTION" },
                                                      { "DockerEndpoint", "DOCKER ENDPOINT" },
                                                      { "Current", "CURRENT" },
                                                      { "Error", "ERROR" } };
        /* In the header Current is a text, so the star asks for the very value. */
        static const struct format_kind kind = {
                "*formatter.clientContextContext",
                "{{.Name}}{{if eq (print .Current) \"true\"}} "
                "*{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
                "{{.Name}}",
                fields,
                ARRAY_SIZE(fields),
                NULL
        };
        struct context_ls *o = call->values;
        cleanup_json json_object *list = list_contexts(cli);
        struct format *f;

        const char *environment = getenv("DOCKER_HOST");
        int r;

        json_object_array_sort(list, compare_names);
        if (format_open(&kind, o->format, o->quiet, &f, err) < 0)
                return -1;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *entry = json_object_array_get_idx(list, i), *row = json_object_new_object();

                json_object_object_add(
                    row, "Current",
                    json_object_new_boolean(streq(json_get_string(entry, "Name"), context_name(cli))));
                json_set_string(row, "Description", json_get_string(entry, "Description"));
                json_set_string(row, "DockerEndpoint", json_get_string(entry, "Host"));
                json_set_string(row, "Error", "");
                json_set_string(row, "Name", json_get_string(entry, "Name"));
                if (format_row(f, row, err) < 0) {
                        format_close(f, NULL);
                        return -1;
                }
        }
        r = format_close(f, err);
        fflush(stdout);
        if (r == 0 && !string_empty(environment))
                fputs("Warning: DOCKER_HOST environment variable overrides the active context. To use a "
                      "context, "
                      "either set the global --context flag, or unset DOCKER_HOST environment variable.\n",
                      stderr);
        return r;
}

static int run_use(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *name = call->args[0];
        cleanup_json json_object *meta = NULL;
        bool is_default = streq(name, "default");

        if (!is_default && (check_name(name, err) < 0 || read_meta(cli, name, &meta, err) < 0))
                return -1;
        if (is_default)
                json_object_object_del(cli_config(cli), "currentContext");
        else
                json_set_string(cli_config(cli), "currentContext", name);
        if (cli_config_save(cli, err) < 0)
                return -1;
        puts(name);
        fprintf(stderr, "Current context is now \"%s\"\n", name);
        if (!is_default && !string_empty(getenv("DOCKER_HOST")))
                fprintf(stderr,
                        "Warning: DOCKER_HOST environment variable overrides the active context. To use "
                        "\"%s\", either set the global --context flag, or unset "
                        "DOCKER_HOST environment variable.\n",
                        name);
        return 0;
}

static int run_show(struct cli *cli, struct invocation *call, struct error *err)
{
        (void)call;
        (void)err;
        puts(context_name(cli));
        return 0;
}

struct context_inspect {
        char *format;
};
static const struct option inspect_options[] = {
        OPTION_STRING("format", 'f', struct context_inspect, format,
                      "Format output using a custom template:\n'json':             Print in JSON "
                      "format\n'TEMPLATE':         Print output using the given Go "
                      "template.\nRefer to https://docs.docker.com/go/formatting/ for more information about "
                      "formatting output with templates"),
};

static json_object *default_meta(struct cli *cli)
{
        const char *host = getenv("DOCKER_HOST");
        json_object *meta = json_object_new_object(), *endpoints = json_object_new_object(),
                    *docker = json_object_new_object();

        json_set_string(docker, "Host",
                        !string_empty(cli->host) ? cli->host
                        : string_empty(host)     ? "unix:///run/davit/davit.sock"
                                                 : host);
        json_object_object_add(docker, "SkipTLSVerify", json_object_new_boolean(false));
        json_object_object_add(endpoints, "docker", docker);
        json_set_string(meta, "Name", "default");
        json_object_object_add(meta, "Metadata", json_object_new_object());
        json_object_object_add(meta, "Endpoints", endpoints);
        return meta;
}

static int get_context(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                       struct error *err)
{
        cleanup_free char *folder = meta_folder(cli, name);
        bool is_default = streq(name, "default");
        json_object *meta = NULL, *storage;

        (void)call;
        if (is_default)
                meta = default_meta(cli);
        else if (read_meta(cli, name, &meta, err) < 0)
                return -1;
        storage = json_object_new_object();
        json_object_object_add(meta, "TLSMaterial", json_object_new_object());
        json_set_string(storage, "MetadataPath", is_default ? "<IN MEMORY>" : folder);
        json_set_string(storage, "TLSPath", "<IN MEMORY>");
        json_object_object_add(meta, "Storage", storage);
        *ret = meta;
        return 0;
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        if (!call->args[0])
                strv_append(&call->args, context_name(cli));
        return inspect_objects(cli, call, ((struct context_inspect *)call->values)->format, get_context, err);
}

struct context_rm {
        bool force;
};
static const struct option rm_options[] = { OPTION_BOOL("force", 'f', struct context_rm, force,
                                                        "Force the removal of a context in use") };

static int remove_one(struct cli *cli, const char *name, bool force, struct error *err)
{
        cleanup_free char *folder = meta_folder(cli, name);
        cleanup_json json_object *meta = NULL;

        if (streq(name, "default"))
                return error_set(err, ERROR_INVALID, "context \"default\" cannot be removed");
        if (read_meta(cli, name, &meta, NULL) < 0)
                return force ? 0 : error_set(err, ERROR_NOT_FOUND, "context \"%s\" does not exist", name);
        if (streq(name, context_name(cli))) {
                if (!force)
                        return error_set(err, ERROR_CONFLICT,
                                         "context \"%s\" is in use, set -f flag to force remove", name);
                json_object_object_del(cli_config(cli), "currentContext");
                if (cli_config_save(cli, err) < 0)
                        return -1;
        }
        return tree_remove(AT_FDCWD, folder, err);
}

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        for (char *const *name = call->args; *name; name++) {
                if (remove_one(cli, *name, ((struct context_rm *)call->values)->force, err) < 0)
                        return -1;
                puts(*name);
        }
        return 0;
}

static const struct command create = { .name = "create",
                                       .usage = "[OPTIONS] CONTEXT",
                                       .summary = "Create a context",
                                       .details = "Create a context" ENDPOINT_HELP,
                                       COMMAND_OPTIONS(create_options, struct context_create),
                                       .min_args = 1,
                                       .max_args = 1,
                                       .run = run_create };
static const struct command inspect = { .name = "inspect",
                                        .usage = "[OPTIONS] [CONTEXT] [CONTEXT...]",
                                        .summary = "Display detailed information on one or more contexts",
                                        COMMAND_OPTIONS(inspect_options, struct context_inspect),
                                        .max_args = -1,
                                        .run = run_inspect };
static const struct command ls = { .name = "ls",
                                   .usage = "[OPTIONS]",
                                   .summary = "List contexts",
                                   .aliases = "context ls, context list",
                                   .also = "list",
                                   COMMAND_OPTIONS(ls_options, struct context_ls),
                                   .run = run_ls };
static const struct command rm = { .name = "rm",
                                   .usage = "CONTEXT [CONTEXT...]",
                                   .summary = "Remove one or more contexts",
                                   .aliases = "context rm, context remove",
                                   .also = "remove",
                                   COMMAND_OPTIONS(rm_options, struct context_rm),
                                   .min_args = 1,
                                   .max_args = -1,
                                   .run = run_rm };
static const struct command show = {
        .name = "show", .usage = "", .summary = "Print the name of the current context", .run = run_show
};
static const struct command update = { .name = "update",
                                       .usage = "[OPTIONS] CONTEXT",
                                       .summary = "Update a context",
                                       .details = "Update a context" ENDPOINT_HELP,
                                       COMMAND_OPTIONS(update_options, struct context_create),
                                       .min_args = 1,
                                       .max_args = 1,
                                       .run = run_update };
static const struct command use = { .name = "use",
                                    .usage = "CONTEXT",
                                    .summary = "Set the current docker context",
                                    .min_args = 1,
                                    .max_args = 1,
                                    .run = run_use };
static const struct command *const commands[] = {
        &create, &context_export_command, &context_import_command, &inspect, &ls, &rm, &show, &update, &use,
        NULL
};
const struct command context_command = { .name = "context",
                                         .usage = "COMMAND",
                                         .summary = "Manage contexts",
                                         .commands = commands,
                                         .group = "Management Commands" };
