/*
 * The authentication data of section 5 by hand: what each step asks, and what becomes of everything that
 * a lane may bring.
 */
#include <stdlib.h>

#include "procedures/auth_data.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define ASK      "{\"servingNetworkName\":\"" HAND_NETWORK "\",\"ausfInstanceId\":\"a\""
#define RAND_HEX "000102030405060708090a0b0c0d0e0f"
#define AUTS_HEX "000102030405060708090A0B0C0D"
#define RESYNC \
	ASK ",\"resynchronizationInfo\":{\"rand\":\"" RAND_HEX "\",\"auts\":\"" AUTS_HEX "\"}}"

static const struct db_credential active = { .imsi = HAND_IMSI,
	.sqn = 33,
	.version = 2,
	.kind = CREDENTIAL_EK,
	.state = CREDENTIAL_IS_ACTIVE,
	.sealed = { 92, { 2, 16, 0, 1, 0xcc } } };

static const struct key_vector vector = {
	.rand = { 0x0a }, .autn = { 0x0b }, .xres_star = { 0x0c }, .kausf = { 0x0d, [31] = 0x0e }
};

static void finish_vector(int64_t sqn)
{
	struct db_credential advanced = active;

	advanced.sqn = sqn;
	ck_assert_int_eq(((const struct db_imsi *)asked_db(DB_ADVANCE_SQN))->imsi, HAND_IMSI);
	bring_db(DB_ADVANCE_SQN, FINE, &advanced, sizeof(advanced));
	const struct key_make_vector_in *in = asked_key(KEY_MAKE_VECTOR);

	ck_assert_uint_eq(in->sqn, (uint64_t)sqn);
	ck_assert_uint_eq(in->sealed.len, active.sealed.len);
	ck_assert_mem_eq(in->sealed.at, active.sealed.at, active.sealed.len);
	ck_assert_uint_eq(in->serving_network.len, strlen(HAND_NETWORK));
	ck_assert_mem_eq(in->serving_network.at, HAND_NETWORK, strlen(HAND_NETWORK));
	bring_key(KEY_MAKE_VECTOR, FINE, &vector, sizeof(vector));
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 200);
	ck_assert_str_eq(hand.body,
		"{\"authType\":\"5G_AKA\",\"authenticationVector\":{\"avType\":\"5G_HE_AKA\","
		"\"rand\":\"0a000000000000000000000000000000\","
		"\"autn\":\"0b000000000000000000000000000000\","
		"\"xresStar\":\"0c000000000000000000000000000000\","
		"\"kausf\":\"0d0000000000000000000000000000000000000000000000000000000000000e\"},"
		"\"supi\":\"" HAND_IMSI_TEXT "\"}");
}

START_TEST(test_vector_of_an_imsi)
{
	by_hand_start();
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	finish_vector(33);
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK ",\"resynchronizationInfo\":null}");
	finish_vector(SQN_LIMIT - 1);
	hand_begin(&auth_data, "suci-0-001-01-0-0-0-0000000001", ASK "}");
	finish_vector(34);
	hand_end();
}
END_TEST

