/* Profile download: what is asked, what is answered, what is refused. */
#include "base/clock.h"
#include "tests/unit/exchange_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char eid_offer[] = "{\"eid\":\"" EUICC_EID "\","
				"\"attachId\":\"a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7\","
				"\"deviceNonce\":\"AAECAwQFBgcICQoLDA0ODw==\"}";
static const char supi_offer[] = "{\"supi\":\"" EXCHANGE_SUPI "\","
				 "\"deviceNonce\":\"AAECAwQFBgcICQoLDA0ODw==\"}";
static const struct exchange_reply good_reply = { .kind = EXCHANGE_DOWNLOAD };

static struct bytes text_of(struct db_text t)
{
	return bytes_of(t.at, t.len);
}

START_TEST(test_offered)
{
	static const uint8_t none[16];

	begin_exchanges();
	run(&profile_download_offer, eid_offer);
	ck_assert_int_eq(ended.status, 201);
	EXPECT_EXCHANGE_CALLS("offer-exchange", "add-download");
	const struct key_exchange *e = &exchange.offer.exchange;
	const struct db_download_in *d = &exchange.offered;
	ck_assert(e->kind == EXCHANGE_DOWNLOAD && d->imsi == 0 && d->lifetime_s == 300);
	ck_assert(bytes_equal(text_of(d->subject), bytes_of_text(EUICC_EID)));
	ck_assert(bytes_equal(text_of(d->subject), bytes_of(e->subject.at, e->subject.len)));
	ck_assert(d->attach_id[0] == 0xa7 && d->attach_id[15] == 0xa7);
	ck_assert_mem_eq(d->id, e->id, sizeof(d->id));
	ck_assert_mem_eq(d->server_nonce, e->server_nonce, sizeof(d->server_nonce));
	ck_assert(d->device_nonce[15] == 15 && d->ephemeral[64] == 0xa1);
	ck_assert(d->scalar.len == KEPT_LEN && d->scalar.at[0] == 0xa2);
	ck_assert_uint_eq(strlen(text("downloadId")), 32);
	expect_filled(ended.json, "ephemeralPublicKey", 0xa1, 65);
	run(&profile_download_offer, supi_offer);
	ck_assert_int_eq(ended.status, 201);
	ck_assert_int_eq(d->imsi, INT64_C(1010000000007));
	ck_assert(bytes_equal(text_of(d->subject), bytes_of_text(EXCHANGE_SUPI)));
	ck_assert_mem_eq(d->attach_id, none, sizeof(none));
	end_exchanges();
}
END_TEST

START_TEST(test_bars)
{
	static const struct {
		enum download_bar bar;
		enum outcome eid, supi;
	} bars[] = {
		{ DOWNLOAD_NO_SUBJECT, SESSION_NOT_FOUND, USER_NOT_FOUND },
		{ DOWNLOAD_SUBJECT_OVER, SESSION_EXPIRED, SESSION_EXPIRED },
		{ DOWNLOAD_NOT_ATTACHED, CONFLICT, CONFLICT },
		{ DOWNLOAD_IS_SUSPENDED, CREDENTIAL_SUSPENDED, CREDENTIAL_SUSPENDED },
		{ DOWNLOAD_IS_REVOKED, CREDENTIAL_REVOKED, CREDENTIAL_REVOKED },
		{ (enum download_bar)99, BROKEN, BROKEN },
	};

	begin_exchanges();
	for (size_t i = 0; i < COUNT(bars); i++) {
		exchange.bar = (int32_t)bars[i].bar;
		run(&profile_download_offer, eid_offer);
		expect_exchange_refused(bars[i].eid, NULL);
		run(&profile_download_offer, supi_offer);
		expect_exchange_refused(bars[i].supi, NULL);
	}
	end_exchanges();
}
END_TEST

struct bad_body {
	const char *body, *what, *instead, *param;
	enum outcome outcome;
};

