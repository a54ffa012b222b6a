#include "shim/shim-internal.h"

#include "base/fd.h"

int shim_spec_load(struct shim *shim, struct oci_spec *spec, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(shim->dirfd, "bundle/config.json", OCI_SPEC_MAX, &text, &len, err) < 0)
                return -1;
        if (json_bind_text(&oci_spec_table, text, len, spec, err) < 0)
                return error_context(err, "bundle/config.json");
        return 0;
}

int shim_seccomp_load(struct shim *shim, const struct oci_spec *spec, struct seccomp_program *program,
                      struct error *err)
{
        if (!spec->linux_config || !spec->linux_config->seccomp)
                return 0;
        if (string_empty(shim->config.seccomp_cache))
                return error_set(err, ERROR_INVALID, "shim.json: seccomp without a compiled filter");
        return seccomp_program_read(AT_FDCWD, shim->config.seccomp_cache, program, err);
}
