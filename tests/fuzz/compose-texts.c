/* Substitution, .env files, command lines, short volumes and ports. The first byte chooses. */
#include "compose/dotenv.h"
#include "compose/mount-spec.h"
#include "compose/template.h"
#include "compose/words.h"
#include "oci/port-spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look_up(void *context, const char *name)
{
        (void)context;
        return streq(name, "V") ? "value ${V}" : NULL;
}

static void fuzz_template(const char *text)
{
        struct template_rules rules = { .lookup = look_up };
        struct template_variable *list = NULL;
        cleanup_free char *out = NULL;
        size_t count = 0;

        (void)template_expand(&rules, text, &out, NULL);
        template_variables(text, &list, &count);
        template_variables_free(list, count);
}

static void fuzz_dotenv(const char *text, bool raw)
{
        struct dotenv_rules rules = { .lookup = look_up };
        cleanup_environment struct environment env = {};

        (void)(raw ? dotenv_parse_raw : dotenv_parse)(&rules, text, &env, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = size > 0 ? xstrndup((const char *)data + 1, size - 1) : xstrdup("");
        cleanup_arena struct arena arena = {};
        cleanup_strv char **list = NULL;
        struct mount_spec mount;
        struct port_spec *ports;
        size_t count;

        switch (size ? data[0] : 0) {
        case '0':
                fuzz_template(text);
                break;
        case '1':
        case '2':
                fuzz_dotenv(text, data[0] == '2');
                break;
        case '3':
                (void)words_split(text, &list, NULL);
                break;
        case '4':
                (void)mount_spec_parse(&arena, text, &mount, NULL);
                break;
        case '5':
                if (port_spec_parse(text, &ports, &count, NULL) == 0)
                        port_specs_free(ports, count);
                break;
        default:
                break;
        }
        return 0;
}
