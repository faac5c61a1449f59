#include "tests/unit/exchange_world.h"

#include <check.h>

#include "base/clock.h"

struct exchange_world exchange;
struct pki_made euicc_made[EUICC_LEVELS], se_made[LEVELS];
static struct euicc_world pki;

/* FINE where the call goes on to what it says of itself. */
static enum outcome note_call(const char *name)
{
	unsigned i = exchange.count++;

	ck_assert_uint_lt(i, MOST_CALLS);
	memcpy(exchange.calls[i], name, strlen(name) + 1);
	if (i + 1 == exchange.hold_at)
		hold_all(true);
	return i == exchange.fail_at ? exchange.fail_with : FINE;
}

static const struct {
	enum db_statement statement;
	const char *name;
} statements[] = {
	{ DB_ADD_ATTACH, "add-attach" },
	{ DB_FIND_ATTACH, "find-attach" },
	{ DB_END_ATTACH, "end-attach" },
	{ DB_FIND_PDU_SESSION, "find-session" },
	{ DB_END_PDU_SESSION, "end-session" },
	{ DB_ADD_DOWNLOAD, "add-download" },
	{ DB_FIND_DOWNLOAD, "find-download" },
	{ DB_FIND_KN, "find-kn" },
	{ DB_BIND_PROFILE, "bind-profile" },
	{ DB_BIND_AGAIN, "bind-again" },
	{ DB_END_DOWNLOAD, "end-download" },
};

static const char *statement_name(enum db_statement s)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (statements[i].statement == s)
			return statements[i].name;
	ck_abort_msg("an unexpected statement");
}

static bool is_revised(void)
{
	return exchange.has_revised && exchange.end + exchange.bind > 0;
}

static const struct db_download *download_as_found(void)
{
	return is_revised() ? &exchange.revised_download : &exchange.download;
}

/* What rows point to ends with the transaction; tests look at it later. */
static void *keep(const void *at, size_t len)
{
	static uint8_t room[16384];
	static size_t used;

	if (used + len > sizeof(room))
		used = 0;
	void *kept = memcpy(room + used, at, len);

	used += len;
	return kept;
}

static void keep_text(struct db_text *t)
{
	t->at = keep(t->at, t->len);
}

static void keep_bytes(struct bytes *b)
{
	b->at = keep(b->at, b->len);
}

static void note_attach(const struct db_attach_in *in)
{
	exchange.added = *in;
	keep_text(&exchange.added.eid);
	keep_bytes(&exchange.added.scalar);
}

static void note_download(const struct db_download_in *in)
{
	exchange.offered = *in;
	keep_text(&exchange.offered.subject);
	keep_bytes(&exchange.offered.scalar);
}

static void note_profile(const struct db_profile_in *in)
{
	exchange.bound = *in;
	keep_text(&exchange.bound.subject);
	keep_bytes(&exchange.bound.bound);
	keep_bytes(&exchange.bound.kn);
	keep_bytes(&exchange.bound.sealed);
	keep_bytes(&exchange.bound.k_opc);
}

static enum outcome answer_statement(struct db_request *r)
{
	switch ((int)r->statement) {
	case DB_ADD_ATTACH:
		note_attach(r->row);
		return FINE;
	case DB_FIND_ATTACH:
		*(struct db_attach *)r->result =
			is_revised() ? exchange.revised_attach : exchange.attach;
		return exchange.find_brings;
	case DB_END_ATTACH:
		exchange.ended = *(const struct db_attach_end_in *)r->row;
		keep_text(&exchange.ended.eid);
		return exchange.ends[exchange.end++];
	case DB_FIND_PDU_SESSION:
		*(struct db_pdu_session *)r->result = exchange.session;
		return exchange.session_brings;
	case DB_END_PDU_SESSION:
		return exchange.ends[exchange.end++];
	case DB_ADD_DOWNLOAD:
		note_download(r->row);
		((struct db_download_made *)r->result)->bar = exchange.bar;
		return FINE;
	case DB_FIND_DOWNLOAD:
		*(struct db_download *)r->result = *download_as_found();
		return exchange.find_brings;
	case DB_FIND_KN:
		*(struct db_download_kn *)r->result =
			(struct db_download_kn){ download_as_found()->state,
				download_as_found()->kn };
		return exchange.find_brings;
	case DB_BIND_PROFILE:
	case DB_BIND_AGAIN:
		note_profile(r->row);
		return exchange.binds[exchange.bind++];
	default:
		exchange.closed = *(const struct db_download_end_in *)r->row;
		return exchange.ends[exchange.end++];
	}
}

