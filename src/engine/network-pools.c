#include "engine/network.h"

#include "network/ipam.h"

int network_pools_parse(char *const *texts, struct ipam_pool **ret, size_t *ret_count, struct error *err)
{
        struct ipam_pool *pools = NULL;
        size_t count = 0;

        for (; texts && *texts; texts++) {
                struct ipam_pool pool;

                if (ipam_pool_parse(*texts, &pool, err) < 0) {
                        free(pools);
                        return -1;
                }
                ARRAY_APPEND(pools, count, pool);
        }
        *ret = pools;
        *ret_count = count;
        return 0;
}
