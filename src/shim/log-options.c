#include "shim/log-options.h"

#include <ctype.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>

static const char *const file_keys[] = { "max-size", "max-file", "compress", "labels", "labels-regex",
                                         "env",      "env-regex", "tag",     NULL };
static const char *const local_keys[] = { "max-size", "max-file", "compress", NULL };
static const char *const syslog_keys[] = { "syslog-address", "syslog-facility", "syslog-format", "labels",
                                           "labels-regex",   "env",             "env-regex",     "tag",
                                           NULL };
static const char *const journald_keys[] = { "labels", "labels-regex", "env", "env-regex", "tag", NULL };
static const char *const none_keys[] = { NULL };

static const struct driver {
        const char *name;
        const char *const *keys;
        bool readable;
} drivers[] = {
        { "json-file", file_keys, true },        { "local", local_keys, true },
        { "syslog", syslog_keys, false },        { "journald", journald_keys, false },
        { "none", none_keys, false },
};

/* Docker has these, we have not. */
static const char *const other_drivers[] = { "awslogs", "etwlogs", "fluentd", "gcplogs", "gelf", "splunk" };

static const struct driver *find_driver(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
                if (streq(drivers[i].name, name))
                        return &drivers[i];
        return NULL;
}

static int mode_check(const struct strmap *options, struct error *err)
{
        const char *mode = strmap_get(options, "mode");

        if (mode && !streq(mode, "blocking") && !streq(mode, "non-blocking") && *mode)
                return error_set(err, ERROR_INVALID, "logger: logging mode not supported: %s", mode);
        if (strmap_get(options, "max-buffer-size") && !streq(mode, "non-blocking"))
                return error_set(err, ERROR_INVALID,
                                 "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
        return 0;
}

int log_options_check(const char *driver, const struct strmap *options, struct error *err)
{
        const struct driver *found = find_driver(driver);

        for (size_t i = 0; !found && i < ARRAY_SIZE(other_drivers); i++)
                if (streq(other_drivers[i], driver))
                        return error_set(err, ERROR_UNSUPPORTED,
                                         "log driver %s is not supported by davit (there are json-file, local, "
                                         "syslog, journald and none)",
                                         driver);
        if (!found)
                return error_set(err, ERROR_INVALID, "error looking up logging plugin %s: plugin \"%s\" not found",
                                 driver, driver);
        if (streq(driver, "none") && options->count > 0)
                return error_set(err, ERROR_INVALID, "invalid logging opts for driver none");
        if (mode_check(options, err) < 0)
                return -1;
        for (size_t i = 0; i < options->count; i++) {
                const char *key = options->pairs[i].key;
                bool known = streq(key, "mode") || streq(key, "max-buffer-size");

                for (size_t j = 0; found->keys[j] && !known; j++)
                        known = streq(found->keys[j], key);
                if (!known && found->keys == local_keys)
                        return error_set(err, ERROR_INVALID, "unknown log opt '%s' for log driver local", key);
                if (!known)
                        return error_set(err, ERROR_INVALID, "unknown log opt '%s' for %s log driver", key, driver);
        }
        return 0;
}

/* go-units' FromHumanSize: powers of 1000. */
static int size_parse(const char *text, int64_t *ret, struct error *err)
{
        static const char suffixes[] = "kmgtp";
        char *end;
        double number = strtod(text, &end);
        const char *found;

        if (end == text || !isdigit((unsigned char)text[0]))
                return error_set(err, ERROR_INVALID, "invalid size: '%s'", text);
        if (*end == ' ')
                end++;
        found = *end ? strchr(suffixes, tolower((unsigned char)*end)) : NULL;
        if (found) {
                for (long i = found - suffixes; i >= 0; i--)
                        number *= 1000;
                end++;
                if (tolower((unsigned char)*end) == 'i')
                        end++;
        }
        if (tolower((unsigned char)*end) == 'b')
                end++;
        if (*end || !(number < 9e18))
                return error_set(err, ERROR_INVALID, "invalid size: '%s'", text);
        *ret = (int64_t)number;
        return 0;
}

static int file_count_parse(const char *text, int *ret, struct error *err)
{
        cleanup_error struct error ignored = { 0 };
        int64_t value;

        if (string_to_int64(text, &value, &ignored) < 0 || value > INT_MAX)
                return error_set(err, ERROR_INVALID, "strconv.Atoi: parsing \"%s\": invalid syntax", text);
        if (value < 1)
                return error_set(err, ERROR_INVALID, "max-file cannot be less than 1");
        *ret = (int)value;
        return 0;
}

static int values_parse(const struct strmap *options, struct log_options *out, struct error *err)
{
        const char *size = strmap_get(options, "max-size"), *files = strmap_get(options, "max-file");
        const char *buffer = strmap_get(options, "max-buffer-size"), *compress = strmap_get(options, "compress");
        bool compressed = false;

        if (size && streq(size, "-1")) {
                out->max_size = -1;
        } else if (size) {
                if (size_parse(size, &out->max_size, err) < 0)
                        return -1;
                if (out->max_size <= 0)
                        return error_set(err, ERROR_INVALID, "max-size must be a positive number");
                out->max_files = 1; /* as Docker's, when only the size is given */
        }
        if (files && file_count_parse(files, &out->max_files, err) < 0)
                return -1;
        if (buffer && size_parse(buffer, &out->buffer_size, err) < 0)
                return -1;
        if (compress && string_to_bool(compress, &compressed) < 0)
                return error_set(err, ERROR_INVALID, "invalid value for compress: %s", compress);
        if (compressed)
                return error_set(err, ERROR_UNSUPPORTED, "compress=true: davit does not compress rotated logs yet");
        out->non_blocking = streq(strmap_get(options, "mode"), "non-blocking");
        return 0;
}

int log_options_parse(const char *driver, const struct strmap *options, struct log_options *ret,
                      struct error *err)
{
        struct log_options out = { LOG_DEFAULT_SIZE, LOG_DEFAULT_FILES, false, 1000000 };

        if (log_options_check(string_empty(driver) ? "json-file" : driver, options, err) < 0)
                return -1;
        if (values_parse(options, &out, err) < 0)
                return error_context(err, "failed to initialize logging driver");
        *ret = out;
        return 0;
}

bool log_driver_is_readable(const char *driver)
{
        const struct driver *found = find_driver(string_empty(driver) ? "json-file" : driver);

        return found && found->readable;
}

char *const *log_driver_names(void)
{
        static const char *const names[] = { "journald", "json-file", "local", "none", "syslog", NULL };

        return (char *const *)names;
}

/* The tag's template knows these words and no others. */
static const char *tag_word(const char *word, size_t len, const struct log_subject *subject)
{
        const struct {
                const char *word, *value;
        } words[] = {
                { ".FullID", subject->id },           { ".Name", subject->name },
                { ".ImageFullID", subject->image_id }, { ".ImageName", subject->image_name },
                { ".DaemonName", "davit" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
                        return words[i].value ? words[i].value : "";
        return NULL;
}

static int tag_add(const char *word, size_t len, const struct log_subject *subject, struct strbuf *out,
                   struct error *err)
{
        const char *value = tag_word(word, len, subject), *image;

        if (value) {
                strbuf_adds(out, value);
                return 0;
        }
        if (len == 3 && memcmp(word, ".ID", 3) == 0) {
                strbuf_add(out, subject->id, MIN(strlen(subject->id), (size_t)12));
                return 0;
        }
        if (len == 8 && memcmp(word, ".ImageID", 8) == 0) {
                image = subject->image_id ? subject->image_id : "";
                image = string_after(image, "sha256:") ? string_after(image, "sha256:") : image;
                strbuf_add(out, image, MIN(strlen(image), (size_t)12));
                return 0;
        }
        return error_set(err, ERROR_UNSUPPORTED, "log tag: {{%.*s}} is not supported", (int)len, word);
}

static int tag_expand(const char *template, const struct log_subject *subject, char **ret, struct error *err)
{
        cleanup_strbuf struct strbuf out = { 0 };

        for (const char *p = template; *p;) {
                const char *open = strstr(p, "{{"), *close = open ? strstr(open, "}}") : NULL, *word, *end;

                if (!close) {
                        strbuf_adds(&out, p);
                        break;
                }
                strbuf_add(&out, p, (size_t)(open - p));
                for (word = open + 2; *word == ' ';)
                        word++;
                for (end = close; end > word && end[-1] == ' ';)
                        end--;
                if (tag_add(word, (size_t)(end - word), subject, &out, err) < 0)
                        return -1;
                p = close + 2;
        }
        *ret = strbuf_take(&out);
        return 0;
}

static int regex_open(const struct strmap *options, const char *key, regex_t *ret, bool *ret_given,
                      struct error *err)
{
        const char *pattern = strmap_get(options, key);

        *ret_given = !string_empty(pattern);
        if (*ret_given && regcomp(ret, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                return error_set(err, ERROR_INVALID, "log opt %s: invalid expression: %s", key, pattern);
        return 0;
}

/* The labels or variables that the list names or the expression matches. */
static int describe_pairs(const struct strmap *options, const char *list_key, const char *regex_key,
                          const struct strmap *pairs, struct strmap *attributes, struct error *err)
{
        cleanup_strv char **list = strv_split(strmap_get(options, list_key) ? strmap_get(options, list_key) : "",
                                              ',');
        bool has_regex;
        regex_t regex;

        if (regex_open(options, regex_key, &regex, &has_regex, err) < 0)
                return -1;
        for (size_t i = 0; i < pairs->count; i++) {
                const char *key = pairs->pairs[i].key;

                if (strv_contains(list, key) || (has_regex && regexec(&regex, key, 0, NULL, 0) == 0))
                        strmap_set(attributes, key, pairs->pairs[i].value);
        }
        if (has_regex)
                regfree(&regex);
        return 0;
}

int log_describe(const char *driver, const struct strmap *options, const struct log_subject *subject,
                 struct strmap *attributes, char **ret_tag, struct error *err)
{
        static const struct strmap empty;
        cleanup_strmap struct strmap env = { 0 };
        cleanup_free char *expanded = NULL;
        const char *tag = strmap_get(options, "tag");
        bool file = string_empty(driver) || streq(driver, "json-file");

        for (size_t i = 0; subject->env && subject->env[i]; i++) {
                const char *equals = strchr(subject->env[i], '=');
                cleanup_free char *name = equals ? xstrndup(subject->env[i], (size_t)(equals - subject->env[i]))
                                                 : NULL;

                if (name)
                        strmap_set(&env, name, equals + 1);
        }
        if (describe_pairs(options, "labels", "labels-regex", subject->labels ? subject->labels : &empty,
                           attributes, err) < 0 ||
            describe_pairs(options, "env", "env-regex", &env, attributes, err) < 0)
                return -1;
        if (tag_expand(!string_empty(tag) ? tag : file ? "" : "{{.ID}}", subject, &expanded, err) < 0)
                return -1;
        if (file && *expanded)
                strmap_set(attributes, "tag", expanded);
        strmap_sort(attributes);
        free(*ret_tag);
        *ret_tag = take_ptr(expanded);
        return 0;
}
