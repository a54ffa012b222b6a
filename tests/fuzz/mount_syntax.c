/* -v, --mount, --tmpfs and --volumes-from as the engine gets them. The first byte chooses. */
#include "engine/mount-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_config(const char *text, size_t len)
{
        struct host_config host = { 0 };

        if (json_bind_text(&host_config_table, text, len, &host, NULL) == 0)
                for (size_t i = 0; i < host.n_mounts; i++) {
                        struct mount_point p;

                        if (mount_parse_config(&host.mounts[i], &p, NULL) == 0)
                                mount_point_deinit(&p);
                }
        json_free_fields(&host_config_table, &host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_free char *text = size > 0 ? xstrndup((const char *)data + 1, size - 1) : xstrdup("");
        cleanup_free char *container = NULL;
        struct mount_point p;
        bool rw;

        if (size == 0)
                return 0;
        if (data[0] == '1' && mount_parse_tmpfs(text, text, &p, NULL) == 0)
                mount_point_deinit(&p);
        else if (data[0] == '2')
                mount_parse_volumes_from(text, &container, &rw, NULL);
        else if (data[0] == '3')
                fuzz_config(text, strlen(text));
        else if (data[0] == '0' && mount_parse_bind(text, NULL, &p, NULL) == 0)
                mount_point_deinit(&p);
        return 0;
}
