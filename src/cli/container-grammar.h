/* The small languages of run's flags: -p, -v, --mount, --network, --device, --ulimit, … */
#pragma once

#include "cli/container-flags.h"

int check_add_host(const char *value, struct error *err);
int check_attach(const char *value, struct error *err);
int check_domain(const char *value, struct error *err);
int check_sysctl(const char *value, struct error *err);
int check_weight(const char *value, struct error *err);
int check_device_cgroup_rule(const char *value, struct error *err);
int check_gpus(const char *value, struct error *err);
int check_ip(const char *value, struct error *err);
int check_link(const char *value, struct error *err);
int check_mount(const char *value, struct error *err);
int check_network(const char *value, struct error *err);
int check_throttle_bps(const char *value, struct error *err);
int check_throttle_iops(const char *value, struct error *err);
int check_ulimit(const char *value, struct error *err);

/* "host=ip" → "host:ip", "[ip]" → "ip"; heap. */
char *normal_host(const char *text);
/* Removes white space from JSON text in place; ERROR_INVALID when it is none. */
int compact_json(char **text, struct error *err);

/* --cap-add and --cap-drop with the names that the kernel has, each once, sorted; what is added is not
 * dropped. */
void grammar_capabilities(char *const *add, char *const *drop, struct host_config *h);
int grammar_volumes(char *const *volumes, char *const *tmpfs, struct container_config *c,
                    struct host_config *h, struct error *err);
int grammar_mounts(char *const *mounts, struct host_config *h, struct error *err);
int grammar_mount(const char *text, struct mount_config *ret, struct error *err);
int grammar_ports(char *const *publish, char *const *expose, struct container_config *c,
                  struct host_config *h, struct error *err);
int grammar_devices(char *const *devices, struct host_config *h, struct error *err);
/* "all", a number, or KEY=VALUE fields; NULL is none. */
int grammar_gpus(const char *text, struct host_config *h, struct error *err);
int grammar_ulimit(const char *text, struct ulimit *ret, struct error *err);
int grammar_ulimits(char *const *ulimits, struct host_config *h, struct error *err);
int grammar_throttles(char *const *texts, bool bytes, struct throttle_device **ret, size_t *ret_count,
                      struct error *err);
int grammar_weights(char *const *texts, struct host_config *h, struct error *err);
/* --network (short and long form), --ip, --ip6, --mac-address, --network-alias, --link, --link-local-ip. */
int grammar_networks(const struct container_flags *f, struct container_spec_request *r, struct error *err);

/* ---- For the grammars themselves (grammar-*.c) ---- */
bool grammar_is_ip(const char *text);
/* NAME=VALUE; a name alone has "". */
void grammar_set_pair(struct strmap *map, const char *text);
/* Fields separated by commas, CSV: a field in double quotes may hold commas and doubled quotes. */
int grammar_split_csv(const char *text, char ***ret, struct error *err);
