/* The name of a build's state is no reference. */
#include "oci/reference.h"
#include "suite.h"

SUITE(build_state);

TEST(names)
{
        cleanup_reference struct reference r = {};

        ck_assert(reference_is_build_state("build:8a8f339124a4#6"));
        ck_assert(!reference_is_build_state("build:latest"));
        ck_assert(!reference_is_build_state("other:8a8f#6"));
        ck_assert_int_eq(reference_parse("build:8a8f339124a4#6", &r, NULL), -1);
}
