#pragma once

#include "runtime/runtime-internal.h"

/* init.c */
int init_main(void *argument, int sync, struct error *err);
int init_before(void *argument, struct error *err);
void signals_reset(void);
