/* completion: scripts for shells, all of which ask `__complete`, and `__complete` itself: candidates for the
 * last word of a command line, "WORD\tDESCRIPTION" a line, then ":4" (no file names) or ":0" (file names are
 * fine). */
#include "cli/command.h"
#include "client/client.h"

#include <stdio.h>

/* ---- Candidates ---- */

static void offer(const char *word, const char *prefix, const char *description)
{
        if (!string_after(word, prefix))
                return;
        printf("%s", word);
        if (!string_empty(description))
                printf("\t%.*s", (int)strcspn(description, "\n"), description);
        putchar('\n');
}

static void offer_commands(const struct command *parent, const char *prefix)
{
        for (size_t i = 0; parent->commands && parent->commands[i]; i++)
                if (!parent->commands[i]->hidden)
                        offer(parent->commands[i]->name, prefix, parent->commands[i]->summary);
}

static void offer_options(const struct command *command, const char *prefix)
{
        for (size_t i = 0; i < command->n_options; i++) {
                const struct option *o = &command->options[i];
                cleanup_free char *name = string_format("--%s", o->name);

                if (o->hidden)
                        continue;
                offer(name, prefix, o->help);
                if (o->shorthand) {
                        char letter[3] = { '-', o->shorthand };

                        offer(letter, prefix, o->help);
                }
        }
        offer("--help", prefix, "Print usage");
}

/* ---- Names that the engine knows ---- */

enum object {
        CONTAINERS_ALL,
        CONTAINERS_RUNNING,
        CONTAINERS_STOPPED,
        CONTAINERS_PAUSED,
        IMAGES,
        VOLUMES,
        NETWORKS,
        CONTEXTS,
        N_OBJECTS
};

static void offer_name(const char *name, const char *prefix)
{
        if (name)
                offer(*name == '/' ? name + 1 : name, prefix, NULL);
}

static void offer_objects(struct cli *cli, enum object kind, const char *prefix)
{
        static const struct {
                const char *path, *list, *names;
        } sources[N_OBJECTS] = {
                [CONTAINERS_ALL] = { "/containers/json?all=1", NULL, "Names" },
                [CONTAINERS_RUNNING] = { "/containers/json", NULL, "Names" },
                [CONTAINERS_STOPPED] = { "/containers/"
                                         "json?all=1&filters=%7B%22status%22%3A%5B%22created%22%2C%22exited%"
                                         "22%5D%7D",
                                         NULL, "Names" },
                [CONTAINERS_PAUSED] = { "/containers/json?filters=%7B%22status%22%3A%5B%22paused%22%5D%7D",
                                        NULL, "Names" },
                [IMAGES] = { "/images/json", NULL, "RepoTags" },
                [VOLUMES] = { "/volumes", "Volumes", "Name" },
                [NETWORKS] = { "/networks", NULL, "Name" },
        };
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        struct client *client;
        json_object *list;

        if (!sources[kind].path || cli_client(cli, &client, NULL) < 0)
                return;
        strbuf_adds(&q.text, sources[kind].path);
        if (client_call(client, "GET", &q, NULL, &answer, NULL, NULL) < 0)
                return;
        list = sources[kind].list ? json_get(answer, sources[kind].list) : answer;
        for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
             i++) {
                json_object *names = json_get(json_object_array_get_idx(list, i), sources[kind].names);

                if (json_object_is_type(names, json_type_string))
                        offer_name(json_object_get_string(names), prefix);
                for (size_t j = 0;
                     json_object_is_type(names, json_type_array) && j < json_object_array_length(names); j++)
                        offer_name(json_object_get_string(json_object_array_get_idx(names, j)), prefix);
        }
}

/* What the arguments of commands are, by the name of the command; those of a group come first. Without a
 * group: at the top and in `container` or `image`. */
