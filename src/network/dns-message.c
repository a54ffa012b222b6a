#include "network/dns.h"

#include <ctype.h>
#include <string.h>

#define HEAD 12
#define FLAG_RESPONSE 0x80
#define FLAG_TRUNCATED 0x02
#define FLAG_RECURSION_WANTED 0x01
#define FLAG_RECURSION_AVAILABLE 0x80
#define CLASS_IN 1

static uint16_t get16(const uint8_t *p)
{
        return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
        p[0] = (uint8_t)(value >> 8);
        p[1] = (uint8_t)value;
}

/* A name without compression (a question has nothing to point at). Returns the offset behind it, 0 if it is
 * bad. */
static size_t parse_name(const uint8_t *message, size_t len, size_t at, char ret[DNS_NAME_MAX])
{
        size_t out = 0;

        for (;;) {
                uint8_t label;

                if (at >= len)
                        return 0;
                label = message[at++];
                if (label == 0)
                        break;
                if (label > 63 || at + label > len || out + label + 1 >= DNS_NAME_MAX)
                        return 0;
                if (out > 0)
                        ret[out++] = '.';
                for (size_t i = 0; i < label; i++) {
                        uint8_t c = message[at + i];

                        /* A dot or NUL inside of a label would make another name of it. */
                        if (c == '.' || c == 0)
                                return 0;
                        ret[out++] = (char)tolower(c);
                }
                at += label;
        }
        ret[out] = '\0';
        return at;
}

/* The OPT record among the additional ones, if it comes first, as it does. */
static void find_edns(const uint8_t *message, size_t len, size_t at, struct dns_query *q)
{
        if (get16(message + 10) == 0 || get16(message + 6) != 0 || get16(message + 8) != 0 || at + 11 > len ||
            message[at] != 0 || get16(message + at + 1) != DNS_TYPE_OPT)
                return;
        q->edns = true;
        q->udp_size = get16(message + at + 3);
        if (q->udp_size < DNS_UDP_SIZE)
                q->udp_size = DNS_UDP_SIZE;
}

int dns_query_parse(const uint8_t *message, size_t len, struct dns_query *ret)
{
        struct dns_query q = { .udp_size = DNS_UDP_SIZE };
        size_t at;

        if (len < HEAD || message[2] & (FLAG_RESPONSE | 0x78) || get16(message + 4) != 1)
                return -1;
        q.id = get16(message);
        q.recursion = message[2] & FLAG_RECURSION_WANTED;
        at = parse_name(message, len, HEAD, q.name);
        if (at == 0 || at + 4 > len || get16(message + at + 2) != CLASS_IN)
                return -1;
        q.type = get16(message + at);
        q.question_end = at + 4;
        find_edns(message, len, q.question_end, &q);
        *ret = q;
        return 0;
}

/* ---- Answers ---- */

static size_t add_opt(uint8_t *answer, size_t at, size_t limit)
{
        static const uint8_t opt[11] = { 0, 0, DNS_TYPE_OPT, 4096 >> 8, 4096 & 255, 0, 0, 0, 0, 0, 0 };

        if (at + sizeof(opt) > limit)
                return at;
        memcpy(answer + at, opt, sizeof(opt));
        put16(answer + 10, 1);
        return at + sizeof(opt);
}

static size_t begin(const uint8_t *query, const struct dns_query *q, int code, uint8_t *answer, size_t room)
{
        if (q->question_end > room)
                return 0;
        memcpy(answer, query, q->question_end);
        answer[2] = (uint8_t)(FLAG_RESPONSE | (q->recursion ? FLAG_RECURSION_WANTED : 0));
        answer[3] = (uint8_t)(FLAG_RECURSION_AVAILABLE | code);
        put16(answer + 4, 1);
        memset(answer + 6, 0, 6);
        return q->question_end;
}

size_t dns_answer_begin(const uint8_t *query, const struct dns_query *q, int code, uint8_t *answer,
                        size_t room)
{
        size_t at = begin(query, q, code, answer, room);

        return at > 0 && q->edns ? add_opt(answer, at, room) : at;
}

