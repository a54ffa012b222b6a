#include "tables.h"

#include "base/fd.h"
#include "compose/load.h"

#include <stdlib.h>

#define HOME "/proj"

static char *replace_all(const char *text, const char *from, const char *to)
{
        struct strbuf b = {};

        for (const char *hit; (hit = strstr(text, from)); text = hit + strlen(from)) {
                strbuf_add(&b, text, (size_t)(hit - text));
                strbuf_adds(&b, to);
        }
        strbuf_adds(&b, text);
        return strbuf_take(&b);
}

static int load_in(const char *dir, const char *text, json_object **ret, struct error *err)
{
        cleanup_compose_project struct compose_project *project = NULL;
        cleanup_free char *path = string_format("%s/compose.yaml", dir), *json = NULL, *moved = NULL;
        char *const files[] = { path, NULL }, *const environment[] = { NULL };
        struct compose_options options = { .files = files, .environment = environment };

        if (file_replace(AT_FDCWD, path, text, strlen(text), 0600, false, err) < 0 ||
            compose_load(&options, &project, err) < 0)
                return -1;
        json = compose_project_json(project);
        moved = replace_all(json, dir, HOME);
        return json_parse_text(moved, strlen(moved), ret, err);
}

int table_compose(json_object *q, json_object **ret, struct error *err)
{
        char parent[] = "/tmp/davit-tables-XXXXXX";
        cleanup_free char *dir = NULL;
        int r;

        if (!mkdtemp(parent))
                return error_errno(err, "mkdtemp");
        dir = string_format("%s" HOME, parent);
        r = directory_make(AT_FDCWD, dir, 0700, err) < 0 ? -1
                                                         : load_in(dir, json_get_string(q, "text"), ret, err);
        tree_remove(AT_FDCWD, parent, NULL);
        return r;
}
