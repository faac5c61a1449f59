/* What arpfload counts, measures and reads. */
#include <check.h>
#include <stdlib.h>

#include "loadtest/attach.h"
#include "loadtest/histogram.h"
#include "loadtest/json_scan.h"
#include "loadtest/tally.h"
#include "tests/unit/suite.h"

START_TEST(test_histogram_exact)
{
	static struct histogram h;

	ck_assert_uint_eq(histogram_at(&h, 0.5), 0);
	for (int i = 1; i <= 200; i++)
		histogram_add(&h, i);
	ck_assert_uint_eq(histogram_at(&h, 0.5), 100);
	ck_assert_uint_eq(histogram_at(&h, 0.9), 180);
	ck_assert_uint_eq(histogram_at(&h, 1.0), 200);
	ck_assert_double_eq(histogram_mean_us(&h), 100.5);
	histogram_add(&h, -5); /* a clock that seems to go back */
	ck_assert_uint_eq(histogram_at(&h, 0.0), 0);
}
END_TEST

START_TEST(test_histogram_error)
{
	for (int64_t us = 1; us < INT64_C(3600000000); us += us / 7 + 1) {
		struct histogram *h = calloc(1, sizeof(*h));

		histogram_add(h, us);
		histogram_add(h, INT64_C(7200000000)); /* so that max does not help */
		uint64_t told = histogram_at(h, 0.5);
		ck_assert_uint_ge(told, (uint64_t)us);
		ck_assert_uint_le(told, (uint64_t)us + (uint64_t)us / 128 + 1);
		ck_assert_uint_ge(histogram_at(h, 1.0), UINT64_C(3600000000));
		free(h);
	}
}
END_TEST

static struct bytes text(const char *t)
{
	return bytes_of_text(t);
}

START_TEST(test_json_scan)
{
	struct json_scan s;
	struct json_member m;
	struct bytes v;
	uint64_t n;

	ck_assert(json_scan_object(text(" { \"a\" : [1,{\"b\":\"}]\"}], \"c\\\"d\":1 }"), &s));
	ck_assert(json_scan_member(&s, &m) && json_is(&m, "a"));
	ck_assert(bytes_equal(m.value, text("[1,{\"b\":\"}]\"}]")));
	/* a key with an escape is none that anybody looks for */
	ck_assert(!json_scan_member(&s, &m) && s.broken);

	ck_assert(json_scan_array(text("[12, \"x\\u0041\", true]"), &s));
	ck_assert(json_scan_member(&s, &m) && json_scan_number(m.value, &n) && n == 12);
	ck_assert(json_scan_member(&s, &m) && !json_scan_text(m.value, &v));
	ck_assert(json_scan_member(&s, &m) && !json_scan_number(m.value, &n));
	ck_assert(!json_scan_member(&s, &m) && !s.broken && s.ended);
}
END_TEST

START_TEST(test_json_scan_broken)
{
	static const char *const broken[] = { "{", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[",
		"{\"a\":[1}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{1:1}", "{\"a\":\"\\",
		"{\"a\":1 \"b\":2}" };
	struct json_scan s;
	struct json_member m;

	ck_assert(!json_scan_object(text(""), &s));
	ck_assert(!json_scan_object(text("[]"), &s));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		ck_assert(json_scan_object(text(broken[i]), &s));
		for (int n = 0; json_scan_member(&s, &m); n++)
			ck_assert_int_lt(n, 3);
		ck_assert_msg(s.broken || !s.ended, "%s", broken[i]);
	}
}
END_TEST

static const char good_answer[] =
	"{\"dimsi\":\"001990000000001\",\"supi\":\"imsi-001010000000002\",\"seId\":\"SE-1\","
	"\"state\":\"READY\",\"endorsement\":{\"suite\":\"ecdsa-p256-sha256\",\"signerId\":"
	"\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"signature\":"
	"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	"\","
	"\"treeSize\":2,\"leafIndex\":1,\"path\":"
	"[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"],\"issuedAt\":1767225600}}";

START_TEST(test_attach_answer)
{
	struct attach_answer a;
	char changed[sizeof(good_answer)];
	static const char *const needed[] = { "dimsi", "supi", "seId", "state", "suite", "signerId",
		"signature\"", "treeSize", "leafIndex", "path", "issuedAt", "ecdsa", "imsi-",
		"00112", "AAAA", "2,\"l", "==" };

	ck_assert(attach_read_answer(text(good_answer), &a) && a.is_complete);
	ck_assert_uint_eq(a.dimsi, UINT64_C(1990000000001));
	ck_assert_uint_eq(a.imsi, UINT64_C(1010000000002));
	ck_assert_uint_eq(a.endorsement.path_count, 1);
	ck_assert_uint_eq(a.issued_at, 1767225600);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		memcpy(changed, good_answer, sizeof(changed));
		*strstr(changed, needed[i]) = '~';
		ck_assert(attach_read_answer(text(changed), &a));
		ck_assert_msg(!a.is_complete, "%s", needed[i]);
	}
	ck_assert(attach_read_answer(
		text("{\"status\":403,\"cause\":\"SIGNATURE_INVALID\",\"detail\":\"x\"}"), &a));
	ck_assert(!a.is_complete);
	ck_assert_int_eq(a.status, 403);
	ck_assert_int_eq(a.cause, SIGNATURE_INVALID);
	ck_assert(attach_read_answer(text("{\"status\":418,\"cause\":\"TEAPOT\"}"), &a));
	ck_assert_int_eq(a.cause, BROKEN);
}
END_TEST

START_TEST(test_tally)
{
	struct tally t;

	ck_assert(tally_start(&t, 100, 1000));
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert(tally_acknowledge(&t, 100 + i, 5000 + i, true));
	ck_assert(tally_acknowledge(&t, 100, 5000, false)); /* asked again */
	ck_assert_uint_eq(t.acknowledged, 1000);
	ck_assert_uint_eq(tally_wrong_total(&t), 0);
	ck_assert(!tally_acknowledge(&t, 100, 5001, false));
	ck_assert_uint_eq(t.wrong[WRONG_NEW_IMSI], 1);
	tally_end(&t);

	ck_assert(tally_start(&t, 0, 10));
	ck_assert(tally_acknowledge(&t, 0, 7, true));
	ck_assert(!tally_acknowledge(&t, 1, 7, true));
	ck_assert_uint_eq(t.wrong[WRONG_SHARED_IMSI], 1);
	tally_refuse(&t, 2, SIGNATURE_INVALID, SIGNATURE_INVALID);
	tally_refuse(&t, 2, SIGNATURE_INVALID, SIGNATURE_INVALID);
	ck_assert_uint_eq(t.expected_refusals, 1);
	tally_refuse(&t, 3, OVERLOADED, FINE); /* an error, but not a wrong answer */
	tally_refuse(&t, 4, SIGNATURE_INVALID, FINE);
	tally_refuse(&t, 5, CERTIFICATE_EXPIRED, SIGNATURE_INVALID);
	ck_assert_uint_eq(t.errors[OVERLOADED], 1);
	ck_assert_uint_eq(t.wrong[WRONG_REFUSAL], 2);
	tally_end(&t);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_histogram_exact,
		test_histogram_error,
		test_json_scan,
		test_json_scan_broken,
		test_attach_answer,
		test_tally,
	};

	return suite_run("loadtest figures", tests, sizeof(tests) / sizeof(tests[0]));
}