static const struct {
        const char *group, *name;
        enum object object;
} argument_kinds[] = {
        { "image", "rm", IMAGES },
        { "image", "inspect", IMAGES },
        { "image", "ls", IMAGES },
        { "volume", "rm", VOLUMES },
        { "volume", "inspect", VOLUMES },
        { "network", "rm", NETWORKS },
        { "network", "inspect", NETWORKS },
        { "network", "connect", NETWORKS },
        { "network", "disconnect", NETWORKS },
        { "container", "inspect", CONTAINERS_ALL },
        { NULL, "inspect", CONTAINERS_ALL },
        { NULL, "attach", CONTAINERS_RUNNING },
        { NULL, "commit", CONTAINERS_ALL },
        { NULL, "cp", CONTAINERS_ALL },
        { NULL, "diff", CONTAINERS_ALL },
        { NULL, "exec", CONTAINERS_RUNNING },
        { NULL, "export", CONTAINERS_ALL },
        { NULL, "kill", CONTAINERS_RUNNING },
        { NULL, "logs", CONTAINERS_ALL },
        { NULL, "pause", CONTAINERS_RUNNING },
        { NULL, "port", CONTAINERS_RUNNING },
        { NULL, "rename", CONTAINERS_ALL },
        { NULL, "restart", CONTAINERS_ALL },
        { NULL, "rm", CONTAINERS_ALL },
        { NULL, "start", CONTAINERS_STOPPED },
        { NULL, "stats", CONTAINERS_RUNNING },
        { NULL, "stop", CONTAINERS_RUNNING },
        { NULL, "top", CONTAINERS_RUNNING },
        { NULL, "unpause", CONTAINERS_PAUSED },
        { NULL, "update", CONTAINERS_ALL },
        { NULL, "wait", CONTAINERS_RUNNING },
        { NULL, "create", IMAGES },
        { NULL, "history", IMAGES },
        { NULL, "push", IMAGES },
        { NULL, "rmi", IMAGES },
        { NULL, "run", IMAGES },
        { NULL, "save", IMAGES },
        { NULL, "tag", IMAGES },
        { NULL, "images", IMAGES },
};

static const struct {
        const char *option;
        enum object object;
} option_kinds[] = { { "network", NETWORKS },
                     { "net", NETWORKS },
                     { "volumes-from", CONTAINERS_ALL },
                     { "link", CONTAINERS_ALL } };

/* ---- The command line ---- */

struct position {
        const struct command *command;
        const char *group;           /* of its parent; NULL at the top */
        const struct option *awaits; /* the option whose value comes next */
        size_t n_args;
};

static const struct option *option_named(const struct command *command, const char *word)
{
        for (size_t i = 0; i < command->n_options; i++) {
                const struct option *o = &command->options[i];

                if (string_after(word, "--") ? streq(word + 2, o->name)
                                             : word[1] == o->shorthand && o->shorthand && !word[2])
                        return o;
        }
        return NULL;
}

static void walk(struct position *p, const char *word)
{
        const struct command *next;

        if (p->awaits) {
                p->awaits = NULL;
                return;
        }
        if (*word == '-') {
                const struct option *o = option_named(p->command, word);

                if (o && o->kind != OPTION_KIND_BOOL && !o->implied)
                        p->awaits = o;
                return;
        }
        next = p->command->commands && p->n_args == 0 ? command_find(p->command, word) : NULL;
        if (!next) {
                p->n_args++;
                return;
        }
        p->group = p->command == &root_command ? NULL : p->command->name;
        p->command = next;
}

static bool belongs(const char *group, enum object object)
{
        return !group || streq(group, "container") || (streq(group, "image") && object == IMAGES);
}

static void offer_arguments(struct cli *cli, const struct position *p, const char *prefix)
{
        for (size_t i = 0; i < ARRAY_SIZE(argument_kinds); i++) {
                const char *group = argument_kinds[i].group;

                if (!streq(argument_kinds[i].name, p->command->name))
                        continue;
                if (group ? !streq(group, p->group) : !belongs(p->group, argument_kinds[i].object))
                        continue;
                /* A command that runs another has one name before it. */
                if (p->command->options_first && p->n_args > 0)
                        return;
                offer_objects(cli, argument_kinds[i].object, prefix);
                return;
        }
}

/* Returns whether file names make sense as well. */
static bool complete(struct cli *cli, const struct position *p, const char *prefix)
{
        if (p->awaits) {
                for (size_t i = 0; i < ARRAY_SIZE(option_kinds); i++)
                        if (streq(option_kinds[i].option, p->awaits->name)) {
                                offer_objects(cli, option_kinds[i].object, prefix);
                                return false;
                        }
                return true;
        }
        if (*prefix == '-') {
                offer_options(p->command, prefix);
                return false;
        }
        if (p->command->commands && p->n_args == 0) {
                offer_commands(p->command, prefix);
                return false;
        }
        offer_arguments(cli, p, prefix);
        return streq(p->command->name, "cp") || streq(p->command->name, "import") ||
               streq(p->command->name, "build");
}

static int run_complete(struct cli *cli, struct invocation *call, struct error *err)
{
        struct position p = { .command = &root_command };
        size_t n = strv_length(call->args);
        bool files;

        (void)err;
        if (n == 0)
                return 0;
        for (size_t i = 0; i + 1 < n; i++)
                walk(&p, call->args[i]);
        files = complete(cli, &p, call->args[n - 1]);
        puts(files ? ":0" : ":4");
        return 0;
}

