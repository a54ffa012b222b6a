/* --platform as the API takes it. */
#pragma once

#include "base/error.h"

struct client_query;
/* Adds `name`={"os": …} for "os[/arch[/variant]]"; NULL and "": nothing. ERROR_INVALID. */
int platform_option_add(struct client_query *q, const char *name, const char *text, struct error *err);
