#include "cli/each.h"
#include "base/json.h"
#include "cli/failures.h"

#include <ctype.h>
#include <stdio.h>

int each_argument(struct cli *cli, struct invocation *call, each_function function)
{
        cleanup_error struct error failures = {};

        for (char *const *name = call->args; *name; name++) {
                cleanup_error struct error why = {};
                int r = function(cli, call, *name, &why);

                if (r == 0)
                        puts(*name);
                if (r < 0)
                        failure_add(&failures, &why);
        }
        fflush(stdout);
        if (!failures.kind)
                return 0;
        fprintf(stderr, "%s\n", error_message(&failures));
        return 1;
}

int confirm(const char *warning)
{
        cleanup_free char *question = string_format("%s\nAre you sure you want to continue?", warning);

        return ask(question);
}

int ask(const char *question)
{
        char answer[64] = "";

        printf("%s [y/N] ", question);
        fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin))
                return 0;
        return tolower((unsigned char)answer[0]) == 'y' && (answer[1] == '\n' || answer[1] == 0);
}

char *filters_text(char *const *filters)
{
        cleanup_json json_object *tree = NULL;

        for (; filters && *filters; filters++) {
                const char *equals = strchr(*filters, '=');
                cleanup_free char *key = equals ? xstrndup(*filters, (size_t)(equals - *filters)) : NULL;
                json_object *values = NULL;

                if (!key)
                        continue;
                for (char *p = key; *p; p++)
                        *p = (char)tolower((unsigned char)*p);
                while (*key && key[strlen(key) - 1] == ' ')
                        key[strlen(key) - 1] = 0;
                if (!tree)
                        tree = json_object_new_object();
                if (!json_object_object_get_ex(tree, key, &values)) {
                        values = json_object_new_object();
                        json_object_object_add(tree, key, values);
                }
                json_object_object_add(values, equals + 1 + strspn(equals + 1, " "),
                                       json_object_new_boolean(true));
        }
        return tree ? json_format(tree) : NULL;
}
