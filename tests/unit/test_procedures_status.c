/* What GET /admin/v1/status says of the signer of section 7, by hand. */
#include "base/clock.h"
#include "procedures/administration.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/pki_maker.h"
#include "tests/unit/suite.h"

static void describe(struct services *s, struct json_out *out)
{
	(void)s;
	(void)out;
}

static struct own_keys *make_keys(int64_t not_before, int64_t not_after)
{
	static const char g[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
				"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	static const char *const no_extensions[] = { NULL };
	struct own_keys *keys = own_keys_new();
	struct db_ibs_identity identity = {
		.not_before = not_before, .not_after = not_after, .id = "2026-11 arpf"
	};
	struct pki_made made;
	EVP_PKEY *key = pki_key("P-256");

	ck_assert(hex_read(g, strlen(g), identity.kpak, sizeof(identity.kpak)));
	memcpy(identity.pvt, identity.kpak, sizeof(identity.pvt));
	ck_assert_int_eq(own_keys_add_identity(keys, &identity), FINE);
	pki_make(&(struct pki_recipe){ .subject = "CN=sign",
			 .issuer = "CN=ca",
			 .key = key,
			 .signer = key,
			 .not_after = "20330518033320Z",
			 .extensions = no_extensions },
		&made);
	ck_assert_int_eq(own_keys_add(keys, &(struct db_key_row){ .use = KEY_USE_SIGN,
						    .certificate = pki_bytes(&made) }),
		FINE);
	EVP_PKEY_free(key);
	return keys;
}

/* keys is taken over. */
static void show_status(struct own_keys *keys, bool is_eccsi)
{
	static const struct db_status status = { .schema_version = 2 };

	hand.settings.ibs_is_eccsi = is_eccsi;
	hand_begin(&admin_status, NULL, "");
	(void)asked_db(DB_STATUS);
	hand.now->services->describe = describe;
	hand.now->own_keys = keys;
	bring_db(DB_STATUS, FINE, &status, sizeof(status));
	bring_db(DB_LIST_POOLS, FINE, NULL, 0);
	check_ended(FINE);
}

static void check_ibs(const char *expected)
{
	const char *at = strstr(hand.body, "\"ibs\":");

	ck_assert_ptr_nonnull(at);
	ck_assert_msg(strncmp(at + 6, expected, strlen(expected)) == 0, "%s", at);
}

START_TEST(test_identity)
{
	int64_t now = clock_unix();

	by_hand_start();
	show_status(make_keys(now - 1, 4102444800), true);
	check_ibs("{\"suite\":\"eccsi-p256-sha256\",\"signerId\":\"2026-11 arpf\","
		  "\"notAfter\":\"2100-01-01T00:00:00Z\"}");
	show_status(make_keys(1000000000, 1700000000), true); /* it has ended, and is shown so */
	check_ibs("{\"suite\":\"eccsi-p256-sha256\",\"signerId\":\"2026-11 arpf\","
		  "\"notAfter\":\"2023-11-14T22:13:20Z\"}");
	show_status(own_keys_new(), true);
	check_ibs("{\"suite\":\"eccsi-p256-sha256\"}");
	show_status(NULL, true);
	check_ibs("{\"suite\":\"eccsi-p256-sha256\"}");
	hand_end();
}
END_TEST

START_TEST(test_signing_key)
{
	by_hand_start();
	show_status(make_keys(0, 1), false);
	check_ibs("{\"suite\":\"ecdsa-p256-sha256\",\"signerId\":\"");
	ck_assert_ptr_nonnull(strstr(hand.body, "\",\"notAfter\":\"2033-05-18T03:33:20Z\"}"));
	show_status(own_keys_new(), false);
	check_ibs("{\"suite\":\"ecdsa-p256-sha256\"}");
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_identity, test_signing_key };

	return suite_run("status", tests, sizeof(tests) / sizeof(tests[0]));
}
