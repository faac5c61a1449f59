/*
 * The server's own ECCSI identities: which is in use, which rows are none, what is kept of many, when
 * their end is warned of, and the gauge of it.
 */
#include <stdlib.h>

#include "procedures/own_keys.h"
#include "server/identity_watch.h"
#include "tests/unit/suite.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000)

static struct db_ibs_identity row_of(const char *id, int64_t not_before, int64_t not_after)
{
	static const char g[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
				"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	struct db_ibs_identity row = {
		.not_before = not_before, .not_after = not_after, .kek_generation = 3
	};

	memcpy(row.id, id, strlen(id) + 1);
	ck_assert(hex_read(g, strlen(g), row.kpak, sizeof(row.kpak)));
	memcpy(row.pvt, row.kpak, sizeof(row.pvt));
	memset(row.wrapped_ssk, 0x77, sizeof(row.wrapped_ssk));
	return row;
}

static void add(struct own_keys *k, const char *id, int64_t not_before, int64_t not_after)
{
	struct db_ibs_identity row = row_of(id, not_before, not_after);

	ck_assert_int_eq(own_keys_add_identity(k, &row), FINE);
}

static void check_used(const struct own_keys *k, int64_t now, const char *id)
{
	const struct own_identity *used = own_keys_identity(k, now);

	if (id == NULL) {
		ck_assert_ptr_null(used);
		return;
	}
	ck_assert_ptr_nonnull(used);
	ck_assert_uint_eq(used->ibs.id_len, strlen(id));
	ck_assert_mem_eq(used->ibs.id, id, strlen(id));
}

START_TEST(test_identity_in_use)
{
	struct own_keys *k = own_keys_new();

	check_used(k, NOW, NULL);
	check_used(NULL, NOW, NULL);
	add(k, "december", NOW + 10, NOW + 30);
	add(k, "november", NOW, NOW + 20);
	check_used(k, NOW - 1, NULL);
	check_used(k, NOW, "november");
	check_used(k, NOW + 9, "november");
	check_used(k, NOW + 10, "december"); /* the one that began last */
	check_used(k, NOW + 29, "december");
	check_used(k, NOW + 30, NULL);
	ck_assert_uint_eq(own_keys_identity(k, NOW)->ibs.kek_generation, 3);
	ck_assert_int_eq(own_keys_last_identity(k)->not_after, NOW + 30);
	ck_assert_ptr_null(own_keys_last_identity(NULL));
	own_keys_give_back(k);
}
END_TEST

START_TEST(test_rows_that_are_none)
{
	struct own_keys *k = own_keys_new();
	struct db_ibs_identity good = row_of("good", NOW, NOW + 1), bad;

	bad = row_of("", NOW, NOW + 1);
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	bad = row_of("bad", NOW, NOW);
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	bad = good;
	bad.kpak[64] ^= 1;
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	bad = good;
	bad.pvt[0] = 2;
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	bad = good;
	bad.kek_generation = 65536;
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	bad = good;
	memset(bad.id, 'x', sizeof(bad.id)); /* no NUL */
	ck_assert_int_eq(own_keys_add_identity(k, &bad), BROKEN);
	check_used(k, NOW, NULL);
	ck_assert_int_eq(own_keys_add_identity(k, &good), FINE);
	check_used(k, NOW, "good");
	own_keys_give_back(k);
}
END_TEST

/* Years of months, issued long ahead: each is there when its time has come, and the present one stays. */
START_TEST(test_many)
{
	struct own_keys *k = own_keys_new();

	for (int64_t month = 0; month < 100; month++)
		add(k, month == 98 ? "98" : "another", NOW + month * 30 * DAY,
			NOW + (month + 1) * 30 * DAY);
	add(k, "older than all", NOW - 30 * DAY, NOW);
	check_used(k, NOW, "another");
	check_used(k, NOW + 98 * 30 * DAY, "98");
	check_used(k, NOW - 1, "older than all");
	ck_assert_int_eq(own_keys_last_identity(k)->not_after, NOW + 100 * 30 * DAY);
	own_keys_give_back(k);
}
END_TEST

