/* What loading needs of projects besides project.h. */
#pragma once

#include "compose/project.h"

/* Moves services to where the project's active profiles want them. */
void project_apply_profiles(struct compose_project *project);
/* Fills the services' labels from their label_file. */
int project_resolve_labels(struct compose_project *project, bool discard, struct error *err);
