#include "engine/info.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/time.h"
#include "engine/container.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "shim/log-options.h"

/* ---- /version ---- */

static json_object *component(const char *name, const char *version)
{
        json_object *tree = json_object_new_object();

        json_set_string(tree, "Name", name);
        json_set_string(tree, "Version", version);
        return tree;
}

static json_object *engine_component(const struct host_info *host)
{
        json_object *tree = component("Engine", DAVIT_VERSION), *details = json_object_new_object();

        json_set_string(details, "ApiVersion", ENGINE_API_VERSION);
        json_set_string(details, "Arch", host_go_architecture());
        json_set_string(details, "BuildTime", "");
        json_set_string(details, "Experimental", "false");
        json_set_string(details, "GitCommit", "");
        json_set_string(details, "GoVersion", "");
        json_set_string(details, "KernelVersion", host->kernel_version);
        json_set_string(details, "MinAPIVersion", ENGINE_API_MIN_VERSION);
        json_set_string(details, "Os", "linux");
        json_object_object_add(tree, "Details", details);
        return tree;
}

json_object *engine_version(struct engine *engine)
{
        cleanup_host_info struct host_info host = {};
        json_object *tree = json_object_new_object(), *platform = json_object_new_object(),
                    *components = json_object_new_array();

        (void)engine;
        host_info_read(&host);
        json_set_string(platform, "Name", "davit");
        json_object_object_add(tree, "Platform", platform);
        json_object_array_add(components, engine_component(&host));
        json_object_array_add(components, component("davit-runtime", DAVIT_VERSION));
        json_object_array_add(components, component("davit-init", DAVIT_VERSION));
        json_object_object_add(tree, "Components", components);
        json_set_string(tree, "Version", DAVIT_VERSION);
        json_set_string(tree, "ApiVersion", ENGINE_API_VERSION);
        json_set_string(tree, "MinAPIVersion", ENGINE_API_MIN_VERSION);
        json_set_string(tree, "GitCommit", "");
        json_set_string(tree, "GoVersion", "");
        json_set_string(tree, "Os", "linux");
        json_set_string(tree, "Arch", host_go_architecture());
        json_set_string(tree, "KernelVersion", host.kernel_version);
        json_set_string(tree, "BuildTime", "");
        return tree;
}

/* ---- /info ---- */

static void add_bool(json_object *tree, const char *name, bool value)
{
        json_object_object_add(tree, name, json_object_new_boolean(value));
}

static void add_int(json_object *tree, const char *name, int64_t value)
{
        json_object_object_add(tree, name, json_object_new_int64(value));
}

static json_object *strings(const char *const *list)
{
        json_object *tree = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(tree, json_object_new_string(*list));
        return tree;
}

static void add_strings(json_object *tree, const char *name, const char *const *list)
{
        json_object_object_add(tree, name, strings(list));
}

/* A list that Docker prints as null when there is nothing. */
static void add_strings_or_null(json_object *tree, const char *name, char *const *list)
{
        json_object_object_add(tree, name, list && *list ? strings((const char *const *)list) : NULL);
}

static void add_pair(json_object *list, const char *name, const char *value)
{
        const char *const pair[] = { name, value, NULL };

        json_object_array_add(list, strings(pair));
}

static void add_storage(json_object *tree, const struct engine *engine)
{
        json_object *status = json_object_new_array();

        json_set_string(tree, "Driver", "overlay2");
        add_pair(status, "Layers", engine->store->driver->name);
        add_pair(status, "Supports d_type", "true");
        json_object_object_add(tree, "DriverStatus", status);
}

static void add_plugins(json_object *tree)
{
        static const char *const volume[] = { "local", NULL }, *const network[] = { "bridge", "host", "null",
                                                                                    NULL };
        json_object *plugins = json_object_new_object();

        add_strings(plugins, "Volume", volume);
        add_strings(plugins, "Network", network);
        json_object_object_add(plugins, "Authorization", NULL);
        add_strings(plugins, "Log", (const char *const *)log_driver_names());
        json_object_object_add(tree, "Plugins", plugins);
}