static enum outcome answer_db(void *request)
{
	struct db_request *r = request;
	enum outcome o = note_call(statement_name(r->statement));

	r->sent = o == FINE || exchange.sent;
	return o == FINE ? answer_statement(r) : o;
}

static enum outcome answer_bind(const struct key_bind_profile_in *in, struct key_bound_profile *out)
{
	exchange.profile = *in;
	memset(out, 0, sizeof(*out));
	memset(out->iv, 0xb1, sizeof(out->iv));
	out->ciphertext_len = 300;
	memset(out->ciphertext, 0xb2, out->ciphertext_len);
	memset(out->kn.at, 0xb3, sizeof(out->kn.at));
	if (in->has_k_opc == 0) {
		out->sealed.len = 84;
		memset(out->sealed.at, 0xb4, out->sealed.len);
		memset(out->k_opc.at, 0xb5, sizeof(out->k_opc.at));
	}
	return exchange.profile_brings;
}

static enum outcome answer_offer(const struct key_offer_exchange_in *in, struct key_offer *out)
{
	exchange.offer = *in;
	memset(out, 0, sizeof(*out));
	memset(out->ephemeral, 0xa1, sizeof(out->ephemeral));
	memset(out->scalar.at, 0xa2, sizeof(out->scalar.at));
	out->signature = (struct key_signature){ { 0x51 }, 2, 1, 1, { 0x9a } };
	return FINE;
}

static enum outcome answer_key(void *request)
{
	struct key_request *r = request;
	enum outcome o = note_call(key_operation_name(r->operation));

	if (o != FINE)
		return o;
	switch ((int)r->operation) {
	case KEY_OFFER_EXCHANGE:
		return answer_offer(r->in, r->out);
	case KEY_ACCEPT_ATTACH:
		exchange.accept = *(const struct key_accept_attach_in *)r->in;
		memset(r->out, 0xac, sizeof(struct key_accept));
		return FINE;
	case KEY_BIND_PROFILE:
		return answer_bind(r->in, r->out);
	case KEY_CHECK_NOTIFICATION:
		exchange.notification = *(const struct key_check_notification_in *)r->in;
		return exchange.mac;
	default:
		ck_abort_msg("an unexpected operation");
	}
}

static enum outcome answer_imsi(void *request)
{
	((struct imsi_request *)request)->imsi = exchange.next_imsi++;
	return note_call("imsi");
}

static void fill_rows(void)
{
	struct db_attach *a = &exchange.attach;
	struct db_download *d = &exchange.download;

	*a = (struct db_attach){ .eid = EUICC_EID, .scalar.len = DB_KEPT_LEN };
	*d = (struct db_download){
		.subject = EUICC_EID, .subject_is_live = true, .scalar.len = DB_KEPT_LEN
	};
	memset(a->server_nonce, 0x51, sizeof(a->server_nonce));
	memset(a->device_nonce, 0xd1, sizeof(a->device_nonce));
	memset(a->ephemeral, 0xe1, sizeof(a->ephemeral));
	memset(a->scalar.at, 0x5c, sizeof(a->scalar.at));
	memcpy(d->server_nonce, a->server_nonce, sizeof(d->server_nonce));
	memcpy(d->device_nonce, a->device_nonce, sizeof(d->device_nonce));
	memcpy(d->ephemeral, a->ephemeral, sizeof(d->ephemeral));
	d->scalar = a->scalar;
}

void make_supi_download(void)
{
	struct db_download *d = &exchange.download;

	memset(d->subject, 0, sizeof(d->subject));
	memcpy(d->subject, EXCHANGE_SUPI, sizeof(EXCHANGE_SUPI));
	memcpy(d->se_id, EXCHANGE_SE, sizeof(EXCHANGE_SE));
	d->imsi = INT64_C(1010000000007);
}

void reset_exchanges(void)
{
	reset_world();
	fake_lane_answers(LANE_DB, answer_db);
	fake_lane_answers(LANE_KEY, answer_key);
	fake_lane_answers(LANE_IMSI, answer_imsi);
	memset(&exchange, 0, sizeof(exchange));
	exchange.fail_at = exchange.hold_at = NEVER;
	exchange.next_imsi = FIRST_IMSI;
	fill_rows();
}

static void set_settings(struct settings *s)
{
	s->attach_dnn = (char *)"first.steps";
	s->allowed_destinations = (char *)" 192.0.2.1:443  dp.example:8443 ";
	s->provisioning_server = (char *)"https://dp.example:8443";
	s->attach_s = 120;
	s->pdu_session_s = 600;
	s->download_s = 300;
	s->network_name = (char *)"Test \"network\"";
	s->home = (struct plmn){ 1001, 6 };
	s->profile_lifetime_s = 3600;
}

