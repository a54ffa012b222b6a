/* Any text as a template over a small value. */
#include "base/json.h"
#include "cli/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char value[] = "{\"A\":[1,\"x\",null],\"Labels\":{\"k\":\"v\"},\"S\":{\"B\":true}}";
        cleanup_free char *text = xstrndup((const char *)data, size);
        cleanup_template struct template *template = NULL;
        cleanup_json json_object *tree = NULL;
        cleanup_strbuf struct strbuf out = {};

        if (size > 4096 || template_compile(text, &template, NULL) < 0)
                return 0;
        if (json_parse_text(value, sizeof(value) - 1, &tree, NULL) == 0)
                template_execute(template, tree, NULL, &out, NULL);
        return 0;
}
