/* Unit tests: a file begins with SUITE(name) and has TEST(name) { … } functions with Check's ck_assert… macros. Every
 * file below tests/unit/ becomes part of build/unit; `build/unit NAME…` runs only those suites. */
#pragma once

#include <check.h>
#include <stddef.h>

struct suite_test {
        const char *suite;
        const TTest *test;
        struct suite_test *next;
};
void suite_register(struct suite_test *test);

#define SUITE(name) static const char suite_name[] = #name

/* Defines and registers one test. */
#define TEST(name)                                                                                                   \
        START_TEST_DECLARE(name)                                                                                     \
        static struct suite_test name##_entry = { suite_name, &name##_test, NULL };                                  \
        __attribute__((constructor)) static void name##_register(void)                                               \
        {                                                                                                            \
                suite_register(&name##_entry);                                                                       \
        }                                                                                                            \
        static void name##_body(int _i __attribute__((unused)))

#define START_TEST_DECLARE(name)                                                                                     \
        static void name##_body(int _i);                                                                             \
        static const TTest name##_test = { #name, name##_body, __FILE__, __LINE__ };
