/* Any bytes as YAML; what can be read is written and read again: it must be the same. */
#include "compose/yaml.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_object *read_text(struct arena *arena, const char *text, size_t len)
{
        cleanup_yaml_reader struct yaml_reader *reader = NULL;
        struct yaml_document document;
        size_t nodes = 0;

        reader = yaml_reader_new(arena, text, len, "f", &nodes);
        return yaml_read(reader, &document, NULL, NULL) > 0 && node_is(document.root, NODE_MAP)
                   ? node_to_json(document.root)
                   : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_arena struct arena arena = {};
        cleanup_json json_object *first = read_text(&arena, (const char *)data, size), *second = NULL;
        cleanup_free char *text = NULL;

        if (!first)
                return 0;
        text = yaml_format(first);
        second = read_text(&arena, text, strlen(text));
        if (!second)
                abort();
        return 0;
}
