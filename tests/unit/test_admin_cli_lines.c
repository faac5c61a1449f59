/* arpfctl's reading of which subscriptions are meant: a file of SUPIs, --select, and the id of a file's job. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/job_run.h"
#include "admin-cli/selection_text.h"
#include "admin-cli/supi_lines.h"
#include "tests/unit/suite.h"

/* The lines as "GOOD 1010000000001|NONE|BAD", by their order. */
static void check_lines(const char *text, const char *expected)
{
	/* In memory of its exact size, where a sanitizer sees a read behind the end. */
	size_t len = strlen(text);
	uint8_t *file = malloc(len > 0 ? len : 1);
	struct supi_lines lines = { .rest = bytes_of(file, len) };
	char said[400] = "";
	size_t at = 0;
	enum supi_line kind;
	uint64_t imsi;

	ck_assert_ptr_nonnull(file);
	memcpy(file, text, len);
	while ((kind = supi_lines_next(&lines, &imsi)) != SUPI_LINES_END) {
		const char *blank = at > 0 ? " " : "";

		if (kind == SUPI_LINE_GOOD)
			at += (size_t)snprintf(said + at, sizeof(said) - at, "%s%lld=%llu", blank,
				(long long)lines.number, (unsigned long long)imsi);
		else if (kind == SUPI_LINE_BAD)
			at += (size_t)snprintf(said + at, sizeof(said) - at, "%s%lld=bad", blank,
				(long long)lines.number);
	}
	ck_assert_str_eq(said, expected);
	ck_assert_int_eq(supi_lines_next(&lines, &imsi), SUPI_LINES_END);
	free(file);
}

START_TEST(a_line_names_a_subscription)
{
	check_lines("", "");
	check_lines("\n\n", "");
	check_lines("imsi-262010000000001", "1=262010000000001");
	check_lines("imsi-262010000000001\nimsi-001010000000002\n",
		"1=262010000000001 2=1010000000002");
	check_lines("imsi-262010000000001\r\n\r\nimsi-001010000000002\r\n",
		"1=262010000000001 3=1010000000002");
	check_lines("# a list\n \t imsi-262010000000001 \t # him\n#imsi-262010000000002\n#",
		"2=262010000000001");
	check_lines("\xef\xbb\xbfimsi-262010000000001\n\xef\xbb\xbfimsi-262010000000001\n",
		"1=262010000000001 2=bad");
}
END_TEST

START_TEST(a_bad_line_is_known_by_its_number)
{
	check_lines("262010000000001\nimsi-262010000000001\nimsi-26201000000000\n"
		    "imsi-2620100000000012\nIMSI-262010000000001\nnai-00@x\n",
		"1=bad 2=262010000000001 3=bad 4=bad 5=bad 6=bad");
	check_lines("imsi-262010000000001 imsi-262010000000002\nimsi-262010000000001,\n\"\n",
		"1=bad 2=bad 3=bad");
	check_lines("imsi- 262010000000001\nimsi\n-", "1=bad 2=bad 3=bad");
}
END_TEST

static json_t *select_by(const char *text)
{
	json_t *selection;

	ck_assert_int_eq(selection_text_read(text, &selection), CLI_DONE);
	return selection;
}

START_TEST(a_selection_has_the_names_of_the_api)
{
	json_t *selection = select_by(" kind=PROFILE  state=ACTIVE owner=imsi-262010000000001 "
				      "first=1 last=2\tcreated-before=3 created-since=4 "
				      "expires-before=2026-01-01T00:00:00Z\n");
	json_t *expected = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "PROFILE",
		"state", "ACTIVE", "owner", "imsi-262010000000001", "first", "1", "last", "2",
		"createdBefore", "3", "createdSince", "4", "expiresBefore", "2026-01-01T00:00:00Z");

	ck_assert(json_equal(selection, expected));
	json_decref(selection);
	json_decref(expected);
	/* What the server has to refuse is left to it. */
	selection = select_by("kind==");
	ck_assert_str_eq(json_string_value(json_object_get(selection, "kind")), "=");
	json_decref(selection);
}
END_TEST

START_TEST(a_selection_that_says_nothing_is_refused)
{
	static const char *const bad[] = { "", "  ", "kind", "kind=", "=PROFILE", "=",
		"Kind=PROFILE", "kinds=PROFILE", "createdBefore=1", "kind=PROFILE kind=EK",
		"state=ACTIVE x", "state=\xff" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *selection = (json_t *)1;
		enum cli_end end = selection_text_read(bad[i], &selection);

		ck_assert_msg(end == CLI_MISUSED, "'%s' ends with %d", bad[i], end);
		ck_assert_ptr_null(selection);
	}
}
END_TEST

static void id_of(const char *operation, json_int_t salt, const char *file, char id[JOB_ID_SIZE])
{
	ck_assert_int_eq(job_id_of_file(operation, salt, bytes_of_text(file), id), FINE);
	ck_assert(job_id_is_good(id));
}

START_TEST(the_same_file_is_the_same_job)
{
	char first[JOB_ID_SIZE], again[JOB_ID_SIZE], other[4][JOB_ID_SIZE];

	id_of("revoke", -1, "a\nb\n", first);
	id_of("revoke", -1, "a\nb\n", again);
	ck_assert_str_eq(first, again);
	id_of("suspend", -1, "a\nb\n", other[0]);
	id_of("revoke", 0, "a\nb\n", other[1]);
	id_of("revoke", -1, "a\nb", other[2]);
	ck_assert_int_eq(job_id_random(other[3]), FINE);
	for (int i = 0; i < 4; i++)
		ck_assert_str_ne(first, other[i]);
	ck_assert(!job_id_is_good(""));
	ck_assert(!job_id_is_good("0123456789abcdef0123456789abcde"));
	ck_assert(!job_id_is_good("0123456789abcdef0123456789abcdefa"));
	ck_assert(!job_id_is_good("0123456789abcdef0123456789abcdeg"));
	ck_assert(job_id_is_good("0123456789abcdef0123456789ABCDEF"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_line_names_a_subscription,
		a_bad_line_is_known_by_its_number,
		a_selection_has_the_names_of_the_api,
		a_selection_that_says_nothing_is_refused,
		the_same_file_is_the_same_job,
	};

	return suite_run("admin_cli_lines", tests, sizeof(tests) / sizeof(tests[0]));
}
