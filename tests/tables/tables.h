/* The reference's answers, one JSON object a line: {"q": {"op": …}, "a": {"ok": …} or {"error": …}}. An op
 * has a function that answers as davit does; answers are compared as trees. */
#pragma once

#include "base/json.h"

/* The answer as JSON; -1 with `err` when davit says that the question is wrong. */
typedef int (*table_op)(json_object *question, json_object **ret, struct error *err);

int table_word(json_object *q, json_object **ret, struct error *err);
int table_words(json_object *q, json_object **ret, struct error *err);
int table_match(json_object *q, json_object **ret, struct error *err);
int table_match_one(json_object *q, json_object **ret, struct error *err);
int table_ignore(json_object *q, json_object **ret, struct error *err);
int table_reference(json_object *q, json_object **ret, struct error *err);
int table_parse(json_object *q, json_object **ret, struct error *err);
int table_instructions(json_object *q, json_object **ret, struct error *err);
int table_compose(json_object *q, json_object **ret, struct error *err);

static inline json_object *json_strings(char *const *list)
{
        json_object *array = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(array, json_object_new_string(*list));
        return array;
}
