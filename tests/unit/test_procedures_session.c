/* The companion sessions of section 6 by hand: made, ended, and found by sections 7 and 8. */
#include <stdlib.h>

#include "procedures/companion_session.h"
#include "tests/unit/by_hand.h"
#include "tests/unit/suite.h"

#define KAKMA                   "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define AKID                    "atid@5gc.mnc001.mcc001.3gppnetwork.org"
#define REGISTER(supi, akid, k) "{\"supi\":\"" supi "\",\"aKId\":\"" akid "\",\"kAkma\":\"" k "\"}"
#define SESSION                 REGISTER(HAND_IMSI_TEXT, AKID, KAKMA)

START_TEST(test_register_session)
{
	static const uint8_t k_akma[2] = { 0x40, 0x41 };
	static const struct kept_secret kept = { { 1, 0, 1, [62] = 9 } };

	by_hand_start();
	hand.settings.session_lifetime_s = 99;
	hand_begin(&akma_register_anchor_key, NULL, SESSION);
	const struct key_register_session_in *in = asked_key(KEY_REGISTER_SESSION);
	size_t fqdn_len = strlen(hand.settings.af_fqdn);

	ck_assert_uint_eq(in->session.imsi, (uint64_t)HAND_IMSI);
	ck_assert_uint_eq(in->session.akid_len, strlen(AKID));
	ck_assert_mem_eq(in->session.akid, AKID, strlen(AKID));
	ck_assert_mem_eq(in->k_akma, k_akma, sizeof(k_akma));
	ck_assert_uint_eq(in->k_akma[31], 0x5f);
	ck_assert_uint_eq(in->af_id_len, fqdn_len + 5);
	ck_assert_mem_eq(in->af_id, hand.settings.af_fqdn, fqdn_len);
	ck_assert_mem_eq(in->af_id + fqdn_len, "\x01\0\0\0\0", 5);
	bring_key(KEY_REGISTER_SESSION, FINE, &kept, sizeof(kept));
	const struct db_session_in *row = asked_db(DB_PUT_SESSION);

	ck_assert_int_eq(row->imsi, HAND_IMSI);
	ck_assert_int_eq(row->lifetime_s, 99);
	ck_assert(bytes_equal(row->kept, BYTES(kept.at)));
	ck_assert(bytes_equal(bytes_of(row->akid.at, row->akid.len), bytes_of_text(AKID)));
	bring_db(DB_PUT_SESSION, FINE, NULL, 0);
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 200);
	ck_assert_str_eq(hand.body, "{\"supi\":\"" HAND_IMSI_TEXT "\",\"aKId\":\"" AKID "\"}");
	hand_begin(&akma_register_anchor_key, NULL, SESSION);
	bring_key(KEY_REGISTER_SESSION, HSM_UNAVAILABLE, NULL, 0);
	check_ended(HSM_UNAVAILABLE);
	hand_end();
}
END_TEST

/* Names that are no NAI are names all the same. */
START_TEST(test_names_of_sessions)
{
	static const char *const rows[] = {
		REGISTER(HAND_IMSI_TEXT, "1", KAKMA),
		REGISTER(HAND_IMSI_TEXT, "akid-0001", KAKMA),
		REGISTER(HAND_IMSI_TEXT, "@a@~", KAKMA),
	};

	by_hand_start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hand_begin(&akma_register_anchor_key, NULL, rows[i]);
		asked_key(KEY_REGISTER_SESSION);
		bring_key(KEY_REGISTER_SESSION, HSM_UNAVAILABLE, NULL, 0);
		check_ended(HSM_UNAVAILABLE);
	}
	hand_end();
}
END_TEST

#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LONG  FIFTY FIFTY FIFTY FIFTY FIFTY

START_TEST(test_wrong_registrations)
{
	static const struct refusal rows[] = {
		{ "{}", MISSING_PARAMETER, "supi" },
		{ REGISTER("imsi-262010000000001", AKID, KAKMA), INVALID_PARAMETER, "supi" },
		{ REGISTER("001010000000001", AKID, KAKMA), INVALID_PARAMETER, "supi" },
		{ REGISTER(HAND_NAI, AKID, KAKMA), INVALID_PARAMETER, "supi" },
		{ REGISTER(HAND_IMSI_TEXT, "", KAKMA), INVALID_PARAMETER, "aKId" },
		{ REGISTER(HAND_IMSI_TEXT, "a b@c", KAKMA), INVALID_PARAMETER, "aKId" },
		{ REGISTER(HAND_IMSI_TEXT, "a\\n@c", KAKMA), INVALID_PARAMETER, "aKId" },
		{ REGISTER(HAND_IMSI_TEXT, "\xc3\xa4@c", KAKMA), INVALID_PARAMETER, "aKId" },
		{ REGISTER(HAND_IMSI_TEXT, "12@4" LONG, KAKMA), INVALID_PARAMETER, "aKId" },
		{ REGISTER(HAND_IMSI_TEXT, AKID, "00"), INVALID_PARAMETER, "kAkma" },
		{ REGISTER(HAND_IMSI_TEXT, AKID, KAKMA "00"), INVALID_PARAMETER, "kAkma" },
		{ "{\"supi\":\"" HAND_IMSI_TEXT "\",\"aKId\":\"" AKID "\"}", MISSING_PARAMETER,
			"kAkma" },
	};

	by_hand_start();
	check_refusals(&akma_register_anchor_key, NULL, rows, sizeof(rows) / sizeof(rows[0]));
	hand_begin(&akma_register_anchor_key, NULL, REGISTER(HAND_IMSI_TEXT, "1@4" LONG, KAKMA));
	ck_assert_uint_eq(((const struct key_register_session_in *)asked_key(KEY_REGISTER_SESSION))
				  ->session.akid_len,
		AKID_TEXT_MAX);
	bring_key(KEY_REGISTER_SESSION, HSM_UNAVAILABLE, NULL, 0);
	/* A key that is cut off or not quoted is not quoted to the log either. */
	hand_begin(&akma_register_anchor_key, NULL, "{\"kAkma\" \"40414243\"}");
	check_ended(MALFORMED_REQUEST);
	ck_assert_ptr_null(strstr(hand.body, "4041"));
	hand_end();
}
END_TEST

