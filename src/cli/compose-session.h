/* A command at work: the project, the engine, the progress. */
#pragma once

#include "cli/compose-progress.h"
#include "cli/compose.h"

struct compose_session {
        struct cli *cli;
        struct compose_project *project; /* NULL: only its name is known */
        char *name;                      /* the project's */
        struct compose_engine engine;
        struct compose_progress *progress;
};
void compose_session_deinit(struct compose_session *s);
#define cleanup_compose_session __attribute__((cleanup(compose_session_deinit)))

/* What a command needs to know. */
enum compose_need {
        COMPOSE_NEED_NAME,    /* the project's name is enough */
        COMPOSE_NEED_PROJECT, /* the files, or what runs if there is only a name */
        COMPOSE_NEED_FILES,
};
/* `services` are selected (with what they depend on); `title` is for the list on a terminal ("Running"). */
int compose_session_open(struct cli *cli, char *const *services, enum compose_need need, const char *title,
                         struct compose_session *ret, struct error *err);
/* Puts another project in the place of the session's. */
void compose_session_project(struct compose_session *s, struct compose_project *project);
/* The progress is shown or not (it is after opening). */
void compose_session_show(struct compose_session *s, bool show);

/* The container of a service for commands that want one: `index` 0 is the lowest. Both are ERROR_NOT_FOUND:
 * "service "X" is not running", "service "X" is not running container #2". */
int compose_session_container(struct compose_session *s, const char *service, int64_t index, bool all,
                              struct compose_containers *list, struct compose_container **ret,
                              struct error *err);
