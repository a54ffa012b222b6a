/* Replays the tables of the reference's answers: tables DIRECTORY. Exit status 0 when all agree, but for the
 * exceptions below, which are counted by name. */
#include "tables.h"

#include "base/fd.h"

#include <stdio.h>

static const char *const files[] = {
        "shell-words.jsonl",       "shell-fuzz.jsonl", "dockerignore-file.jsonl", "dockerignore-match.jsonl",
        "dockerignore-fuzz.jsonl", "reference.jsonl",  "dockerfile-parse.jsonl",  "dockerfile-instr.jsonl",
        "compose.jsonl",
};

static const struct {
        const char *name;
        table_op answer;
} ops[] = {
        { "word", table_word },        { "words", table_words },        { "match", table_match },
        { "match1", table_match_one }, { "ignore", table_ignore },      { "ref", table_reference },
        { "parse", table_parse },      { "instr", table_instructions },
        { "compose-config", table_compose },
};

struct count {
        int passed, failed, excepted;
};

static table_op find_op(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
                if (streq(ops[i].name, name))
                        return ops[i].answer;
        return NULL;
}

/* Lines on which davit answers otherwise on purpose. */
static const struct {
        const char *where, *reason;
} exceptions[] = {
#define LOST "the reference loses what stands before ${â¦} in the same word"
        { "shell-fuzz.jsonl:505", LOST },
        { "shell-fuzz.jsonl:1340", LOST },
        { "shell-fuzz.jsonl:2002", LOST },
        { "shell-fuzz.jsonl:2353", LOST },
#undef LOST
        { "reference.jsonl:14", "the reference was built without SHA-256" },
        { "compose.jsonl:19", "the reference cannot print build.ssh as JSON" },
        { "dockerfile-parse.jsonl:17", "an argument with a NUL character cannot be given to a program" },
};

static const char *exception_at(const char *where, const char *reference_error)
{
        /* Its linter was not set up: there is nothing to agree with. */
        if (reference_error && string_after(reference_error, "panic: "))
                return "the reference crashed";
        for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++)
                if (streq(exceptions[i].where, where))
                        return exceptions[i].reason;
        return NULL;
}

static void check(const char *where, json_object *line, struct count *count)
{
        json_object *q = json_get(line, "q"), *a = json_get(line, "a"), *want = NULL;
        const char *want_error = json_get_string(a, "error"), *reason;
        cleanup_json json_object *got = NULL;
        cleanup_error struct error err = {};
        table_op op = find_op(json_get_string(q, "op"));
        bool fails;

        reason = exception_at(where, want_error);
        if (reason) {
                printf("exception: %s: %s\n", where, reason);
                count->excepted++;
                return;
        }
        json_object_object_get_ex(a, "ok", &want);
        fails = !op || op(q, &got, &err) < 0;
        if (want_error ? fails : !fails && json_object_equal(got, want)) {
                count->passed++;
                return;
        }
        count->failed++;
        printf("%s: %s\n  want %s\n  got  %s\n", where, json_object_to_json_string_ext(q, 0),
               want_error ? want_error : json_object_to_json_string_ext(want, 0),
               fails ? error_message(&err) : json_object_to_json_string_ext(got, 0));
}

static int replay(int dirfd, const char *name, struct count *count, struct error *err)
{
        cleanup_free char *text = NULL;
        size_t len;
        int number = 0;

        if (file_read(dirfd, name, 64 << 20, &text, &len, err) < 0)
                return -1;
        for (char *line = text, *end; line < text + len; line = end + 1) {
                cleanup_free char *where = string_format("%s:%d", name, ++number);
                cleanup_json json_object *tree = NULL;

                end = strchrnul(line, '\n');
                if (json_parse_text(line, (size_t)(end - line), &tree, err) < 0)
                        return error_context(err, "%s", where);
                check(where, tree, count);
        }
        return 0;
}

int main(int argc, char **argv)
{
        cleanup_error struct error err = {};
        cleanup_close int dirfd = argc == 2 ? directory_open(AT_FDCWD, argv[1], &err) : -1;
        struct count all = {};

        if (dirfd < 0) {
                fprintf(stderr, "usage: tables DIRECTORY\n%s\n", error_message(&err));
                return 2;
        }
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                struct count count = {};

                if (replay(dirfd, files[i], &count, &err) < 0) {
                        fprintf(stderr, "%s\n", error_message(&err));
                        return 2;
                }
                printf("%-26s %5d passed, %d failed, %d exceptions\n", files[i], count.passed, count.failed,
                       count.excepted);
                all.passed += count.passed;
                all.failed += count.failed;
                all.excepted += count.excepted;
        }
        printf("%d passed, %d failed (%d exceptions)\n", all.passed, all.failed, all.excepted);
        return all.failed ? 1 : 0;
}
