/* update and rename: what can change while a container lives. */
#include "engine/container-internal.h"
#include "base/fd.h"

/* Limits that are not in the request keep their value: Docker's clients send zeros for them. */
static void merge_limits(struct host_config *h, const struct host_config *u)
{
#define TAKE(member)                                                                                         \
        if (u->member)                                                                                       \
        h->member = u->member
#define TAKE_STRING(member)                                                                                  \
        if (!string_empty(u->member))                                                                        \
        replace_string(&h->member, u->member)
        TAKE(cpu_shares);
        TAKE(memory_reservation);
        TAKE(blkio_weight);
        TAKE(cpu_realtime_period);
        TAKE(cpu_realtime_runtime);
        TAKE_STRING(cpuset_cpus);
        TAKE_STRING(cpuset_mems);
        if (u->nano_cpus) {
                h->nano_cpus = u->nano_cpus;
                h->cpu_period = h->cpu_quota = 0;
        }
        TAKE(cpu_period);
        TAKE(cpu_quota);
        /* A larger limit without its own swap limit must not run into the old one. */
        TAKE(memory);
        TAKE(memory_swap);
        if (u->pids_limit) {
                free(h->pids_limit);
                h->pids_limit = xmemdup(&(int64_t){ MAX(*u->pids_limit, 0) }, sizeof(int64_t));
        }
        if (!string_empty(u->restart_policy.name)) {
                replace_string(&h->restart_policy.name, u->restart_policy.name);
                h->restart_policy.maximum_retry_count = u->restart_policy.maximum_retry_count;
        }
#undef TAKE
#undef TAKE_STRING
}

