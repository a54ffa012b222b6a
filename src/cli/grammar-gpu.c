/* --gpus: "all", "2", "device=0,1", "driver=nvidia,capabilities=compute". */
#include "cli/container-grammar.h"

struct gpu_request {
        struct device_request request;
        char **capabilities;
};

static int parse_count(const char *text, int *ret, struct error *err)
{
        int64_t number;

        if (streq(text, "all")) {
                *ret = -1;
                return 0;
        }
        if (string_to_int64(text, &number, NULL) < 0 || number > INT32_MAX || number < INT32_MIN)
                return error_set(
                    err, ERROR_INVALID,
                    "invalid count (%s): value must be either \"all\" or an integer: invalid syntax", text);
        *ret = (int)number;
        return 0;
}

static int gpu_field(struct gpu_request *r, const char *key, const char *value, struct error *err)
{
        if (streq(key, "driver")) {
                replace_string(&r->request.driver, value);
        } else if (streq(key, "count")) {
                return parse_count(value, &r->request.count, err);
        } else if (streq(key, "device")) {
                r->request.device_ids = strv_split(value, ',');
        } else if (streq(key, "capabilities")) {
                cleanup_strv char **list = strv_split(value, ',');

                strv_extend(&r->capabilities, list);
        } else if (streq(key, "options")) {
                cleanup_strv char **list = strv_split(value, ',');

                for (char **option = list; *option; option++)
                        grammar_set_pair(&r->request.options, *option);
        } else {
                return error_set(err, ERROR_INVALID, "unexpected key '%s' in '%s=%s'", key, key, value);
        }
        return 0;
}

static int parse_gpus(const char *text, struct gpu_request *r, struct error *err)
{
        cleanup_strv char **fields = NULL, **seen = NULL;

        if (grammar_split_csv(text, &fields, err) < 0)
                return -1;
        r->request.options.given = true;
        for (char **field = fields; *field; field++) {
                const char *equals = strchr(*field, '=');
                cleanup_free char *key =
                    equals ? xstrndup(*field, (size_t)(equals - *field)) : xstrdup("count");

                if (strv_contains(seen, key))
                        return error_set(err, ERROR_INVALID,
                                         "gpu request key '%s' can be specified only once", key);
                strv_append(&seen, key);
                if (gpu_field(r, key, equals ? equals + 1 : *field, err) < 0)
                        return -1;
        }
        if (!strv_contains(seen, "count") && !r->request.device_ids)
                r->request.count = 1;
        if (!strv_contains(r->capabilities, "gpu"))
                strv_append(&r->capabilities, "gpu");
        return 0;
}

static void gpu_request_deinit(struct gpu_request *r)
{
        struct host_config h = { .device_requests = xmemdup(&r->request, sizeof(r->request)),
                                 .n_device_requests = 1 };

        json_free_fields(&host_config_table, &h);
        strv_free(r->capabilities);
}

int check_gpus(const char *value, struct error *err)
{
        struct gpu_request r = {};
        int result = parse_gpus(value, &r, err);

        gpu_request_deinit(&r);
        return result;
}

int grammar_gpus(const char *text, struct host_config *h, struct error *err)
{
        struct gpu_request r = {};
        json_object *all, *one;

        if (!text)
                return 0;
        if (parse_gpus(text, &r, err) < 0) {
                gpu_request_deinit(&r);
                return -1;
        }
        all = json_object_new_array();
        one = json_object_new_array();
        for (char **name = r.capabilities; *name; name++)
                json_object_array_add(one, json_object_new_string(*name));
        json_object_array_add(all, one);
        r.request.capabilities = all;
        ARRAY_APPEND(h->device_requests, h->n_device_requests, r.request);
        strv_free(r.capabilities);
        return 0;
}
