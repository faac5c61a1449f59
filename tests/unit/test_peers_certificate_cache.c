/* What fetched certificates are kept for, and how many of them. */
#include "peers/certificate_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "peers/http_freshness.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1767225600) /* Thu, 01 Jan 2026 00:00:00 GMT */

struct freshness_case {
	const char *fields[7]; /* name, value, name, value, … */
	int64_t left;
};

static const struct freshness_case cases[] = {
	{ { "Date", "Thu, 01 Jan 2026 00:00:00 GMT" }, 0 },
	{ { "Cache-Control", "max-age=60" }, 60 },
	{ { "cache-control", "Max-Age=60" }, 60 },
	{ { "Cache-Control", "private, max-age=\"60\", must-revalidate" }, 60 },
	{ { "Cache-Control", ",, max-age=60 ,\t" }, 60 },
	{ { "Cache-Control", "s-maxage=60" }, 0 },
	{ { "Cache-Control", "x-max-age=60, max-agey=60, max-age" }, 0 },
	{ { "Cache-Control", "max-age=86400" }, 86400 },
	{ { "Cache-Control", "max-age=99999999999999999999999999" }, HTTP_FRESH_MOST_S },
	{ { "Cache-Control", "max-age=0" }, 0 },
	{ { "Cache-Control", "max-age=-5" }, 0 },
	{ { "Cache-Control", "max-age=" }, 0 },
	{ { "Cache-Control", "max-age=6O" }, 0 },
	{ { "Cache-Control", "max-age=60, max-age=50" }, 50 },
	{ { "Cache-Control", "max-age=50", "Cache-Control", "max-age=60" }, 50 },
	{ { "Cache-Control", "max-age=60, no-store" }, 0 },
	{ { "Cache-Control", "max-age=60", "Cache-Control", "no-cache" }, 0 },
	{ { "Cache-Control", "no-cache=\"Set-Cookie, max-age=9\", max-age=60" }, 0 },
	/* what stands in quotes is no directive */
	{ { "Cache-Control", "extension=\"a, no-store, \\\" no-store\", max-age=60" }, 60 },
	{ { "Cache-Control", "extension=\"a, max-age=60" }, 0 },
	{ { "Cache-Control", "max-age=60", "Age", "45" }, 15 },
	{ { "Cache-Control", "max-age=60", "Age", "61" }, 0 },
	{ { "Cache-Control", "max-age=60", "Age", "x" }, 0 },
	{ { "Cache-Control", "max-age=60", "Age", "5", "Age", "10" }, 50 },
	{ { "Cache-Control", "max-age=60", "Vary", "Accept" }, 60 },
	{ { "Cache-Control", "max-age=60", "Vary", "*" }, 0 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT", "Date", "Thu, 01 Jan 2026 00:01:00 GMT" },
		60 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT" }, 120 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT", "Age", "100" }, 20 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT", "Cache-Control", "max-age=7" }, 7 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT", "Cache-Control", "max-age=x" }, 0 },
	{ { "Expires", "Thu, 01 Jan 2026 00:02:00 GMT", "Expires", "0" }, 0 },
	{ { "Expires", "Wed, 31 Dec 2025 23:59:59 GMT" }, 0 },
	{ { "Expires", "0" }, 0 },
	{ { "Expires", "never" }, 0 },
	{ { "Set-Cookie", "max-age=60" }, 0 },
};

START_TEST(test_freshness)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_freshness f = { 0 };

		for (size_t n = 0; cases[i].fields[n] != NULL; n += 2)
			http_freshness_add(&f, cases[i].fields[n], cases[i].fields[n + 1]);
		ck_assert_msg(http_freshness_left(&f, NOW) == cases[i].left, "%zu: %s: %lld", i,
			cases[i].fields[1], (long long)http_freshness_left(&f, NOW));
	}
}
END_TEST

static struct certificate_cache *cache;

static void put(unsigned i, struct bytes body, int64_t fresh_s)
{
	char url[64];

	snprintf(url, sizeof(url), "https://ca.example/%u", i);
	certificate_cache_put(cache, url, (int)i, body, fresh_s);
}

static bool find(unsigned i, struct bytes *body)
{
	char url[64];
	int form;

	snprintf(url, sizeof(url), "https://ca.example/%u", i);
	bool found = certificate_cache_find(cache, url, &form, body);
	ck_assert(!found || form == (int)i);
	return found;
}

START_TEST(test_kept_while_fresh)
{
	struct bytes body;

	cache = certificate_cache_new();
	ck_assert(!find(1, &body));
	put(1, bytes_of_text("one"), 60);
	put(2, bytes_of_text("two"), 0);
	put(3, bytes_of_text("three"), -1);
	ck_assert(find(1, &body) && bytes_equal(body, bytes_of_text("one")));
	ck_assert(!find(2, &body) && !find(3, &body));
	put(1, bytes_of_text("another"), 60);
	ck_assert(find(1, &body) && bytes_equal(body, bytes_of_text("another")));
	/* a newer answer that may not be kept makes an end of the older */
	put(1, bytes_of_text("third"), 0);
	ck_assert(!find(1, &body));
	int64_t began = clock_ms();

	put(4, bytes_of_text("short"), 1);
	ck_assert(find(4, &body) || clock_ms() - began >= 1000);
	nanosleep(&(struct timespec){ 1, 50000000 }, NULL);
	ck_assert(!find(4, &body));
	certificate_cache_free(cache);
	certificate_cache_free(NULL);
}
END_TEST

/* The one unused longest makes place. */
START_TEST(test_bounded_in_number)
{
	struct bytes body;

	cache = certificate_cache_new();
	for (unsigned i = 0; i < CERTIFICATE_CACHE_ENTRIES; i++)
		put(i, bytes_of_text("x"), 60);
	ck_assert(find(0, &body));
	put(CERTIFICATE_CACHE_ENTRIES, bytes_of_text("x"), 60);
	ck_assert(find(0, &body) && !find(1, &body) && find(2, &body));
	ck_assert(find(CERTIFICATE_CACHE_ENTRIES, &body));
	certificate_cache_free(cache);
}
END_TEST

START_TEST(test_bounded_in_bytes)
{
	static uint8_t at[1024 * 1024];
	struct bytes body,
		huge = bytes_of(calloc(1, CERTIFICATE_CACHE_BYTES), CERTIFICATE_CACHE_BYTES);
	unsigned kept = 0;

	cache = certificate_cache_new();
	for (unsigned i = 0; i < 40; i++)
		put(i, BYTES(at), 60);
	for (unsigned i = 0; i < 40; i++)
		kept += find(i, &body);
	/* each has its URL beside its body */
	ck_assert_uint_eq(kept, CERTIFICATE_CACHE_BYTES / sizeof(at) - 1);
	ck_assert(find(39, &body) && !find(0, &body));
	put(50, huge, 60);
	ck_assert(!find(50, &body) && find(39, &body));
	certificate_cache_free(cache);
	bytes_free(huge);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_freshness,
		test_kept_while_fresh,
		test_bounded_in_number,
		test_bounded_in_bytes,
	};

	return suite_run("peers certificate cache", tests, COUNT(tests));
}