START_TEST(test_warnings)
{
	struct own_keys *k = own_keys_new();
	int64_t end;

	ck_assert_str_eq(identity_watch_look(k, NOW, &end), "ibs_identity_missing");
	ck_assert_int_eq(end, 0);
	add(k, "a", NOW, NOW + 30 * DAY);
	ck_assert_str_eq(identity_watch_look(k, NOW - 1, &end), "ibs_identity_missing");
	ck_assert_ptr_null(identity_watch_look(k, NOW, &end));
	ck_assert_int_eq(end, NOW + 30 * DAY);
	ck_assert_ptr_null(identity_watch_look(k, NOW + 23 * DAY - 1, &end));
	ck_assert_str_eq(identity_watch_look(k, NOW + 23 * DAY, &end), "ibs_identity_ends");
	ck_assert_str_eq(identity_watch_look(k, NOW + 30 * DAY, &end), "ibs_identity_ended");
	ck_assert_int_eq(end, NOW + 30 * DAY);
	add(k, "b", NOW + 29 * DAY, NOW + 60 * DAY); /* takes over */
	ck_assert_ptr_null(identity_watch_look(k, NOW + 25 * DAY, &end));
	ck_assert_int_eq(end, NOW + 60 * DAY);
	add(k, "c", NOW + 61 * DAY, NOW + 90 * DAY); /* leaves a day without one */
	ck_assert_str_eq(identity_watch_look(k, NOW + 59 * DAY, &end), "ibs_identity_ends");
	ck_assert_int_eq(end, NOW + 60 * DAY);
	own_keys_give_back(k);
}
END_TEST

static const struct procedure *no_procedure(unsigned i)
{
	(void)i;
	return NULL;
}

/* One reactor looks after it, whichever is asked. */
START_TEST(test_gauge)
{
	struct metrics *all[] = { metrics_new(no_procedure), metrics_new(no_procedure) };
	size_t len;
	char *text = metrics_write(all, 2, &len);

	ck_assert_ptr_null(strstr(text, "arpf_ibs_identity"));
	free(text);
	metrics_set_identity_end(all[1], NOW);
	text = metrics_write(all, 2, &len);
	ck_assert_ptr_nonnull(strstr(text, "# TYPE arpf_ibs_identity_expires_at_seconds gauge\n"
					   "arpf_ibs_identity_expires_at_seconds 1800000000\n"));
	ck_assert_ptr_null(strstr(text, "arpf_crl"));
	ck_assert_ptr_null(strstr(text, "arpf_tls"));
	free(text);
	metrics_set_crls(all[0], &(struct crl_figures){ 3, 2, 1, NOW + 1, {} });
	metrics_set_tls_ends(all[0], NOW + 2, NOW + 3);
	text = metrics_write(all, 2, &len);
	ck_assert_ptr_nonnull(strstr(text, "# TYPE arpf_crl_next_update_seconds gauge\n"
					   "arpf_crl_next_update_seconds 1800000001\n"));
	ck_assert_ptr_nonnull(strstr(text, "# TYPE arpf_crls gauge\n"
					   "arpf_crls{state=\"good\"} 3\n"
					   "arpf_crls{state=\"ends_soon\"} 2\n"
					   "arpf_crls{state=\"over\"} 1\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "\narpf_tls_certificate_expires_at_seconds 1800000002\n"));
	ck_assert_ptr_nonnull(strstr(text, "\narpf_tls_crl_next_update_seconds 1800000003\n"));
	free(text);
	metrics_free(all[0]);
	metrics_free(all[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_identity_in_use,
		test_rows_that_are_none,
		test_many,
		test_warnings,
		test_gauge,
	};

	return suite_run("own keys", tests, sizeof(tests) / sizeof(tests[0]));
}
