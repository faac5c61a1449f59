/* Runs the tests of one program. */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H

#include <check.h>
#include <stddef.h>

/* Answers what main() does. */
int suite_run(const char *name, const TTest *const *tests, size_t count);

#endif
