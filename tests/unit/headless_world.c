#include "tests/unit/headless_world.h"

#include <check.h>

#include "peers/certificate_cache.h"

const char good_addition[] = "{\"aKId\":\"a@b\",\"deviceUrl\":\"" HEADLESS_URL "\","
			     "\"mac\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}";

struct headless_world lanes;
struct pki_made headless_made[DEVICE_LEVELS];
static struct bytes chain;

/* FINE where the call goes on to what it says of itself. */
static enum outcome note_call(const char *name)
{
	unsigned i = lanes.count++;

	ck_assert_uint_lt(i, MOST_CALLS);
	memcpy(lanes.calls[i], name, strlen(name) + 1);
	if (i + 1 == lanes.hold_at) {
		hold_all(true);
		fake_lane_holds(LANE_FETCH, true);
	}
	return i == lanes.fail_at ? lanes.fail_with : FINE;
}

static enum outcome answer_device(const struct db_device_hash *in, struct db_headless *out)
{
	bool is_revised = lanes.add > 0;

	memcpy(lanes.found_hash, in->device_hash, sizeof(lanes.found_hash));
	*out = is_revised ? lanes.revised : lanes.present;
	return is_revised ? lanes.revised_brings : lanes.present_brings;
}

static enum outcome answer_statement(struct db_request *r)
{
	switch ((int)r->statement) {
	case DB_FIND_SESSION:
		*(struct db_session *)r->result = lanes.session;
		return lanes.session_brings;
	case DB_FIND_CREDENTIAL:
		ck_assert_int_eq(((const struct db_imsi *)r->row)->imsi, COMPANION);
		*(struct db_credential *)r->result = lanes.companion;
		return lanes.companion_brings;
	case DB_FIND_HEADLESS:
		return answer_device(r->row, r->result);
	case DB_ADD_HEADLESS:
		lanes.added = *(const struct db_headless_in *)r->row;
		return lanes.adds[lanes.add++];
	default:
		ck_abort_msg("an unexpected statement");
	}
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;
	enum outcome o = note_call(r->statement == DB_FIND_SESSION      ? "find-session"
				   : r->statement == DB_FIND_CREDENTIAL ? "find-credential"
				   : r->statement == DB_FIND_HEADLESS   ? "find-headless"
									: "add-headless");

	r->sent = o == FINE || lanes.sent;
	return o == FINE ? answer_statement(r) : o;
}

static void answer_derive(const struct key_derive_device_in *in, struct key_device *out)
{
	lanes.derived = *in;
	memset(out, 0, sizeof(*out));
	memset(out->ephemeral, 0xe1, sizeof(out->ephemeral));
	memset(out->mac, 0xe2, sizeof(out->mac));
	out->ciphertext_len = in->scheme == DEVICE_KEY_ECIES_P256 ? 32 : 256;
	memset(out->ciphertext, 0xe3, out->ciphertext_len);
	memset(out->iv, 0xe4, sizeof(out->iv));
	memset(out->sealed_k_double_prime, 0xe5, sizeof(out->sealed_k_double_prime));
	out->sealed.len = 84;
	memset(out->sealed.at, 0xe6, out->sealed.len);
}

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	enum outcome o = note_call(key_operation_name(r->operation));

	if (o != FINE)
		return o;
	switch ((int)r->operation) {
	case KEY_CHECK_ADDITION:
		lanes.checked = *(const struct key_check_addition_in *)r->in;
		return lanes.mac;
	case KEY_DERIVE_DEVICE:
		answer_derive(r->in, r->out);
		return lanes.derives;
	case KEY_SIGN:
		memcpy(lanes.leaf, ((const struct key_sign_in *)r->in)->leaf, MERKLE_HASH_LEN);
		*(struct key_signature *)r->out =
			(struct key_signature){ { 0x51 }, 2, 1, 1, { 0x9a } };
		return FINE;
	default:
		ck_abort_msg("an unexpected operation");
	}
}