START_TEST(test_vector_of_an_access_id)
{
	struct db_access access = { .imsi = HAND_IMSI, .state = ACCESS_CONFIRMED };

	by_hand_start();
	hand_begin(&auth_data, HAND_NAI, ASK "}");
	ck_assert_uint_eq(
		((const struct db_access_id *)asked_db(DB_FIND_ACCESS_ID))->access_id[15], 0x0f);
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	finish_vector(33);
	access.state = ACCESS_RELEASED;
	hand_begin(&auth_data, HAND_NAI, ASK "}");
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	check_ended(USER_NOT_FOUND);
	/* Revoked with its subscription, it leads to what says so; revoked before it had one, to nothing. */
	struct db_credential revoked = { .imsi = HAND_IMSI, .state = CREDENTIAL_IS_REVOKED };
	access.state = ACCESS_REVOKED;
	hand_begin(&auth_data, HAND_NAI, ASK "}");
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	bring_db(DB_ADVANCE_SQN, FINE, &revoked, sizeof(revoked));
	check_ended(CREDENTIAL_REVOKED);
	access.imsi = 0;
	hand_begin(&auth_data, HAND_NAI, ASK "}");
	bring_db(DB_FIND_ACCESS_ID, FINE, &access, sizeof(access));
	check_ended(USER_NOT_FOUND);
	hand_begin(&auth_data, HAND_NAI, ASK "}");
	bring_db(DB_FIND_ACCESS_ID, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	hand_end();
}
END_TEST

START_TEST(test_vector_of_a_suci)
{
	static const char suci[] = "suci-0-001-01-0-2-7-02aabb";
	static const struct key_msin msin = { 5, { 0, 0, 0, 0, 0x10 } };
	static const struct key_msin no_msin = { 5, { 0, 0, 0, 0, 0xa0 } };
	static const enum outcome brought[] = { MAC_INVALID, INVALID_PARAMETER, HSM_UNAVAILABLE };

	by_hand_start();
	hand_begin(&auth_data, suci, ASK "}");
	const struct key_deconceal_in *in = asked_key(KEY_DECONCEAL);

	ck_assert_uint_eq(in->scheme, 2);
	ck_assert_uint_eq(in->home_key, 7);
	ck_assert_uint_eq(in->len, 3);
	bring_key(KEY_DECONCEAL, FINE, &msin, sizeof(msin));
	finish_vector(33);
	for (unsigned i = 0; i < sizeof(brought) / sizeof(brought[0]); i++) {
		hand_begin(&auth_data, suci, ASK "}");
		bring_key(KEY_DECONCEAL, brought[i], NULL, 0);
		check_ended(brought[i]);
	}
	hand_begin(&auth_data, suci, ASK "}");
	bring_key(KEY_DECONCEAL, FINE, &no_msin, sizeof(no_msin));
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "supi");
	hand_end();
}
END_TEST

START_TEST(test_resynchronisation)
{
	struct key_auts auts = { .sqn_ms = 1000 };

	by_hand_start();
	hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
	bring_db(DB_FIND_CREDENTIAL, FINE, &active, sizeof(active));
	const struct key_check_auts_in *in = asked_key(KEY_CHECK_AUTS);

	ck_assert_uint_eq(in->rand[15], 0x0f);
	ck_assert_uint_eq(in->auts[13], 0x0d);
	ck_assert_mem_eq(in->sealed.at, active.sealed.at, active.sealed.len);
	bring_key(KEY_CHECK_AUTS, FINE, &auts, sizeof(auts));
	const struct db_resync_in *row = asked_db(DB_RESYNC_SQN);

	ck_assert_int_eq(row->imsi, HAND_IMSI);
	ck_assert_int_eq(row->version, 2);
	ck_assert_int_eq(row->sqn_ms, 1000);
	bring_db(DB_RESYNC_SQN, FINE, NULL, 0);
	finish_vector(1033);

	hand_begin(&auth_data, HAND_IMSI_TEXT,
		RESYNC); /* that version is gone: the next one's number is its own */
	bring_db(DB_FIND_CREDENTIAL, FINE, &active, sizeof(active));
	bring_key(KEY_CHECK_AUTS, FINE, &auts, sizeof(auts));
	bring_db(DB_RESYNC_SQN, NO_ROW, NULL, 0);
	finish_vector(33);

	hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
	bring_db(DB_FIND_CREDENTIAL, FINE, &active, sizeof(active));
	bring_key(KEY_CHECK_AUTS, MAC_INVALID, NULL, 0);
	check_ended(MAC_INVALID);

	auts.sqn_ms = (uint64_t)SQN_LIMIT;
	hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
	bring_db(DB_FIND_CREDENTIAL, FINE, &active, sizeof(active));
	bring_key(KEY_CHECK_AUTS, FINE, &auts, sizeof(auts));
	check_ended(BROKEN);
	hand_end();
}
END_TEST

/* docs/protocol.md section 5.1: what a credential's state comes to, asked with and without an AUTS. */
START_TEST(test_states)
{
	static const struct {
		enum credential_state state;
		enum outcome outcome;
	} rows[] = {
		{ CREDENTIAL_IS_PRE_ACTIVE, USER_NOT_FOUND },
		{ CREDENTIAL_IS_SUSPENDED, CREDENTIAL_SUSPENDED },
		{ CREDENTIAL_IS_RETIRED, CREDENTIAL_RETIRED },
		{ CREDENTIAL_IS_REVOKED, CREDENTIAL_REVOKED },
		{ CREDENTIAL_IS_DESTROYED, USER_NOT_FOUND },
		{ CREDENTIAL_IS_OVERDUE, CREDENTIAL_EXPIRED },
		{ (enum credential_state)99, BROKEN },
	};

	by_hand_start();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct db_credential c = active;

		c.state = (int32_t)rows[i].state;
		c.sqn = 0;
		hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
		bring_db(DB_ADVANCE_SQN, FINE, &c, sizeof(c));
		check_ended(rows[i].outcome);
		hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
		bring_db(DB_FIND_CREDENTIAL, FINE, &c, sizeof(c));
		check_ended(rows[i].outcome);
	}
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
	bring_db(DB_FIND_CREDENTIAL, NO_ROW, NULL, 0);
	check_ended(USER_NOT_FOUND);
	hand_end();
}
END_TEST

