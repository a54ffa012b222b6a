/* info */
#include "base/units.h"
#include "cli/client-info.h"
#include "cli/format-help.h"
#include "cli/format.h"
#include "cli/template.h"
#include "client/client.h"

#include <stdio.h>

#define EXIT_BAD_TEMPLATE 64

struct info {
        char *format;
};
static const struct option info_options[] = { OPTION_STRING("format", 'f', struct info, format,
                                                            FORMAT_HELP_INSPECT) };

/* ---- The page ---- */

static void print_text(json_object *info, const char *indent, const char *label, const char *member)
{
        const char *value = json_get_string(info, member);

        printf("%s%s: %s\n", indent, label, value ? value : "");
}

static void print_given(json_object *info, const char *label, const char *member)
{
        if (!string_empty(json_get_string(info, member)))
                print_text(info, " ", label, member);
}

static void print_count(json_object *info, const char *indent, const char *label, const char *member)
{
        printf("%s%s: %lld\n", indent, label, (long long)json_get_int64(info, member, 0));
}

static void print_bool(json_object *info, const char *label, const char *member)
{
        printf(" %s: %s\n", label, json_get_bool(info, member) ? "true" : "false");
}

/* [["Backing Filesystem", "extfs"], …] */
static void print_driver(json_object *info)
{
        json_object *status = json_get(info, "DriverStatus");

        print_given(info, "Storage Driver", "Driver");
        for (size_t i = 0;
             json_object_is_type(status, json_type_array) && i < json_object_array_length(status); i++) {
                json_object *pair = json_object_array_get_idx(status, i);

                printf("  %s: %s\n", json_object_get_string(json_object_array_get_idx(pair, 0)),
                       json_object_get_string(json_object_array_get_idx(pair, 1)));
        }
}

static void print_words(const char *label, json_object *list)
{
        if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
                return;
        printf("%s:", label);
        for (size_t i = 0; i < json_object_array_length(list); i++)
                printf(" %s", json_object_get_string(json_object_array_get_idx(list, i)));
        putchar('\n');
}