static enum outcome answer_imsi(void *request)
{
	((struct imsi_request *)request)->imsi = lanes.next_imsi++;
	return note_call("imsi");
}

static enum outcome answer_fetch(void *request)
{
	struct http_request *r = request;
	enum outcome o = note_call("fetch");
	unsigned i = lanes.page++;

	ck_assert_uint_lt(i, HEADLESS_PAGES);
	const struct headless_page *p = &lanes.pages[i];
	ck_assert_ptr_nonnull(r->policy);
	ck_assert_str_eq(r->method, "GET");
	ck_assert_uint_eq(r->most, FETCH_MOST_BYTES);
	memcpy(lanes.urls[i], r->url, strlen(r->url) + 1);
	if (o != FINE || p->outcome != FINE)
		return o != FINE ? o : p->outcome;
	r->status = p->status;
	r->answer = p->body;
	memcpy(r->answer_type, p->type, strlen(p->type) + 1);
	r->location = (char *)(uintptr_t)p->location;
	r->fresh_s = p->fresh_s;
	return FINE;
}

void reset_headless(void)
{
	reset_world();
	fake_lane_answers(LANE_DB, answer_db);
	fake_lane_answers(LANE_KEY, answer_key);
	fake_lane_answers(LANE_IMSI, answer_imsi);
	fake_lane_answers(LANE_FETCH, answer_fetch);
	memset(&lanes, 0, sizeof(lanes));
	lanes.fail_at = lanes.hold_at = NEVER;
	lanes.next_imsi = FIRST_IMSI;
	lanes.session = (struct db_session){ .imsi = COMPANION, .kept.len = DB_KEPT_LEN };
	memset(lanes.session.kept.at, 0x4b, DB_KEPT_LEN);
	lanes.companion = (struct db_credential){
		.imsi = COMPANION, .version = 3, .state = CREDENTIAL_IS_ACTIVE, .sealed.len = 84
	};
	memset(lanes.companion.sealed.at, 0x5c, lanes.companion.sealed.len);
	lanes.present_brings = lanes.revised_brings = NO_ROW;
	lanes.pages[0] = (struct headless_page){
		.status = 200, .type = "application/pem-certificate-chain", .body = chain
	};
}

void forget_certificates(void)
{
	certificate_cache_free(companion_services.certificates);
	companion_services.certificates = certificate_cache_new();
	ck_assert_ptr_nonnull(companion_services.certificates);
}

void begin_headless(void)
{
	begin_world();
	device_make_keys();
	for (int i = 0; i < DEVICE_LEVELS; i++)
		device_make(i, &headless_made[i]);
	chain = PEM_OF(&headless_made[DEVICE], &headless_made[ISSUING]);
	companion_services.trust = trust_new();
	ck_assert_int_eq(trust_add_anchor(companion_services.trust, TRUST_DEVICE,
				 pki_bytes(&headless_made[ROOT])),
		FINE);
	forget_certificates();
	companion_settings.certificate_hosts = (char *)"https://ca.example https://other.example";
	companion_settings.certificate_networks = (char *)"";
	companion_settings.certificate_ca_file = (char *)"";
	companion_settings.network_name = (char *)"Test \"network\"";
	companion_settings.home = (struct plmn){ 1001, 6 };
	companion_settings.profile_lifetime_s = 3600;
	reset_headless();
}

void end_headless(void)
{
	end_world();
	trust_give_back(companion_services.trust);
	companion_services.trust = NULL;
	certificate_cache_free(companion_services.certificates);
	companion_services.certificates = NULL;
	bytes_free(chain);
	device_free_keys();
}

void run_addition(const char *body)
{
	run(&headless_device_addition, body);
}

void expect_refused(enum outcome o)
{
	ck_assert_msg(ended.outcome == o, "%s, not %s: %s", outcome_name(ended.outcome),
		outcome_name(o), text("detail"));
	ck_assert_int_eq(ended.status, outcome_http_status(o));
	ck_assert_int_eq(fake_imsis_out(), 0);
}
