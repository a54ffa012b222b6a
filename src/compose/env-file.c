#include "compose/env-file.h"
#include "base/fd.h"
#include "compose/dotenv.h"

#include <errno.h>

struct source {
        const struct environment *env;
        const struct compose_options *options;
};

static const char *look_up(void *context, const char *name)
{
        return environment_get(((const struct source *)context)->env, name);
}

static void tell_unset(void *context, const char *name)
{
        const struct compose_options *options = ((const struct source *)context)->options;
        cleanup_free char *text =
            string_format("The \"%s\" variable is not set. Defaulting to a blank string.", name);

        if (options->warn)
                options->warn(options->warn_context, text);
}

static int read_one(const char *path, const struct source *source, struct environment *into,
                    struct error *err)
{
        struct dotenv_rules rules = { look_up, tell_unset, (void *)source };
        cleanup_free char *text = NULL;
        struct stat st;
        size_t len;

        if (stat(path, &st) < 0)
                return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "couldn't find env file: %s", path)
                                       : error_errno(err, "stat %s", path);
        if (S_ISDIR(st.st_mode))
                return error_set(err, ERROR_INVALID, "%s is a directory", path);
        if (file_read(AT_FDCWD, path, DOTENV_FILE_MAX, &text, &len, err) < 0)
                return -1;
        if (dotenv_parse(&rules, text, into, err) < 0)
                return error_context(err, "failed to read %s", path);
        return 0;
}

int dotenv_files_read(char *const *files, const struct environment *env,
                      const struct compose_options *options, struct strmap *ret, struct error *err)
{
        struct source source = { env, options };
        struct environment into = {};

        for (; files && *files; files++)
                if (read_one(*files, &source, &into, err) < 0) {
                        environment_deinit(&into);
                        return -1;
                }
        *ret = into.map;
        return 0;
}

int dotenv_file_read(const char *path, const char *format,
                     const char *(*lookup)(void *context, const char *name), void *context,
                     struct environment *into, struct error *err)
{
        struct dotenv_rules rules = { lookup, NULL, context };
        cleanup_free char *text = NULL;
        size_t len;

        if (!string_empty(format) && !streq(format, "raw"))
                return error_set(err, ERROR_INVALID, "unsupported env_file format \"%s\"", format);
        if (file_read(AT_FDCWD, path, DOTENV_FILE_MAX, &text, &len, err) < 0)
                return -1;
        if (streq(format, "raw"))
                return dotenv_parse_raw(&rules, text, into, err) < 0
                           ? error_context(err, "failed to parse env_file %s", path)
                           : 0;
        return dotenv_parse(&rules, text, into, err) < 0 ? error_context(err, "failed to read %s", path) : 0;
}
