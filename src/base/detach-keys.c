#include "base/detach-keys.h"

#include "base/str.h"

#include <strings.h>

/* One of "x", "ctrl-x" (x a letter or one of @[\]^_), "del". */
static int key_parse(const char *name, unsigned char *ret)
{
        static const char punctuation[] = "@[\\]^_";
        const char *control = strncasecmp(name, "ctrl-", 5) == 0 ? name + 5 : NULL;

        if (strlen(name) == 1) {
                *ret = (unsigned char)name[0];
                return 0;
        }
        if (strcasecmp(name, "del") == 0) {
                *ret = 127;
                return 0;
        }
        if (!control || strlen(control) != 1)
                return -1;
        if ((control[0] | 0x20) >= 'a' && (control[0] | 0x20) <= 'z' && control[0] >= 'A') {
                *ret = (unsigned char)(control[0] & 0x1f);
                return 0;
        }
        if (!strchr(punctuation, control[0]))
                return -1;
        *ret = (unsigned char)(control[0] & 0x1f);
        return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err)
{
        cleanup_strv char **names = strv_split(string_empty(text) ? DETACH_KEYS_DEFAULT : text, ',');
        struct detach_keys keys = { 0 };

        for (size_t i = 0; names[i]; i++) {
                if (keys.n_keys == DETACH_KEYS_MAX)
                        return error_set(err, ERROR_INVALID, "too many detach keys (at most %d)", DETACH_KEYS_MAX);
                if (key_parse(names[i], &keys.keys[keys.n_keys]) < 0)
                        return error_set(err, ERROR_INVALID, "invalid detach keys (%s): Unknown character: '%s'",
                                         text, names[i]);
                keys.n_keys++;
        }
        *ret = keys;
        return 0;
}

/* After a mismatch of the next byte the longest tail of what was typed may still begin the sequence: bytes before that
 * tail are given up. */
static unsigned longest_tail(const struct detach_keys *keys, const unsigned char *typed, unsigned n_typed)
{
        for (unsigned skip = 1; skip < n_typed; skip++)
                if (memcmp(typed + skip, keys->keys, n_typed - skip) == 0)
                        return n_typed - skip;
        return 0;
}

bool detach_keys_filter(struct detach_keys *keys, const unsigned char *in, size_t len, unsigned char *out,
                        size_t *ret_len)
{
        size_t n_out = 0;

        for (size_t i = 0; i < len; i++) {
                unsigned char typed[DETACH_KEYS_MAX + 1];
                unsigned n_typed = keys->matched + 1, kept;

                memcpy(typed, keys->keys, keys->matched);
                typed[keys->matched] = in[i];
                if (keys->matched < keys->n_keys && keys->keys[keys->matched] == in[i])
                        kept = n_typed;
                else
                        kept = longest_tail(keys, typed, n_typed);
                memcpy(out + n_out, typed, n_typed - kept);
                n_out += n_typed - kept;
                keys->matched = kept;
                if (kept == keys->n_keys && kept > 0) {
                        keys->matched = 0;
                        *ret_len = n_out;
                        return true;
                }
        }
        *ret_len = n_out;
        return false;
}
