#include "base/utf8.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

size_t utf8_decode(const char *s, size_t len, uint32_t *ret)
{
        const unsigned char *b = (const unsigned char *)s;
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t need;
        uint32_t rune;

        *ret = UTF8_ERROR;
        if (len == 0)
                return 0;
        if (b[0] < 0x80) {
                *ret = b[0];
                return 1;
        }
        need = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
        if (b[0] < 0xC2 || b[0] > 0xF4 || len < need)
                return 1;
        rune = b[0] & (0xFF >> (need + 1));
        for (size_t i = 1; i < need; i++) {
                if ((b[i] & 0xC0) != 0x80)
                        return 1;
                rune = rune << 6 | (b[i] & 0x3F);
        }
        if (rune < least[need] || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000))
                return 1;
        *ret = rune;
        return need;
}

size_t utf8_encode(uint32_t rune, char out[4])
{
        if (rune < 0x80) {
                out[0] = (char)rune;
                return 1;
        }
        if (rune < 0x800) {
                out[0] = (char)(0xC0 | rune >> 6);
                out[1] = (char)(0x80 | (rune & 0x3F));
                return 2;
        }
        if (rune < 0x10000) {
                out[0] = (char)(0xE0 | rune >> 12);
                out[1] = (char)(0x80 | (rune >> 6 & 0x3F));
                out[2] = (char)(0x80 | (rune & 0x3F));
                return 3;
        }
        out[0] = (char)(0xF0 | rune >> 18);
        out[1] = (char)(0x80 | (rune >> 12 & 0x3F));
        out[2] = (char)(0x80 | (rune >> 6 & 0x3F));
        out[3] = (char)(0x80 | (rune & 0x3F));
        return 4;
}

bool rune_is_space(uint32_t r)
{
        return (r >= '\t' && r <= '\r') || r == ' ' || r == 0x85 || r == 0xA0 || r == 0x1680 ||
               (r >= 0x2000 && r <= 0x200A) || r == 0x2028 || r == 0x2029 || r == 0x202F || r == 0x205F || r == 0x3000;
}

static locale_t unicode_locale;

static void open_locale(void)
{
        unicode_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

bool rune_is_letter(uint32_t r)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        if (r < 0x80)
                return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z');
        pthread_once(&once, open_locale);
        /* Without the locale's tables everything beyond ASCII counts as a letter. */
        return unicode_locale ? iswalpha_l((wint_t)r, unicode_locale) : true;
}

bool rune_is_digit(uint32_t r)
{
        return r >= '0' && r <= '9';
}
