/* The functions behind the table of instructions (instruction.c). */
#pragma once

#include "build/dockerfile-internal.h"

int parse_add(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_arg(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_cmd(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_copy(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_entrypoint(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_env(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_expose(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_from(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_healthcheck(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_label(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_maintainer(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_onbuild(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_run(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_shell(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_stopsignal(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_user(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_volume(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
int parse_workdir(const struct dockerfile_node *node, struct instruction *ret, struct error *err);