/* Name (a pointer to the question), type, class, TTL, length of what follows. */
static size_t record_head(uint8_t *answer, size_t at, int type, size_t data_len)
{
        put16(answer + at, 0xc000 | HEAD);
        put16(answer + at + 2, (unsigned)type);
        put16(answer + at + 4, CLASS_IN);
        put16(answer + at + 6, 0);
        put16(answer + at + 8, DNS_TTL);
        put16(answer + at + 10, (unsigned)data_len);
        return at + 12;
}

size_t dns_answer_addresses(const uint8_t *query, const struct dns_query *q,
                            const struct ip_address *addresses, size_t count, uint8_t *answer, size_t limit)
{
        size_t at = begin(query, q, DNS_OK, answer, limit), reserve = q->edns ? 11 : 0;
        unsigned written = 0;

        if (at == 0)
                return 0;
        for (size_t i = 0; i < count; i++) {
                size_t size = addresses[i].family == AF_INET ? 4 : 16;
                int type = addresses[i].family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;

                if (q->type != type && q->type != DNS_TYPE_ANY)
                        continue;
                if (at + 12 + size + reserve > limit) {
                        answer[2] |= FLAG_TRUNCATED;
                        break;
                }
                at = record_head(answer, at, type, size);
                memcpy(answer + at, addresses[i].bytes, size);
                at += size;
                written++;
        }
        put16(answer + 6, written);
        return q->edns ? add_opt(answer, at, limit) : at;
}

/* Writes a name as labels; 0 if it is none or doesn't fit. */
static size_t put_name(const char *name, uint8_t *out, size_t room)
{
        size_t at = 0;

        while (*name) {
                size_t len = strcspn(name, ".");

                if (len == 0 || len > 63 || at + len + 2 > room)
                        return 0;
                out[at++] = (uint8_t)len;
                memcpy(out + at, name, len);
                at += len;
                name += len;
                name += *name == '.';
        }
        if (at >= room)
                return 0;
        out[at++] = 0;
        return at;
}

size_t dns_answer_name(const uint8_t *query, const struct dns_query *q, const char *name, uint8_t *answer,
                       size_t limit)
{
        uint8_t data[DNS_NAME_MAX + 2];
        size_t len = put_name(name, data, sizeof(data)), at = begin(query, q, DNS_OK, answer, limit);

        if (at == 0)
                return 0;
        if (len > 0 && at + 12 + len + 11 <= limit) {
                at = record_head(answer, at, DNS_TYPE_PTR, len);
                memcpy(answer + at, data, len);
                at += len;
                put16(answer + 6, 1);
        }
        return q->edns ? add_opt(answer, at, limit) : at;
}

/* ---- Reverse names ---- */

static int reverse4(const char *name, size_t len, struct ip_address *ret)
{
        struct ip_address a = { .family = AF_INET };
        int part = 3;

        while (len > 0 && part >= 0) {
                unsigned value = 0, digits = 0;

                while (len > 0 && isdigit((unsigned char)*name) && digits < 3) {
                        value = value * 10 + (unsigned)(*name++ - '0');
                        len--;
                        digits++;
                }
                if (digits == 0 || value > 255 || (len > 0 && *name != '.'))
                        return -1;
                a.bytes[part--] = (uint8_t)value;
                if (len > 0) {
                        name++;
                        len--;
                }
        }
        if (len > 0 || part >= 0)
                return -1;
        *ret = a;
        return 0;
}

static int reverse6(const char *name, size_t len, struct ip_address *ret)
{
        struct ip_address a = { .family = AF_INET6 };

        if (len != 63)
                return -1;
        for (int i = 0; i < 32; i++) {
                char c = name[i * 2];
                int value = isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

                if (value < 0 || (i < 31 && name[i * 2 + 1] != '.'))
                        return -1;
                a.bytes[15 - i / 2] |= (uint8_t)(i % 2 ? value << 4 : value);
        }
        *ret = a;
        return 0;
}

int dns_reverse_parse(const char *name, struct ip_address *ret)
{
        static const char four[] = ".in-addr.arpa", six[] = ".ip6.arpa";
        size_t len = strlen(name);

        if (string_ends_with(name, four))
                return reverse4(name, len - strlen(four), ret);
        if (string_ends_with(name, six))
                return reverse6(name, len - strlen(six), ret);
        return -1;
}