static void add_counts(json_object *tree, struct engine *engine)
{
        struct container_counts counts = {};

        engine_container_counts(engine, &counts);
        add_int(tree, "Containers", counts.all);
        add_int(tree, "ContainersRunning", counts.running);
        add_int(tree, "ContainersPaused", counts.paused);
        add_int(tree, "ContainersStopped", counts.stopped);
}

static int add_image_count(json_object *tree, struct engine *engine, struct error *err)
{
        struct image **images;
        size_t count;

        if (image_list(engine->store, &images, &count, err) < 0)
                return -1;
        image_list_free(images, count);
        add_int(tree, "Images", (int64_t)count);
        return 0;
}

static void add_kernel(json_object *tree, const struct host_info *host)
{
        add_bool(tree, "MemoryLimit", host->memory_limit);
        add_bool(tree, "SwapLimit", host->swap_limit);
        add_bool(tree, "CpuCfsPeriod", host->cpu_cfs_period);
        add_bool(tree, "CpuCfsQuota", host->cpu_cfs_quota);
        add_bool(tree, "CPUShares", host->cpu_shares);
        add_bool(tree, "CPUSet", host->cpu_set);
        add_bool(tree, "PidsLimit", host->pids_limit);
        add_bool(tree, "IPv4Forwarding", host->ipv4_forwarding);
        add_bool(tree, "OomKillDisable", host->oom_kill_disable);
        json_set_string(tree, "CgroupDriver", "cgroupfs");
        json_set_string(tree, "CgroupVersion", host->cgroup2 ? "2" : "1");
        json_set_string(tree, "KernelVersion", host->kernel_version);
        json_set_string(tree, "OperatingSystem", host->operating_system);
        json_set_string(tree, "OSVersion", host->os_version);
        json_set_string(tree, "OSType", "linux");
        json_set_string(tree, "Architecture", host->architecture);
        add_int(tree, "NCPU", host->cpus);
        add_int(tree, "MemTotal", host->memory);
        json_set_string(tree, "Name", host->name);
}

/* Entries of a folder of /proc/self. */
static int count_entries(const char *path)
{
        cleanup_closedir DIR *dir = opendir(path);
        int count = 0;

        for (struct dirent *entry; dir && (entry = readdir(dir));)
                count += entry->d_name[0] != '.';
        return count;
}

static void add_engine(json_object *tree, struct engine *engine)
{
        char now[TIME_RFC3339_MAX];

        time_format_rfc3339nano(time_now(), now);
        add_bool(tree, "Debug", engine->options->debug);
        add_int(tree, "NFd", count_entries("/proc/self/fd"));
        add_int(tree, "NGoroutines", count_entries("/proc/self/task"));
        json_set_string(tree, "SystemTime", now);
        json_set_string(tree, "LoggingDriver", engine->options->log_driver ?: "json-file");
        add_int(tree, "NEventsListener", event_listeners(engine->events));
        json_set_string(tree, "DockerRootDir", engine->options->data_root);
        add_strings(tree, "Labels", (const char *const *)engine->options->labels);
        add_bool(tree, "ExperimentalBuild", false);
        json_set_string(tree, "ServerVersion", DAVIT_VERSION);
}

static json_object *index_config(const char *name, char *const *mirrors, bool secure, bool official)
{
        json_object *tree = json_object_new_object();

        json_set_string(tree, "Name", name);
        add_strings(tree, "Mirrors", (const char *const *)mirrors);
        add_bool(tree, "Secure", secure);
        add_bool(tree, "Official", official);
        return tree;
}

static void add_registries(json_object *tree, const struct registry_settings *settings)
{
        json_object *config = json_object_new_object(), *indexes = json_object_new_object(),
                    *cidrs = json_object_new_array();

        json_object_array_add(cidrs, json_object_new_string("::1/128"));
        json_object_array_add(cidrs, json_object_new_string("127.0.0.0/8"));
        json_object_object_add(indexes, "docker.io",
                               index_config("docker.io", settings->mirrors, true, true));
        for (char *const *host = settings->insecure; host && *host; host++) {
                if (strchr(*host, '/'))
                        json_object_array_add(cidrs, json_object_new_string(*host));
                else
                        json_object_object_add(indexes, *host, index_config(*host, NULL, false, false));
        }
        json_object_object_add(config, "IndexConfigs", indexes);
        json_object_object_add(config, "InsecureRegistryCIDRs", cidrs);
        add_strings_or_null(config, "Mirrors", settings->mirrors);
        json_set_string(tree, "IndexServerAddress", "https://index.docker.io/v1/");
        json_object_object_add(tree, "RegistryConfig", config);
        json_set_string(tree, "HttpProxy", settings->http_proxy ?: "");
        json_set_string(tree, "HttpsProxy", settings->https_proxy ?: "");
        json_set_string(tree, "NoProxy", settings->no_proxy ?: "");
}

