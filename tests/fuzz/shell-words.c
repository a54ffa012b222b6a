/* Any text as a word: expanded and split, with both escapes. */
#include "build/shell-words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char path[] = "P=/usr/lib/x.tar.gz", empty[] = "E=", *env[] = { path, empty, NULL };
        cleanup_free char *text = xstrndup((const char *)data, size > 4096 ? 4096 : size), *word = NULL;
        cleanup_strv char **words = NULL;
        struct shell_words rules = { .escape = size % 2 ? '\\' : '`',
                                     .lookup = shell_lookup_env,
                                     .arg = env,
                                     .keep_unset = size % 3 == 0,
                                     .raw_quotes = size % 5 == 0 };

        (void)shell_expand(&rules, text, &word, NULL);
        (void)shell_split(&rules, text, &words, NULL);
        return 0;
}
