/* Output of containers as lines with prefixes: "web-1  | hello". */
#pragma once

#include "base/stream.h"
#include "cli/compose-session.h"

#include <stdio.h>

struct compose_lines;
struct compose_lines_options {
        bool colour, prefix, timestamps;
};
struct compose_lines *compose_lines_new(const struct compose_lines_options *options);
/* Names are made equally wide. */
void compose_lines_register(struct compose_lines *l, const char *name);
void compose_lines_print(struct compose_lines *l, const char *name, FILE *out, const char *line);
/* A line of our own: "web-1 exited with code 0". */
void compose_lines_status(struct compose_lines *l, const char *name, const char *text);
void compose_lines_free(struct compose_lines *l);
/* --no-color, --ansi and standard output decide. */
bool compose_lines_colour(const struct cli *cli, bool no_colour);

/* Reads a container's output to its end: frames, or a terminal's raw bytes. */
int compose_lines_follow(struct compose_lines *l, const char *name, struct stream *s, bool framed, FILE *out,
                         FILE *errors, struct error *err);
