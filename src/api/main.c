/* davitd: flags and daemon.json, pid file, engine, sockets, signals.
 *
 * The engine is a coordinator. It can end at any moment - by SIGTERM, by SIGKILL - and containers, which are
 * children of their shims, do not notice; the next start finds them. So there is nothing to save here:
 * SIGTERM stops accepting, lets what is being answered finish for a moment, and exits 0. Only a listening
 * socket means "ready". */
#include "api/listen.h"
#include "api/options.h"
#include "api/pidfile.h"
#include "api/server.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/paths.h"
#include "engine/engine.h"
#include "engine/event.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

/* How long requests that are being answered may go on after SIGTERM. */
#define GRACE_MS 5000

struct daemon {
        struct daemon_options options;
        char **given; /* names of the flags */
        struct engine_options engine_options;
        struct ipam_pool *pools;
        struct engine *engine;
        struct server *server;
        struct listeners listeners;
        char *pidfile;
        int pid_fd, signal_fd;
};

static void daemon_deinit(struct daemon *d)
{
        listeners_deinit(&d->listeners);
        server_free(d->server);
        if (d->engine)
                engine_close(d->engine);
        if (d->pidfile)
                pidfile_remove(d->pidfile, d->pid_fd);
        if (d->signal_fd >= 0)
                close(d->signal_fd);
        free(d->pidfile);
        free(d->pools);
        strv_free(d->given);
        daemon_options_deinit(&d->options);
}

/* ---- Configuration ---- */

static void apply_log_level(const struct daemon_options *o)
{
        enum log_level level = LOG_LEVEL_INFO;

        if (o->log_level)
                log_level_parse(o->log_level, &level, NULL);
        log_set_level(o->debug ? LOG_LEVEL_DEBUG : level);
}

static int make_absolute(char **path, const char *fallback, struct error *err)
{
        cleanup_free char *here = NULL, *relative = *path;

        *path = NULL;
        if (!relative || *relative == '/') {
                *path = relative ? take_ptr(relative) : xstrdup(fallback);
                return 0;
        }
        here = getcwd(NULL, 0);
        if (!here)
                return error_errno(err, "getcwd");
        *path = string_format("%s/%s", here, relative);
        return 0;
}

static struct network_options network_options_of(const struct daemon_options *o)
{
        return (struct network_options){
                .exec_root = o->exec_root,
                .bridge = o->bridge,
                .bip = o->bip,
                .bip6 = o->bip6,
                .fixed_cidr = o->fixed_cidr,
                .fixed_cidr6 = o->fixed_cidr_v6,
                .default_gateway = o->default_gateway,
                .default_gateway6 = o->default_gateway_v6,
                .mtu = (unsigned)o->mtu,
                .ipv6 = o->ipv6,
                .no_icc = o->no_icc,
                .no_masquerade = o->no_ip_masq,
                .no_forward = o->no_ip_forward,
                .default_ip = o->ip,
                .host_gateway_ips = o->host_gateway_ips,
                .dns = o->dns,
                .dns_search = o->dns_search,
                .dns_options = o->dns_opts,
        };
}

static int engine_options_from(struct daemon *d, struct error *err)
{
        const struct daemon_options *o = &d->options;
        struct engine_options *e = &d->engine_options;

        *e = (struct engine_options){
                .data_root = o->data_root,
                .exec_root = o->exec_root,
                .network = network_options_of(o),
                .cgroup_parent = o->cgroup_parent,
                .default_runtime = o->default_runtime,
                .default_ipc_mode = o->default_ipc_mode,
                .default_cgroupns_mode = o->default_cgroupns_mode,
                .default_shm_size = o->default_shm_size,
                .log_driver = o->log_driver,
                .log_options = &o->log_opts,
                .default_ulimits = o->default_ulimits,
                .seccomp_profile = o->seccomp_profile,
                .init_path = o->init_path,
                .init = o->init,
                .no_new_privileges = o->no_new_privileges,
                .debug = o->debug,
                .live_restore = o->live_restore,
                .labels = o->labels,
                .build_gc = &o->build_gc,
                .registries = {
                        .mirrors = o->registry_mirrors,
                        .insecure = o->insecure_registries,
                        .http_proxy = o->http_proxy,
                        .https_proxy = o->https_proxy,
                        .no_proxy = o->no_proxy,
                        .attempts = (int)o->max_download_attempts,
                        .downloads = (int)o->max_downloads,
                        .uploads = (int)o->max_uploads,
                },
        };
        if (network_pools_parse(o->pools, &d->pools, &e->network.n_pools, err) < 0)
                return -1;
        e->network.pools = d->pools;
        return 0;
}

