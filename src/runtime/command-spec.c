/* spec: a config.json to begin with. features: what this runtime can do, for engines that ask. */
#include "runtime/command.h"

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/defaults.h"
#include "runtime/runtime-internal.h"

enum { OPTION_BUNDLE = 1, OPTION_ROOTLESS };

static const char *const spec_capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
                                                 NULL };

static void fill_process(struct oci_process *p)
{
        struct oci_capabilities *caps = p->capabilities = xcalloc(1, sizeof(*caps));
        struct oci_rlimit files = { xstrdup("RLIMIT_NOFILE"), 1024, 1024 };

        p->terminal = true;
        strv_append(&p->args, "sh");
        strv_append(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        strv_append(&p->env, "TERM=xterm");
        p->cwd = xstrdup("/");
        caps->bounding = strv_copy((char *const *)spec_capabilities);
        caps->effective = strv_copy((char *const *)spec_capabilities);
        caps->permitted = strv_copy((char *const *)spec_capabilities);
        ARRAY_APPEND(p->rlimits, p->n_rlimits, files);
        p->no_new_privileges = true;
}

static void fill_mounts(struct oci_spec *spec)
{
        struct oci_mount shm = { .destination = xstrdup("/dev/shm"),
                                 .type = xstrdup("tmpfs"),
                                 .source = xstrdup("shm") };

        runtime_default_mounts(&spec->mounts, &spec->n_mounts);
        shm.options = strv_copy((char *const *)runtime_shm_options);
        strv_append(&shm.options, "size=65536k");
        ARRAY_APPEND(spec->mounts, spec->n_mounts, shm);
}

static void fill_linux(struct oci_linux *l)
{
        static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };
        struct oci_device_rule deny = { .type = xstrdup("a"), .access = xstrdup("rwm") };

        for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
                ARRAY_APPEND(l->namespaces, l->n_namespaces,
                             ((struct oci_namespace){ xstrdup(namespaces[i]), NULL }));
        l->resources = xcalloc(1, sizeof(*l->resources));
        ARRAY_APPEND(l->resources->devices, l->resources->n_devices, deny);
        runtime_default_masked_paths(&l->masked_paths);
        runtime_default_readonly_paths(&l->readonly_paths);
}

int command_spec(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const struct option options[] = {
                { "bundle", required_argument, NULL, OPTION_BUNDLE },
                { "rootless", no_argument, NULL, OPTION_ROOTLESS },
                { 0 },
        };
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *text = NULL, *path = NULL;
        const char *bundle = ".";
        int option;

        (void)globals;
        optind = 0;
        while ((option = command_option(argc, argv, "+b:", options, err)) >= 0) {
                if (option == OPTION_ROOTLESS)
                        return error_set(err, ERROR_UNSUPPORTED, "spec --rootless is not supported yet");
                bundle = optarg;
        }
        if (option == -2 || command_arguments(argc, argv, 0, err) < 0)
                return -1;
        path = string_format("%s/config.json", bundle);
        if (access(path, F_OK) == 0)
                return error_set(err, ERROR_CONFLICT, "file config.json exists. Remove it first");
        spec.oci_version = xstrdup("1.2.1");
        spec.hostname = xstrdup("davit-runtime");
        spec.process = xcalloc(1, sizeof(*spec.process));
        spec.root = xcalloc(1, sizeof(*spec.root));
        spec.root->path = xstrdup("rootfs");
        spec.root->readonly = true;
        spec.linux_config = xcalloc(1, sizeof(*spec.linux_config));
        fill_process(spec.process);
        fill_mounts(&spec);
        fill_linux(spec.linux_config);
        tree = json_unbind(&oci_spec_table, &spec);
        text = json_format_pretty(tree, 4);
        return file_replace(AT_FDCWD, path, text, strlen(text), 0666, false, err);
}

/* --- features
 * ------------------------------------------------------------------------------------------------------- */

static void add_list(json_object *to, const char *name, const char *const *words, size_t count)
{
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < count; i++)
                json_object_array_add(list, json_object_new_string(words[i]));
        json_object_object_add(to, name, list);
}

static void add_switch(json_object *to, const char *name, bool on)
{
        json_object *object = json_object_new_object();

        json_object_object_add(object, "enabled", json_object_new_boolean(on));
        json_object_object_add(to, name, object);
}

static json_object *linux_features(void)
{
        static const char *const actions[] = { "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
                                               "SCMP_ACT_KILL",        "SCMP_ACT_KILL_PROCESS",
                                               "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                                               "SCMP_ACT_NOTIFY",      "SCMP_ACT_TRACE",
                                               "SCMP_ACT_TRAP" },
                                 *const operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
                                                        "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
                                                        "SCMP_CMP_NE" };
        json_object *tree = json_object_new_object(), *namespaces = json_object_new_array(),
                    *caps = json_object_new_array(), *seccomp = json_object_new_object(),
                    *cgroup = json_object_new_object(), *extensions = json_object_new_object();
        cleanup_strv char **names = caps_to_names(caps_all());

        for (size_t i = 0; i < namespace_type_count; i++)
                json_object_array_add(namespaces, json_object_new_string(namespace_types[i].name));
        json_object_object_add(tree, "namespaces", namespaces);
        for (size_t i = 0; names[i]; i++)
                json_object_array_add(caps, json_object_new_string(names[i]));
        json_object_object_add(tree, "capabilities", caps);
        json_object_object_add(cgroup, "v1", json_object_new_boolean(true));
        json_object_object_add(cgroup, "v2", json_object_new_boolean(true));
        json_object_object_add(cgroup, "systemd", json_object_new_boolean(false));
        json_object_object_add(cgroup, "systemdUser", json_object_new_boolean(false));
        json_object_object_add(tree, "cgroup", cgroup);
        json_object_object_add(seccomp, "enabled", json_object_new_boolean(true));
        add_list(seccomp, "actions", actions, ARRAY_SIZE(actions));
        add_list(seccomp, "operators", operators, ARRAY_SIZE(operators));
        json_object_object_add(tree, "seccomp", seccomp);
        add_switch(tree, "apparmor", true);
        add_switch(tree, "selinux", true);
        add_switch(tree, "intelRdt", false);
        add_switch(extensions, "idmap", true);
        json_object_object_add(tree, "mountExtensions", extensions);
        return tree;
}

int command_features(const struct runtime_globals *globals, int argc, char **argv, struct error *err)
{
        static const char *const hooks[] = { "prestart",       "createRuntime", "createContainer",
                                             "startContainer", "poststart",     "poststop" };
        static const struct option none[] = { { 0 } };
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_strv char **mount_options = mount_option_names();
        cleanup_free char *text = NULL;

        (void)globals;
        optind = 0;
        if (command_option(argc, argv, "+", none, err) == -2 || command_arguments(argc, argv, 0, err) < 0)
                return -1;
        json_set_string(tree, "ociVersionMin", "1.0.0");
        json_set_string(tree, "ociVersionMax", "1.2.1");
        add_list(tree, "hooks", hooks, ARRAY_SIZE(hooks));
        strv_sort(mount_options);
        add_list(tree, "mountOptions", (const char *const *)mount_options, strv_length(mount_options));
        json_object_object_add(tree, "linux", linux_features());
        text = json_format_pretty(tree, 2);
        puts(text);
        return 0;
}
