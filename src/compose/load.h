/* From files to a project: find the files, read, interpolate, extend, include, merge, check against the
 * schema, make canonical, resolve paths, normalise, bind, check references. */
#pragma once

#include "compose/project.h"

/* Zero-initialise: the defaults are what `up` needs. Nothing is owned. */
struct compose_options {
        char *const *texts; /* what stands in `files`, one for each; NULL: they are read */
        char *const *files; /* -f; NULL: COMPOSE_FILE, else compose.yaml … from working_dir upwards */
        char *const
            *env_files; /* --env-file; NULL: COMPOSE_ENV_FILES, else .env of the project's directory */
        const char *project_dir;  /* --project-directory */
        const char *project_name; /* -p */
        char *const *profiles;    /* --profile, beside COMPOSE_PROFILES; "*" is all */
        char *const *environment; /* NAME=value, the shell's; NULL: environ */
        const char *working_dir;  /* NULL: the process's */
        bool no_interpolate, no_normalize, no_path_resolution, no_consistency;
        bool no_env_resolution; /* env_file is kept and `environment` is as written */
        bool keep_env_files;    /* env_file is resolved and kept as well */
        bool locate;            /* errors end with a line "  at FILE:LINE:COLUMN: PATH" where that is known */
        /* A line for the user ("The \"X\" variable is not set. …"); NULL: dropped. */
        void (*warn)(void *context, const char *message);
        void *warn_context;
};

/* Reads the project. Errors say file, line and column, and the path of the attribute
 * ("compose.yaml:3:5: services.web.ports[0]: …") where the reference's sentence leaves room for it.
 *
 * ERROR_NOT_FOUND "no configuration file provided: not found", ERROR_INVALID for what the files say,
 * ERROR_SYSTEM for what the system says about reading them. */
int compose_load(const struct compose_options *options, struct compose_project **ret, struct error *err);

/* The project's name and environment alone, for commands that work on what runs (ls-like, `-p NAME ps`)
 * without files: -p, COMPOSE_PROJECT_NAME, else the files' name as compose_load() finds it. Heap. */
int compose_project_name(const struct compose_options *options, char **ret, struct error *err);

/* The model before binding, as `config --no-interpolate` prints it: merged and canonical, keys sorted; names
 * of `environment` and build args get no values. */
int compose_load_model(const struct compose_options *options, json_object **ret, struct error *err);
