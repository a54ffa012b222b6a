/* Runs the registered suites (all, or those named on the command line); ends with "N passed, N failed". */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct suite_test *tests;

void suite_register(struct suite_test *test)
{
        test->next = tests;
        tests = test;
}

static int wanted(const char *suite, int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], suite) == 0)
                        return 1;
        return argc < 2;
}

int main(int argc, char **argv)
{
        SRunner *runner = srunner_create(NULL);
        int failed, run;

        while (tests) {
                const char *name = tests->suite;
                Suite *suite = wanted(name, argc, argv) ? suite_create(name) : NULL;
                struct suite_test **next = &tests;

                while (*next) {
                        struct suite_test *test = *next;
                        TCase *one;

                        if (strcmp(test->suite, name) != 0) {
                                next = &test->next;
                                continue;
                        }
                        *next = test->next;
                        if (!suite)
                                continue;
                        one = tcase_create(test->test->name);
                        tcase_set_timeout(one, 60);
                        tcase_add_test(one, test->test);
                        suite_add_tcase(suite, one);
                }
                if (suite)
                        srunner_add_suite(runner, suite);
        }
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        run = srunner_ntests_run(runner);
        srunner_free(runner);
        printf("%d passed, %d failed\n", run - failed, failed);
        return failed || !run;
}
