#include "api/query.h"

#include "base/time.h"

int query_time(const struct request *req, const char *name, int64_t fallback, int64_t *ret, struct error *err)
{
        const char *value = request_query(req, name);
        cleanup_strv char **parts = NULL;
        int64_t seconds, fraction = 0;

        if (string_empty(value)) {
                *ret = fallback;
                return 0;
        }
        parts = strv_split(value, '.');
        if (string_to_int64(parts[0], &seconds, NULL) < 0 || seconds > INT64_MAX / NSEC_PER_SEC ||
            seconds < INT64_MIN / NSEC_PER_SEC)
                return error_set(err, ERROR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                 value);
        if (parts[1]) {
                size_t digits = strlen(parts[1]);

                if (digits > 9 || string_to_int64(parts[1], &fraction, NULL) < 0 || fraction < 0)
                        return error_set(err, ERROR_INVALID,
                                         "strconv.ParseInt: parsing \"%s\": invalid syntax", value);
                for (; digits < 9; digits++)
                        fraction *= 10;
        }
        *ret = seconds * NSEC_PER_SEC + fraction;
        return 0;
}

int query_size(const struct request *req, int *ret_height, int *ret_width, struct error *err)
{
        static const struct {
                const char *name, *what;
        } sides[] = { { "h", "height" }, { "w", "width" } };
        int values[2] = {};

        for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
                const char *text = request_query_default(req, sides[i].name, "");
                uint64_t number;

                if (string_to_uint64(text, &number, NULL) < 0)
                        return error_set(err, ERROR_INVALID, "invalid resize %s \"%s\": invalid syntax",
                                         sides[i].what, text);
                if (number > UINT32_MAX)
                        return error_set(err, ERROR_INVALID, "invalid resize %s \"%s\": value out of range",
                                         sides[i].what, text);
                values[i] = (int)MIN(number, (uint64_t)UINT16_MAX);
        }
        *ret_height = values[0];
        *ret_width = values[1];
        return 0;
}

const char *stream_media_type(const struct request *req, bool tty, bool needs_upgrade)
{
        bool upgraded = http_head_get(&req->head, "Upgrade") != NULL;

        if (tty || req->version < 42 || (needs_upgrade && !upgraded))
                return "application/vnd.docker.raw-stream";
        return "application/vnd.docker.multiplexed-stream";
}
