/* network create, connect, disconnect, inspect, prune, rm, and the tree of `network`. */
#include "cli/container-flags.h"
#include "cli/container-grammar.h"
#include "cli/each.h"
#include "cli/format-help.h"
#include "cli/inspect.h"
#include "cli/network-ipam.h"
#include "cli/pairs.h"
#include "cli/prune.h"
#include "client/client.h"

#include <stdio.h>

/* ---- create ---- */

struct network_create {
        bool attachable, config_only, ingress, internal, ipv4, ipv6;
        char **label, **ipam_opt, **opt;
        char *config_from, *driver, *ipam_driver, *scope;
        struct ipam_options ipam;
};
#define STRINGS(name, member, help)                                                                          \
        OPTION_ROW(name, 0, OPTION_KIND_STRINGS, struct network_create, member, "strings", help)
static const struct option create_network_options[] = {
        OPTION_BOOL("attachable", 0, struct network_create, attachable, "Enable manual container attachment"),
        OPTION_ROW("aux-address", 0, OPTION_KIND_LIST, struct network_create, ipam.aux_address, "map",
                   "Auxiliary IPv4 or IPv6 addresses used by Network driver", "map[]"),
        OPTION_STRING("config-from", 0, struct network_create, config_from,
                      "The network from which to copy the configuration"),
        OPTION_BOOL("config-only", 0, struct network_create, config_only,
                    "Create a configuration only network"),
        OPTION_STRING("driver", 'd', struct network_create, driver, "Driver to manage the Network",
                      "\"bridge\""),
        STRINGS("gateway", ipam.gateway, "IPv4 or IPv6 Gateway for the master subnet"),
        OPTION_BOOL("ingress", 0, struct network_create, ingress, "Create swarm routing-mesh network"),
        OPTION_BOOL("internal", 0, struct network_create, internal,
                    "Restrict external access to the network"),
        STRINGS("ip-range", ipam.ip_range, "Allocate container ip from a sub-range"),
        OPTION_STRING("ipam-driver", 0, struct network_create, ipam_driver, "IP Address Management Driver",
                      "\"default\""),
        OPTION_ROW("ipam-opt", 0, OPTION_KIND_LIST, struct network_create, ipam_opt, "map",
                   "Set IPAM driver specific options", "map[]"),
        OPTION_BOOL("ipv4", 0, struct network_create, ipv4, "Enable or disable IPv4 address assignment",
                    "true"),
        OPTION_BOOL("ipv6", 0, struct network_create, ipv6, "Enable or disable IPv6 address assignment"),
        OPTION_LIST("label", 0, struct network_create, label, "Set metadata on a network", NULL, check_label),
        OPTION_ROW("opt", 'o', OPTION_KIND_LIST, struct network_create, opt, "map",
                   "Set driver specific options", "map[]"),
        OPTION_STRING("scope", 0, struct network_create, scope, "Control the network's scope"),
        STRINGS("subnet", ipam.subnet, "Subnet in CIDR format that represents a network segment"),
};

static void set_bool(json_object *body, const char *name, bool value)
{
        json_object_object_add(body, name, json_object_new_boolean(value));
}

static int create_body(const struct network_create *o, struct invocation *call, json_object *body,
                       struct error *err)
{
        json_object *ipam = json_object_new_object(), *config = NULL;

        json_object_object_add(body, "IPAM", ipam);
        if (ipam_config(&o->ipam, &config, err) < 0)
                return -1;
        json_set_string(ipam, "Driver", o->ipam_driver ? o->ipam_driver : "default");
        json_object_object_add(ipam, "Options", pairs_json(o->ipam_opt));
        json_object_object_add(ipam, "Config", config);
        json_set_string(body, "Name", call->args[0]);
        json_set_string(body, "Driver", o->driver ? o->driver : "bridge");
        json_set_string(body, "Scope", o->scope ? o->scope : "");
        if (option_given(call, "ipv4"))
                set_bool(body, "EnableIPv4", o->ipv4);
        if (option_given(call, "ipv6"))
                set_bool(body, "EnableIPv6", o->ipv6);
        set_bool(body, "Internal", o->internal);
        set_bool(body, "Attachable", o->attachable);
        set_bool(body, "Ingress", o->ingress);
        set_bool(body, "ConfigOnly", o->config_only);
        if (!string_empty(o->config_from)) {
                json_object *from = json_object_new_object();

                json_set_string(from, "Network", o->config_from);
                json_object_object_add(body, "ConfigFrom", from);
        }
        json_object_object_add(body, "Options", pairs_json(o->opt));
        json_object_object_add(body, "Labels", pairs_json(o->label));
        return 0;
}