START_TEST(test_bad_offers)
{
	static const struct bad_body bodies[] = {
		{ eid_offer, "\"eid\"", "\"x\"", "eid", MISSING_PARAMETER },
		{ eid_offer, "\"eid\"", "\"supi\":\"" EXCHANGE_SUPI "\",\"eid\"", "supi",
			INVALID_PARAMETER },
		{ eid_offer, EUICC_EID, "89049032123451234512345678901236", "eid",
			INVALID_PARAMETER },
		{ eid_offer, "a7a7", "a7", "attachId", INVALID_PARAMETER },
		{ eid_offer, "a7a7", "x7a7", "attachId", INVALID_PARAMETER },
		{ eid_offer, "a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7", "00000000000000000000000000000000",
			NULL, SESSION_EXPIRED },
		{ eid_offer, "deviceNonce", "x", "deviceNonce", MISSING_PARAMETER },
		{ eid_offer, "ODw==", "OD", "deviceNonce", INVALID_PARAMETER },
		{ supi_offer, "imsi-", "", "supi", INVALID_PARAMETER },
		{ supi_offer, "imsi-00", "imsi-0", "supi", INVALID_PARAMETER },
		{ supi_offer, "Dw==", "", "deviceNonce", INVALID_PARAMETER },
		{ supi_offer, "{", "[", NULL, MALFORMED_REQUEST },
	};

	begin_exchanges();
	for (size_t i = 0; i < COUNT(bodies); i++) {
		run(&profile_download_offer,
			with(bodies[i].body, bodies[i].what, bodies[i].instead));
		expect_exchange_refused(bodies[i].outcome, bodies[i].param);
	}
	ck_assert_uint_eq(exchange.count, 0);
	end_exchanges();
}
END_TEST

START_TEST(test_bound_for_an_eid)
{
	uint8_t hash[32];

	begin_exchanges();
	const char *body = reply_of(&good_reply);
	run(&profile_download_bind, body);
	EXPECT_EXCHANGE_CALLS("find-download", "imsi", "bind-profile", "bind-profile");
	expect_bound_answer();
	expect_bound_profile("imsi-001010000001000");
	const struct key_bind_profile_in *in = &exchange.profile;
	ck_assert(in->exchange.kind == EXCHANGE_DOWNLOAD && in->exchange.id[15] == 0xa1);
	ck_assert_mem_eq(in->scalar.at, exchange.download.scalar.at, KEPT_LEN);
	const struct db_profile_in *b = &exchange.bound;
	ck_assert(b->is_eid && b->imsi == (int64_t)FIRST_IMSI && fake_imsis_out() == 1);
	ck_assert(bytes_equal(text_of(b->subject), bytes_of_text(EUICC_EID)));
	reply_hash(EXCHANGE_DOWNLOAD, body, hash);
	ck_assert_mem_eq(b->request_hash, hash, sizeof(hash));
	ck_assert(b->bound.len == 300 && b->kn.len == KEPT_LEN && b->sealed.len == 84);
	ck_assert(b->iv[11] == 0xb1 && b->kn.at[0] == 0xb3 && b->sealed.at[83] == 0xb4);
	/* one that has a SUPI keeps it */
	reset_exchanges();
	exchange.download.imsi = COMPANION;
	run_bind(&good_reply);
	EXPECT_EXCHANGE_CALLS("find-download", "bind-profile", "bind-profile");
	expect_bound_profile(EXCHANGE_SUPI);
	ck_assert(b->is_eid && b->imsi == COMPANION);
	end_exchanges();
}
END_TEST

START_TEST(test_bound_for_a_supi)
{
	begin_exchanges();
	const struct exchange_reply with_root = { .certificates = { &se_made[SE], &se_made[PN],
							  &se_made[CI] } };
	for (int has_root = 0; has_root < 2; has_root++) {
		reset_exchanges();
		make_supi_download();
		run_bind(has_root == 1 ? &with_root : &good_reply);
		EXPECT_EXCHANGE_CALLS("find-download", "bind-profile", "bind-profile");
		expect_bound_answer();
		expect_bound_profile(EXCHANGE_SUPI);
		ck_assert(!exchange.bound.is_eid && exchange.bound.imsi == COMPANION);
		ck_assert_int_eq(fake_imsis_out(), 0);
	}
	end_exchanges();
}
END_TEST