const struct command complete_command = { .name = "__complete",
                                          .usage = "[ARG...]",
                                          .summary = "Candidates for a shell",
                                          .hidden = true,
                                          .options_first = true,
                                          .verbatim = true,
                                          .max_args = -1,
                                          .run = run_complete };

/* ---- Scripts; NAME stands for the program ---- */

static const char bash_script[] =
    "# bash completion for NAME: source <(NAME completion bash)\n"
    "_NAME_complete()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} line answer directive=4\n"
    "    local -a words=()\n"
    "    answer=$(\"${COMP_WORDS[0]}\" __complete \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" \"$word\" 2>/dev/null) "
    "|| return\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :[0-9]*) directive=${line#:} ;;\n"
    "        *) words+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done <<<\"$answer\"\n"
    "    COMPREPLY=()\n"
    "    for line in \"${words[@]}\"; do\n"
    "        [ -z \"$line\" ] || COMPREPLY+=(\"$line\")\n"
    "    done\n"
    "    if [ \"$directive\" = 0 ] && [ ${#COMPREPLY[@]} -eq 0 ]; then\n"
    "        compopt -o default 2>/dev/null\n"
    "    fi\n"
    "    # A colon splits words for bash: what is before it is already on the line.\n"
    "    if declare -F __ltrim_colon_completions >/dev/null; then\n"
    "        __ltrim_colon_completions \"$word\"\n"
    "    fi\n"
    "}\n"
    "complete -F _NAME_complete NAME\n";

static const char zsh_script[] =
    "#compdef NAME\n"
    "# zsh completion for NAME: source <(NAME completion zsh), or save it as _NAME in a folder of $fpath\n"
    "_NAME()\n"
    "{\n"
    "    local line directive=4\n"
    "    local -a answer candidates\n"
    "    answer=(\"${(@f)$(${words[1]} __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    for line in $answer; do\n"
    "        case $line in\n"
    "        :[0-9]*)\n"
    "            directive=${line#:}\n"
    "            ;;\n"
    "        *$'\\t'*)\n"
    "            candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "            ;;\n"
    "        ?*)\n"
    "            candidates+=(\"${line//:/\\\\:}\")\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    _describe 'NAME' candidates\n"
    "    if [[ $directive = 0 && ${#candidates} -eq 0 ]]; then\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "compdef _NAME NAME\n";

static const char fish_script[] = "# fish completion for NAME: NAME completion fish | source\n"
                                  "function __NAME_ask\n"
                                  "    set -l words (commandline -opc)\n"
                                  "    set -l word (commandline -ct)\n"
                                  "    $words[1] __complete $words[2..-1] \"$word\" 2>/dev/null\n"
                                  "end\n"
                                  "\n"
                                  "function __NAME_candidates\n"
                                  "    for line in (__NAME_ask)\n"
                                  "        switch $line\n"
                                  "            case ':*'\n"
                                  "                continue\n"
                                  "            case '*'\n"
                                  "                echo $line\n"
                                  "        end\n"
                                  "    end\n"
                                  "end\n"
                                  "\n"
                                  "function __NAME_wants_files\n"
                                  "    __NAME_ask | string match -q ':0'\n"
                                  "end\n"
                                  "\n"
                                  "complete -c NAME -e\n"
                                  "complete -c NAME -f -a '(__NAME_candidates)'\n"
                                  "complete -c NAME -n '__NAME_wants_files' -F\n";

static int run_script(struct cli *cli, struct invocation *call, struct error *err)
{
        static const struct {
                const char *shell, *text;
        } scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

        (void)err;
        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
                const char *text = scripts[i].text, *at;

                if (!streq(scripts[i].shell, call->command->name))
                        continue;
                for (; (at = strstr(text, "NAME")); text = at + strlen("NAME"))
                        printf("%.*s%s", (int)(at - text), text, cli->program);
                fputs(text, stdout);
        }
        return 0;
}

static const struct command bash_command = { .name = "bash",
                                             .usage = "",
                                             .summary = "Generate the autocompletion script for bash",
                                             .run = run_script };
static const struct command fish_command = { .name = "fish",
                                             .usage = "",
                                             .summary = "Generate the autocompletion script for fish",
                                             .run = run_script };
static const struct command zsh_command = {
        .name = "zsh", .usage = "", .summary = "Generate the autocompletion script for zsh", .run = run_script
};
static const struct command *const shells[] = { &bash_command, &fish_command, &zsh_command, NULL };
const struct command completion_command = { .name = "completion",
                                            .usage = "COMMAND",
                                            .summary =
                                                "Generate the autocompletion script for the specified shell",
                                            .commands = shells,
                                            .hidden = true };
