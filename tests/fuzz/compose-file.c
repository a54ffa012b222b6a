/* A Compose file from YAML to the typed project and back to text; a line "---OVER" begins a second file.
 * Files on the disk are left alone. */
#include "compose/load.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool reads_files(const char *text)
{
        static const char *const words[] = { "file", "include", "env_file", "develop" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strstr(text, words[i]))
                        return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char first[] = "/nowhere/p/compose.yaml", second[] = "/nowhere/p/over.yaml", set[] = "SET=1";
        cleanup_free char *text = xstrndup((const char *)data, size);
        char *cut = strstr(text, "\n---OVER\n"), *texts[] = { text, cut ? cut + 9 : NULL, NULL },
             *files[] = { first, cut ? second : NULL, NULL }, *environment[] = { set, NULL };
        struct compose_options options = { .files = files,
                                           .texts = texts,
                                           .environment = environment,
                                           .locate = true,
                                           .no_interpolate = size % 7 == 6 };
        cleanup_compose_project struct compose_project *p = NULL;
        cleanup_error struct error err = {};
        char hash[COMPOSE_HASH_LENGTH + 1];

        if (reads_files(text))
                return 0;
        if (cut)
                *cut = 0;
        if (compose_load(&options, &p, &err) < 0)
                return 0;
        free(compose_project_yaml(p));
        free(compose_project_json(p));
        for (size_t i = 0; i < p->n_services; i++) {
                struct compose_service copy = {};

                compose_service_copy(&p->services[i], &copy);
                compose_service_hash(&copy, hash);
                compose_service_deinit(&copy);
        }
        compose_project_drop_unused(p);
        return 0;
}