struct refused_reply {
	struct exchange_reply reply;
	enum outcome outcome;
	const char *param;
};

static void expect_refusals(const struct refused_reply *refused, size_t count, bool is_supi)
{
	for (size_t i = 0; i < count; i++) {
		reset_exchanges();
		if (is_supi)
			make_supi_download();
		run_bind(&refused[i].reply);
		expect_exchange_refused(refused[i].outcome, refused[i].param);
		EXPECT_EXCHANGE_CALLS("find-download");
	}
}

START_TEST(test_refused)
{
	begin_exchanges();
	const struct refused_reply of_euiccs[] = {
		{ { .key = euicc_other_key }, SIGNATURE_INVALID, NULL },
		{ { .is_of_another = true }, SIGNATURE_INVALID, NULL },
		{ { .is_point_bad = true }, INVALID_PARAMETER, "ephemeralPublicKey" },
		{ { .key = world_keys[SE], .certificates = { &se_made[SE], &se_made[PN] } },
			CERTIFICATE_UNTRUSTED, NULL },
		{ { .certificates = { &euicc_made[EUICC_LEAF], &euicc_made[EUICC_EUM],
			    &se_made[CI] } },
			CERTIFICATE_UNTRUSTED, NULL },
	};
	const struct refused_reply of_elements[] = {
		{ { .key = other_key }, SIGNATURE_INVALID, NULL },
		{ { .is_point_bad = true }, INVALID_PARAMETER, "ephemeralPublicKey" },
		{ { .key = euicc_keys[EUICC_LEAF],
			  .certificates = { &euicc_made[EUICC_LEAF], &euicc_made[EUICC_EUM] } },
			CERTIFICATE_UNTRUSTED, NULL },
		{ { .certificates = { &se_made[SE], &se_made[CI] } }, CERTIFICATE_UNTRUSTED, NULL },
		{ { .certificates = { &se_made[SE], &se_made[PN], &euicc_made[EUICC_CI] } },
			CERTIFICATE_UNTRUSTED, NULL },
	};
	expect_refusals(of_euiccs, COUNT(of_euiccs), false);
	expect_refusals(of_elements, COUNT(of_elements), true);
	/* another Secure Element than the binding's */
	reset_exchanges();
	make_supi_download();
	exchange.download.se_id[6] = '2';
	run_bind(&good_reply);
	expect_exchange_refused(CERTIFICATE_UNTRUSTED, NULL);
	reset_exchanges();
	struct trust *trust = companion_services.trust;
	companion_services.trust = NULL;
	for (int is_supi = 0; is_supi < 2; is_supi++) {
		if (is_supi == 1)
			make_supi_download();
		run_bind(&good_reply);
		expect_exchange_refused(DATABASE_UNAVAILABLE, NULL);
	}
	companion_services.trust = trust;
	end_exchanges();
}
END_TEST

START_TEST(test_again)
{
	begin_exchanges();
	const char *body = reply_of(&good_reply);
	bind_before(body);
	exchange.download.subject_is_live = false; /* it was, then */
	run(&profile_download_bind, body);
	expect_bound_answer();
	EXPECT_EXCHANGE_CALLS("find-download");
	/* signed anew, for the same key: ECDSA gives another signature */
	reset_exchanges();
	bind_before(body);
	run_bind(&(struct exchange_reply){ EXCHANGE_DOWNLOAD, .has_last_point = true });
	expect_bound_answer();
	EXPECT_EXCHANGE_CALLS("find-download");
	/* its certificates are looked at every time */
	const char *bad =
		reply_of(&(struct exchange_reply){ EXCHANGE_DOWNLOAD, .key = euicc_other_key });
	bind_before(bad);
	run(&profile_download_bind, bad);
	expect_exchange_refused(SIGNATURE_INVALID, NULL);
	end_exchanges();
}
END_TEST

static void bind_for_another(void)
{
	reset_exchanges();
	bind_before(reply_of(&good_reply));
}

