#include "base/log.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/time.h"

static enum log_level threshold = LOG_LEVEL_INFO;
static const char *const names[] = { "debug", "info", "warning", "error", "fatal" };

void log_set_level(enum log_level level)
{
        threshold = level;
}

int log_level_parse(const char *name, enum log_level *ret, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(name, names[i]) || (i == LOG_LEVEL_WARN && streq(name, "warn"))) {
                        *ret = (enum log_level)i;
                        return 0;
                }
        return error_set(err, ERROR_INVALID, "invalid logging level: %s", name);
}

void log_write(enum log_level level, const char *format, ...)
{
        cleanup_strbuf struct strbuf text = {}, line = {};
        char now[TIME_RFC3339_MAX];
        va_list args;

        if (level < threshold)
                return;
        va_start(args, format);
        strbuf_vaddf(&text, format, args);
        va_end(args);
        time_format_rfc3339nano(time_now(), now);
        strbuf_addf(&line, "time=\"%s\" level=%s msg=\"", now, names[level]);
        for (const char *p = text.data ? text.data : ""; *p; p++) {
                if (*p == '"' || *p == '\\')
                        strbuf_addc(&line, '\\');
                if (*p == '\n')
                        strbuf_adds(&line, "\\n");
                else
                        strbuf_addc(&line, *p);
        }
        strbuf_adds(&line, "\"\n");
        fd_write_all(STDERR_FILENO, line.data, line.len);
}
