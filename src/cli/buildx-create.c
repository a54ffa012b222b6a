/* `buildx create`: a name for a builder, kept as buildx keeps it. */
#include "base/fd.h"
#include "cli/buildx.h"
#include "cli/container-grammar.h"
#include "oci/image.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

struct create {
        bool append, bootstrap, leave, use;
        char *buildkitd_config, *buildkitd_flags, *driver, *name, *node;
        char **driver_opt, **platform;
        int64_t timeout;
};
static const struct option builder_options[] = {
        OPTION_BOOL("append", 0, struct create, append, "Append a node to builder instead of changing it"),
        OPTION_BOOL("bootstrap", 0, struct create, bootstrap, "Boot builder after creation"),
        OPTION_STRING("buildkitd-config", 0, struct create, buildkitd_config, "BuildKit daemon config file"),
        OPTION_STRING("buildkitd-flags", 0, struct create, buildkitd_flags, "BuildKit daemon flags"),
        OPTION_STRING("driver", 0, struct create, driver,
                      "Driver to use (available: \"docker-container\", \"kubernetes\", \"remote\")"),
        OPTION_ROW("driver-opt", 0, OPTION_KIND_LIST, struct create, driver_opt, "stringArray",
                   "Options for the driver"),
        OPTION_BOOL("leave", 0, struct create, leave, "Remove a node from builder instead of changing it"),
        OPTION_STRING("name", 0, struct create, name, "Builder instance name"),
        OPTION_STRING("node", 0, struct create, node, "Create/modify node with given name"),
        OPTION_ROW("platform", 0, OPTION_KIND_STRINGS, struct create, platform, "stringArray",
                   "Fixed platforms for current node"),
        BUILDX_TIMEOUT_OPTION(struct create),
        OPTION_BOOL("use", 0, struct create, use, "Set the current builder instance"),
};

static int check_name(const char *name, struct error *err)
{
        bool good = isalpha((unsigned char)*name);

        if (streq(name, "default"))
                return error_set(
                    err, ERROR_INVALID,
                    "default is a reserved name and cannot be used to identify builder instance");
        for (const char *p = name; good && *p; p++)
                good = isalnum((unsigned char)*p) || strchr("._-", *p);
        return good ? 0
                    : error_set(
                          err, ERROR_INVALID,
                          "invalid name %s, name needs to start with a letter and may not contain symbols, "
                          "except ._-",
                          name);
}

static int check_driver(const char *driver, struct error *err)
{
        static const char *const known[] = { "docker-container", "kubernetes", "remote" };

        if (streq(driver, "docker"))
                return error_set(err, ERROR_INVALID,
                                 "additional instances of driver \"docker\" cannot be created");
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (streq(known[i], driver))
                        return 0;
        return error_set(err, ERROR_INVALID, "failed to find driver \"%s\"", driver);
}

