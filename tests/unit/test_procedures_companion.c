/*
 * A device's credential through its companion (docs/protocol.md sections 7.1 and 7.2): the straight
 * paths, the same request again, what is wrong with a request, races for an IMSI.
 */
#include <stdlib.h>

#include "crypto/transcript.h"
#include "tests/unit/companion_world.h"
#include "tests/unit/suite.h"

/* SigCN is over T("arpf sigcn v1"; accessId, group, b, a, deviceId). */
static void check_signed(uint8_t b_byte)
{
	uint8_t room[512], a[32], b[32], access_id[16], leaf[MERKLE_HASH_LEN];
	struct transcript m = transcript_start(room, sizeof(room), "arpf sigcn v1");
	struct bytes message;

	memset(access_id, 0xa1, sizeof(access_id));
	memset(b, b_byte, sizeof(b));
	for (uint8_t i = 0; i < 32; i++)
		a[i] = i;
	transcript_add(&m, BYTES(access_id));
	transcript_add_text(&m, "x25519");
	transcript_add(&m, BYTES(b));
	transcript_add(&m, BYTES(a));
	transcript_add_text(&m, "meter-7");
	ck_assert(transcript_end(&m, &message));
	ck_assert_int_eq(merkle_leaf(message, leaf), FINE);
	ck_assert_mem_eq(leaf, world.leaf, sizeof(leaf));
}

START_TEST(test_parameters)
{
	begin_world();
	run(&companion_ibs_parameters, "");
	ck_assert_int_eq(ended.status, 200);
	ck_assert_str_eq(text("suite"), "ecdsa-p256-sha256");
	ck_assert_uint_eq(strlen(text("signerId")), 64);
	ck_assert_uint_eq(json_array_size(json_object_get(ended.json, "chain")), 2);
	companion_settings.ibs_is_eccsi = true;
	run(&companion_ibs_parameters, "");
	ck_assert_str_eq(text("suite"), "eccsi-p256-sha256");
	ck_assert_str_eq(text("signerId"), "2026-11 arpf");
	ck_assert_uint_eq(strlen(text("kpak")), BASE64_LEN(65));
	own_keys_give_back(companion_services.own_keys);
	companion_services.own_keys = own_keys_new();
	run(&companion_ibs_parameters, "");
	check_refused(HSM_UNAVAILABLE, NULL);
	companion_settings.ibs_is_eccsi = false;
	run(&companion_ibs_parameters, "");
	check_refused(HSM_UNAVAILABLE, NULL);
	own_keys_give_back(companion_services.own_keys);
	companion_services.own_keys = NULL;
	run(&companion_ibs_parameters, "");
	check_refused(DATABASE_UNAVAILABLE, NULL);
	end_world();
}
END_TEST

START_TEST(test_request)
{
	begin_world();
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 201);
	CALLS("find-session", "agree-companion", "sign", "add-access-id");
	ck_assert_str_eq(text("accessId"), access_id_text);
	ck_assert_str_eq(text("b"), "sbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbGxsbE=");
	ck_assert_str_eq(text("a"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	ck_assert_ptr_null(text("supi"));
	const json_t *sig = json_object_get(ended.json, "sigCn");

	ck_assert_str_eq(json_string_value(json_object_get(sig, "suite")), "ecdsa-p256-sha256");
	ck_assert_int_eq(json_integer_value(json_object_get(sig, "treeSize")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(sig, "leafIndex")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(sig, "path")), 1);
	check_signed(0xb1);
	ck_assert_int_eq(world.added.imsi, 0);
	ck_assert_int_eq(world.added.owner, COMPANION);
	ck_assert_int_eq(world.added.confirmation_s, 900);
	ck_assert_int_eq(fake_imsis_out(), 0);
	end_world();
}
END_TEST

START_TEST(test_request_signed_by_identity)
{
	begin_world();
	companion_settings.ibs_is_eccsi = true;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 201);
	CALLS("find-session", "agree-companion", "sign-ibs", "add-access-id");
	const json_t *sig = json_object_get(ended.json, "sigCn");

	ck_assert_str_eq(json_string_value(json_object_get(sig, "signerId")), "2026-11 arpf");
	ck_assert_uint_eq(json_string_length(json_object_get(sig, "signature")), BASE64_LEN(129));
	check_signed(0xb1);
	end_world();
}
END_TEST

START_TEST(test_request_confirmed_at_once)
{
	begin_world();
	companion_settings.confirmation_required = false;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 201);
	CALLS("find-session", "agree-companion", "sign", "imsi", "add-access-id");
	ck_assert_str_eq(text("supi"), "imsi-001010000001000");
	ck_assert_int_eq(world.added.imsi, FIRST_IMSI);
	ck_assert_int_eq(fake_imsis_out(), 1); /* it was used */
	end_world();
}
END_TEST

START_TEST(test_same_request_again)
{
	begin_world();
	world.adds[0] = NO_ROW;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 200);
	CALLS("find-session", "agree-companion", "sign", "add-access-id", "find-access-id", "sign");
	ck_assert_str_eq(text("accessId"), access_id_text);
	ck_assert_str_eq(text("b"), "srKysrKysrKysrKysrKysrKysrKysrKysrKysrKysrI=");
	check_signed(0xb2);
	reset_world();
	companion_settings.confirmation_required = false;
	world.adds[0] = NO_ROW;
	world.access.state = ACCESS_CONFIRMED;
	world.access.imsi = 1010000000042;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 200);
	ck_assert_str_eq(text("supi"), "imsi-001010000000042");
	ck_assert_int_eq(fake_imsis_out(), 0); /* the one for this request was not needed */
	end_world();
}
END_TEST

