/* shim.json and state.json, and the log options in it. */
#include "shim/config.h"
#include "shim/log-options.h"
#include "shim/state.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct shim_config config = { 0 };
        struct container_state state = { 0 };
        struct log_options options;
        struct error err = { 0 };

        if (json_bind_text(&shim_config_table, (const char *)data, size, &config, &err) == 0)
                log_options_parse(config.log_driver, &config.log_options, &options, &err);
        error_clear(&err);
        shim_config_deinit(&config);
        json_bind_text(&container_state_table, (const char *)data, size, &state, &err);
        error_clear(&err);
        container_state_deinit(&state);
        return 0;
}