static int run_create(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_json json_object *body = json_object_new_object(), *answer = NULL;
        cleanup_query struct client_query q = {};
        struct client *client;
        const char *warning;

        if (create_body(call->values, call, body, err) < 0)
                return -1;
        client_query_init(&q, "/networks/create");
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, body, &answer, NULL, err) < 0)
                return -1;
        warning = json_get_string(answer, "Warning");
        if (!string_empty(warning))
                fprintf(stderr, "WARNING: %s\n", warning);
        puts(json_get_string(answer, "Id") ? json_get_string(answer, "Id") : "");
        return 0;
}

/* ---- connect, disconnect ---- */

struct network_connect {
        char **alias, **driver_opt, **link, **link_local_ip;
        char *ip, *ip6;
        int64_t gw_priority;
};
static const struct option connect_options[] = {
        OPTION_ROW("alias", 0, OPTION_KIND_STRINGS, struct network_connect, alias, "strings",
                   "Add network-scoped alias for the container"),
        OPTION_ROW("driver-opt", 0, OPTION_KIND_STRINGS, struct network_connect, driver_opt, "strings",
                   "driver options for the network"),
        OPTION_INT("gw-priority", 0, struct network_connect, gw_priority,
                   "Highest gw-priority provides the default gateway. Accepts positive and negative values."),
        OPTION_STRING("ip", 0, struct network_connect, ip, "IPv4 address (e.g., \"172.30.100.104\")"),
        OPTION_STRING("ip6", 0, struct network_connect, ip6, "IPv6 address (e.g., \"2001:db8::33\")"),
        OPTION_LIST("link", 0, struct network_connect, link, "Add link to another container", NULL,
                    check_link),
        OPTION_ROW("link-local-ip", 0, OPTION_KIND_STRINGS, struct network_connect, link_local_ip, "strings",
                   "Add a link-local address for the container"),
};

static json_object *list_json(char *const *list)
{
        json_object *array = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(array, json_object_new_string(*list));
        return array;
}

static json_object *endpoint_json(const struct network_connect *o)
{
        json_object *endpoint = json_object_new_object(), *ipam = json_object_new_object();

        if (!string_empty(o->ip))
                json_set_string(ipam, "IPv4Address", o->ip);
        if (!string_empty(o->ip6))
                json_set_string(ipam, "IPv6Address", o->ip6);
        if (o->link_local_ip)
                json_object_object_add(ipam, "LinkLocalIPs", list_json(o->link_local_ip));
        json_object_object_add(endpoint, "IPAMConfig", ipam);
        if (o->link)
                json_object_object_add(endpoint, "Links", list_json(o->link));
        json_object_object_add(endpoint, "Aliases", list_json(o->alias));
        json_object_object_add(endpoint, "DriverOpts", pairs_json(o->driver_opt));
        json_object_object_add(endpoint, "GwPriority", json_object_new_int64(o->gw_priority));
        return endpoint;
}

static int post_member(struct cli *cli, struct invocation *call, json_object *body, struct error *err)
{
        cleanup_query struct client_query q = {};
        struct client *client;

        client_query_init(&q, "/networks/%s/%s", call->args[0], call->command->name);
        json_set_string(body, "Container", call->args[1]);
        return cli_client(cli, &client, err) < 0 ? -1
                                                 : client_call(client, "POST", &q, body, NULL, NULL, err);
}

static int run_connect(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct network_connect *o = call->values;
        cleanup_json json_object *body = json_object_new_object();

        for (char **p = o->driver_opt; p && *p; p++)
                if (!strchr(*p, '='))
                        return error_set(err, ERROR_INVALID,
                                         "invalid key/value pair format in driver options");
        json_object_object_add(body, "EndpointConfig", endpoint_json(o));
        return post_member(cli, call, body, err);
}

struct network_force {
        bool force;
};
static const struct option disconnect_options[] = { OPTION_BOOL(
    "force", 'f', struct network_force, force, "Force the container to disconnect from a network") };

static int run_disconnect(struct cli *cli, struct invocation *call, struct error *err)
{
        cleanup_json json_object *body = json_object_new_object();

        set_bool(body, "Force", ((struct network_force *)call->values)->force);
        return post_member(cli, call, body, err);
}

/* ---- inspect ---- */

struct network_inspect {
        char *format;
        bool verbose;
};
static const struct option inspect_options[] = {
        OPTION_STRING("format", 'f', struct network_inspect, format, FORMAT_HELP_INSPECT),
        OPTION_BOOL("verbose", 'v', struct network_inspect, verbose, "Verbose output for diagnostics"),
};

static int get_network(struct cli *cli, struct invocation *call, const char *name, json_object **ret,
                       struct error *err)
{
        cleanup_query struct client_query q = {};
        struct client *client;

