#include "network/ipam.h"

#include "base/hash.h"
#include "base/str.h"

#define V4(a, b, c, d, len)                                                                                  \
        {                                                                                                    \
                { AF_INET, { a, b, c, d } }, len                                                             \
        }

const struct ipam_pool ipam_default_pools[] = {
        { V4(172, 17, 0, 0, 16), 16 }, { V4(172, 18, 0, 0, 15), 22 },  { V4(172, 20, 0, 0, 14), 22 },
        { V4(172, 24, 0, 0, 13), 22 }, { V4(192, 168, 0, 0, 16), 22 },
};
const size_t ipam_n_default_pools = ARRAY_SIZE(ipam_default_pools);

static int pool_check(const char *text, struct ipam_pool *pool, struct error *err)
{
        unsigned bits = ip_bits(pool->base.address.family);

        if (pool->size < pool->base.length || pool->size == 0 || pool->size > bits - (bits == 32 ? 2 : 0))
                return error_set(err, ERROR_INVALID,
                                 "invalid default address pool \"%s\": size must be between the "
                                 "base's prefix length and %u",
                                 text, bits - (bits == 32 ? 2 : 0));
        pool->base = ip_prefix_network(&pool->base);
        return 0;
}

int ipam_pool_parse(const char *text, struct ipam_pool *ret, struct error *err)
{
        cleanup_strv char **fields = strv_split(text, ',');
        struct ipam_pool pool = { 0 };
        bool base = false, size = false;

        for (char **f = fields; *f; f++) {
                const char *value;

                if ((value = string_after(*f, "base="))) {
                        if (ip_prefix_parse(value, &pool.base) < 0)
                                return error_set(err, ERROR_INVALID,
                                                 "invalid default address pool \"%s\": invalid "
                                                 "base pool \"%s\"",
                                                 text, value);
                        base = true;
                } else if ((value = string_after(*f, "size="))) {
                        uint64_t n;

                        if (string_to_uint64(value, &n, NULL) < 0 || n > 128)
                                return error_set(err, ERROR_INVALID,
                                                 "invalid default address pool \"%s\": invalid "
                                                 "size value \"%s\" (must be integer)",
                                                 text, value);
                        pool.size = (unsigned)n;
                        size = true;
                } else {
                        return error_set(err, ERROR_INVALID,
                                         "invalid default address pool \"%s\": unexpected key "
                                         "in \"%s\"",
                                         text, *f);
                }
        }
        if (!base || !size)
                return error_set(err, ERROR_INVALID,
                                 "invalid default address pool \"%s\": base and size are needed", text);
        if (pool_check(text, &pool, err) < 0)
                return -1;
        *ret = pool;
        return 0;
}

/* The subnet `p` of length `p->length` that follows; false when it would leave the pool. */
static bool next_subnet(const struct ip_prefix *base, struct ip_prefix *p)
{
        struct ip_address last = ip_prefix_last(p);

        p->address = ip_address_add(&last, 1);
        return ip_prefix_contains(base, &p->address) && ip_address_compare(&p->address, &last) > 0;
}

static const struct ip_prefix *find_overlap(const struct ip_prefix *p, const struct ip_prefix *taken,
                                            size_t n_taken)
{
        for (size_t i = 0; i < n_taken; i++)
                if (ip_prefix_overlap(&taken[i], p))
                        return &taken[i];
        return NULL;
}

int ipam_choose_subnet(const struct ipam_pool *pools, size_t n_pools, int family,
                       const struct ip_prefix *taken, size_t n_taken, struct ip_prefix *ret,
                       struct error *err)
{
        for (size_t i = 0; i < n_pools; i++) {
                struct ip_prefix p = { pools[i].base.address, pools[i].size };
                bool more = p.address.family == family;

                while (more) {
                        const struct ip_prefix *other = find_overlap(&p, taken, n_taken);

                        if (!other) {
                                *ret = p;
                                return 0;
                        }
                        /* Jump behind a larger one at once, so that a taken 10.0.0.0/8 costs one step. */
                        if (other->length < p.length)
                                p.address = ip_prefix_last(other);
                        p.address = ip_prefix_network(&p).address;
                        more = next_subnet(&pools[i].base, &p);
                }
        }
        return error_set(err, ERROR_FORBIDDEN, "all predefined address pools have been fully subnetted");
}

void ipam_unique_local(const char *id, struct ip_prefix *ret)
{
        uint8_t digest[SHA256_SIZE];

        hash_data(id, strlen(id), digest);
        *ret = (struct ip_prefix){ { AF_INET6, { 0xfd } }, 64 };
        memcpy(ret->address.bytes + 1, digest, 7);
}

int ipam_choose_address(const struct ip_prefix *subnet, const struct ip_prefix *range,
                        const struct ip_address *taken, size_t n_taken, struct ip_address *ret)
{
        struct ip_address network = ip_prefix_network(subnet).address, last = ip_prefix_last(subnet);
        struct ip_address a = ip_prefix_network(range).address, end = ip_prefix_last(range);
        bool reserved = ip_bits(subnet->address.family) - subnet->length > 1;
        size_t next = 0;

        for (;;) {
                while (next < n_taken && ip_address_compare(&taken[next], &a) < 0)
                        next++;
                if (!(next < n_taken && ip_address_compare(&taken[next], &a) == 0) &&
                    !(reserved && ip_address_compare(&a, &network) == 0) &&
                    !(reserved && subnet->address.family == AF_INET && ip_address_compare(&a, &last) == 0)) {
                        *ret = a;
                        return 0;
                }
                if (ip_address_compare(&a, &end) == 0)
                        return -1;
                a = ip_address_add(&a, 1);
        }
}
