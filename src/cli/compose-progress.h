/* What compose is doing, on standard error (COMPOSE_STATUS_STDOUT: standard output): lines, JSON, or on a
 * terminal a list that is drawn in place. */
#pragma once

#include "cli/command.h"
#include "compose/engine.h"

struct compose_progress;
struct compose_progress *compose_progress_new(const struct cli *cli, const char *title);
void compose_progress_event(struct compose_progress *p, const struct compose_event *event);
/* The list on the terminal is left as it is; the next event begins another. */
void compose_progress_end(struct compose_progress *p);
/* Are other words of ours wanted beside it? Not with --progress quiet and json. */
bool compose_progress_talks(const struct compose_progress *p);
void compose_progress_free(struct compose_progress *p);
