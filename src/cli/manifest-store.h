/* Manifest lists that `manifest create` puts together before they are pushed: manifests/LIST/IMAGE below the
 * configuration's folder, JSON files as Docker's command writes them.
 *
 * An entry is {"Ref":…,"Descriptor":{…,"platform":{…}},"Raw":base64,"SchemaV2Manifest" or "OCIManifest":{…}}.
 */
#pragma once

#include "cli/command.h"

/* All entries of a list, by name, as an array. ERROR_NOT_FOUND "No such manifest: LIST". */
int manifest_store_list(struct cli *cli, const char *list, json_object **ret, struct error *err);
/* One entry. ERROR_NOT_FOUND "No such manifest: IMAGE". */
int manifest_store_get(struct cli *cli, const char *list, const char *image, json_object **ret,
                       struct error *err);
int manifest_store_save(struct cli *cli, const char *list, const char *image, json_object *entry,
                        struct error *err);
int manifest_store_remove(struct cli *cli, const char *list, struct error *err);
