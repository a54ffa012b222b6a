/* Instants are nanoseconds since 1970 UTC in an int64_t; durations are nanoseconds, as Go's time.Duration.
 * The zero instant of Go ("0001-01-01T00:00:00Z") is TIME_ZERO. */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define TIME_ZERO INT64_MIN
#define TIME_RFC3339_MAX 40

int64_t time_now(void);       /* CLOCK_REALTIME */
int64_t time_monotonic(void); /* CLOCK_MONOTONIC */

/* Go's RFC3339Nano in UTC: trailing zeros of the fraction are dropped; TIME_ZERO prints as year 1. */
void time_format_rfc3339nano(int64_t t, char ret[TIME_RFC3339_MAX]);
/* As above with all nine digits (json-file logs with --timestamps). */
void time_format_rfc3339fixed(int64_t t, char ret[TIME_RFC3339_MAX]);
/* RFC 3339 with any fraction and offset. */
int time_parse_rfc3339(const char *s, int64_t *ret, struct error *err);

/* Go's time.ParseDuration and Duration.String ("1h2m3.5s", "100ms", "0s"). The result of the second is heap. */
int duration_parse(const char *s, int64_t *ret, struct error *err);
char *duration_format(int64_t d);
/* docker's go-units HumanDuration: "Less than a second", "5 seconds", "About a minute", "3 weeks". Heap. */
char *duration_human(int64_t d);
