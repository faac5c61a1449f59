/* The forms of a SUPI in a path: which are taken, as whom, and what is said of the others. */
#include <stdio.h>
#include <stdlib.h>

#include "procedures/supi.h"
#include "tests/unit/suite.h"

#define REALM "@5gc.mnc001.mcc001.3gppnetwork.org"
#define HEX16 "00112233445566778899aAbBcCdDeEfF"
#define SUCI  "suci-0-001-01-"

static struct settings settings;
static struct services services = { .settings = &settings };
static struct txn txn;

static enum outcome read_as(const char *home, const char *text, struct supi *supi)
{
	ck_assert(plmn_read(home, strlen(home), &settings.home));
	txn = (struct txn){ .services = &services, .parameters = { text } };
	*supi = (struct supi){ 0 };
	return supi_read_path(&txn, 0, supi);
}

static void check_refused(const char *text, enum outcome outcome)
{
	struct supi supi;

	ck_assert_msg(read_as("00101", text, &supi) == outcome, "%s", text);
	ck_assert_ptr_nonnull(txn.detail);
	ck_assert_uint_eq(txn.invalid_count, outcome == INVALID_PARAMETER ? 1 : 0);
	if (outcome == INVALID_PARAMETER)
		ck_assert_str_eq(txn.invalid[0].param, "supi");
}

START_TEST(test_imsi)
{
	struct supi supi;

	ck_assert_int_eq(read_as("00101", "imsi-001010000000001", &supi), FINE);
	ck_assert_int_eq(supi.form, SUPI_IMSI);
	ck_assert_uint_eq(supi.imsi, UINT64_C(1010000000001));
	/* of another network: whether there is such a subscriber is the database's to say */
	ck_assert_int_eq(read_as("00101", "imsi-262010000000001", &supi), FINE);
}
END_TEST

