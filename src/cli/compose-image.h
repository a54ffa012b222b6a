/* The images of services: pulled or built. */
#pragma once

#include "cli/compose-session.h"

struct compose_image_options {
        const char *pull; /* --pull; NULL: the services' pull_policy */
        bool build, no_build, quiet_pull, quiet_build;
};
int compose_check_pull(const char *policy, struct error *err);
/* What `up`, `create` and `run` need before containers are made. */
int compose_images_ensure(struct compose_session *s, const struct compose_image_options *o,
                          struct error *err);

struct compose_build_options {
        char **args; /* NAME=value */
        char *ssh, *provenance, *sbom, *builder;
        bool no_cache, pull, push, quiet, check;
};
int compose_service_build(struct compose_session *s, const struct compose_service *service,
                          const struct compose_build_options *o, struct error *err);
/* All of the project that have a `build`, those that others build upon first. */
int compose_build_all(struct compose_session *s, const struct compose_build_options *o, struct error *err);
/* With its events: "web Pulling", "web Pulled". */
int compose_service_pull(struct compose_session *s, const struct compose_service *service, struct error *err);
void compose_image_event(struct compose_session *s, const char *id, const char *text, const char *status,
                         enum compose_event_kind kind);
