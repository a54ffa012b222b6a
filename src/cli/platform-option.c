#include "cli/platform-option.h"
#include "client/client.h"
#include "oci/image.h"

int platform_option_add(struct client_query *q, const char *name, const char *text, struct error *err)
{
        cleanup_platform struct platform p = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *json = NULL;

        if (string_empty(text))
                return 0;
        if (platform_parse(text, &p, err) < 0)
                return error_context(err, "invalid platform");
        tree = json_object_new_object();
        json_set_string(tree, "architecture", p.architecture);
        json_set_string(tree, "os", p.os);
        if (!string_empty(p.variant))
                json_set_string(tree, "variant", p.variant);
        json = json_format(tree);
        client_query_add(q, name, json);
        return 0;
}