/* "vigilant_hopper" is Docker's way; ours is shorter. */
static char *random_name(void)
{
        unsigned char bytes[5];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return xstrdup("builder");
        return string_format("builder-%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                             bytes[4]);
}

static struct buildx_node *find_node(struct buildx_instance *i, const char *name)
{
        for (size_t n = 0; n < i->n_nodes; n++)
                if (streq(i->nodes[n].name, name))
                        return &i->nodes[n];
        return NULL;
}

static int set_options(const struct create *o, struct buildx_node *node, struct error *err)
{
        for (char **text = o->driver_opt; text && *text; text++) {
                cleanup_strv char **fields = NULL;

                if (grammar_split_csv(*text, &fields, err) < 0)
                        return -1;
                for (char **f = fields; *f; f++) {
                        char *equals = strchr(*f, '=');

                        if (!equals)
                                return error_set(err, ERROR_INVALID, "invalid value \"%s\", expecting k=v",
                                                 *f);
                        *equals = 0;
                        strmap_set(&node->driver_options, *f, equals + 1);
                }
        }
        if (!string_empty(o->buildkitd_flags)) {
                strv_free(node->flags);
                node->flags = strv_split(o->buildkitd_flags, ' ');
        }
        for (char **p = o->platform; p && *p; p++) {
                cleanup_platform struct platform parsed = {};

                if (platform_parse(*p, &parsed, err) < 0)
                        return -1;
                strv_append_take(&node->platforms, platform_format(&parsed));
        }
        return 0;
}

static int set_node(struct cli *cli, const struct create *o, const char *endpoint, struct buildx_instance *i,
                    struct error *err)
{
        cleanup_free char *place = endpoint ? xstrdup(endpoint) : buildx_endpoint(cli),
                          *name = o->node ? xstrdup(o->node) : string_format("%s%zu", i->name, i->n_nodes);
        struct buildx_node *node = find_node(i, name);

        for (size_t n = 0; n < i->n_nodes; n++)
                if (&i->nodes[n] != node && streq(i->nodes[n].endpoint, place))
                        return error_set(err, ERROR_INVALID, "invalid duplicate endpoint %s", place);
        if (!node) {
                struct buildx_node new = { .name = take_ptr(name), .endpoint = take_ptr(place) };

                ARRAY_APPEND(i->nodes, i->n_nodes, new);
                node = &i->nodes[i->n_nodes - 1];
                if (streq(i->driver, "docker-container"))
                        strv_append(&node->flags, "--allow-insecure-entitlement=network.host");
        } else {
                replace_string(&node->endpoint, place);
        }
        return set_options(o, node, err);
}

static int leave_node(const struct create *o, struct buildx_instance *i, struct error *err)
{
        struct buildx_node *node = find_node(i, o->node);

        if (!node)
                return error_set(err, ERROR_NOT_FOUND, "node \"%s\" not found in builder %s", o->node,
                                 i->name);
        free(node->name);
        free(node->endpoint);
        strv_free(node->platforms);
        strv_free(node->flags);
        strmap_deinit(&node->driver_options);
        memmove(node, node + 1, (size_t)(&i->nodes[i->n_nodes] - node - 1) * sizeof(*node));
        i->n_nodes--;
        return 0;
}

static int check_flags(const struct create *o, bool found, struct error *err)
{
        if (o->append && string_empty(o->name))
                return error_set(err, ERROR_INVALID,
                                 "append can only be used with an existing instance name");
        if (o->append && !found)
                return error_set(err, ERROR_NOT_FOUND, "no builder \"%s\" found", o->name);
        if (o->leave && (string_empty(o->name) || string_empty(o->node)))
                return error_set(err, ERROR_INVALID, "leave requires instance name and node name");
        if (o->leave && !found)
                return error_set(err, ERROR_NOT_FOUND, "failed to find instance %s for leave", o->name);
        if (found && !o->append && !o->leave && string_empty(o->node))
                return error_set(
                    err, ERROR_CONFLICT,
                    "existing instance for \"%s\" but no append mode, specify the node name to make "
                    "changes for existing instances",
                    o->name);
        return 0;
}

static int create(struct cli *cli, const struct create *o, const char *endpoint, struct error *err)
{
        cleanup_buildx_instance struct buildx_instance i = {};
        const char *driver = string_empty(o->driver) ? "docker-container" : o->driver;
        int found;

        if (check_driver(driver, err) < 0 || (!string_empty(o->name) && check_name(o->name, err) < 0))
                return -1;
        found = string_empty(o->name) ? 0 : buildx_load(cli, o->name, &i, err);
        if (found < 0 || check_flags(o, found, err) < 0)
                return -1;
        if (!found)
                i = (struct buildx_instance){ .name =
                                                  string_empty(o->name) ? random_name() : xstrdup(o->name),
                                              .driver = xstrdup(driver) };
        if (!string_empty(o->buildkitd_config) && access(o->buildkitd_config, R_OK) < 0)
                return error_errno(err, "open %s", o->buildkitd_config);
        if ((o->leave ? leave_node(o, &i, err) : set_node(cli, o, endpoint, &i, err)) < 0 ||
            buildx_save(cli, &i, err) < 0 || (o->use && buildx_set_current(cli, i.name, false, err) < 0))
                return -1;
        puts(i.name);
        return 0;
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        return create(cli, call->values, call->args ? *call->args : NULL, err) < 0
                   ? error_context(err, "ERROR")
                   : 0;
}

const struct command buildx_create_command = {
        .name = "create",
        .usage = "[OPTIONS] [CONTEXT|ENDPOINT]",
        .summary = "Create a new builder instance",
        COMMAND_OPTIONS(builder_options, struct create),
        .max_args = 1,
        .run = run_create,
};
