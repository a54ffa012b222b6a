/* Variables and labels: of flags and in files. */
#include "base/fd.h"
#include "base/utf8.h"
#include "cli/container-flags.h"

#include <errno.h>
#include <stdio.h>

#define ENV_FILE_MAX (4 << 20)
#define BYTES_SHOWN 256

int check_env(const char *value, struct error *err)
{
        return !*value || *value == '='
                   ? error_set(err, ERROR_INVALID, "invalid environment variable: %s", value)
                   : 0;
}

int check_label(const char *value, struct error *err)
{
        return !*value || *value == '='
                   ? error_set(err, ERROR_INVALID, "invalid label '%s': empty name", value)
                   : 0;
}

void env_add(char ***list, const char *text)
{
        const char *own = strchr(text, '=') ? NULL : getenv(text);

        if (own)
                strv_append_take(list, string_format("%s=%s", text, own));
        else
                strv_append(list, text);
}

/* "[97 255]", as Go prints bytes; a long line is cut. */
static const char *byte_list(const char *text, char out[BYTES_SHOWN * 4 + 8])
{
        size_t used = 0;

        for (size_t i = 0; text[i] && i < BYTES_SHOWN; i++)
                used += (size_t)snprintf(out + used, 6, "%c%u", i ? ' ' : '[', (unsigned char)text[i]);
        memcpy(out + used, "]", 2);
        return out;
}

static int read_line(const char *path, bool is_env, char *line, size_t number, char ***list,
                     struct error *err)
{
        char *start = line + strspn(line, " \t\v\f"), *equals;
        cleanup_free char *name = NULL;
        char bytes[BYTES_SHOWN * 4 + 8];

        if (number == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0)
                start += 3;
        if (!utf8_valid(start, strlen(start)))
                return error_set(err, ERROR_INVALID,
                                 "invalid env file (%s): invalid utf8 bytes at line %zu: %s", path, number,
                                 byte_list(start, bytes));
        if (!*start || *start == '#')
                return 0;
        equals = strchr(start, '=');
        name = equals ? xstrndup(start, (size_t)(equals - start)) : xstrdup(start);
        if (strpbrk(name, " \t\v\f"))
                return error_set(err, ERROR_INVALID,
                                 "invalid env file (%s): variable '%s' contains whitespaces", path, name);
        if (!*name)
                return error_set(err, ERROR_INVALID, "invalid env file (%s): no variable name on line '%s'",
                                 path, start);
        if (equals) {
                strv_append(list, start);
        } else if (is_env && getenv(start)) {
                /* A name alone that we do not have is left out. */
                strv_append_take(list, string_format("%s=%s", start, getenv(start)));
        }
        return 0;
}

int env_file_read(const char *path, bool is_env, char ***list, struct error *err)
{
        cleanup_error struct error why = {};
        cleanup_free char *text = NULL;
        cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
        cleanup_strv char **lines = NULL;
        size_t len;

        if (fd < 0)
                return error_set(err, ERROR_NOT_FOUND, "open %s: %s", path,
                                 errno == ENOENT ? "no such file or directory" : strerror(errno));
        if (fd_read_file(fd, ENV_FILE_MAX, &text, &len, &why) < 0)
                return error_set(err, why.kind, "read %s: %s", path,
                                 why.errnum == EISDIR ? "is a directory" : error_message(&why));
        lines = strv_split(text, '\n');
        for (size_t i = 0; lines[i]; i++) {
                size_t n = strlen(lines[i]);

                if (n && lines[i][n - 1] == '\r')
                        lines[i][n - 1] = 0;
                if (read_line(path, is_env, lines[i], i + 1, list, err) < 0)
                        return -1;
        }
        return 0;
}