static int check_merged(const struct host_config *h, const struct host_config *u, struct error *err)
{
        if (u->nano_cpus && (h->cpu_quota || h->cpu_period) && (u->cpu_quota || u->cpu_period))
                return 0; /* refused by the validation */
        if (u->nano_cpus && h->cpu_quota)
                return error_set(
                    err, ERROR_INVALID,
                    "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
        if (u->nano_cpus && h->cpu_period)
                return error_set(
                    err, ERROR_INVALID,
                    "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
        if (u->cpu_quota && h->nano_cpus)
                return error_set(
                    err, ERROR_INVALID,
                    "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
        if (u->cpu_period && h->nano_cpus)
                return error_set(
                    err, ERROR_INVALID,
                    "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
        /* Also when there was no limit before: then the one for swap is 0. */
        if (u->memory > 0 && u->memory_swap == 0 && h->memory_swap >= 0 && u->memory > h->memory_swap)
                return error_set(err, ERROR_INVALID,
                                 "Memory limit should be smaller than already set memoryswap limit, update "
                                 "the memoryswap at the same time");
        return 0;
}

static int apply_running(struct engine *engine, struct container *c, const struct host_config *u,
                         const struct host_config *merged, struct error *err)
{
        cleanup_close int shim = -1;
        cleanup_json json_object *tree = NULL;
        struct oci_resources resources = {};
        int r;

        if (!container_is_running(c))
                return 0;
        r = container_resources(merged, &resources, err);
        if (r == 0)
                tree = json_unbind(&oci_resources_table, &resources);
        json_free_fields(&oci_resources_table, &resources);
        if (r < 0)
                return -1;
        shim = container_shim(engine, c, err);
        if (shim < 0)
                return -1;
        if (shim_update(shim, tree, string_empty(u->restart_policy.name) ? NULL : &merged->restart_policy,
                        err) < 0)
                return error_context(err, "Cannot update container %s", c->id);
        return 0;
}

static int update_locked(struct engine *engine, struct container *c, struct host_config *u, char ***warnings,
                         struct error *err)
{
        struct host_config merged = {};
        int r;

        if (!string_empty(u->restart_policy.name) && c->host.auto_remove &&
            !streq(u->restart_policy.name, "no"))
                return error_set(
                    err, ERROR_INVALID,
                    "Restart policy cannot be updated because AutoRemove is enabled for the container");
        if (container_validate_resources(u, true, warnings, err) < 0 ||
            container_validate_restart(u, err) < 0)
                return -1;
        if (check_merged(&c->host, u, err) < 0)
                return error_context(err, "Cannot update container %s", c->id);
        json_copy(&host_config_table, &c->host, &merged);
        merge_limits(&merged, u);
        r = apply_running(engine, c, u, &merged, err);
        if (r == 0) {
                /* In place: networks look at other members without `lock`. */
                pthread_mutex_lock(&c->lock);
                merge_limits(&c->host, u);
                r = container_save(c, err);
                pthread_mutex_unlock(&c->lock);
        }
        json_free_fields(&host_config_table, &merged);
        return r;
}

int engine_container_update(struct engine *engine, const char *reference, json_object *body,
                            json_object **ret, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_strv char **warnings = NULL;
        struct host_config update = {};
        json_object *list = NULL;
        int r;

        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        r = json_bind(&update_config_table, body, &update, err);
        if (r == 0) {
                pthread_mutex_lock(&c->operation);
                r = c->removed ? error_set(err, ERROR_NOT_FOUND, "No such container: %s", reference)
                               : update_locked(engine, c, &update, &warnings, err);
                pthread_mutex_unlock(&c->operation);
        }
        json_free_fields(&host_config_table, &update);
        if (r < 0)
                return -1;
        container_event(engine, c, "update", NULL);
        for (size_t i = 0; warnings && warnings[i]; i++) {
                if (!list)
                        list = json_object_new_array();
                json_object_array_add(list, json_object_new_string(warnings[i]));
        }
        *ret = json_object_new_object();
        json_object_object_add(*ret, "Warnings", list);
        return 0;
}

static int take_name(struct engine *engine, struct container *c, const char *name, char **ret_old,
                     struct error *err)
{
        struct container *owner;
        int r = 0;

        pthread_rwlock_wrlock(&engine->lock);
        owner = container_named(engine, name);
        if (owner == c) {
                r = error_set(err, ERROR_INVALID,
                              "Renaming a container with the same name as its current name");
        } else if (owner) {
                r = error_set(err, ERROR_CONFLICT,
                              "Error when allocating new name: Conflict. The container name \"/%s\" is "
                              "already in use by container \"%s\". You have "
                              "to remove (or rename) that container to be able to reuse that name.",
                              name, owner->id);
        } else {
                pthread_mutex_lock(&c->lock);
                *ret_old = xstrdup(c->name);
                strv_append_take(&c->old_names, c->name);
                __atomic_store_n(&c->name, xstrdup(name), __ATOMIC_RELEASE);
                r = container_save(c, err);
                if (r < 0) {
                        strv_append_take(&c->old_names, c->name);
                        __atomic_store_n(&c->name, take_ptr(*ret_old), __ATOMIC_RELEASE);
                }
                pthread_mutex_unlock(&c->lock);
        }
        pthread_rwlock_unlock(&engine->lock);
        return r;
}

int engine_container_rename(struct engine *engine, const char *reference, const char *name, struct error *err)
{
        cleanup_container struct container *c = NULL;
        cleanup_strmap struct strmap extra = {};
        cleanup_free char *old = NULL, *slashed = NULL, *given = NULL;
        int r;

        if (string_empty(name))
                return error_set(err, ERROR_INVALID, "Neither old nor new names may be empty");
        if (container_find(engine, reference, &c, err) < 0)
                return -1;
        given = string_format("/%s", name + (*name == '/'));
        if (container_name_check(given, err) < 0)
                return error_context(err, "Error when allocating new name");
        pthread_mutex_lock(&c->operation);
        r = c->removed ? error_set(err, ERROR_NOT_FOUND, "No such container: %s", reference)
                       : take_name(engine, c, given + 1, &old, err);
        pthread_mutex_unlock(&c->operation);
        if (r < 0)
                return -1;
        network_container_rename(engine->networks, c->id, c->name);
        slashed = string_format("/%s", old);
        strmap_set(&extra, "oldName", slashed);
        container_event(engine, c, "rename", &extra);
        return 0;
}
