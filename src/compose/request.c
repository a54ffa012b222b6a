#include "compose/request.h"
#include "base/time.h"

#include <stdio.h>
#include <unistd.h>

void compose_request_deinit(struct compose_request *r)
{
        json_free_fields(&container_config_table, &r->config);
        json_free_fields(&host_config_table, &r->host);
        json_free_fields(&networking_config_table, &r->networking);
}

json_object *compose_request_json(const struct compose_request *r)
{
        json_object *out = json_unbind(&container_config_table, &r->config);

        json_object_object_add(out, "HostConfig", json_unbind(&host_config_table, &r->host));
        json_object_object_add(out, "NetworkingConfig",
                               json_unbind(&networking_config_table, &r->networking));
        return out;
}

static void set_labels(struct compose_engine *e, const struct compose_service *service,
                       const struct compose_create *o, struct strmap *labels)
{
        const struct compose_project *p = e->project;
        cleanup_free char *files = p->files ? strv_join(p->files, ",") : xstrdup(""),
                          *env_files = p->env_files && *p->env_files ? strv_join(p->env_files, ",") : NULL,
                          *number = string_format("%d", o->number);
        cleanup_strbuf struct strbuf dependencies = {};
        char hash[COMPOSE_HASH_LENGTH + 1];

        strmap_copy(labels, &service->labels);
        for (size_t i = 0; i < service->n_depends_on; i++) {
                const struct compose_dependency *d = &service->depends_on[i];

                strbuf_addf(&dependencies, "%s%s:%s:%s", i ? "," : "", d->service, d->condition,
                            d->restart ? "true" : "false");
        }
        compose_service_hash(service, hash);
        strmap_set(labels, LABEL_PROJECT, p->name);
        strmap_set(labels, LABEL_SERVICE, service->name);
        strmap_set(labels, LABEL_VERSION, COMPOSE_VERSION);
        strmap_set(labels, LABEL_WORKING_DIR, p->working_dir ? p->working_dir : "");
        strmap_set(labels, LABEL_CONFIG_FILES, files);
        if (env_files)
                strmap_set(labels, LABEL_ENVIRONMENT_FILE, env_files);
        strmap_set(labels, LABEL_ONEOFF, o->number ? "False" : "True");
        strmap_set(labels, LABEL_CONFIG_HASH, hash);
        strmap_set(labels, LABEL_DEPENDS_ON, dependencies.data ? dependencies.data : "");
        if (o->image_digest)
                strmap_set(labels, LABEL_IMAGE, o->image_digest);
        if (o->number)
                strmap_set(labels, LABEL_NUMBER, number);
        if (o->replaced)
                strmap_set(labels, LABEL_REPLACE, compose_container_short_name(o->replaced, p->name));
        for (size_t i = 0; o->labels && i < o->labels->count; i++)
                strmap_set(labels, o->labels->pairs[i].key, o->labels->pairs[i].value);
        strmap_sort(labels);
}

static void set_environment(const struct compose_engine *e, const struct compose_service *service,
                            struct container_config *c)
{
        for (char **proxy = e->proxies; proxy && *proxy; proxy++) {
                cleanup_free char *name = xstrndup(*proxy, strcspn(*proxy, "="));
                bool known = false;

                for (size_t i = 0; i < service->environment.count; i++)
                        known |= streq(service->environment.pairs[i].key, name);
                if (!known)
                        strv_append(&c->env, *proxy);
        }
        for (size_t i = 0; i < service->environment.count; i++) {
                const struct strpair *pair = &service->environment.pairs[i];

                strv_append_take(&c->env, pair->value ? string_format("%s=%s", pair->key, pair->value)
                                                      : xstrdup(pair->key));
        }
        if (c->env)
                strv_sort(c->env);
}

static int64_t value_of(const int64_t *p)
{
        return p ? *p : 0;
}