START_TEST(test_credentials_that_cannot_serve)
{
	struct db_credential c = active;

	by_hand_start();
	c.sealed.at[1] = 32;
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, FINE, &c, sizeof(c));
	check_ended(CONFLICT);
	ck_assert_ptr_nonnull(strstr(hand.body, "128 bits"));
	hand_begin(&auth_data, HAND_IMSI_TEXT, RESYNC);
	bring_db(DB_FIND_CREDENTIAL, FINE, &c, sizeof(c));
	check_ended(CONFLICT);
	c = active;
	c.sqn = 0;
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, FINE, &c, sizeof(c));
	check_ended(CREDENTIAL_RETIRED);
	ck_assert_ptr_nonnull(strstr(hand.body, "used up"));
	c.sqn = SQN_LIMIT;
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, FINE, &c, sizeof(c));
	check_ended(BROKEN);
	c = active;
	c.sealed.len = 0;
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, FINE, &c, sizeof(c));
	check_ended(BROKEN);
	hand_begin(&auth_data, HAND_IMSI_TEXT, ASK "}");
	bring_db(DB_ADVANCE_SQN, FINE, &active, sizeof(active));
	bring_key(KEY_MAKE_VECTOR, HSM_UNAVAILABLE, NULL, 0);
	check_ended(HSM_UNAVAILABLE);
	hand_end();
}
END_TEST

START_TEST(test_wrong_requests_for_vectors)
{
	static const struct refusal rows[] = {
		{ "", MALFORMED_REQUEST, "" },
		{ "[]", MALFORMED_REQUEST, "" },
		{ "{}", MISSING_PARAMETER, "servingNetworkName" },
		{ "{\"servingNetworkName\":\"" HAND_NETWORK "\"}", MISSING_PARAMETER,
			"ausfInstanceId" },
		{ "{\"servingNetworkName\":\"5G:mnc01.mcc001.3gppnetwork.org\"}", INVALID_PARAMETER,
			"servingNetworkName" },
		{ "{\"servingNetworkName\":\"" HAND_NETWORK "\",\"ausfInstanceId\":\"\"}",
			INVALID_PARAMETER, "ausfInstanceId" },
		{ "{\"servingNetworkName\":\"" HAND_NETWORK "\",\"ausfInstanceId\":7}",
			INVALID_PARAMETER, "ausfInstanceId" },
		{ ASK ",\"resynchronizationInfo\":\"x\"}", INVALID_PARAMETER,
			"resynchronizationInfo" },
		{ ASK ",\"resynchronizationInfo\":{}}", MISSING_PARAMETER,
			"resynchronizationInfo.rand" },
		{ ASK ",\"resynchronizationInfo\":{\"rand\":\"" RAND_HEX "\"}}", MISSING_PARAMETER,
			"resynchronizationInfo.auts" },
		{ ASK ",\"resynchronizationInfo\":{\"rand\":\"" RAND_HEX "\",\"auts\":\"" AUTS_HEX
		      "00\"}}",
			INVALID_PARAMETER, "resynchronizationInfo.auts" },
	};

	by_hand_start();
	check_refusals(&auth_data, HAND_IMSI_TEXT, rows, sizeof(rows) / sizeof(rows[0]));
	hand_begin(&auth_data, "imsi-1", ASK "}");
	check_ended(INVALID_PARAMETER);
	ck_assert_str_eq(hand.param, "supi");
	hand_begin(&auth_data, "suci-0-262-01-0-0-0-0000000001", ASK "}");
	check_ended(USER_NOT_FOUND);
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_vector_of_an_imsi,
		test_vector_of_an_access_id,
		test_vector_of_a_suci,
		test_resynchronisation,
		test_states,
		test_credentials_that_cannot_serve,
		test_wrong_requests_for_vectors,
	};

	return suite_run("procedures_auth", tests, sizeof(tests) / sizeof(tests[0]));
}