START_TEST(test_same_request_when_no_imsi_is_left)
{
	begin_world();
	companion_settings.confirmation_required = false;
	world.imsi = IMSI_POOL_EXHAUSTED;
	world.access.state = ACCESS_CONFIRMED;
	world.access.imsi = 1010000000042;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 200);
	CALLS("find-session", "agree-companion", "sign", "imsi", "find-access-id", "sign");
	reset_world();
	world.imsi = IMSI_POOL_EXHAUSTED;
	world.access_brings = NO_ROW;
	run(&companion_credential_request, good_request);
	check_refused(IMSI_POOL_EXHAUSTED, NULL);
	end_world();
}
END_TEST

START_TEST(test_same_request_of_a_revoked_one)
{
	begin_world();
	world.adds[0] = NO_ROW;
	world.access.state = ACCESS_REVOKED;
	run(&companion_credential_request, good_request);
	check_refused(CREDENTIAL_REVOKED, NULL);
	end_world();
}
END_TEST

/* It expired between being found there and being looked at: it is made anew, with this request's B. */
START_TEST(test_same_request_as_it_expires)
{
	begin_world();
	companion_settings.confirmation_required = false;
	world.adds[0] = NO_ROW;
	world.access.state = ACCESS_EXPIRED;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 201);
	CALLS("find-session", "agree-companion", "sign", "imsi", "add-access-id", "find-access-id",
		"imsi", "add-access-id");
	ck_assert_int_eq(world.added.imsi, FIRST_IMSI + 1);
	ck_assert_str_eq(text("supi"), "imsi-001010000001001");
	check_signed(0xb1);
	ck_assert_int_eq(fake_imsis_out(), 1);
	reset_world();
	for (unsigned i = 0; i < 8; i++)
		world.adds[i] = NO_ROW;
	world.access_brings = NO_ROW;
	run(&companion_credential_request, good_request);
	check_refused(OVERLOADED, NULL);
	end_world();
}
END_TEST

START_TEST(test_request_whose_imsi_is_taken)
{
	begin_world();
	companion_settings.confirmation_required = false;
	world.adds[0] = world.adds[1] = CONFLICT;
	run(&companion_credential_request, good_request);
	ck_assert_int_eq(ended.status, 201);
	ck_assert_int_eq(world.added.imsi, FIRST_IMSI + 2);
	ck_assert_int_eq(fake_imsis_out(), 1);
	reset_world();
	for (unsigned i = 0; i < 8; i++)
		world.adds[i] = CONFLICT;
	run(&companion_credential_request, good_request);
	check_refused(OVERLOADED, NULL);
	ck_assert_uint_eq(world.add, 4);
	end_world();
}
END_TEST

START_TEST(test_sessions)
{
	begin_world();
	world.session_brings = NO_ROW;
	run(&companion_credential_request, good_request);
	check_refused(SESSION_NOT_FOUND, NULL);
	reset_world();
	world.session.is_expired = true;
	run(&companion_credential_request, good_request);
	check_refused(SESSION_EXPIRED, NULL);
	end_world();
}
END_TEST

/* A wrong MAC1 is found before anything else is looked at, a right one first. */
START_TEST(test_members_after_the_mac)
{
	static const struct {
		const char *what, *instead, *param;
	} members[] = {
		{ "IOT_CREDENTIAL_REQUEST", "SOMETHING", "pType" },
		{ "meter-7", "meter 7", "deviceId" },
		{ "x25519", "p521", "group" },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"aKId", "\",\"aKId", "a" },
	};

	begin_world();
	for (unsigned i = 0; i < 4; i++) {
		const char *body = with(good_request, members[i].what, members[i].instead);

		reset_world();
		world.mac1 = MAC_INVALID;
		run(&companion_credential_request, body);
		check_refused(MAC_INVALID, NULL);
		reset_world();
		world.mac1 = INVALID_PARAMETER; /* whatever the token found at fault */
		run(&companion_credential_request, body);
		check_refused(INVALID_PARAMETER, members[i].param);
	}
	for (unsigned i = 0; i < 2; i++) { /* the token has nothing against these two */
		reset_world();
		run(&companion_credential_request,
			with(good_request, members[i].what, members[i].instead));
		check_refused(INVALID_PARAMETER, members[i].param);
		CALLS("find-session", "agree-companion");
	}
	reset_world();
	run(&companion_credential_request, with(good_request, "\"mac1\":\"AAEC", "\"mac1\":\""));
	check_refused(MAC_INVALID, NULL); /* of another length */
	CALLS("find-session");
	end_world();
}
END_TEST

START_TEST(test_sizes_before_the_mac)
{
	static const char *const members[] = { "pType", "deviceId", "group", "a", "aKId", "mac1" };

	begin_world();
	for (unsigned i = 0; i < 6; i++) {
		char quoted[16], other[16];

		snprintf(quoted, sizeof(quoted), "\"%s\"", members[i]);
		snprintf(other, sizeof(other), "\"_%s\"", members[i]);
		reset_world();
		run(&companion_credential_request, with(good_request, quoted, other));
		check_refused(MISSING_PARAMETER, members[i]);
		ck_assert_uint_eq(world.count, 0);
	}
	run(&companion_credential_request,
		with(good_request, "meter-7",
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	check_refused(INVALID_PARAMETER, "deviceId");
	ck_assert_uint_eq(world.count, 0);
	end_world();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_parameters,
		test_request,
		test_request_signed_by_identity,
		test_request_confirmed_at_once,
		test_same_request_again,
		test_same_request_when_no_imsi_is_left,
		test_same_request_of_a_revoked_one,
		test_same_request_as_it_expires,
		test_request_whose_imsi_is_taken,
		test_sessions,
		test_members_after_the_mac,
		test_sizes_before_the_mac,
	};

	return suite_run("companion", tests, sizeof(tests) / sizeof(tests[0]));
}
