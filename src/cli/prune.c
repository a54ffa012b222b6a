#include "cli/prune.h"
#include "base/units.h"
#include "cli/each.h"
#include "client/client.h"

#include <stdio.h>

const struct prune prune_containers = { "/containers/prune", "Deleted Containers:", "ContainersDeleted" };
const struct prune prune_networks = { "/networks/prune", "Deleted Networks:", "NetworksDeleted" };
const struct prune prune_volumes = { "/volumes/prune", "Deleted Volumes:", "VolumesDeleted" };
const struct prune prune_build_cache = { "/build/prune", "Deleted build cache objects:", "CachesDeleted" };

int prune_run(struct cli *cli, const struct prune *kind, char *const *filters, const char *parameter,
              int64_t *ret_freed, struct error *err)
{
        cleanup_free char *text = filters_text(filters);
        cleanup_query struct client_query q = {};
        cleanup_json json_object *answer = NULL;
        struct client *client;
        json_object *list;

        strbuf_adds(&q.text, kind->path);
        client_query_add(&q, "filters", text);
        if (parameter)
                client_query_add_bool(&q, parameter, true);
        if (cli_client(cli, &client, err) < 0 ||
            client_call(client, "POST", &q, NULL, &answer, NULL, err) < 0)
                return -1;
        *ret_freed += json_get_int64(answer, "SpaceReclaimed", 0);
        list = json_get(answer, kind->list);
        if (!list || json_object_array_length(list) == 0)
                return 0;
        puts(kind->heading);
        for (size_t i = 0; i < json_object_array_length(list); i++)
                puts(json_object_get_string(json_object_array_get_idx(list, i)));
        putchar('\n');
        return 0;
}

void prune_print_total(int64_t freed)
{
        cleanup_free char *text = size_format((double)freed, 4);

        printf("Total reclaimed space: %s\n", text);
}