static void print_lines(const char *label, json_object *list)
{
        if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
                return;
        printf(" %s:\n", label);
        for (size_t i = 0; i < json_object_array_length(list); i++)
                printf("  %s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

static void print_plugins(json_object *info)
{
        json_object *plugins = json_get(info, "Plugins");

        puts(" Plugins:");
        print_words("  Volume", json_get(plugins, "Volume"));
        print_words("  Network", json_get(plugins, "Network"));
        print_words("  Authorization", json_get(plugins, "Authorization"));
        print_words("  Log", json_get(plugins, "Log"));
}

static void print_runtimes(json_object *info)
{
        json_object *runtimes = json_get(info, "Runtimes");
        struct lh_entry *entry;

        if (!json_object_is_type(runtimes, json_type_object) || json_object_object_length(runtimes) == 0)
                return;
        printf(" Runtimes:");
        lh_foreach (json_object_get_object(runtimes), entry)
                printf(" %s", (const char *)lh_entry_k(entry));
        putchar('\n');
        print_text(info, " ", "Default Runtime", "DefaultRuntime");
}

/* ["name=seccomp,profile=builtin", "name=cgroupns"] */
static void print_security(json_object *info)
{
        json_object *list = json_get(info, "SecurityOptions");

        if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
                return;
        puts(" Security Options:");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                cleanup_strv char **parts =
                    strv_split(json_object_get_string(json_object_array_get_idx(list, i)), ',');

                for (size_t j = 0; parts[j]; j++) {
                        char *equals = strchr(parts[j], '=');

                        if (equals && string_after(parts[j], "name="))
                                printf("  %s\n", equals + 1);
                        else if (equals)
                                printf("   %c%.*s: %s\n",
                                       *parts[j] >= 'a' && *parts[j] <= 'z' ? *parts[j] - 32 : *parts[j],
                                       (int)(equals - parts[j] - 1), parts[j] + 1, equals + 1);
                }
        }
}

static void print_registries(json_object *info)
{
        json_object *config = json_get(info, "RegistryConfig"), *indexes = json_get(config, "IndexConfigs");
        struct lh_entry *entry;

        puts(" Insecure Registries:");
        if (json_object_is_type(indexes, json_type_object))
                lh_foreach (json_object_get_object(indexes), entry)
                        if (!json_get_bool((json_object *)lh_entry_v(entry), "Secure"))
                                printf("  %s\n", (const char *)lh_entry_k(entry));
        for (size_t i = 0;
             i < (json_object_is_type(json_get(config, "InsecureRegistryCIDRs"), json_type_array)
                      ? json_object_array_length(json_get(config, "InsecureRegistryCIDRs"))
                      : 0);
             i++)
                printf("  %s\n", json_object_get_string(json_object_array_get_idx(
                                     json_get(config, "InsecureRegistryCIDRs"), i)));
        print_lines("Registry Mirrors", json_get(config, "Mirrors"));
}

static void print_host(json_object *info)
{
        cleanup_free char *memory = size_format_binary((double)json_get_int64(info, "MemTotal", 0));

        print_given(info, "Kernel Version", "KernelVersion");
        print_given(info, "Operating System", "OperatingSystem");
        print_given(info, "OSType", "OSType");
        print_given(info, "Architecture", "Architecture");
        print_count(info, " ", "CPUs", "NCPU");
        printf(" Total Memory: %s\n", memory);
        print_given(info, "Name", "Name");
        print_text(info, " ", "ID", "ID");
        print_text(info, " ", "Docker Root Dir", "DockerRootDir");
        print_bool(info, "Debug Mode", "Debug");
        print_given(info, "HTTP Proxy", "HttpProxy");
        print_given(info, "HTTPS Proxy", "HttpsProxy");
        print_given(info, "No Proxy", "NoProxy");
        print_lines("Labels", json_get(info, "Labels"));
        print_bool(info, "Experimental", "ExperimentalBuild");
        print_registries(info);
        print_bool(info, "Live Restore Enabled", "LiveRestoreEnabled");
        print_given(info, "Product License", "ProductLicense");
}

static void print_server(json_object *info)
{
        const char *swarm = json_get_string(json_get(info, "Swarm"), "LocalNodeState");

        print_count(info, " ", "Containers", "Containers");
        print_count(info, "  ", "Running", "ContainersRunning");
        print_count(info, "  ", "Paused", "ContainersPaused");
        print_count(info, "  ", "Stopped", "ContainersStopped");
        print_count(info, " ", "Images", "Images");
        print_given(info, "Server Version", "ServerVersion");
        print_driver(info);
        print_given(info, "Logging Driver", "LoggingDriver");
        print_given(info, "Cgroup Driver", "CgroupDriver");
        print_given(info, "Cgroup Version", "CgroupVersion");
        print_plugins(info);
        print_lines("CDI spec directories", json_get(info, "CDISpecDirs"));
        printf(" Swarm: %s\n", swarm ? swarm : "inactive");
        print_runtimes(info);
        print_given(info, "Init Binary", "InitBinary");
        print_security(info);
        print_host(info);
        putchar('\n');
}

static void print_warnings(json_object *info)
{
        json_object *list = json_get(info, "Warnings");

        fflush(stdout);
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++)
                fprintf(stderr, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

/* ---- The command ---- */

/* What Docker has as plugins and davit in itself. */
static json_object *plugins(void)
{
        static const char *const names[] = { "buildx", "compose" };
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const struct command *command = command_find(&root_command, names[i]);
                json_object *plugin;

                if (!command)
                        continue;
                plugin = json_object_new_object();
                json_set_string(plugin, "SchemaVersion", "0.1.0");
                json_set_string(plugin, "Vendor", "davit");
                json_set_string(plugin, "Version", DAVIT_VERSION);
                json_set_string(plugin, "ShortDescription", command->summary);
                json_set_string(plugin, "Name", names[i]);
                json_object_array_add(list, plugin);
        }
        return list;
}

static void add_ourselves(struct cli *cli, json_object *info, int minor)
{
        json_object *own = client_info(cli, minor);

        json_object_object_del(own, "ApiVersion");
        json_object_object_add(own, "Debug", json_object_new_boolean(cli->debug));
        json_object_object_add(own, "Plugins", plugins());
        json_object_object_add(own, "Warnings", NULL);
        json_object_object_add(info, "ClientInfo", own);
}

static int show_templated(json_object *info, const char *format, struct error *err)
{
        cleanup_template struct template *template = NULL;
        struct template_options options = { .flags = TEMPLATE_STRUCTS, .type_name = "system.dockerInfo" };
        cleanup_strbuf struct strbuf out = {};

        if (template_compile(format, &template, err) < 0) {
                error_context(err, "template parsing error");
                err->exit_code = EXIT_BAD_TEMPLATE;
                return -1;
        }
        if (template_execute(template, info, &options, &out, err) < 0)
                return -1;
        puts(out.data ? out.data : "");
        return 0;
}

static int show_page(struct cli *cli, json_object *info, const struct error *why, struct error *err)
{
        printf("Client:\n Version:    %s\n Context:    %s\n Debug Mode: %s\n\nServer:\n", DAVIT_VERSION,
               context_name(cli), cli->debug ? "true" : "false");
        if (!why->kind) {
                print_server(info);
                print_warnings(info);
                return 0;
        }
        fflush(stdout);
        fprintf(stderr, "ERROR: %s\n", error_message(why));
        return error_set(err, ERROR_SYSTEM, "errors pretty printing info");
}

static int run_info(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *format = ((struct info *)call->values)->format;
        cleanup_query struct client_query q = {};
        cleanup_json json_object *info = NULL;
        cleanup_error struct error why = {};
        struct client *client;

        client_query_init(&q, "/info");
        if (cli_client(cli, &client, err) < 0)
                return -1;
        (void)client_call(client, "GET", &q, NULL, &info, NULL, &why);
        if (string_empty(format))
                return show_page(cli, info, &why, err);
        if (!info)
                info = json_object_new_object();
        add_ourselves(cli, info, client->minor);
        if (show_templated(info, streq(format, "json") ? "{{json .}}" : format, err) < 0)
                return -1;
        fflush(stdout);
        return why.kind ? error_move(err, &why) : 0;
}

const struct command info_command = { .name = "info",
                                      .group = "Common Commands",
                                      .usage = "[OPTIONS]",
                                      .summary = "Display system-wide information",
                                      .aliases = "system info, info",
                                      COMMAND_OPTIONS(info_options, struct info),
                                      .run = run_info };
