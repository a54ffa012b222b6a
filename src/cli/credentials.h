/* Who we are at registries: `auths`, `credsStore` and `credHelpers` of config.json. */
#pragma once

#include "cli/command.h"

#define REGISTRY_HUB "https://index.docker.io/v1/"

struct credentials {
        char *server, *username, *password, *identity_token;
};
void credentials_deinit(struct credentials *c);
#define cleanup_credentials __attribute__((cleanup(credentials_deinit)))

/* The registry's key for an image's domain: REGISTRY_HUB for docker.io. */
const char *registry_key(const char *domain);
/* What is stored for it; empty members when nothing is. */
int credentials_get(struct cli *cli, const char *server, struct credentials *ret, struct error *err);
/* Stores them; *ret_plain (may be NULL) tells whether they lie in config.json unencrypted. */
int credentials_store(struct cli *cli, const struct credentials *c, bool *ret_plain, struct error *err);
int credentials_erase(struct cli *cli, const char *server, struct error *err);
/* "X-Registry-Auth: …" for the registry that `domain` names; heap. */
int credentials_header(struct cli *cli, const char *domain, char **ret, struct error *err);
