/* The spec's devices: nodes of the host, and what the cgroup lets through. */
#include "engine/container-spec-internal.h"
#include "base/fd.h"
#include "runtime/defaults.h"

#include <stdio.h>
#include <sys/stat.h>

static void add_rule(struct oci_linux *l, bool allow, const char *type, int64_t major_number,
                     int64_t minor_number, const char *access)
{
        struct oci_device_rule rule = { .allow = allow, .type = xstrdup(type), .access = xstrdup(access) };

        rule.major = xmemdup(&major_number, sizeof(major_number));
        rule.minor = xmemdup(&minor_number, sizeof(minor_number));
        ARRAY_APPEND(l->resources->devices, l->resources->n_devices, rule);
}

static int add_device(struct spec_builder *b, const char *host_path, const char *path, const char *access,
                      struct error *err)
{
        struct oci_linux *l = b->spec->linux_config;
        struct oci_device device = {};

        if (runtime_device_from_host(host_path, &device, err) < 0)
                return error_context(
                    err, "error gathering device information while adding custom device \"%s\"", host_path);
        replace_string(&device.path, path);
        ARRAY_APPEND(l->devices, l->n_devices, device);
        if (access)
                add_rule(l, true, device.type, device.major, device.minor, access);
        return 0;
}

/* A folder stands for the devices in it. */
static int add_device_folder(struct spec_builder *b, const char *host_path, const char *path,
                             const char *access, int depth, struct error *err)
{
        cleanup_closedir DIR *dir = NULL;
        struct dirent *entry;

        if (directory_list(AT_FDCWD, host_path, &dir, err) < 0)
                return -1;
        while ((entry = readdir(dir))) {
                cleanup_free char *from = string_format("%s/%s", host_path, entry->d_name),
                                  *to = string_format("%s/%s", path, entry->d_name);
                struct stat st;

                if (entry->d_name[0] == '.' || lstat(from, &st) < 0)
                        continue;
                /* These belong to the container itself. */
                if (streq(entry->d_name, "pts") || streq(entry->d_name, "shm") ||
                    streq(entry->d_name, "fd") || streq(entry->d_name, "mqueue") ||
                    streq(entry->d_name, "console"))
                        continue;
                if (S_ISDIR(st.st_mode) && depth < 8 &&
                    add_device_folder(b, from, to, access, depth + 1, err) < 0)
                        return -1;
                if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && add_device(b, from, to, access, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_device_rule_text(struct spec_builder *b, const char *text, struct error *err)
{
        char type, access[8], major_text[24], minor_text[24];

        if (sscanf(text, "%c %23[0-9*]:%23[0-9*] %7[rwm]", &type, major_text, minor_text, access) != 4)
                return error_set(err, ERROR_INVALID, "invalid device cgroup rule format: '%s'", text);
        add_rule(b->spec->linux_config, true, (char[]){ type, 0 },
                 *major_text == '*' ? -1 : atoll(major_text), *minor_text == '*' ? -1 : atoll(minor_text),
                 access);
        return 0;
}

int spec_add_devices(struct spec_builder *b, struct error *err)
{
        const struct host_config *h = &b->c->host;
        struct oci_linux *l = b->spec->linux_config;

        if (h->privileged) {
                add_rule(l, true, "a", -1, -1, "rwm");
                if (add_device_folder(b, "/dev", "/dev", NULL, 0, err) < 0)
                        return -1;
        } else {
                runtime_default_device_rules(&l->resources->devices, &l->resources->n_devices);
        }
        for (size_t i = 0; i < h->n_devices; i++) {
                const struct device_mapping *d = &h->devices[i];
                const char *to = string_empty(d->path_in_container) ? d->path_on_host : d->path_in_container;
                const char *access = string_empty(d->cgroup_permissions) ? "rwm" : d->cgroup_permissions;
                struct stat st;
                int r;

                if (stat(d->path_on_host, &st) < 0)
                        return error_set(err, ERROR_SYSTEM,
                                         "error gathering device information while adding custom device "
                                         "\"%s\": no such file or directory",
                                         d->path_on_host);
                r = S_ISDIR(st.st_mode) ? add_device_folder(b, d->path_on_host, to, access, 0, err)
                                        : add_device(b, d->path_on_host, to, access, err);
                if (r < 0)
                        return -1;
        }
        for (size_t i = 0; h->device_cgroup_rules && h->device_cgroup_rules[i]; i++)
                if (add_device_rule_text(b, h->device_cgroup_rules[i], err) < 0)
                        return -1;
        return 0;
}