START_TEST(test_again_for_another_key)
{
	begin_exchanges();
	bind_for_another();
	const char *body = reply_of(&good_reply);
	uint8_t hash[32];

	run(&profile_download_bind, body);
	EXPECT_EXCHANGE_CALLS("find-download", "bind-profile", "bind-again");
	expect_bound_answer();
	expect_bound_profile(EXCHANGE_SUPI);
	const struct key_bind_profile_in *in = &exchange.profile;
	const struct db_profile_in *b = &exchange.bound;

	ck_assert(in->has_k_opc == 1 && in->k_opc.at[0] == 0xb5 && in->k_opc.at[62] == 0xb5);
	ck_assert_mem_eq(in->scalar.at, exchange.download.scalar.at, KEPT_LEN);
	ck_assert(b->issued_at == BOUND_BEFORE && b->not_after == BOUND_BEFORE + 3600);
	reply_hash(EXCHANGE_DOWNLOAD, body, hash);
	ck_assert_mem_eq(b->request_hash, hash, sizeof(hash));
	ck_assert(b->bound.len == 300 && b->kn.at[0] == 0xb3 && b->iv[11] == 0xb1);
	ck_assert_uint_eq(b->sealed.len, 0);
	/* signature and subject, as the first time */
	bind_for_another();
	run_bind(&(struct exchange_reply){ .key = euicc_other_key });
	expect_exchange_refused(SIGNATURE_INVALID, NULL);
	bind_for_another();
	exchange.download.subject_is_live = false;
	run_bind(&good_reply);
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	/* what is kept is not what was, or is not there */
	bind_for_another();
	exchange.profile_brings = MAC_INVALID;
	run_bind(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	bind_for_another();
	exchange.download.k_opc.len = 0;
	run_bind(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	EXPECT_EXCHANGE_CALLS("find-download");
	/* it has ended meanwhile; and for ever another's turn */
	bind_for_another();
	exchange.revised_download = exchange.download;
	exchange.revised_download.state = DOWNLOAD_INSTALLED;
	exchange.has_revised = true;
	exchange.binds[0] = NO_ROW;
	run_bind(&good_reply);
	expect_exchange_refused(SESSION_EXPIRED, NULL);
	EXPECT_EXCHANGE_CALLS("find-download", "bind-profile", "bind-again", "find-download");
	bind_for_another();
	for (size_t i = 0; i < COUNT(exchange.binds); i++)
		exchange.binds[i] = NO_ROW;
	run_bind(&good_reply);
	expect_exchange_refused(OVERLOADED, NULL);
	end_exchanges();
}
END_TEST

START_TEST(test_states)
{
	static const enum download_state over[] = { DOWNLOAD_INSTALLED, DOWNLOAD_FAILED,
		DOWNLOAD_OVER };

	begin_exchanges();
	for (size_t i = 0; i < COUNT(over); i++) {
		exchange.download.state = (int32_t)over[i];
		run_bind(&good_reply);
		expect_exchange_refused(SESSION_EXPIRED, NULL);
	}
	for (int is_supi = 0; is_supi < 2; is_supi++) {
		reset_exchanges();
		if (is_supi == 1)
			make_supi_download();
		exchange.download.subject_is_live = false;
		run_bind(&good_reply);
		expect_exchange_refused(is_supi == 1 ? CONFLICT : SESSION_EXPIRED, NULL);
	}
	reset_exchanges();
	exchange.find_brings = NO_ROW;
	run_bind(&good_reply);
	expect_exchange_refused(SESSION_NOT_FOUND, NULL);
	reset_exchanges();
	exchange.download.state = 99;
	run_bind(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	reset_exchanges();
	exchange.download.scalar.len = 0;
	run_bind(&good_reply);
	expect_exchange_refused(BROKEN, NULL);
	end_exchanges();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_offered, test_bars, test_bad_offers,
		test_bound_for_an_eid, test_bound_for_a_supi, test_refused, test_again,
		test_again_for_another_key, test_states };

	return suite_run("procedures download", tests, COUNT(tests));
}
