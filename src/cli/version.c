/* version */
#include "cli/client-info.h"
#include "cli/format-help.h"
#include "cli/format.h"
#include "cli/template.h"
#include "client/client.h"

#include <stdio.h>
#include <sys/utsname.h>

#define EXIT_BAD_TEMPLATE 64

struct version {
        char *format;
};
static const struct option version_options[] = { OPTION_STRING("format", 'f', struct version, format,
                                                               FORMAT_HELP_INSPECT) };

/* Go's name of this machine. */
static const char *architecture(void)
{
        static const struct {
                const char *kernel, *go;
        } names[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armv7l", "arm" },
                      { "armv6l", "arm" },   { "i686", "386" },      { "ppc64le", "ppc64le" } };
        static struct utsname machine;

        uname(&machine);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i].kernel, machine.machine))
                        return names[i].go;
        return machine.machine;
}

json_object *client_info(struct cli *cli, int minor)
{
        json_object *info = json_object_new_object();
        cleanup_free char *api = string_format("1.%d", minor),
                          *highest = string_format("1.%d", CLIENT_API_MINOR);

        json_set_string(info, "Version", DAVIT_VERSION);
        json_set_string(info, "ApiVersion", api);
        json_set_string(info, "DefaultAPIVersion", highest);
        json_set_string(info, "GitCommit", "");
        json_set_string(info, "GoVersion", "");
        json_set_string(info, "Os", "linux");
        json_set_string(info, "Arch", architecture());
        json_set_string(info, "BuildTime", "");
        json_set_string(info, "Context", context_name(cli));
        return info;
}

/* Lines of "NAME:" and value, aligned; values that nobody knows are left out. */
static void print_line(const char *indent, const char *name, const char *value)
{
        cleanup_free char *label = string_format("%s%s:", indent, name);

        if (!string_empty(value))
                printf("%-19s %s\n", label, value);
}

static void print_client(json_object *client)
{
        const char *api = json_get_string(client, "ApiVersion"),
                   *highest = json_get_string(client, "DefaultAPIVersion");
        cleanup_free char *shown =
            streq(api, highest) ? xstrdup(api) : string_format("%s (downgraded from %s)", api, highest);
        cleanup_free char *machine =
            string_format("%s/%s", json_get_string(client, "Os"), json_get_string(client, "Arch"));

        puts("Client:");
        print_line(" ", "Version", json_get_string(client, "Version"));
        print_line(" ", "API version", shown);
        print_line(" ", "Go version", json_get_string(client, "GoVersion"));
        print_line(" ", "Git commit", json_get_string(client, "GitCommit"));
        print_line(" ", "Built", json_get_string(client, "BuildTime"));
        print_line(" ", "OS/Arch", machine);
        print_line(" ", "Context", json_get_string(client, "Context"));
}

static void print_engine(json_object *component)
{
        json_object *d = json_get(component, "Details");
        cleanup_free char *api = string_format("%s (minimum version %s)", json_get_string(d, "ApiVersion"),
                                               json_get_string(d, "MinAPIVersion"));
        cleanup_free char *machine =
            string_format("%s/%s", json_get_string(d, "Os"), json_get_string(d, "Arch"));

        print_line("  ", "Version", json_get_string(component, "Version"));
        print_line("  ", "API version", api);
        print_line("  ", "Go version", json_get_string(d, "GoVersion"));
        print_line("  ", "Git commit", json_get_string(d, "GitCommit"));
        print_line("  ", "Built", json_get_string(d, "BuildTime"));
        print_line("  ", "OS/Arch", machine);
        print_line("  ", "Experimental", json_get_string(d, "Experimental"));
}

static void print_server(json_object *server)
{
        const char *platform = json_get_string(json_get(server, "Platform"), "Name");
        json_object *components = json_get(server, "Components");

        printf("\nServer:%s%s\n", string_empty(platform) ? "" : " ", platform ? platform : "");
        for (size_t i = 0; components && i < json_object_array_length(components); i++) {
                json_object *component = json_object_array_get_idx(components, i),
                            *details = json_get(component, "Details");
                struct lh_entry *entry;

                printf(" %s:\n", json_get_string(component, "Name"));
                if (streq(json_get_string(component, "Name"), "Engine")) {
                        print_engine(component);
                        continue;
                }
                print_line("  ", "Version", json_get_string(component, "Version"));
                if (json_object_is_type(details, json_type_object))
                        lh_foreach (json_object_get_object(details), entry)
                                print_line("  ", lh_entry_k(entry),
                                           json_object_get_string((json_object *)lh_entry_v(entry)));
        }
}

static int show_templated(const struct template *template, json_object *both, struct error *err)
{
        struct template_options options = { .flags = TEMPLATE_STRUCTS, .type_name = "system.versionInfo" };
        cleanup_strbuf struct strbuf out = {};

        if (template_execute(template, both, &options, &out, err) < 0)
                return -1;
        puts(out.data ? out.data : "");
        return 0;
}

static int run_version(struct cli *cli, struct invocation *call, struct error *err)
{
        const char *format = ((struct version *)call->values)->format;
        const char *text = string_empty(format) || streq(format, "json") ? NULL : format;
        cleanup_template struct template *template = NULL;
        cleanup_json json_object *both = json_object_new_object();
        cleanup_query struct client_query q = {};
        cleanup_error struct error why = {};
        json_object *server = NULL;
        struct client *client = NULL;

        if (text && template_compile(text, &template, err) < 0) {
                error_context(err, "template parsing error");
                err->exit_code = EXIT_BAD_TEMPLATE;
                return -1;
        }
        client_query_init(&q, "/version");
        if (cli_client(cli, &client, err) < 0)
                return -1;
        (void)client_call(client, "GET", &q, NULL, &server, NULL, &why);
        json_object_object_add(both, "Client", client_info(cli, client->minor));
        json_object_object_add(both, "Server", server);
        if (template) {
                if (show_templated(template, both, err) < 0)
                        return -1;
        } else if (!string_empty(format)) {
                cleanup_free char *json = json_format(both);

                puts(json);
        } else {
                print_client(json_get(both, "Client"));
                if (server)
                        print_server(server);
        }
        fflush(stdout);
        return why.kind ? error_move(err, &why) : 0;
}

const struct command version_command = { .name = "version",
                                         .usage = "[OPTIONS]",
                                         .summary = "Show the Docker version information",
                                         .group = "Common Commands",
                                         COMMAND_OPTIONS(version_options, struct version),
                                         .run = run_version };
