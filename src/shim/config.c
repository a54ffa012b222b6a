#include "shim/config.h"

#include "base/fd.h"

#define CONFIG_PATH "bundle/shim.json"
#define CONFIG_MAX (4 << 20)

static const struct json_field shim_port_fields[] = {
        JSON_FIELD("host_ip", struct shim_port, host_ip, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("host_port", struct shim_port, host_port, JSON_INT),
        JSON_FIELD("protocol", struct shim_port, protocol, JSON_STRING),
        JSON_FIELD("container_ip", struct shim_port, container_ip, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("container_port", struct shim_port, container_port, JSON_INT),
        JSON_FIELD("relay", struct shim_port, relay, JSON_BOOL, JSON_OMIT_EMPTY),
};
const struct json_table shim_port_table = JSON_TABLE(struct shim_port, shim_port_fields);

static const struct json_field shim_config_fields[] = {
        JSON_FIELD("id", struct shim_config, id, JSON_STRING),
        JSON_FIELD("name", struct shim_config, name, JSON_STRING),
        JSON_FIELD("rootfs", struct shim_config, rootfs, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("lowers", struct shim_config, lowers, JSON_STRV, JSON_OMIT_NULL),
        JSON_FIELD("upper", struct shim_config, upper, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("work", struct shim_config, work, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("tty", struct shim_config, tty, JSON_BOOL),
        JSON_FIELD("open_stdin", struct shim_config, open_stdin, JSON_BOOL),
        JSON_FIELD("stdin_once", struct shim_config, stdin_once, JSON_BOOL),
        JSON_FIELD("log_driver", struct shim_config, log_driver, JSON_STRING),
        JSON_FIELD("log_options", struct shim_config, log_options, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("log_attributes", struct shim_config, log_attributes, JSON_STRMAP, JSON_OMIT_EMPTY),
        JSON_FIELD("log_tag", struct shim_config, log_tag, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("log_path", struct shim_config, log_path, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD_STRUCT("restart", struct shim_config, restart, JSON_STRUCT, restart_policy_table),
        JSON_FIELD_STRUCT("health", struct shim_config, health, JSON_STRUCT, health_config_table),
        JSON_FIELD("health_shell", struct shim_config, health_shell, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("stop_signal", struct shim_config, stop_signal, JSON_INT, JSON_OMIT_EMPTY),
        JSON_FIELD("auto_remove", struct shim_config, auto_remove, JSON_BOOL),
        JSON_FIELD("seccomp_cache", struct shim_config, seccomp_cache, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("image_name", struct shim_config, image_name, JSON_STRING, JSON_OMIT_EMPTY),
        JSON_FIELD("group_add", struct shim_config, group_add, JSON_STRV, JSON_OMIT_EMPTY),
        JSON_FIELD("has_netns", struct shim_config, has_netns, JSON_BOOL),
        JSON_FIELD_ARRAY("ports", struct shim_config, ports, n_ports, JSON_ARRAY, shim_port_table,
                         JSON_OMIT_EMPTY),
        JSON_FIELD("dns_directory", struct shim_config, dns_directory, JSON_STRING, JSON_OMIT_EMPTY),
};
const struct json_table shim_config_table = JSON_TABLE(struct shim_config, shim_config_fields);

int shim_config_load(int container_dirfd, struct shim_config *config, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;

        if (file_read(container_dirfd, CONFIG_PATH, CONFIG_MAX, &text, &len, err) < 0)
                return -1;
        if (json_bind_text(&shim_config_table, text, len, config, err) < 0)
                return error_context(err, CONFIG_PATH);
        if (string_empty(config->id))
                return error_set(err, ERROR_INVALID, CONFIG_PATH ": no id");
        if (!config->lowers && string_empty(config->rootfs))
                return error_set(err, ERROR_INVALID, CONFIG_PATH ": no root file system");
        return 0;
}

int shim_config_save(int container_dirfd, const struct shim_config *config, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&shim_config_table, config);
        cleanup_free char *text = json_format(tree);

        return file_replace(container_dirfd, CONFIG_PATH, text, strlen(text), 0600, false, err);
}

void shim_config_deinit(struct shim_config *config)
{
        json_free_fields(&shim_config_table, config);
}
