/* Start: network → mounts → OCI spec → bundle → shim → go. What a run takes (network, mounted volumes) is
 * given back by container_release_run() when the shim has ended or the start failed. */
#include "engine/container-internal.h"
#include "base/fd.h"
#include "base/log.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "shim/log-options.h"
#include "store/layer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mount.h>

/* See container_shm(). */
static int prepare_shm(struct engine *engine, struct container *c, struct error *err)
{
        cleanup_free char *path = container_shm(engine, c->id), *options = NULL;

        if (!streq(c->host.ipc_mode, "shareable"))
                return 0;
        options = string_format("mode=1777,size=%" PRId64, c->host.shm_size);
        if (directory_make(AT_FDCWD, path, 0700, err) < 0)
                return -1;
        umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
        return mount("shm", path, "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, options) < 0
                   ? error_errno(err, "mount %s", path)
                   : 0;
}

void container_release_run(struct engine *engine, struct container *c)
{
        if (streq(c->host.ipc_mode, "shareable")) {
                cleanup_free char *shm = container_shm(engine, c->id);

                umount2(shm, MNT_DETACH | UMOUNT_NOFOLLOW);
        }
        network_container_stop(engine->networks, c->id);
        mounts_unmount(engine->volumes, c->id, &c->mounts);
}

static int write_json(int dirfd, const char *path, const struct json_table *table, const void *value,
                      struct error *err)
{
        cleanup_json json_object *tree = json_unbind(table, value);
        cleanup_free char *text = json_format(tree);

        return file_replace(dirfd, path, text, strlen(text), 0600, false, err);
}

/* What is compiled is dropped: three quarters of a bundle's text, which nobody reads again. */
static void drop_calls(struct oci_seccomp *rules)
{
        struct oci_seccomp dropped = { .syscalls = take_ptr(rules->syscalls),
                                       .n_syscalls = rules->n_syscalls };

        rules->n_syscalls = 0;
        json_free_fields(&oci_seccomp_table, &dropped);
}

int engine_seccomp_cached(struct engine *engine, struct oci_seccomp *rules, char **ret, struct error *err)
{
        cleanup_json json_object *tree = json_unbind(&oci_seccomp_table, rules);
        cleanup_free char *text = json_format(tree), *name = NULL;
        cleanup_seccomp_program struct seccomp_program program = {};
        struct digest digest;
        char hex[DIGEST_HEX_SIZE];

        digest_of(text, strlen(text), &digest);
        digest_format_hex(&digest, hex);
        name = string_format("seccomp/%s", hex);
        if (faccessat(engine->data_fd, name, R_OK, 0) < 0) {
                if (directory_make(engine->data_fd, "seccomp", 0700, err) < 0 ||
                    seccomp_compile(rules, &program, err) < 0 ||
                    seccomp_program_write(engine->data_fd, name, &program, err) < 0)
                        return error_context(err, "seccomp");
        }
        drop_calls(rules);
        *ret = string_format("%s/%s", engine->options->data_root, name);
        return 0;
}

static int fill_log(struct container *c, struct shim_config *config, struct error *err)
{
        struct log_subject subject = { c->id,           c->name,       c->image_id,
                                       c->config.image, c->config.env, &c->config.labels };

        config->log_driver = xstrdup(c->host.log_config.type);
        strmap_copy(&config->log_options, &c->host.log_config.config);
        config->log_path = xstrdup(c->log_path);
        return log_describe(config->log_driver, &config->log_options, &subject, &config->log_attributes,
                            &config->log_tag, err);
}

static void fill_health(struct container *c, struct shim_config *config)
{
        if (c->config.healthcheck)
                json_copy(&health_config_table, c->config.healthcheck, &config->health);
        config->health_shell = strv_copy(c->config.shell);
}

static int fill_root(struct engine *engine, struct container *c, struct shim_config *config,
                     struct error *err)
{
        cleanup_free struct digest *diff_ids = NULL;
        cleanup_free char *dir = container_dir(engine, c->id);
        size_t count;

        if (container_layers(c, &diff_ids, &count, err) < 0 ||
            layer_run_lowers(engine->store, diff_ids, count, &config->lowers, err) < 0)
                return -1;
        config->upper = string_format("%s/upper", dir);
        config->work = string_format("%s/work", dir);
        return 0;
}

static int fill_shim_config(struct engine *engine, struct container *c, struct network_start *network,
                            struct oci_spec *spec, struct shim_config *config, struct error *err)
{
        int signal = 0;

        config->id = xstrdup(c->id);
        config->name = xstrdup(c->name);
        config->tty = c->config.tty;
        config->open_stdin = c->config.open_stdin;
        config->stdin_once = c->config.stdin_once;
        if (!string_empty(c->config.stop_signal) &&
            runtime_signal_parse(c->config.stop_signal, &signal, err) < 0)
                return -1;
        config->stop_signal = signal;
        config->auto_remove = c->host.auto_remove;
        config->group_add = strv_copy(c->host.group_add);
        json_copy(&restart_policy_table, &c->host.restart_policy, &config->restart);
        fill_health(c, config);
        if (spec->linux_config->seccomp &&
            engine_seccomp_cached(engine, spec->linux_config->seccomp, &config->seccomp_cache, err) < 0)
                return -1;
        config->has_netns = network->netns >= 0;
        config->ports = network->ports;
        config->n_ports = network->n_ports;
        network->ports = NULL;
        config->dns_directory = take_ptr(network->dns_directory);
        return fill_root(engine, c, config, err) < 0 || fill_log(c, config, err) < 0 ? -1 : 0;
}

static int write_bundle(struct engine *engine, struct container *c, struct network_start *network,
                        struct error *err)
{
        cleanup_oci_spec struct oci_spec spec = {};
        cleanup_shim_config struct shim_config config = {};

        if (prepare_shm(engine, c, err) < 0 || container_spec(engine, c, network, &spec, err) < 0 ||
            fill_shim_config(engine, c, network, &spec, &config, err) < 0 ||
            write_json(c->dirfd, "bundle/config.json", &oci_spec_table, &spec, err) < 0)
                return -1;
        return shim_config_save(c->dirfd, &config, err);
}

/* Sockets of clients that attached before the start. */
static void hand_over_attaches(struct container *c, int shim)
{
        struct pending_attach *list;
        size_t count;

        pthread_mutex_lock(&c->lock);
        list = take_ptr(c->attaches);
        count = c->n_attaches;
        c->n_attaches = 0;
        pthread_mutex_unlock(&c->lock);
        for (size_t i = 0; i < count; i++) {
                cleanup_error struct error err = {};

                list[i].options.detach_keys = list[i].detach_keys;
                if (shim_attach(shim, &list[i].options, list[i].client, list[i].early, list[i].early_len,
                                &err) < 0)
                        log_warn("container %s: attach: %s", c->id, error_message(&err));
                close(list[i].client);
                free(list[i].detach_keys);
                free(list[i].early);
        }
        free(list);
}

/* The clients of a start that failed see the end of their streams. */
static void drop_attaches(struct container *c)
{
        pthread_mutex_lock(&c->lock);
        for (size_t i = 0; i < c->n_attaches; i++) {
                close(c->attaches[i].client);
                free(c->attaches[i].detach_keys);
                free(c->attaches[i].early);
        }
        c->n_attaches = 0;
        pthread_mutex_unlock(&c->lock);
}

static int spawn_shim(struct engine *engine, struct container *c, const struct network_start *network,
                      const char *socket, struct error *err)
{
        cleanup_free char *dir = container_dir(engine, c->id);
        cleanup_free char *folder = string_format("%s/containers/%s", engine->options->exec_root, c->id);
        struct shim_spawn_options spawn = {
                .program = engine->shim_program,
                .container_dir = dir,
                .socket = socket,
                .netns_fd = network->netns,
                .port_fds = network->port_fds,
                .n_ports = network->n_ports,
                .dns_fds = network->dns_fds[0] >= 0 ? network->dns_fds : NULL,
                .keep_stderr = engine->options->debug,
        };

        /* The shim of the run before must have let go of its socket. */
        pthread_mutex_lock(&c->lock);
        while (c->watch_fd >= 0)
                pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return directory_make(AT_FDCWD, folder, 0700, err) < 0 ? -1 : shim_spawn(&spawn, err);
}

/* Spawns the shim and lets it go. The watcher's connection is subscribed before the start, so that no event
 * is missed. */
static int run_shim(struct engine *engine, struct container *c, const struct network_start *network,
                    struct error *err)
{
        cleanup_free char *socket = container_socket(engine, c->id);
        cleanup_close int watch = -1, shim = -1;
        int pid;

        if (spawn_shim(engine, c, network, socket, err) < 0)
                return -1;
        shim = shim_connect(socket, err);
        watch = shim < 0 ? -1 : shim_connect(socket, err);
        if (watch < 0 || shim_subscribe(watch, err) < 0) {
                if (shim >= 0)
                        shim_stop(shim, SIGKILL, 0, NULL);
                return -1;
        }
        hand_over_attaches(c, shim);
        if (shim_start(shim, &pid, err) < 0)
                return error_context(err, "failed to create task for container");
        pthread_mutex_lock(&c->lock);
        c->has_been_started = true;
        pthread_mutex_unlock(&c->lock);
        container_watch(engine, c, take_fd(watch));
        return 0;
}

/* A start that failed: "created" (or as it ended before), with the code and the message that inspect shows.
 */
static void record_failure(struct engine *engine, struct container *c, const struct error *why)
{
        struct container_state state;

        drop_attaches(c);
        if (container_state_load(c->dirfd, &state, NULL) < 0)
                container_state_init(&state);
        if (container_state_is_up(&state)) {
                /* The shim died between the start and its answer. */
                container_bury(engine, c);
                replace_string(&state.status, STATUS_EXITED);
        }
        container_release_run(engine, c);
        if (!container_was_started(c))
                replace_string(&state.status, STATUS_CREATED);
        state.pid = state.shim_pid = 0;
        state.exit_code = why->exit_code ? why->exit_code : 128;
        replace_string(&state.error, why->message);
        if (container_state_save(c->dirfd, &state, NULL) < 0)
                log_warn("container %s: its state could not be written", c->id);
        pthread_mutex_lock(&c->lock);
        c->exits++;
        c->last_exit = state.exit_code;
        container_set_state(c, &state);
        pthread_mutex_unlock(&c->lock);
}

static int check_startable(struct container *c, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&c->lock);
        if (c->removing || c->removed)
                r = error_set(err, ERROR_CONFLICT, "container is marked for removal and cannot be started");
        else if (streq(c->state.status, STATUS_PAUSED))
                r = error_set(err, ERROR_CONFLICT, "cannot start a paused container, try unpause instead");
        else if (container_state_is_up(&c->state))
                r = error_set(err, ERROR_NOT_MODIFIED, "container %s is already running", c->id);
        pthread_mutex_unlock(&c->lock);
        return r;
}