static json_object *runtime(const char *path)
{
        json_object *tree = json_object_new_object();

        json_set_string(tree, "path", path);
        return tree;
}

static json_object *commit_id(void)
{
        json_object *tree = json_object_new_object();

        json_set_string(tree, "ID", DAVIT_VERSION);
        return tree;
}

static void add_runtimes(json_object *tree, const struct engine_options *options)
{
        json_object *runtimes = json_object_new_object();

        json_object_object_add(runtimes, "runc", runtime("davit-runtime"));
        for (size_t i = 0; options->runtimes && i < options->runtimes->count; i++)
                json_object_object_add(runtimes, options->runtimes->pairs[i].key,
                                       runtime(options->runtimes->pairs[i].value));
        json_object_object_add(tree, "Runtimes", runtimes);
        json_set_string(tree, "DefaultRuntime", options->default_runtime ?: "runc");
        json_set_string(tree, "InitBinary", "davit-init");
        json_object_object_add(tree, "ContainerdCommit", commit_id());
        json_object_object_add(tree, "RuncCommit", commit_id());
        json_object_object_add(tree, "InitCommit", commit_id());
}

static void add_swarm(json_object *tree)
{
        json_object *swarm = json_object_new_object();

        json_set_string(swarm, "NodeID", "");
        json_set_string(swarm, "NodeAddr", "");
        json_set_string(swarm, "LocalNodeState", "inactive");
        add_bool(swarm, "ControlAvailable", false);
        json_set_string(swarm, "Error", "");
        json_object_object_add(swarm, "RemoteManagers", NULL);
        json_object_object_add(tree, "Swarm", swarm);
}

static void add_security(json_object *tree, const struct host_info *host,
                         const struct engine_options *options)
{
        json_object *list = json_object_new_array();
        const char *profile = options->seccomp_profile ?: "builtin";
        cleanup_free char *text = string_format("name=seccomp,profile=%s", profile);

        if (host->seccomp)
                json_object_array_add(list, json_object_new_string(text));
        if (options->no_new_privileges)
                json_object_array_add(list, json_object_new_string("name=no-new-privileges"));
        if (host->cgroup2)
                json_object_array_add(list, json_object_new_string("name=cgroupns"));
        json_object_object_add(tree, "SecurityOptions", list);
}

static void add_network(json_object *tree, const struct engine *engine)
{
        json_object *firewall = json_object_new_object();

        json_set_string(firewall, "Driver", "nftables");
        json_object_object_add(tree, "FirewallBackend", firewall);
        add_strings_or_null(tree, "Warnings", networks_warnings(engine->networks));
}

int engine_info(struct engine *engine, json_object **ret, struct error *err)
{
        cleanup_json json_object *tree = json_object_new_object();
        cleanup_host_info struct host_info host = {};

        host_info_read(&host);
        json_set_string(tree, "ID", engine->id);
        add_counts(tree, engine);
        if (add_image_count(tree, engine, err) < 0)
                return -1;
        add_storage(tree, engine);
        add_plugins(tree);
        add_kernel(tree, &host);
        add_engine(tree, engine);
        add_registries(tree, &engine->options->registries);
        json_object_object_add(tree, "GenericResources", NULL);
        add_runtimes(tree, engine->options);
        add_swarm(tree);
        /* Containers always live on without their engine; the flag only says that somebody asked for it. */
        add_bool(tree, "LiveRestoreEnabled", engine->options->live_restore);
        json_set_string(tree, "Isolation", "");
        add_security(tree, &host, engine->options);
        add_network(tree, engine);
        add_strings(tree, "CDISpecDirs", NULL);
        *ret = take_ptr(tree);
        return 0;
}
