#include "runtime/runtime.h"
#include "base/str.h"

#include <strings.h>

/* x86, ARM and the generic numbering; libc's macros give this machine's. */
static const struct {
        const char *name;
        int number;
} signals[] = {
        { "HUP", SIGHUP },     { "INT", SIGINT },   { "QUIT", SIGQUIT },     { "ILL", SIGILL },   { "TRAP", SIGTRAP },
        { "ABRT", SIGABRT },   { "IOT", SIGIOT },   { "BUS", SIGBUS },       { "FPE", SIGFPE },   { "KILL", SIGKILL },
        { "USR1", SIGUSR1 },   { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },     { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },
        { "TERM", SIGTERM },   { "CHLD", SIGCHLD }, { "CLD", SIGCHLD },      { "CONT", SIGCONT }, { "STOP", SIGSTOP },
        { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },     { "URG", SIGURG },   { "XCPU", SIGXCPU },
        { "XFSZ", SIGXFSZ },   { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
        { "POLL", SIGPOLL },   { "PWR", SIGPWR },   { "SYS", SIGSYS },
#ifdef SIGSTKFLT
        { "STKFLT", SIGSTKFLT },
#endif
        { "RTMIN", 34 },       { "RTMAX", 64 },
};

int runtime_signal_parse(const char *name, int *ret, struct error *err)
{
        cleanup_error struct error ignored = {};
        int64_t number;
        const char *s = name;

        if (string_to_int64(name, &number, &ignored) == 0) {
                if (number < 1 || number > 64)
                        return error_set(err, ERROR_INVALID, "invalid signal: %s", name);
                *ret = (int)number;
                return 0;
        }
        if (strncasecmp(s, "SIG", 3) == 0)
                s += 3;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (strcasecmp(signals[i].name, s) == 0) {
                        *ret = signals[i].number;
                        return 0;
                }
        /* RTMIN+N and RTMAX-N. */
        if (strncasecmp(s, "RTM", 3) == 0 && (strncasecmp(s + 3, "IN+", 3) == 0 || strncasecmp(s + 3, "AX-", 3) == 0)) {
                bool from_min = s[5] == '+';

                error_clear(&ignored);
                if (string_to_int64(s + 6, &number, &ignored) == 0 && number >= 0 && number <= 30) {
                        *ret = from_min ? 34 + (int)number : 64 - (int)number;
                        return 0;
                }
        }
        return error_set(err, ERROR_INVALID, "invalid signal: %s", name);
}