void begin_exchanges(void)
{
	begin_world();
	euicc_make_keys();
	world_make_keys();
	euicc_start(&pki);
	memcpy(euicc_made, pki.made, sizeof(euicc_made));
	for (int level = 0; level < LEVELS; level++) {
		struct pki_recipe recipe = world_recipe(level);

		pki_make(&recipe, &se_made[level]);
	}
	ck_assert_int_eq(trust_add_anchor(pki.trust, TRUST_SE, pki_bytes(&se_made[CI])), FINE);
	companion_services.trust = pki.trust;
	companion_services.issuers = pki.cache;
	set_settings(&companion_settings);
	reset_exchanges();
}

void end_exchanges(void)
{
	end_world();
	companion_services.trust = NULL;
	companion_services.issuers = NULL;
	euicc_end(&pki);
	euicc_free_keys();
	world_free_keys();
}

void expect_exchange_calls(const char *const *names)
{
	unsigned count = 0;

	for (; names[count] != NULL; count++)
		ck_assert_str_eq(exchange.calls[count], names[count]);
	ck_assert_uint_eq(exchange.count, count);
}

void expect_exchange_refused(enum outcome o, const char *param)
{
	ck_assert_msg(ended.outcome == o, "%s, not %s: %s", outcome_name(ended.outcome),
		outcome_name(o), text("detail"));
	ck_assert_int_eq(ended.status, outcome_http_status(o));
	ck_assert(param == NULL ? ended.param == NULL
				: ended.param != NULL && strcmp(ended.param, param) == 0);
	ck_assert_int_eq(fake_imsis_out(), 0);
}

void run_bind(const struct exchange_reply *r)
{
	struct exchange_reply copy = *r;

	copy.kind = EXCHANGE_DOWNLOAD;
	run(&profile_download_bind, reply_of(&copy));
}

static const char *member(const json_t *in, const char *name)
{
	const char *v = json_string_value(json_object_get(in, name));

	ck_assert_msg(v != NULL, "%s", name);
	return v;
}

void expect_filled(const json_t *in, const char *name, int byte, size_t len)
{
	uint8_t bytes[512];
	char wanted[1024];

	memset(bytes, byte, len);
	base64_write(bytes_of(bytes, len), wanted);
	ck_assert_str_eq(member(in, name), wanted);
}

/* What the token makes of head and tail, as JSON. */
static json_t *profile_json(void)
{
	char whole[PROFILE_MAX + 1];
	const struct key_bind_profile_in *in = &exchange.profile;

	snprintf(whole, sizeof(whole), "%.*s\"k\":\"00\",\"opc\":\"11\"%.*s", in->head.len,
		in->head.at, in->tail.len, in->tail.at);
	json_t *json = json_loads(whole, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(json != NULL, "%s", whole);
	return json;
}

void expect_bound_profile(const char *supi)
{
	char when[CLOCK_TEXT_LEN];
	json_t *p = profile_json();
	const json_t *network = json_object_get(p, "networkIdentity");

	ck_assert_uint_eq(json_object_size(p), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(p, "version")), 1);
	ck_assert_str_eq(member(p, "supi"), supi);
	ck_assert_str_eq(member(network, "mcc"), "001");
	ck_assert_str_eq(member(network, "mnc"), "001");
	ck_assert_str_eq(member(network, "name"), "Test \"network\"");
	clock_write(exchange.bound.not_after, when);
	ck_assert_str_eq(member(p, "notAfter"), when);
	clock_write(exchange.bound.not_after - 3600, when);
	ck_assert_str_eq(member(p, "issuedAt"), when);
	json_decref(p);
}

void expect_bound_answer(void)
{
	const json_t *bound = json_object_get(ended.json, "boundProfile");

	ck_assert_int_eq(ended.status, 200);
	expect_filled(bound, "iv", 0xb1, 12);
	expect_filled(bound, "ciphertext", 0xb2, 300);
}

void bind_before(const char *body)
{
	struct db_download *d = &exchange.download;

	d->state = DOWNLOAD_BOUND;
	d->imsi = COMPANION;
	d->k_opc.len = DB_KEPT_LEN;
	memset(d->k_opc.at, 0xb5, sizeof(d->k_opc.at));
	d->issued_at = BOUND_BEFORE;
	d->not_after = BOUND_BEFORE + 3600;
	reply_hash(EXCHANGE_DOWNLOAD, body, d->request_hash);
	memset(d->iv, 0xb1, sizeof(d->iv));
	d->bound.len = 300;
	memset(d->bound.at, 0xb2, d->bound.len);
}
