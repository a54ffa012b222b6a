#include "api/route.h"
#include "api/resources.h"

static const struct route_list *const resources[] = {
        &system_routes,
        &container_routes,
        &container_stream_routes,
        &attach_websocket_routes,
        &build_routes,
        &build_classic_routes,
        &exec_routes,
        &archive_routes,
        &image_transfer_routes,
        &registry_routes,
        &image_routes,
        &volume_routes,
        &network_routes,
        &swarm_routes,
};

void route_params_deinit(struct route_params *params)
{
        for (size_t i = 0; i < params->count; i++)
                free(params->values[i]);
        *params = (struct route_params){};
}

/* Fills one parameter from `len` bytes of the path. */
static bool take_param(const char *name, size_t name_len, const char *text, size_t len,
                       struct route_params *params)
{
        char *value;

        if (len == 0 || params->count == ROUTE_PARAMS_MAX ||
            http_unescape(text, len, false, &value, NULL) < 0)
                return false;
        params->names[params->count] = name;
        params->name_lengths[params->count] = name_len;
        params->values[params->count++] = value;
        return true;
}

static bool match(const char *pattern, const char *path, struct route_params *params)
{
        while (*pattern && *path) {
                const char *close, *rest;
                size_t len;

                if (*pattern != '{') {
                        if (*pattern++ != *path++)
                                return false;
                        continue;
                }
                close = strchr(pattern, '}');
                rest = close + 1;
                if (close[-1] == '*') {
                        /* Takes what leaves exactly the rest of the pattern, which is plain text. */
                        size_t path_len = strlen(path), rest_len = strlen(rest);

                        if (path_len < rest_len || !streq(path + path_len - rest_len, rest))
                                return false;
                        return take_param(pattern + 1, (size_t)(close - pattern - 2), path,
                                          path_len - rest_len, params);
                }
                len = strcspn(path, "/");
                if (!take_param(pattern + 1, (size_t)(close - pattern - 1), path, len, params))
                        return false;
                pattern = rest;
                path += len;
        }
        return !*pattern && !*path;
}

const struct route *route_find(const char *method, const char *path, struct route_params *params)
{
        for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
                for (size_t j = 0; j < resources[i]->count; j++) {
                        const struct route *route = &resources[i]->routes[j];

                        if (streq(route->method, method) && match(route->pattern, path, params))
                                return route;
                        route_params_deinit(params);
                }
        }
        return NULL;
}

size_t route_version_length(const char *path)
{
        size_t len;

        if (path[0] != '/' || path[1] != 'v')
                return 0;
        len = strspn(path + 2, "0123456789.");
        return len > 0 && path[2 + len] == '/' ? len : 0;
}

int route_version_parse(const char *version, size_t len, int *ret_minor, struct error *err)
{
        cleanup_free char *text = xstrndup(version, len);
        long major, minor = 0;
        char *end;

        if (len == 0) {
                *ret_minor = API_VERSION_MINOR;
                return 0;
        }
        major = strtol(text, &end, 10);
        if (*end == '.')
                minor = strtol(end + 1, &end, 10);
        if (major < 1 || (major == 1 && minor < API_VERSION_MIN_MINOR))
                return error_set(
                    err, ERROR_INVALID,
                    "client version %s is too old. Minimum supported API version is 1.%d, please upgrade "
                    "your client to a newer version",
                    text, API_VERSION_MIN_MINOR);
        if (major > 1 || minor > API_VERSION_MINOR || *end)
                return error_set(err, ERROR_INVALID,
                                 "client version %s is too new. Maximum supported API version is 1.%d", text,
                                 API_VERSION_MINOR);
        *ret_minor = (int)minor;
        return 0;
}