START_TEST(test_access_id)
{
	static const uint8_t id[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
		0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	struct supi supi;

	ck_assert_int_eq(read_as("00101", "nai-" HEX16 REALM, &supi), FINE);
	ck_assert_int_eq(supi.form, SUPI_ACCESS_ID);
	ck_assert_mem_eq(supi.access_id.access_id, id, sizeof(id));
	ck_assert_int_eq(
		read_as("310410", "nai-" HEX16 "@5gc.mnc410.mcc310.3gppnetwork.org", &supi), FINE);
	check_refused("nai-" HEX16 "@5gc.mnc002.mcc001.3gppnetwork.org", USER_NOT_FOUND);
	check_refused("nai-" HEX16 "@5gc.mnc001.mcc002.3gppnetwork.org", USER_NOT_FOUND);
}
END_TEST

START_TEST(test_null_scheme)
{
	struct supi supi;

	ck_assert_int_eq(read_as("00101", SUCI "0-0-0-0123456789", &supi), FINE);
	ck_assert_int_eq(supi.form, SUPI_IMSI);
	ck_assert_uint_eq(supi.imsi, UINT64_C(1010123456789));
	ck_assert_int_eq(read_as("310410", "suci-0-310-410-9999-0-255-012345678", &supi), FINE);
	ck_assert_uint_eq(supi.imsi, UINT64_C(310410012345678));
}
END_TEST

/* TS 33.501 C.4.4.1: its scheme output. */
START_TEST(test_profiles)
{
	static const char output[] = "039AAB8376597021E855679A9778EA0B67396E68C66DF32C0F41E9ACCA2DA"
				     "9B9D146A33FC2716AC7DAE96AA30A4D";
	struct supi supi;
	char text[256];

	for (unsigned scheme = 1; scheme <= 2; scheme++) {
		snprintf(text, sizeof(text), SUCI "12-%u-27-%s", scheme, output);
		ck_assert_int_eq(read_as("00101", text, &supi), FINE);
		ck_assert_int_eq(supi.form, SUPI_CONCEALED);
		ck_assert_uint_eq(supi.concealed.scheme, scheme);
		ck_assert_uint_eq(supi.concealed.home_key, 27);
		ck_assert_uint_eq(supi.concealed.len, strlen(output) / 2);
		ck_assert_uint_eq(supi.concealed.output[1], 0x9a);
		ck_assert_uint_eq(supi.concealed.output[supi.concealed.len - 1], 0x4d);
	}
	/* one byte more than there is room for */
	int len = snprintf(text, sizeof(text), SUCI "12-2-27-");

	memset(text + len, 'a', 2 * SUCI_OUTPUT_MAX);
	text[len + 2 * SUCI_OUTPUT_MAX] = '\0';
	ck_assert_int_eq(read_as("00101", text, &supi), FINE);
	ck_assert_uint_eq(supi.concealed.len, SUCI_OUTPUT_MAX);
	memset(text + len, 'a', 2 * SUCI_OUTPUT_MAX + 2);
	text[len + 2 * SUCI_OUTPUT_MAX + 2] = '\0';
	check_refused(text, INVALID_PARAMETER);
}
END_TEST

START_TEST(test_other_networks)
{
	check_refused("suci-0-002-01-0-0-0-0123456789", USER_NOT_FOUND);
	check_refused("suci-0-001-02-0-0-0-0123456789", USER_NOT_FOUND);
	check_refused("suci-0-001-001-0-0-0-123456789", USER_NOT_FOUND);
	check_refused("suci-0-001-010-0-0-0-123456789", USER_NOT_FOUND);
	check_refused("suci-0-010-01-0-2-0-00", USER_NOT_FOUND);
}
END_TEST

START_TEST(test_wrong_forms)
{
	static const char *const forms[] = {
		"",
		"001010000000001",
		"imsi-",
		"imsi-00101000000000",
		"imsi-0010100000000011",
		"imsi-00101000000000x",
		"IMSI-001010000000001",
		"imsi-001010000000001 ",
		"imsi-+01010000000001",
		"msisdn-001010000000001",
		"nai-",
		"nai-" HEX16,
		"nai-@5gc.mnc001.mcc001.3gppnetwork.org",
		"nai-" HEX16 "0" REALM,
		"nai-0123456789abcdef" REALM,
		"nai-g0112233445566778899aabbccddeeff" REALM,
		"nai-" HEX16 "@",
		"nai-" HEX16 "@5gc.mnc01.mcc001.3gppnetwork.org",
		"nai-" HEX16 REALM "x",
		"nai-" HEX16 "@" HEX16 REALM,
		"nai-" HEX16 "@example.org",
		"suci-",
		"suci-0",
		"suci-0-001-01-0-0-0",
		SUCI "0-0-0-",
		SUCI "0-0-0-012345678",
		SUCI "0-0-0-01234567890",
		SUCI "0-0-0-012345678x",
		SUCI "0-0-0-0123456789-",
		SUCI "0-0-0-0123456789-0",
		SUCI "-0-0-0123456789",
		SUCI "12345-0-0-0123456789",
		SUCI "x-0-0-0123456789",
		SUCI "0-3-0-0123456789",
		SUCI "0-9-0-0123456789",
		SUCI "0-00-0-0123456789",
		SUCI "0-0-256-0123456789",
		SUCI "0-0-1000-0123456789",
		SUCI "0-0--0123456789",
		SUCI "0-2-1-abc",
		SUCI "0-2-1-xx",
		SUCI "0-2-1-",
		"suci-1-001-01-0-0-0-0123456789",
		"suci-0-01-01-0-0-0-0123456789",
		"suci-0-001-1-0-0-0-0123456789",
		"suci-0-001-0001-0-0-0-0123456789",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check_refused(forms[i], INVALID_PARAMETER);
}
END_TEST

static enum outcome reveal(const char *home, const char *bcd, struct supi *supi)
{
	struct key_msin msin = { .len = (uint16_t)(strlen(bcd) / 2) };

	ck_assert(hex_read(bcd, strlen(bcd), msin.bcd, msin.len));
	ck_assert(plmn_read(home, strlen(home), &settings.home));
	txn = (struct txn){ .services = &services };
	*supi = (struct supi){ .form = SUPI_CONCEALED };
	return supi_reveal(&txn, supi, &msin);
}

START_TEST(test_what_was_concealed)
{
	static const char *const wrong[] = { "", "00012080", "0001208060f6", "00012080f6",
		"0001208006ff", "000120800f", "a001208060", "0a01208060", "ffffffffff" };
	struct supi supi;

	/* TS 33.501 C.4: MCC 274, MNC 012, MSIN 001002086 */
	ck_assert_int_eq(reveal("274012", "00012080f6", &supi), FINE);
	ck_assert_int_eq(supi.form, SUPI_IMSI);
	ck_assert_uint_eq(supi.imsi, UINT64_C(274012001002086));
	ck_assert_int_eq(reveal("00101", "1032547698", &supi), FINE);
	ck_assert_uint_eq(supi.imsi, UINT64_C(1010123456789));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(
			reveal("00101", wrong[i], &supi) == INVALID_PARAMETER, "%s", wrong[i]);
		ck_assert_str_eq(txn.invalid[0].param, "supi");
	}
	/* ten digits where the MNC has three */
	ck_assert_int_eq(reveal("274012", "0001208006", &supi), INVALID_PARAMETER);
}
END_TEST

START_TEST(test_home_keys)
{
	static const struct key_found keys[] = {
		{ .use = KEY_USE_ECKA, .generation = 3 },
		{ .use = KEY_USE_SUCI_B, .generation = 1 },
		{ .use = KEY_USE_SUCI_B, .generation = 2 },
	};
	struct supi supi = { .form = SUPI_CONCEALED, .concealed = { .scheme = 2, .home_key = 2 } };

	txn = (struct txn){ .services = &services };
	ck_assert_int_eq(supi_check_home_key(&txn, &supi, keys, 3), FINE);
	ck_assert_int_eq(supi_check_home_key(&txn, &supi, keys, 2), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(txn.detail, "identifier is not known"));
	ck_assert_int_eq(supi_check_home_key(&txn, &supi, keys, 1), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(txn.detail, "Profile B"));
	ck_assert_int_eq(supi_check_home_key(&txn, &supi, NULL, 0), FINE);
	supi.concealed.scheme = 1;
	ck_assert_int_eq(supi_check_home_key(&txn, &supi, keys, 3), INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(txn.detail, "X25519"));
	ck_assert_str_eq(txn.invalid[0].param, "supi");
}
END_TEST

START_TEST(test_access_id_of_a_subscription)
{
	struct db_access row = { .imsi = 1010000000001, .state = ACCESS_CONFIRMED };
	struct supi supi = { .form = SUPI_ACCESS_ID };

	txn = (struct txn){ .services = &services };
	ck_assert_int_eq(supi_have_access_id(&txn, &supi, &row, NO_ROW), USER_NOT_FOUND);
	ck_assert_int_eq(
		supi_have_access_id(&txn, &supi, &row, DATABASE_UNAVAILABLE), DATABASE_UNAVAILABLE);
	ck_assert_uint_eq(supi.imsi, 0);
	for (int state = ACCESS_PENDING; state <= ACCESS_RELEASED; state++) {
		row.state = state;
		ck_assert_int_eq(supi_have_access_id(&txn, &supi, &row, FINE),
			state == ACCESS_CONFIRMED || state == ACCESS_REVOKED ? FINE
									     : USER_NOT_FOUND);
	}
	ck_assert_uint_eq(supi.imsi, UINT64_C(1010000000001));
	row.state = ACCESS_CONFIRMED;
	row.imsi = 0;
	ck_assert_int_eq(supi_have_access_id(&txn, &supi, &row, FINE), BROKEN);
	row.state = ACCESS_REVOKED; /* before it had a subscription */
	ck_assert_int_eq(supi_have_access_id(&txn, &supi, &row, FINE), USER_NOT_FOUND);
}
END_TEST

START_TEST(test_written)
{
	char text[SUPI_TEXT_LEN];

	supi_write(UINT64_C(1010000000001), text);
	ck_assert_str_eq(text, "imsi-001010000000001");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_imsi,
		test_access_id,
		test_null_scheme,
		test_profiles,
		test_other_networks,
		test_wrong_forms,
		test_what_was_concealed,
		test_home_keys,
		test_access_id_of_a_subscription,
		test_written,
	};

	return suite_run("procedures_supi", tests, sizeof(tests) / sizeof(tests[0]));
}
