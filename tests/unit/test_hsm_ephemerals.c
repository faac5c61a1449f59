/* arpf-keyd's DH key pairs made ahead of need: when, how many, and that each is given out once. */
#include <stdlib.h>

#include "hsm/keyd/ephemerals.h"
#include "tests/unit/suite.h"

static const unsigned sizes[DH_GROUP_COUNT] = {
	[DH_FFDHE2048] = EPHEMERALS_FFDHE2048,
	[DH_FFDHE3072] = EPHEMERALS_FFDHE3072,
	[DH_P256] = EPHEMERALS_CURVE,
	[DH_X25519] = EPHEMERALS_CURVE,
};

static struct ephemerals pool;
static struct ephemeral_secrets secrets;

static unsigned fill(void)
{
	unsigned made = 0;

	while (ephemerals_make_one(&pool, &secrets))
		made++;
	return made;
}

/* A pair that agrees with one of another's making, as a pair does. */
static void take(enum dh_group group, uint8_t element[DH_ELEMENT_MAX])
{
	uint8_t secret[DH_SECRET_MAX] = { 0 }, other[DH_SECRET_MAX], peer[DH_ELEMENT_MAX];
	uint8_t z[DH_SHARED_MAX], z_of_peer[DH_SHARED_MAX];
	size_t len = dh_element_len(group);

	ck_assert_int_eq(ephemerals_take(&pool, &secrets, group, secret, element), FINE);
	ck_assert_int_eq(dh_generate(group, other, peer), FINE);
	ck_assert_int_eq(dh_agree(group, secret, bytes_of(peer, len), z), FINE);
	ck_assert_int_eq(dh_agree(group, other, bytes_of(element, len), z_of_peer), FINE);
	ck_assert_mem_eq(z, z_of_peer, dh_shared_len(group));
}

static bool has_secrets(void)
{
	static const struct ephemeral_secrets none;

	return memcmp(&secrets, &none, sizeof(none)) != 0;
}

START_TEST(test_nothing_is_made_before_it_is_asked_for)
{
	ck_assert_uint_eq(fill(), 0);
	ck_assert(!has_secrets());
}
END_TEST

START_TEST(test_each_group_for_itself)
{
	static uint8_t elements[2 * EPHEMERALS_CURVE][DH_ELEMENT_MAX];

	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		unsigned count = sizes[group];

		take((enum dh_group)group, elements[0]); /* made on the spot */
		ck_assert_uint_eq(fill(), count);
		ck_assert_uint_eq(fill(), 0);
		/* From the pool, and past its end. */
		for (unsigned i = 1; i <= count + 2; i++)
			take((enum dh_group)group, elements[i]);
		for (unsigned i = 0; i <= count + 2; i++)
			for (unsigned j = 0; j < i; j++)
				ck_assert_mem_ne(elements[i], elements[j],
					dh_element_len((enum dh_group)group));
		ck_assert(!has_secrets()); /* what was taken is wiped */
		ck_assert_uint_eq(fill(), count);
		for (unsigned i = 0; i < count; i++)
			take((enum dh_group)group, elements[0]);
		pool.is_wanted[group] = false;
	}
}
END_TEST

START_TEST(test_pools_do_not_overlap)
{
	uint8_t elements[DH_GROUP_COUNT][DH_ELEMENT_MAX];

	for (unsigned group = 0; group < DH_GROUP_COUNT; group++)
		take((enum dh_group)group, elements[group]);
	ck_assert_uint_eq(fill(), EPHEMERALS_MAX);
	for (unsigned round = 0; round < EPHEMERALS_CURVE; round++)
		for (unsigned group = 0; group < DH_GROUP_COUNT; group++)
			if (round < sizes[group])
				take((enum dh_group)group, elements[group]);
	ck_assert(!has_secrets());
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_nothing_is_made_before_it_is_asked_for,
		test_each_group_for_itself,
		test_pools_do_not_overlap,
	};

	return suite_run("hsm ephemerals", tests, sizeof(tests) / sizeof(tests[0]));
}
