/* The program itself as a command: its options and its tree. */
#include "cli/root.h"
#include "cli/commands.h"

static const struct option global_options[] = {
        OPTION_STRING("config", 0, struct global_options, config, "Location of client config files"),
        OPTION_STRING("context", 'c', struct global_options, context,
                      "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var "
                      "and default context set with \"docker context use\")"),
        OPTION_BOOL("debug", 'D', struct global_options, debug, "Enable debug mode"),
        OPTION_STRING("host", 'H', struct global_options, host, "Daemon socket to connect to"),
        OPTION_STRING("log-level", 'l', struct global_options, log_level,
                      "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\")",
                      "\"info\""),
        OPTION_BOOL("tls", 0, struct global_options, tls, "Use TLS; implied by --tlsverify"),
        OPTION_STRING("tlscacert", 0, struct global_options, tlscacert, "Trust certs signed only by this CA"),
        OPTION_STRING("tlscert", 0, struct global_options, tlscert, "Path to TLS certificate file"),
        OPTION_STRING("tlskey", 0, struct global_options, tlskey, "Path to TLS key file"),
        OPTION_BOOL("tlsverify", 0, struct global_options, tlsverify, "Use TLS and verify the remote"),
        OPTION_BOOL("version", 'v', struct global_options, version, "Print version information and quit"),
};
const struct command root_command = {
        .name = "davit",
        .usage = "[OPTIONS] COMMAND",
        .summary = "A self-sufficient runtime for containers",
        COMMAND_OPTIONS(global_options, struct global_options),
        .max_args = -1,
        .options_first = true,
        .commands = all_commands,
};
