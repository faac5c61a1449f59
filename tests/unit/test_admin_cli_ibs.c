/* Identities with a date in them: which period one begins with, and which comes next. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "admin-cli/ibs_id.h"
#include "base/clock.h"
#include "tests/unit/suite.h"

static const struct {
	const char *id;
	enum ibs_reading reading;
	const char *name, *from, *to; /* to: the first second that is no longer of it */
} ids[] = {
	{ "2011-02 tel:+447700900123", IBS_HAS_PERIOD, " tel:+447700900123", "2011-02-01T00:00:00Z",
		"2011-03-01T00:00:00Z" },
	{ "2011-02tel:+447700900123", IBS_HAS_PERIOD, "tel:+447700900123", "2011-02-01T00:00:00Z",
		"2011-03-01T00:00:00Z" },
	{ "2011-02", IBS_HAS_PERIOD, "", "2011-02-01T00:00:00Z", "2011-03-01T00:00:00Z" },
	{ "2026 a", IBS_HAS_PERIOD, " a", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
	{ "2026", IBS_HAS_PERIOD, "", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
	{ "2026-12 a", IBS_HAS_PERIOD, " a", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" },
	{ "2024-02-29 a", IBS_HAS_PERIOD, " a", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z" },
	{ "2026-12-31/a", IBS_HAS_PERIOD, "/a", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z" },
	{ "2026-1 a", IBS_HAS_PERIOD, "-1 a", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
	{ "2026-02-3 a", IBS_HAS_PERIOD, "-3 a", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z" },
	{ "2026-02-031", IBS_HAS_PERIOD, "-031", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z" },
	{ "20261 a", IBS_HAS_NO_PERIOD, "20261 a", NULL, NULL },
	{ "202 a", IBS_HAS_NO_PERIOD, "202 a", NULL, NULL },
	{ "arpf.example", IBS_HAS_NO_PERIOD, "arpf.example", NULL, NULL },
	{ " 2026 a", IBS_HAS_NO_PERIOD, " 2026 a", NULL, NULL },
	{ "", IBS_HAS_NO_PERIOD, "", NULL, NULL },
	{ "2026-13 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "2026-00 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "2026-02-29 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "2026-02-00 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "2026-04-31 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "1969 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
	{ "0000-01 a", IBS_IS_NO_DATE, NULL, NULL, NULL },
};

START_TEST(an_identity_begins_with_its_period)
{
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char from[CLOCK_TEXT_LEN], to[CLOCK_TEXT_LEN];
		struct ibs_period p;
		const char *name;

		ck_assert_msg(
			ibs_read_period(ids[i].id, &p, &name) == ids[i].reading, "%s", ids[i].id);
		if (ids[i].name != NULL)
			ck_assert_str_eq(name, ids[i].name);
		if (ids[i].from == NULL)
			continue;
		clock_write(p.not_before, from);
		clock_write(p.not_after, to);
		ck_assert_str_eq(from, ids[i].from);
		ck_assert_str_eq(to, ids[i].to);
	}
}
END_TEST

/* The period after the period after … an identity's: each begins where the one before ends. */
START_TEST(periods_follow_each_other)
{
	static const struct {
		const char *id, *later;
		int steps;
	} rows[] = {
		{ "2023-11 a", "2024-03 a", 4 },
		{ "2024-02-27 a", "2024-03-01 a", 3 },
		{ "2026-12-31", "2027-01-01", 1 },
		{ "2026:a", "2028:a", 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ibs_period p, next;
		const char *name;
		char id[IBS_ID_MAX + 1];

		ck_assert_int_eq(ibs_read_period(rows[i].id, &p, &name), IBS_HAS_PERIOD);
		for (int step = 0; step < rows[i].steps; step++) {
			ck_assert(ibs_period_at(p.kind, p.not_after, &next));
			ck_assert_int_eq(next.not_before, p.not_after);
			ck_assert(ibs_period_at(p.kind, next.not_after - 1, &p));
			ck_assert_int_eq(p.not_before, next.not_before);
		}
		ck_assert(ibs_write_id(&p, name, id));
		ck_assert_str_eq(id, rows[i].later);
	}
}
END_TEST

START_TEST(the_calendar_has_an_end)
{
	struct ibs_period p;
	const char *name;

	ck_assert_int_eq(ibs_read_period("9999 a", &p, &name), IBS_HAS_PERIOD);
	ck_assert(!ibs_period_at(IBS_YEAR, p.not_after, &p));
	ck_assert(!ibs_period_at(IBS_YEAR, -1, &p));
}
END_TEST

START_TEST(an_identity_has_room_for_128_bytes)
{
	char name[IBS_ID_MAX + 1], id[IBS_ID_MAX + 1];
	struct ibs_period p;
	const char *rest;

	ck_assert_int_eq(ibs_read_period("2026-02", &p, &rest), IBS_HAS_PERIOD);
	memset(name, 'a', sizeof(name));
	name[IBS_ID_MAX - 7] = '\0';
	ck_assert(ibs_write_id(&p, name, id));
	ck_assert_uint_eq(strlen(id), IBS_ID_MAX);
	ck_assert(ibs_id_is_text(id));
	name[IBS_ID_MAX - 7] = 'a';
	name[IBS_ID_MAX - 6] = '\0';
	ck_assert(!ibs_write_id(&p, name, id));
}
END_TEST

static const struct {
	const char *text;
	bool is_one;
} texts[] = {
	{ "2011-02 arpf.example", true },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91", true },
	{ "", false },
	{ "a\nb", false },
	{ "a\tb", false },
	{ "a\x7f", false },
	{ "a\x1b[2J", false },
	{ "\xc2\x85", false },     /* a control character of the second block */
	{ "\xe2\x80\xa8", false }, /* line separator */
	{ "\xc3", false },
	{ "\xc3(", false },
	{ "\x80", false },
	{ "\xc0\xaf", false },         /* not the shortest form */
	{ "\xe0\x80\xaf", false },     /* likewise */
	{ "\xed\xa0\x80", false },     /* a surrogate */
	{ "\xf4\x90\x80\x80", false }, /* beyond the last */
	{ "\xff", false },
};

START_TEST(an_identity_is_printable_text)
{
	char long_one[IBS_ID_MAX + 2];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(ibs_id_is_text(texts[i].text) == texts[i].is_one, "row %zu", i);
	memset(long_one, 'a', sizeof(long_one));
	long_one[IBS_ID_MAX + 1] = '\0';
	ck_assert(!ibs_id_is_text(long_one));
	long_one[IBS_ID_MAX] = '\0';
	ck_assert(ibs_id_is_text(long_one));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_identity_begins_with_its_period,
		periods_follow_each_other,
		the_calendar_has_an_end,
		an_identity_has_room_for_128_bytes,
		an_identity_is_printable_text,
	};

	return suite_run("admin_cli_ibs", tests, sizeof(tests) / sizeof(tests[0]));
}