static int configure(struct daemon *d, struct error *err)
{
        if (daemon_options_read_file(&d->options, d->given, err) < 0 ||
            daemon_options_check(&d->options, err) < 0 ||
            make_absolute(&d->options.data_root, PATH_DATA_ROOT, err) < 0 ||
            make_absolute(&d->options.exec_root, PATH_EXEC_ROOT, err) < 0)
                return -1;
        if (!d->options.hosts)
                strv_append_take(&d->options.hosts,
                                 string_format("unix://%s/davit.sock", d->options.exec_root));
        apply_log_level(&d->options);
        return engine_options_from(d, err);
}

/* SIGHUP: the log level and the labels may change, everything else needs a restart. */
static void reload(struct daemon *d)
{
        cleanup_daemon_options struct daemon_options fresh = { .config_file =
                                                                   xstrdup(d->options.config_file) };
        cleanup_error struct error err = {};
        cleanup_strmap struct strmap attributes = {};

        if (daemon_options_read_file(&fresh, d->given, &err) < 0 || daemon_options_check(&fresh, &err) < 0) {
                log_error("reload: %s", error_message(&err));
                return;
        }
        if (!strv_contains(d->given, "debug"))
                d->options.debug = fresh.debug;
        if (!strv_contains(d->given, "log-level"))
                replace_string(&d->options.log_level, fresh.log_level);
        d->engine_options.debug = d->options.debug;
        apply_log_level(&d->options);
        strmap_set(&attributes, "debug", d->options.debug ? "true" : "false");
        strmap_set(&attributes, "name", d->engine->id);
        event_publish(d->engine, "daemon", "reload", d->engine->id, &attributes);
        log_info("reloaded the configuration");
}

/* ---- Start ---- */

/* Threads take over the mask, so it is set before there are any. */
static int block_signals(struct error *err)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        signal(SIGPIPE, SIG_IGN);
        if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
                return error_errno(err, "sigprocmask");
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? error_errno(err, "signalfd") : fd;
}

static void raise_limits(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int start(struct daemon *d, struct error *err)
{
        umask(022);
        raise_limits();
        d->signal_fd = block_signals(err);
        if (d->signal_fd < 0 || directory_make(AT_FDCWD, d->options.exec_root, 0711, err) < 0)
                return -1;
        d->pidfile = d->options.pidfile ? xstrdup(d->options.pidfile)
                                        : string_format("%s/davitd.pid", d->options.exec_root);
        d->pid_fd = pidfile_take(d->pidfile, err);
        if (d->pid_fd < 0 || engine_open(&d->engine_options, &d->engine, err) < 0 ||
            server_new(d->engine, &d->server, err) < 0 ||
            listeners_open(d->options.hosts, d->options.group, &d->listeners, err) < 0)
                return -1;
        for (size_t i = 0; i < d->listeners.count; i++)
                server_add_listener(d->server, d->listeners.fds[i]);
        return 0;
}

/* Serves until a signal says to end. */
static int serve(struct daemon *d, struct error *err)
{
        for (;;) {
                struct signalfd_siginfo info;

                if (server_run(d->server, d->signal_fd, err) < 0)
                        return -1;
                while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
                        if (info.ssi_signo != SIGHUP) {
                                log_info("signal %u: containers go on without the engine", info.ssi_signo);
                                return 0;
                        }
                        reload(d);
                }
        }
}

static int run(struct daemon *d, struct error *err)
{
        int r = start(d, err);

        if (r < 0)
                return error_context(err, "failed to start daemon");
        for (char **host = d->options.hosts; *host; host++)
                log_info("API listen on %s", string_after(*host, "unix://") ?: *host);
        notify_ready();
        r = serve(d, err);
        listeners_deinit(&d->listeners);
        if (server_stop(d->server, GRACE_MS) > 0) {
                /* Somebody is still at work with the engine: leave it to the end of the process. */
                pidfile_remove(d->pidfile, d->pid_fd);
                _exit(r < 0 ? 1 : 0);
        }
        return r;
}

/* ---- Main ---- */

/* 1 when there is nothing more to do. */
static int answer_at_once(const struct daemon_options *o)
{
        cleanup_free char *usage = o->help ? daemon_options_usage() : NULL;

        if (usage)
                fputs(usage, stdout);
        else if (o->version)
                puts("davitd version " DAVIT_VERSION);
        return usage || o->version;
}

int main(int argc, char **argv)
{
        struct daemon d = { .pid_fd = -1, .signal_fd = -1 };
        cleanup_error struct error err = {};
        int r = daemon_options_parse_flags(argc, argv, &d.options, &d.given, &err);

        if (r < 0) {
                fprintf(stderr, "davitd: %s\nSee 'davitd --help'.\n", error_message(&err));
                daemon_deinit(&d);
                return 125;
        }
        if (!answer_at_once(&d.options)) {
                r = configure(&d, &err);
                if (r == 0 && d.options.validate)
                        puts("configuration OK");
                else if (r == 0)
                        r = run(&d, &err);
        }
        if (r < 0)
                fprintf(stderr, "davitd: %s\n", error_message(&err));
        daemon_deinit(&d);
        return r < 0 ? 1 : 0;
}
