#include "tables.h"

#include "compose/load.h"

int table_compose(json_object *q, json_object **ret, struct error *err)
{
        static char file[] = "/proj/compose.yaml";
        cleanup_compose_project struct compose_project *project = NULL;
        cleanup_free char *text = xstrdup(json_get_string(q, "text")), *json = NULL;
        char *const files[] = { file, NULL }, *const texts[] = { text, NULL },
                    *const environment[] = { NULL };
        struct compose_options options = { .files = files, .texts = texts, .environment = environment };

        if (compose_load(&options, &project, err) < 0)
                return -1;
        json = compose_project_json(project);
        return json_parse_text(json, strlen(json), ret, err);
}
