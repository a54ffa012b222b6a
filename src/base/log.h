/* The engine's and the shim's own diagnostics, on standard error in logfmt. Never used below the top for errors that
 * are returned. Thread-safe. */
#pragma once

#include "base/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_FATAL };

void log_set_level(enum log_level level);
/* "debug", "info", "warn", "error", "fatal". */
int log_level_parse(const char *name, enum log_level *ret, struct error *err);
void log_write(enum log_level level, const char *format, ...) PRINTF_FORMAT(2, 3);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
