#include "tables.h"
int table_parse(json_object *q, json_object **ret, struct error *err)
{
        (void)q; (void)ret;
        return error_set(err, ERROR_INVALID, "none");
}
int table_instructions(json_object *q, json_object **ret, struct error *err)
{
        (void)q; (void)ret;
        return error_set(err, ERROR_INVALID, "none");
}
