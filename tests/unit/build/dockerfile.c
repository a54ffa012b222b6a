#include "build/dockerfile.h"
#include "build/shell-words.h"
#include "suite.h"

SUITE(dockerfile);

static void read_text(const char *text, struct dockerfile *d)
{
        cleanup_error struct error err = {};

        ck_assert_msg(dockerfile_read(text, strlen(text), d, NULL, &err) == 0, "%s", error_message(&err));
}

TEST(lines_and_continuations)
{
        cleanup_dockerfile struct dockerfile d = {};

        read_text("# a comment\n\nFROM base AS Build\nRUN one \\\n  # between\n\n  two\nCMD [\"a\", \"b\"]\n",
                  &d);
        ck_assert_uint_eq(d.n_stages, 1);
        ck_assert_str_eq(d.stages[0].name, "build");
        ck_assert_uint_eq(d.stages[0].n_commands, 2);
        ck_assert_str_eq(d.stages[0].commands[0].args[0], "one   two");
        ck_assert_int_eq(d.stages[0].commands[0].start_line, 4);
        ck_assert_int_eq(d.stages[0].commands[0].end_line, 7);
        ck_assert(!d.stages[0].commands[1].shell);
        ck_assert_str_eq(d.stages[0].commands[1].args[1], "b");
}

TEST(escape_directive)
{
        cleanup_dockerfile struct dockerfile d = {};

        read_text("# escape=`\nFROM a\nCOPY `\n x c:\\\n", &d);
        ck_assert_int_eq(d.syntax.escape, '`');
        ck_assert_str_eq(d.stages[0].commands[0].value, "c:\\");
}

TEST(here_documents)
{
        cleanup_dockerfile struct dockerfile d = {};
        const struct instruction *copy;

        read_text("FROM a\nCOPY <<one <<-'two' /d/\nx $V\none\n\ty\n\ttwo\nRUN true\n", &d);
        copy = &d.stages[0].commands[0];
        ck_assert_uint_eq(copy->n_files, 2);
        ck_assert_str_eq(copy->files[0].data, "x $V\n");
        ck_assert(copy->files[0].expand);
        ck_assert_str_eq(copy->files[1].data, "y\n");
        ck_assert(!copy->files[1].expand);
        ck_assert_ptr_null(copy->args);
        ck_assert_uint_eq(d.stages[0].n_commands, 2);
}

TEST(errors_have_lines)
{
        static const struct {
                const char *text, *message;
                int line;
        } cases[] = {
                { "FROM a\n\nFETCH x\n", "dockerfile parse error on line 3: unknown instruction: FETCH", 3 },
                { "RUN true\n", "no build stage in current context", 1 },
                { "FROM a\nCOPY x\n",
                  "dockerfile parse error on line 2: COPY requires at least two arguments, but only one was "
                  "provided. "
                  "Destination could not be determined",
                  2 },
                { "FROM a\nRUN --bogus x\n", "dockerfile parse error on line 2: unknown flag: --bogus", 2 },
                { "FROM a\nRUN <<E\nx\n", "unterminated heredoc", 2 },
                { "# only\n", "file with no instructions", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup_error struct error err = {};
                struct dockerfile_location where = {};
                struct dockerfile d;

                ck_assert_int_eq(dockerfile_read(cases[i].text, strlen(cases[i].text), &d, &where, &err), -1);
                ck_assert_str_eq(error_message(&err), cases[i].message);
                ck_assert_int_eq(where.start, cases[i].line);
        }
}

TEST(mounts)
{
        struct shell_words rules = { .escape = '\\', .lookup = shell_lookup_env };
        cleanup_run_mount struct run_mount m = {};
        cleanup_error struct error err = {};

        ck_assert_int_eq(
            run_mount_parse("target=/c,type=cache,sharing=locked,mode=0700,size=1k", &rules, &m, &err), 0);
        ck_assert_int_eq(m.type, MOUNT_CACHE);
        ck_assert_int_eq(m.sharing, MOUNT_LOCKED);
        ck_assert_int_eq(m.mode, 0700);
        ck_assert_int_eq(m.size, 1024);
        ck_assert(!m.read_only);
        ck_assert_int_eq(run_mount_parse("type=bogus,target=/c", &rules, &m, &err), -1);
        ck_assert_str_eq(error_message(&err), "unsupported mount type \"bogus\"");
}

TEST(single_instruction)
{
        cleanup_instruction struct instruction i = {};
        cleanup_error struct error err = {};

        ck_assert_int_eq(instruction_parse("ENV A=b C=\"d e\"", &i, &err), 0);
        ck_assert_int_eq(i.type, INSTRUCTION_ENV);
        ck_assert_uint_eq(i.n_pairs, 2);
        ck_assert_str_eq(i.pairs[1].value, "\"d e\"");
}
