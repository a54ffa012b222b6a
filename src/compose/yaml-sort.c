/* The order of map keys. */
#include "base/utf8.h"
#include "compose/yaml.h"

/* The number that starts at `s`, after `before` (1 when digits stand in front of it that are not all zeros).
 */
static int64_t number_at(const char *s, int64_t before, size_t *ret_len)
{
        int64_t value = before;
        size_t len = strspn(s, "0123456789");

        for (size_t i = 0; i < len; i++)
                value = (int64_t)((uint64_t)value * 10 + (uint64_t)(s[i] - '0'));
        *ret_len = len;
        return value;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Both keys are the same up to `at`. */
static int compare_numbers(const char *a, const char *b, size_t at)
{
        int64_t before = 0, x, y;
        size_t x_len, y_len;

        if (a[at] == '0' || b[at] == '0')
                for (size_t i = at; i > 0 && is_digit(a[i - 1]); i--)
                        if (a[i - 1] != '0')
                                before = 1;
        x = number_at(a + at, before, &x_len);
        y = number_at(b + at, before, &y_len);
        if (x != y)
                return x < y ? -1 : 1;
        if (x_len != y_len)
                return x_len < y_len ? -1 : 1;
        return 0;
}

int yaml_compare_keys(const char *a, const char *b)
{
        bool digits = false;

        for (size_t i = 0; a[i] && b[i];) {
                uint32_t x, y;
                size_t width = utf8_decode(a + i, strlen(a + i), &x);
                bool letter_x, letter_y;
                int order;

                utf8_decode(b + i, strlen(b + i), &y);
                if (x == y) {
                        digits = rune_is_digit(x);
                        i += width;
                        continue;
                }
                letter_x = rune_is_letter(x);
                letter_y = rune_is_letter(y);
                if (letter_x != letter_y)
                        return letter_x == digits ? -1 : 1;
                order = letter_x ? 0 : compare_numbers(a, b, i);
                return order ? order : x < y ? -1 : 1;
        }
        return strcmp(a, b);
}

static int compare(const void *a, const void *b)
{
        return yaml_compare_keys(*(const char *const *)a, *(const char *const *)b);
}

static json_object *sort_value(json_object *value)
{
        json_object *out;

        if (json_object_is_type(value, json_type_object))
                return yaml_sort(json_object_get(value), true);
        if (!json_object_is_type(value, json_type_array))
                return json_object_get(value);
        out = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(value); i++)
                json_object_array_add(out, sort_value(json_object_array_get_idx(value, i)));
        return out;
}

json_object *yaml_sort(json_object *map, bool deep)
{
        cleanup_free const char **keys = xcalloc((size_t)json_object_object_length(map) + 1, sizeof(*keys));
        json_object *out = json_object_new_object();
        struct lh_entry *entry;
        size_t count = 0;

        lh_foreach (json_object_get_object(map), entry)
                keys[count++] = lh_entry_k(entry);
        qsort(keys, count, sizeof(*keys), compare);
        for (size_t i = 0; i < count; i++) {
                json_object *value = json_get(map, keys[i]);

                json_object_object_add(out, keys[i], deep ? sort_value(value) : json_object_get(value));
        }
        json_object_put(map);
        return out;
}
