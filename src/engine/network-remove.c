/* DELETE /networks/{id}, POST /networks/prune. */
#include "engine/network-internal.h"

#include "base/time.h"
#include "engine/event.h"

/* The containers that run with it: name:"x" id:"…". */
static char *active_endpoints(struct networks *nets, const struct network_record *r)
{
        struct strbuf b = { 0 };

        for (size_t i = 0; i < nets->n_members; i++)
                for (size_t k = 0; k < nets->members[i]->n_endpoints; k++) {
                        const struct endpoint *e = &nets->members[i]->endpoints[k];

                        if (e->attached && streq(e->settings.network_id, r->id))
                                strbuf_addf(&b, "%sname:\"%s\" id:\"%.12s\"", b.len ? ", " : "",
                                            nets->members[i]->name, e->settings.endpoint_id);
                }
        if (b.len == 0)
                return NULL;
        return strbuf_take(&b);
}

static int remove_locked(struct networks *nets, struct network_record *r, struct error *err)
{
        cleanup_free char *active = active_endpoints(nets, r);

        for (size_t i = 0; r->config_only && i < nets->n_records; i++)
                if (streq(nets->records[i]->config_from, r->name))
                        return error_set(err, ERROR_FORBIDDEN,
                                         "error while removing network: configuration network \"%s\" is in "
                                         "use",
                                         r->name);
        if (active)
                return error_set(err, ERROR_FORBIDDEN,
                                 "error while removing network: network %s has active endpoints (%s)",
                                 r->name, active);
        network_event(nets, r, "destroy", NULL);
        /* First from the kernel: a record without a bridge is mended at the next start, a bridge without one
         * never. */
        network_down(nets, r);
        dns_files_remove_network(nets, r);
        return network_record_delete(nets, r, err);
}

int network_remove(struct networks *nets, const char *name, struct error *err)
{
        struct network_record *r;
        int result;

        pthread_mutex_lock(&nets->lock);
        result = network_find(nets, name, &r, err);
        if (result == 0 && r->predefined)
                result = error_set(err, ERROR_FORBIDDEN, "%s is a pre-defined network and cannot be removed",
                                   r->name);
        if (result == 0)
                result = remove_locked(nets, r, err);
        pthread_mutex_unlock(&nets->lock);
        return result;
}

static int prune_until(const struct filters *filters, int64_t *ret, struct error *err)
{
        char *const *values = filters_get(filters, "until");
        int64_t age;

        *ret = INT64_MAX;
        if (!values || !*values)
                return 0;
        if (values[1])
                return error_set(err, ERROR_INVALID, "more than one until filter specified");
        if (duration_parse(*values, &age, NULL) == 0)
                *ret = time_now() - age;
        else if (time_parse_rfc3339(*values, ret, NULL) < 0)
                return error_set(err, ERROR_INVALID, "invalid filter 'until=[%s]'", *values);
        return 0;
}

static bool has_members(struct networks *nets, const struct network_record *r)
{
        for (size_t i = 0; i < nets->n_members; i++)
                if (network_member_endpoint(nets->members[i], r, r->name))
                        return true;
        return false;
}

static bool matches_prune(const struct network_record *r, const struct filters *filters)
{
        char *const *without = filters_get(filters, "label!");

        for (; without && *without; without++) {
                struct filter one = { (char *)"label", (char *[]){ *without, NULL } };
                struct filters single = { &one, 1 };

                if (filters_match_labels(&single, "label", &r->labels))
                        return false;
        }
        return filters_match_labels(filters, "label", &r->labels);
}

int network_prune(struct networks *nets, const struct filters *filters, json_object **ret, struct error *err)
{
        static const char *const accepted[] = { "label", "label!", "until", NULL };
        cleanup_strmap struct strmap attributes = { 0 };
        json_object *deleted = NULL;
        int64_t until;

        if (filters_check(filters, accepted, err) < 0 || prune_until(filters, &until, err) < 0)
                return -1;
        pthread_mutex_lock(&nets->lock);
        for (size_t i = nets->n_records; i-- > 0;) {
                struct network_record *r = nets->records[i];
                cleanup_free char *name = xstrdup(r->name);

                if (r->predefined || r->created > until || !matches_prune(r, filters) ||
                    has_members(nets, r) || remove_locked(nets, r, NULL) < 0)
                        continue;
                if (!deleted)
                        deleted = json_object_new_array();
                json_object_array_add(deleted, json_object_new_string(name));
        }
        pthread_mutex_unlock(&nets->lock);
        strmap_set(&attributes, "reclaimed", "0");
        if (nets->events)
                event_log_publish(nets->events, "network", "prune", "", &attributes);
        *ret = json_object_new_object();
        json_object_object_add(*ret, "NetworksDeleted", deleted);
        return 0;
}