START_TEST(test_remove_context)
{
	by_hand_start();
	hand_begin(&akma_remove_context, NULL, "{\"supi\":\"" HAND_IMSI_TEXT "\"}");
	ck_assert_int_eq(((const struct db_imsi *)asked_db(DB_REMOVE_SESSION))->imsi, HAND_IMSI);
	bring_db(DB_REMOVE_SESSION, FINE, NULL, 0);
	check_ended(FINE);
	ck_assert_int_eq(hand.status, 204);
	hand_begin(&akma_remove_context, NULL, "{\"supi\":\"" HAND_IMSI_TEXT "\"}");
	bring_db(DB_REMOVE_SESSION, NO_ROW, NULL, 0);
	check_ended(SESSION_NOT_FOUND);
	hand_begin(&akma_remove_context, NULL, "{\"supi\":\"imsi-1\"}");
	check_ended(INVALID_PARAMETER);
	hand_end();
}
END_TEST

/* A procedure that does nothing but find its session. */
static enum outcome read_session(struct txn *t)
{
	enum outcome o = json_is_object(t->json) ? FINE : MALFORMED_REQUEST;

	return o == FINE ? companion_session_read(t, t->state) : o;
}

static enum outcome find_session(struct txn *t)
{
	return companion_session_ask(t, t->state);
}

static struct companion_session found;

static enum outcome have_session(struct txn *t, enum outcome brought)
{
	enum outcome o = companion_session_have(t, t->state, brought);

	found = *(struct companion_session *)t->state;
	return o;
}

static enum outcome answer_nothing(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}

static const struct procedure finding = {
	.name = "finding",
	.state_size = sizeof(struct companion_session),
	.steps = {
		{ "read_session", LANE_LOOP, read_session },
		{ "find_session", LANE_DB, find_session, have_session },
		{ "answer_nothing", LANE_REPLY, answer_nothing },
	},
};

static void find(enum outcome brought, const struct db_session *row)
{
	json_t *json = json_pack("{ss}", "aKId", AKID);

	hand_begin_json(&finding, json);
	const struct db_akid *ask = asked_db(DB_FIND_SESSION);

	ck_assert(bytes_equal(bytes_of(ask->akid.at, ask->akid.len), bytes_of_text(AKID)));
	bring_db(DB_FIND_SESSION, brought, row, row != NULL ? sizeof(*row) : 0);
	json_decref(json);
}

START_TEST(test_find_session)
{
	struct db_session row = { .imsi = HAND_IMSI, .kept = { KEPT_LEN, { 1, 2, 3 } } };

	by_hand_start();
	find(FINE, &row);
	check_ended(FINE);
	ck_assert_uint_eq(found.whose.imsi, (uint64_t)HAND_IMSI);
	ck_assert_uint_eq(found.whose.akid_len, strlen(AKID));
	ck_assert_mem_eq(found.whose.akid, AKID, strlen(AKID));
	ck_assert_mem_eq(found.k.at, row.kept.at, KEPT_LEN);
	find(NO_ROW, NULL);
	check_ended(SESSION_NOT_FOUND);
	find(DATABASE_UNAVAILABLE, NULL);
	check_ended(DATABASE_UNAVAILABLE);
	row.is_expired = true;
	find(FINE, &row);
	check_ended(SESSION_EXPIRED);
	row.is_expired = false;
	row.kept.len = 0;
	find(FINE, &row);
	check_ended(SESSION_EXPIRED);
	row.kept.len = KEPT_LEN - 1;
	find(FINE, &row);
	check_ended(BROKEN);
	hand_end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_register_session,
		test_wrong_registrations,
		test_names_of_sessions,
		test_remove_context,
		test_find_session,
	};

	return suite_run("procedures_session", tests, sizeof(tests) / sizeof(tests[0]));
}
