/* The small languages of the command line's options: the first byte chooses one, the rest is the value. */
#include "base/base64.h"
#include "cli/container-grammar.h"
#include "cli/credentials.h"
#include "cli/network-ipam.h"
#include "cli/timestamp.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_container(int which, char **values)
{
        struct container_config config = {};
        struct host_config host = {};
        cleanup_json json_object *tree = NULL;
        int r = 0;

        switch (which) {
        case 'v':
                r = grammar_volumes(values, NULL, &config, &host, NULL);
                break;
        case 't':
                r = grammar_volumes(NULL, values, &config, &host, NULL);
                break;
        case 'm':
                r = grammar_mounts(values, &host, NULL);
                break;
        case 'p':
                r = grammar_ports(values, NULL, &config, &host, NULL);
                break;
        case 'x':
                r = grammar_ports(NULL, values, &config, &host, NULL);
                break;
        case 'd':
                r = grammar_devices(values, &host, NULL);
                break;
        case 'u':
                r = grammar_ulimits(values, &host, NULL);
                break;
        case 'w':
                r = grammar_weights(values, &host, NULL);
                break;
        case 'c':
                grammar_capabilities(values, values, &host);
                break;
        }
        /* What was understood can be said. */
        if (r == 0) {
                tree = json_unbind(&host_config_table, &host);
                free(json_format(tree));
        }
        json_free_fields(&host_config_table, &host);
        json_free_fields(&container_config_table, &config);
}

static void fuzz_network(char **values)
{
        struct container_flags flags = { .network = values };
        struct container_spec_request request = {};

        (void)grammar_networks(&flags, &request, NULL);
        json_free_fields(&host_config_table, &request.host);
        json_free_fields(&container_config_table, &request.config);
        json_free_fields(&networking_config_table, &request.networking);
}

static void fuzz_others(int which, const char *text, char **values)
{
        struct throttle_device *throttles = NULL;
        cleanup_json json_object *list = NULL;
        char *out = NULL;
        size_t n = 0;

        switch (which) {
        case 'b':
                if (base64_decode(text, &out, &n, NULL) == 0) {
                        cleanup_free char *again = base64_encode(out, n, false);
                }
                break;
        case 's':
                (void)timestamp_parse(text, 0, &out, NULL);
                break;
        case 'i':
                (void)ipam_config(&(struct ipam_options){ .subnet = values, .gateway = values, .aux_address = values }, &list, NULL);
                break;
        case 'T':
                (void)grammar_throttles(values, true, &throttles, &n, NULL);
                for (size_t i = 0; i < n; i++)
                        free(throttles[i].path);
                free(throttles);
                break;
        }
        free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = size > 1 ? xstrndup((const char *)data + 1, size - 1) : xstrdup("");
        cleanup_strv char **values = strv_split(text, '\n');

        if (size == 0 || size > 4096)
                return 0;
        fuzz_container(*data, values);
        if (*data == 'n')
                fuzz_network(values);
        fuzz_others(*data, text, values);
        return 0;
}
