/* Health checks: the pure machine that turns probe results into a status. Running the probes is health-probe.c's. */
#pragma once

#include "shim/config.h"
#include "shim/state.h"

#include <stdbool.h>

#define HEALTH_STARTING "starting"
#define HEALTH_HEALTHY "healthy"
#define HEALTH_UNHEALTHY "unhealthy"

/* Is there a check at all? ({} and {"NONE"} are none.) */
bool health_is_configured(const struct health_config *config);
/* Zeroes become Docker's defaults: 30 s, 30 s, 0, 5 s, 3. */
void health_defaults(struct health_config *config);

/* A new run begins: "starting", nothing logged. */
struct health_state *health_begin(void);
void health_end(struct health_state *health); /* frees */
/* How long until the next probe: the start interval while it is starting within the start period. */
int64_t health_delay(const struct health_config *config, const struct health_state *health, int64_t running_for);
/* Takes a result (its output becomes the state's). True when the status changed. `ran_for`: from the container's start
 * to the probe's. */
bool health_take(struct health_state *health, const struct health_config *config, struct health_result *result,
                 int64_t ran_for);