/* container:NAME: the other must be there by now; its host name is ours. */
static int join_network(struct engine *engine, struct container *c, struct error *err)
{
        const char *name = c->host.network_mode ? string_after(c->host.network_mode, "container:") : NULL;
        cleanup_container struct container *other = NULL;

        if (!name)
                return 0;
        if (container_find(engine, name, &other, err) < 0)
                return error_context(err, "joining network namespace of container");
        pthread_mutex_lock(&c->lock);
        if (!streq(name, other->id)) {
                free(c->host.network_mode);
                c->host.network_mode = string_format("container:%s", other->id);
        }
        if (!streq(c->config.hostname, other->config.hostname))
                replace_string(&c->config.hostname, other->config.hostname);
        if (!streq(c->config.domainname, other->config.domainname))
                replace_string(&c->config.domainname, other->config.domainname);
        pthread_mutex_unlock(&c->lock);
        return 0;
}

static int start_network(struct engine *engine, struct container *c, struct network_start *ret,
                         struct error *err)
{
        cleanup_free char *dir = NULL;
        struct network_member member = container_member(engine, c, &dir);
        struct container_links links;
        int r;

        if (join_network(engine, c, err) < 0)
                return -1;
        container_links_open(engine, c, &links);
        member.links = links.items;
        member.n_links = links.count;
        r = network_container_start(engine->networks, &member, ret, err);
        container_links_close(&links);
        return r;
}

