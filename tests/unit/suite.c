#include "tests/unit/suite.h"

#include <stdlib.h>

#define TIMEOUT_S 600 /* for what hangs; check's own 4 are too few on a slow machine */

int suite_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, TIMEOUT_S);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(all, tests[i]);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
