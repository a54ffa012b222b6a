/* Capabilities, devices, limits. */
#include "cli/container-grammar.h"
#include "base/units.h"

#include <ctype.h>
#include <strings.h>

/* ---- Capabilities ---- */

#define CAPABILITY_ALL "ALL"
#define CAPABILITY_RESET "RESET"

/* "net_admin" → "CAP_NET_ADMIN", each once; ALL is all of them. */
static char **normal_capabilities(char *const *names)
{
        char **list = NULL;

        for (; names && *names; names++) {
                bool special =
                    strcasecmp(*names, CAPABILITY_ALL) == 0 || strcasecmp(*names, CAPABILITY_RESET) == 0;
                cleanup_free char *name = string_format(
                    "%s%s", special || strncasecmp(*names, "CAP_", 4) == 0 ? "" : "CAP_", *names);

                for (char *p = name; *p; p++)
                        *p = (char)toupper((unsigned char)*p);
                if (!strv_contains(list, name))
                        strv_append(&list, name);
        }
        if (strv_contains(list, CAPABILITY_ALL)) {
                strv_free(list);
                list = NULL;
                strv_append(&list, CAPABILITY_ALL);
        }
        strv_sort(list);
        return list;
}

void grammar_capabilities(char *const *add, char *const *drop, struct host_config *h)
{
        cleanup_strv char **added = normal_capabilities(add), **dropped = normal_capabilities(drop);

        for (char **name = added; name && *name; name++)
                if (!streq(*name, CAPABILITY_RESET))
                        strv_append(&h->cap_add, *name);
        for (char **name = dropped; name && *name; name++)
                if (!streq(*name, CAPABILITY_RESET) &&
                    (streq(*name, CAPABILITY_ALL) || !strv_contains(added, *name)))
                        strv_append(&h->cap_drop, *name);
}

static bool is_access(const char *text)
{
        return *text && strspn(text, "rwm") == strlen(text) && strlen(text) <= 3;
}

/* "TYPE MAJOR:MINOR ACCESS", numbers or stars. */
int check_device_cgroup_rule(const char *value, struct error *err)
{
        const char *p = value;
        bool fine = *p && strchr("acb", *p) && p[1] == ' ';

        p += fine ? 2 : 0;
        for (int i = 0; fine && i < 2; i++) {
                size_t digits = *p == '*' ? 1 : strspn(p, "0123456789");

                fine = digits > 0 && p[digits] == (i == 0 ? ':' : ' ');
                p += digits + 1;
        }
        return fine && is_access(p)
                   ? 0
                   : error_set(err, ERROR_INVALID, "invalid device cgroup format '%s'", value);
}

static int check_device_path(const char *path, struct error *err)
{
        return *path == '/' ? 0 : error_set(err, ERROR_INVALID, "%s is not an absolute path", path);
}

int grammar_devices(char *const *devices, struct host_config *h, struct error *err)
{
        for (; devices && *devices; devices++) {
                cleanup_strv char **parts = strv_split(*devices, ':');
                struct device_mapping d = {};
                const char *inside = NULL, *access = "rwm";
                size_t n = strv_length(parts);

                if (n > 3 || string_empty(parts[0]))
                        return error_set(err, ERROR_INVALID, "bad format for path: %s", *devices);
                if (n == 3) {
                        inside = parts[1];
                        access = parts[2];
                        if (!is_access(access))
                                return error_set(err, ERROR_INVALID, "bad mode specified: %s", access);
                } else if (n == 2 && is_access(parts[1])) {
                        access = parts[1];
                } else if (n == 2) {
                        inside = parts[1];
                }
                if (check_device_path(inside ? inside : parts[0], err) < 0)
                        return -1;
                d.path_on_host = xstrdup(parts[0]);
                d.path_in_container = xstrdup(string_empty(inside) ? parts[0] : inside);
                d.cgroup_permissions = xstrdup(access);
                ARRAY_APPEND(h->devices, h->n_devices, d);
        }
        return 0;
}

static const char *const ulimit_names[] = { "core",    "cpu",      "data",   "fsize",      "locks",
                                            "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                            "rss",     "rtprio",   "rttime", "sigpending", "stack" };

int grammar_ulimit(const char *text, struct ulimit *ret, struct error *err)
{
        const char *equals = strchr(text, '=');
        cleanup_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
        cleanup_strv char **limits = equals ? strv_split(equals + 1, ':') : NULL;
        int64_t soft, hard;
        bool known = false;

        if (!name)
                return error_set(err, ERROR_INVALID, "invalid ulimit argument: %s", text);
        for (size_t i = 0; i < ARRAY_SIZE(ulimit_names); i++)
                known |= streq(name, ulimit_names[i]);
        if (!known)
                return error_set(err, ERROR_INVALID, "invalid ulimit type: %s", name);
        if (strv_length(limits) > 2)
                return error_set(
                    err, ERROR_INVALID,
                    "too many limit value arguments - %s, can only have up to two, `soft[:hard]`",
                    equals + 1);
        if (string_to_int64(limits[0], &soft, NULL) < 0)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                 limits[0]);
        hard = soft;
        if (limits[1] && string_to_int64(limits[1], &hard, NULL) < 0)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                 limits[1]);
        if (hard != -1 && (soft == -1 || soft > hard))
                return error_set(err, ERROR_INVALID,
                                 "ulimit soft limit must be less than or equal to hard limit: %s%" PRId64
                                 " > %" PRId64,
                                 soft == -1 ? "soft: " : "", soft, hard);
        *ret = (struct ulimit){ take_ptr(name), hard, soft };
        return 0;
}