int container_start_locked(struct engine *engine, struct container *c, const char *detach_keys,
                           struct error *err)
{
        cleanup_network_start struct network_start network = NETWORK_START_NONE;
        cleanup_error struct error why = {};
        bool first = !c->has_been_started;

        (void)detach_keys; /* each attach brings its own */
        if (check_startable(c, err) < 0)
                return -1;
        if (start_network(engine, c, &network, &why) == 0 && write_bundle(engine, c, &network, &why) == 0 &&
            run_shim(engine, c, &network, &why) == 0) {
                container_links_moved(engine, c);
                return first ? container_save(c, err) : 0;
        }
        record_failure(engine, c, &why);
        if (c->host.auto_remove)
                container_remove_later(engine, c);
        return error_move(err, &why);
}

int engine_container_start(struct engine *engine, const char *reference, const char *detach_keys,
                           struct error *err)
{
        cleanup_container struct container *c = NULL;
        int r;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        pthread_mutex_lock(&c->operation);
        r = container_start_locked(engine, c, detach_keys, err);
        pthread_mutex_unlock(&c->operation);
        return r;
}

void container_start_again(struct engine *engine, struct container *c)
{
        cleanup_error struct error err = {};

        pthread_mutex_lock(&c->operation);
        if (container_start_locked(engine, c, NULL, &err) < 0 && !error_is(&err, ERROR_NOT_MODIFIED))
                log_warn("container %s does not come back: %s", c->id, error_message(&err));
        pthread_mutex_unlock(&c->operation);
}

void container_start_later(struct engine *engine, struct container *c)
{
        engine_later(engine, container_start_again, c);
}