static void set_health(const struct compose_service *service, struct container_config *c)
{
        const struct compose_healthcheck *check = service->healthcheck;
        struct health_config *h;

        if (!check)
                return;
        h = c->healthcheck = xcalloc(1, sizeof(*h));
        h->test = strv_copy(check->test);
        if (check->disable) {
                strv_free(h->test);
                h->test = NULL;
                strv_append(&h->test, "NONE");
        }
        h->interval = value_of(check->interval);
        h->timeout = value_of(check->timeout);
        h->start_period = value_of(check->start_period);
        h->start_interval = value_of(check->start_interval);
        h->retries = check->retries ? (int)*check->retries : 0;
}

static void set_config(struct compose_engine *e, const struct compose_service *service,
                       const struct compose_create *o, struct container_config *c)
{
        c->hostname = xstrdup(service->hostname);
        c->domainname = xstrdup(service->domainname);
        c->user = xstrdup(service->user);
        c->attach_stdin = o->attach_stdin;
        c->attach_stdout = c->attach_stderr = true;
        c->tty = service->tty;
        c->open_stdin = service->stdin_open;
        c->stdin_once = o->attach_stdin && service->stdin_open;
        c->cmd = strv_copy(service->command);
        c->entrypoint = strv_copy(service->entrypoint);
        /* An empty entrypoint is [""] on the wire: that clears the image's. */
        if (c->entrypoint && !*c->entrypoint)
                strv_append(&c->entrypoint, "");
        c->image = compose_service_image(e->project, service, e->separator);
        c->working_dir = xstrdup(service->working_dir);
        c->stop_signal = xstrdup(service->stop_signal);
        if (service->stop_grace_period) {
                c->stop_timeout = xcalloc(1, sizeof(int));
                *c->stop_timeout = (int)(*service->stop_grace_period / NSEC_PER_SEC);
        }
        set_environment(e, service, c);
        set_health(service, c);
        set_labels(e, service, o, &c->labels);
}

static void set_logging(const struct compose_service *service, struct host_config *h)
{
        if (!service->logging)
                return;
        h->log_config.type = xstrdup(service->logging->driver);
        strmap_copy(&h->log_config.config, &service->logging->options);
}

/* "on-failure:3", or what deploy.restart_policy says. */
static int set_restart(const struct compose_service *service, struct restart_policy *r, struct error *err)
{
        const struct compose_restart_policy *deploy =
            service->deploy ? service->deploy->restart_policy : NULL;

        if (service->restart) {
                const char *colon = strchr(service->restart, ':');
                int64_t count = 0;

                r->name = xstrndup(service->restart,
                                   colon ? (size_t)(colon - service->restart) : strlen(service->restart));
                if (colon && string_to_int64(colon + 1, &count, NULL) < 0)
                        return error_set(err, ERROR_INVALID,
                                         "invalid restart policy: \"%s\": %s is not a number",
                                         service->restart, colon + 1);
                r->maximum_retry_count = (int)count;
        } else if (deploy) {
                const char *condition = deploy->condition;

                r->name = xstrdup(streq(condition, "none")                ? "no"
                                  : !condition || streq(condition, "any") ? "always"
                                                                          : condition);
                /* Only "on-failure" may count. */
                if (deploy->max_attempts && streq(r->name, "on-failure"))
                        r->maximum_retry_count = (int)*deploy->max_attempts;
        }
        return 0;
}

/* "host=address" as "host:address". */
static char **hosts(char *const *list)
{
        char **out = NULL;

        for (; list && *list; list++) {
                const char *equals = strchr(*list, '=');

                strv_append_take(&out,
                                 equals ? string_format("%.*s:%s", (int)(equals - *list), *list, equals + 1)
                                        : xstrdup(*list));
        }
        return out;
}

/* "seccomp=FILE" of a security option is sent as the file's content. */
static int set_security(struct compose_engine *e, const struct compose_service *service,
                        struct host_config *h, struct error *err)
{
        for (char **option = service->security_opt; option && *option; option++) {
                const char *file = string_after(*option, "seccomp=");
                cleanup_free char *path = NULL, *text = NULL;
                cleanup_stream struct stream *s = NULL;
                size_t len;
                FILE *f;

                if (!file)
                        file = string_after(*option, "seccomp:");
                if (!file || streq(file, "unconfined") || streq(file, "builtin")) {
                        strv_append(&h->security_opt, *option);
                        continue;
                }
                path = *file == '/' ? xstrdup(file) : string_format("%s/%s", e->project->working_dir, file);
                f = fopen(path, "re");
                if (!f)
                        return error_errno(err, "opening seccomp profile (%s) failed", path);
                s = stream_new_fd(dup(fileno(f)));
                fclose(f);
                if (stream_read_all(s, 1 << 20, &text, &len, err) < 0)
                        return error_context(err, "opening seccomp profile (%s) failed", path);
                strv_append_take(&h->security_opt, string_format("seccomp=%s", text));
        }
        return 0;
}