int check_ulimit(const char *value, struct error *err)
{
        struct ulimit u = {};
        int r = grammar_ulimit(value, &u, err);

        free(u.name);
        return r;
}

static int compare_ulimits(const void *a, const void *b)
{
        return strcmp(((const struct ulimit *)a)->name, ((const struct ulimit *)b)->name);
}

int grammar_ulimits(char *const *ulimits, struct host_config *h, struct error *err)
{
        for (; ulimits && *ulimits; ulimits++) {
                struct ulimit u = {};
                size_t i = 0;

                if (grammar_ulimit(*ulimits, &u, err) < 0)
                        return -1;
                while (i < h->n_ulimits && !streq(h->ulimits[i].name, u.name))
                        i++;
                if (i < h->n_ulimits) {
                        free(h->ulimits[i].name);
                        h->ulimits[i] = u;
                } else {
                        ARRAY_APPEND(h->ulimits, h->n_ulimits, u);
                }
        }
        if (h->n_ulimits)
                qsort(h->ulimits, h->n_ulimits, sizeof(*h->ulimits), compare_ulimits);
        return 0;
}

/* "/dev/sda:1mb" or "/dev/sda:100". */
static int parse_throttle(const char *text, bool bytes, struct throttle_device *ret, struct error *err)
{
        const char *colon = strrchr(text, ':');
        const char *unit = bytes ? "<number>[<unit>]. Number must be a positive integer. Unit is optional "
                                   "and can be kb, mb, or gb"
                                 : "<number>. Number must be a positive integer";
        int64_t rate = 0;
        uint64_t number;

        if (!colon || colon == text)
                return error_set(err, ERROR_INVALID, "bad format: %s", text);
        if (!string_after(text, "/dev/"))
                return error_set(err, ERROR_INVALID, "bad format for device path: %s", text);
        if (bytes ? size_parse(colon + 1, &rate, NULL) < 0 || rate < 0
                  : string_to_uint64(colon + 1, &number, NULL) < 0)
                return error_set(err, ERROR_INVALID,
                                 "invalid rate for device: %s. The correct format is <device-path>:%s", text,
                                 unit);
        *ret = (struct throttle_device){ xstrndup(text, (size_t)(colon - text)),
                                         bytes ? (uint64_t)rate : number };
        return 0;
}

static int check_throttle(const char *value, bool bytes, struct error *err)
{
        struct throttle_device d = {};
        int r = parse_throttle(value, bytes, &d, err);

        free(d.path);
        return r;
}

int check_throttle_bps(const char *value, struct error *err)
{
        return check_throttle(value, true, err);
}

int check_throttle_iops(const char *value, struct error *err)
{
        return check_throttle(value, false, err);
}

int grammar_throttles(char *const *texts, bool bytes, struct throttle_device **ret, size_t *ret_count,
                      struct error *err)
{
        for (; texts && *texts; texts++) {
                struct throttle_device d = {};

                if (parse_throttle(*texts, bytes, &d, err) < 0)
                        return -1;
                ARRAY_APPEND(*ret, *ret_count, d);
        }
        return 0;
}

static int parse_weight(const char *text, struct weight_device *ret, struct error *err)
{
        const char *colon = strchr(text, ':');
        int64_t weight;

        if (!colon || colon == text || strchr(colon + 1, ':'))
                return error_set(err, ERROR_INVALID, "bad format: %s", text);
        if (!string_after(text, "/dev/"))
                return error_set(err, ERROR_INVALID, "bad format for device path: %s", text);
        if (string_to_int64(colon + 1, &weight, NULL) < 0 || (weight && (weight < 10 || weight > 1000)))
                return error_set(err, ERROR_INVALID, "invalid weight for device: %s", text);
        *ret = (struct weight_device){ xstrndup(text, (size_t)(colon - text)), (int)weight };
        return 0;
}

int check_weight(const char *value, struct error *err)
{
        struct weight_device d = {};
        int r = parse_weight(value, &d, err);

        free(d.path);
        return r;
}

int grammar_weights(char *const *texts, struct host_config *h, struct error *err)
{
        for (; texts && *texts; texts++) {
                struct weight_device d = {};

                if (parse_weight(*texts, &d, err) < 0)
                        return -1;
                ARRAY_APPEND(h->blkio_weight_device, h->n_blkio_weight_device, d);
        }
        return 0;
}

/* NAME=VALUE of a sysctl that has a namespace of its own. */
int check_sysctl(const char *value, struct error *err)
{
        static const char *const names[] = { "kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                             "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                             "kernel.shmmni", "kernel.shm_rmid_forced" };
        const char *equals = strchr(value, '=');
        cleanup_free char *name = equals ? xstrndup(value, (size_t)(equals - value)) : NULL;

        if (name && (string_after(name, "net.") || string_after(name, "fs.mqueue.")))
                return 0;
        for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
                if (streq(name, names[i]))
                        return 0;
        return error_set(err, ERROR_INVALID, "sysctl '%s' is not allowed", value);
}
