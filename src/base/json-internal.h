/* What the parts of json.c share: the members behind a table's rows. */
#pragma once

#include "base/json.h"

/* Where a field's number of elements lies. */
static inline size_t *json_count_of(const struct json_field *field, const void *in)
{
        return (size_t *)((char *)in + field->count_offset);
}

/* Frees what the member at `p` holds and makes it empty. `count` is used by types that have one. */
void json_field_free(const struct json_field *field, void *p, size_t *count);