        client_query_init(&q, "/networks/%s", name);
        if (((struct network_inspect *)call->values)->verbose)
                client_query_add(&q, "verbose", "true");
        return cli_client(cli, &client, err) < 0 ? -1 : client_call(client, "GET", &q, NULL, ret, NULL, err);
}

static int run_inspect(struct cli *cli, struct invocation *call, struct error *err)
{
        return inspect_objects(cli, call, ((struct network_inspect *)call->values)->format, get_network, err);
}

/* ---- rm, prune ---- */

static const struct option rm_options[] = { OPTION_BOOL("force", 'f', struct network_force, force,
                                                        "Do not error if the network does not exist") };

static int run_rm(struct cli *cli, struct invocation *call, struct error *err)
{
        bool force = ((struct network_force *)call->values)->force, failed = false;
        struct client *client;

        if (cli_client(cli, &client, err) < 0)
                return -1;
        for (char *const *name = call->args; *name; name++) {
                cleanup_query struct client_query q = {};
                cleanup_error struct error why = {};

                client_query_init(&q, "/networks/%s", *name);
                if (client_call(client, "DELETE", &q, NULL, NULL, NULL, &why) == 0) {
                        puts(*name);
                        continue;
                }
                if (force && error_is(&why, ERROR_NOT_FOUND))
                        continue;
                fflush(stdout);
                fprintf(stderr, "%s\n", error_message(&why));
                failed = true;
        }
        return failed ? error_set(err, ERROR_SYSTEM, "exit status 1") : 0;
}

struct network_prune {
        bool force;
        char **filter;
};
static const struct option prune_options[] = {
        OPTION_ROW("filter", 0, OPTION_KIND_LIST, struct network_prune, filter, "filter",
                   "Provide filter values (e.g. \"until=<timestamp>\")", NULL, option_check_filter),
        OPTION_BOOL("force", 'f', struct network_prune, force, "Do not prompt for confirmation"),
};

static int run_prune(struct cli *cli, struct invocation *call, struct error *err)
{
        const struct network_prune *o = call->values;
        int64_t freed = 0;

        if (!o->force &&
            !confirm("WARNING! This will remove all custom networks not used by at least one container."))
                return 0;
        return prune_run(cli, &prune_networks, o->filter, NULL, &freed, err);
}

static const struct command create_command = { .name = "create",
                                               .usage = "[OPTIONS] NETWORK",
                                               .summary = "Create a network",
                                               COMMAND_OPTIONS(create_network_options, struct network_create),
                                               .min_args = 1,
                                               .max_args = 1,
                                               .run = run_create };
static const struct command connect_command = { .name = "connect",
                                                .usage = "[OPTIONS] NETWORK CONTAINER",
                                                .summary = "Connect a container to a network",
                                                COMMAND_OPTIONS(connect_options, struct network_connect),
                                                .min_args = 2,
                                                .max_args = 2,
                                                .run = run_connect };
static const struct command disconnect_command = { .name = "disconnect",
                                                   .usage = "[OPTIONS] NETWORK CONTAINER",
                                                   .summary = "Disconnect a container from a network",
                                                   COMMAND_OPTIONS(disconnect_options, struct network_force),
                                                   .min_args = 2,
                                                   .max_args = 2,
                                                   .run = run_disconnect };
static const struct command inspect_network_command = {
        .name = "inspect",
        .usage = "[OPTIONS] NETWORK [NETWORK...]",
        .summary = "Display detailed information on one or more networks",
        COMMAND_OPTIONS(inspect_options, struct network_inspect),
        .min_args = 1,
        .max_args = -1,
        .run = run_inspect
};
static const struct command prune_command = { .name = "prune",
                                              .usage = "[OPTIONS]",
                                              .summary = "Remove all unused networks",
                                              COMMAND_OPTIONS(prune_options, struct network_prune),
                                              .run = run_prune };
static const struct command rm_command = { .name = "rm",
                                           .also = "remove",
                                           .usage = "NETWORK [NETWORK...]",
                                           .summary = "Remove one or more networks",
                                           .aliases = "network rm, network remove",
                                           COMMAND_OPTIONS(rm_options, struct network_force),
                                           .min_args = 1,
                                           .max_args = -1,
                                           .run = run_rm };
extern const struct command network_ls_command;
static const struct command *const network_commands[] = { &connect_command,    &create_command,
                                                          &disconnect_command, &inspect_network_command,
                                                          &network_ls_command, &prune_command,
                                                          &rm_command,         NULL };
const struct command network_command = { .name = "network",
                                         .usage = "COMMAND",
                                         .summary = "Manage networks",
                                         .commands = network_commands,
                                         .group = "Management Commands" };