static int set_volumes_from(const struct compose_service *service, const struct compose_containers *others,
                            struct host_config *h, struct error *err)
{
        for (char **from = service->volumes_from; from && *from; from++) {
                const char *container = string_after(*from, "container:");
                cleanup_free char *name = xstrndup(*from, strcspn(*from, ":"));
                const char *mode = strchr(*from, ':');
                const struct compose_container *c;

                if (container) {
                        strv_append(&h->volumes_from, container);
                        continue;
                }
                c = compose_containers_find(others, name, 0);
                if (!c)
                        return error_set(err, ERROR_NOT_FOUND,
                                         "cannot share volume with service %s: container missing", name);
                strv_append_take(&h->volumes_from, string_format("%s%s", c->id, mode ? mode : ""));
        }
        return 0;
}

int compose_request_mode(const char *mode, const struct compose_containers *others, char **ret,
                         struct error *err)
{
        const char *service = mode ? string_after(mode, "service:") : NULL;
        const struct compose_container *c = service ? compose_containers_find(others, service, 0) : NULL;

        if (service && !c)
                return error_set(err, ERROR_NOT_FOUND,
                                 "cannot share the namespace of service %s: container missing", service);
        *ret = c ? string_format("container:%s", c->id) : xstrdup(mode);
        return 0;
}

static int set_host(struct compose_engine *e, const struct compose_service *service,
                    const struct compose_containers *others, const struct compose_create *o,
                    struct host_config *h, struct error *err)
{
        h->auto_remove = o->auto_remove;
        strmap_copy(&h->annotations, &service->annotations);
        h->cap_add = strv_copy(service->cap_add);
        h->cap_drop = strv_copy(service->cap_drop);
        h->cgroupns_mode = xstrdup(service->cgroup);
        h->dns = strv_copy(service->dns);
        h->dns_options = strv_copy(service->dns_opt);
        h->dns_search = strv_copy(service->dns_search);
        h->extra_hosts = hosts(service->extra_hosts);
        h->group_add = strv_copy(service->group_add);
        h->oom_score_adj = (int)service->oom_score_adj;
        h->privileged = service->privileged;
        h->readonly_rootfs = service->read_only;
        strmap_copy(&h->storage_opt, &service->storage_opt);
        strmap_copy(&h->sysctls, &service->sysctls);
        h->shm_size = service->shm_size;
        h->uts_mode = xstrdup(service->uts);
        h->userns_mode = xstrdup(service->userns_mode);
        h->runtime = xstrdup(service->runtime);
        h->isolation = xstrdup(service->isolation);
        h->volume_driver = xstrdup(service->volume_driver);
        if (service->init)
                h->init = xmemdup(service->init, sizeof(bool));
        set_logging(service, h);
        compose_request_resources(service, h);
        if (compose_request_mode(service->ipc, others, &h->ipc_mode, err) < 0 ||
            compose_request_mode(service->pid, others, &h->pid_mode, err) < 0 ||
            set_restart(service, &h->restart_policy, err) < 0 || set_security(e, service, h, err) < 0)
                return -1;
        return set_volumes_from(service, others, h, err);
}

int compose_request_make(struct compose_engine *e, const struct compose_service *service,
                         const struct compose_containers *others, const struct compose_create *options,
                         json_object *replaced, struct compose_request *ret, struct error *err)
{
        set_config(e, service, options, &ret->config);
        if (set_host(e, service, others, options, &ret->host, err) < 0 ||
            compose_request_ports(service, ret, err) < 0)
                return -1;
        if (compose_request_networks(e, service, others, options, ret, err) < 0)
                return -1;
        return compose_request_mounts(e, service, replaced, ret, err);
}
