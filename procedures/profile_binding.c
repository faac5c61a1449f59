#include <assert.h>

#include "base/clock.h"
#include "procedures/body.h"
#include "procedures/device_profile.h"
#include "procedures/exchange_answer.h"
#include "procedures/held_imsi.h"
#include "procedures/profile_download.h"
#include "procedures/supi.h"

#define MOST_TURNS 4u

enum asking {
	FIRST_TIME,
	SAME_AGAIN, /* this same request has its profile already */
	OTHER_KEY,  /* the same profile for another ephemeral key */
};

struct profile_binding {
	struct exchange_answer answer;
	struct db_exchange_id find;
	struct db_download row;
	struct exchange_offered offered;
	bool is_eid;
	enum asking asking;
	struct held_imsi imsi;
	int64_t issued_at, not_after;
	struct key_bind_profile_in ask;
	struct key_bound_profile made;
	struct db_profile_in bind;
};

static enum outcome read_answer(struct txn *t);
static enum outcome find_download(struct txn *t);
static enum outcome have_download(struct txn *t, enum outcome brought);
static enum outcome verify_device(struct txn *t);
static enum outcome have_imsi(struct txn *t, enum outcome brought);
static enum outcome make_profile(struct txn *t);
static enum outcome have_profile(struct txn *t, enum outcome brought);
static enum outcome bind_profile(struct txn *t);
static enum outcome have_bound_profile(struct txn *t, enum outcome brought);
static enum outcome bind_again(struct txn *t);
static enum outcome have_bound_again(struct txn *t, enum outcome brought);
static enum outcome answer_profile(struct txn *t);
static bool is_new(const struct txn *t);
static bool is_other_key(const struct txn *t);
static bool lacks_profile(const struct txn *t);
static bool lacks_imsi(const struct txn *t);
static void give_imsi_back(struct txn *t);

const struct procedure profile_download_bind = {
	.name = "profile-download-bind", /* Solution #5.x, 11; Solution 12.X, 5 */
	.state_size = sizeof(struct profile_binding),
	.undo = give_imsi_back,
	.steps = {
		{ "read_answer", LANE_LOOP, read_answer },
		{ "find_download", LANE_DB, find_download, have_download },
		/* the chain of an eUICC, or of the binding's Secure Element, and the signature; every time */
		{ "verify_device", LANE_CPU, verify_device },
		/* a subscription of its own for an eUICC that has none yet */
		{ "allocate_imsi", LANE_IMSI, NULL, have_imsi, lacks_imsi },
		/* K in the token, or the K that is kept of the first time; Kb and Kn */
		{ "make_profile", LANE_KEY, make_profile, have_profile, lacks_profile },
		{ "bind_profile", LANE_DB, bind_profile, have_bound_profile, is_new },
		/* the new Kn counts from now on */
		{ "bind_again", LANE_DB, bind_again, have_bound_again, is_other_key },
		{ "answer_profile", LANE_REPLY, answer_profile },
	},
};

static bool is_new(const struct txn *t)
{
	return ((const struct profile_binding *)t->state)->asking == FIRST_TIME;
}

static bool is_other_key(const struct txn *t)
{
	return ((const struct profile_binding *)t->state)->asking == OTHER_KEY;
}

static bool lacks_profile(const struct txn *t)
{
	return is_new(t) || is_other_key(t);
}

static bool lacks_imsi(const struct txn *t)
{
	return is_new(t) && ((const struct profile_binding *)t->state)->row.imsi == 0;
}

static void give_imsi_back(struct txn *t)
{
	held_imsi_give_back(t, &((struct profile_binding *)t->state)->imsi);
}

static enum outcome read_answer(struct txn *t)
{
	struct profile_binding *b = t->state;
	enum outcome o = path_hex(t, 0, "downloadId", b->find.id, sizeof(b->find.id));

	if (o == FINE)
		o = body_read(t);
	return o == FINE ? exchange_answer_read(t, EXCHANGE_DOWNLOAD, &b->answer) : o;
}

static enum outcome find_download(struct txn *t)
{
	struct profile_binding *b = t->state;

	return txn_ask_db(t, DB_FIND_DOWNLOAD, &b->find, &b->row);
}

static enum outcome refuse_ended(struct txn *t)
{
	return txn_refuse(t, SESSION_EXPIRED, "The download has come to its end.");
}

static enum outcome check_subject(struct txn *t, const struct profile_binding *b)
{
	if (b->row.subject_is_live)
		return FINE;
	return b->is_eid ? txn_refuse(t, SESSION_EXPIRED, "The eUICC is attached no longer.")
			 : txn_refuse(t, CONFLICT, "The binding is ATTACHED no longer.");
}

static enum outcome check_state(struct txn *t, struct profile_binding *b)
{
	const struct db_download *row = &b->row;

	b->asking = FIRST_TIME;
	switch ((enum download_state)row->state) {
	case DOWNLOAD_OFFERED:
		return check_subject(t, b);
	case DOWNLOAD_BOUND:
		if (row->bound.len == 0)
			return refuse_ended(t);
		b->asking = bytes_equal(BYTES(row->request_hash), BYTES(b->answer.hash))
				    ? SAME_AGAIN
				    : OTHER_KEY;
		return b->asking == SAME_AGAIN ? FINE : check_subject(t, b);
	case DOWNLOAD_INSTALLED:
	case DOWNLOAD_FAILED:
	case DOWNLOAD_OVER:
		return refuse_ended(t);
	}
	return BROKEN;
}

static void set_offered(struct profile_binding *b)
{
	struct key_exchange *e = &b->offered.exchange;

	e->kind = EXCHANGE_DOWNLOAD;
	e->subject = key_text_of(b->row.subject);
	memcpy(e->id, b->find.id, sizeof(e->id));
	memcpy(e->server_nonce, b->row.server_nonce, sizeof(e->server_nonce));
	memcpy(e->device_nonce, b->row.device_nonce, sizeof(e->device_nonce));
	memcpy(b->offered.ephemeral, b->row.ephemeral, sizeof(b->offered.ephemeral));
}

static enum outcome have_download(struct txn *t, enum outcome brought)
{
	struct profile_binding *b = t->state;
	uint64_t imsi;

	if (brought == NO_ROW)
		return txn_refuse(t, SESSION_NOT_FOUND, "There is no such download.");
	if (brought != FINE)
		return brought;
	b->is_eid = !imsi_read_supi(b->row.subject, strlen(b->row.subject), &imsi);
	enum outcome o = check_state(t, b);

	if (o != FINE)
		return o;
	if (b->asking != SAME_AGAIN && b->row.scalar.len != KEPT_LEN)
		return BROKEN;
	if (b->asking == OTHER_KEY && b->row.k_opc.len != KEPT_LEN)
		return BROKEN;
	set_offered(b);
	return FINE;
}

static enum outcome verify_se(struct txn *t, const struct profile_binding *b)
{
	struct certificate leaf;
	enum outcome o = exchange_answer_verify_se(t, &b->answer, &leaf);

	if (o == FINE && !bytes_equal(leaf.serial_number, bytes_of_text(b->row.se_id)))
		o = txn_refuse(t, CERTIFICATE_UNTRUSTED,
			"The certificate is of another Secure Element than the binding.");
	return o == FINE ? exchange_answer_verify(t, &b->answer, &b->offered, &leaf) : o;
}

/* On a worker thread. What is refused here leaves the download as it was: nothing can be found out by trying. */
static enum outcome verify_device(struct txn *t)
{
	const struct profile_binding *b = t->state;
	struct certificate leaf;

	if (!b->is_eid)
		return verify_se(t, b);
	enum outcome o = exchange_answer_verify_euicc(t, &b->answer, b->row.subject, &leaf);

	return o == FINE ? exchange_answer_verify(t, &b->answer, &b->offered, &leaf) : o;
}

static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	return held_imsi_take(t, &((struct profile_binding *)t->state)->imsi, brought);
}

static int64_t imsi_of(const struct profile_binding *b)
{
	return b->row.imsi != 0 ? b->row.imsi : (int64_t)b->imsi.number;
}

static enum outcome put_part(struct key_profile_part *part, struct bytes text)
{
	if (text.len == 0 || text.len > sizeof(part->at))
		return BROKEN;
	part->len = (uint16_t)text.len;
	memcpy(part->at, text.at, text.len);
	return FINE;
}

/* What stands before k and opc. */
static enum outcome write_head(struct txn *t, struct profile_binding *b)
{
	char supi[SUPI_TEXT_LEN];

	supi_write((uint64_t)imsi_of(b), supi);
	const char *text = arena_printf(t->arena, "{\"version\":1,\"supi\":\"%s\",", supi);

	return text != NULL ? put_part(&b->ask.head, bytes_of_text(text)) : NO_MEMORY;
}

/* What follows them: an object of its own, whose bracket becomes the comma. */
static enum outcome write_tail(struct txn *t, struct profile_binding *b)
{
	struct json_out o = json_start(t->arena);
	size_t len;

	json_open(&o, '{');
	profile_write_network(t, &o);
	profile_write_period(&o, b->issued_at, b->not_after);
	json_close(&o, '}');
	const char *text = json_end(&o, &len);
	enum outcome outcome =
		text != NULL ? put_part(&b->ask.tail, bytes_of(text, len)) : NO_MEMORY;

	b->ask.tail.at[0] = ',';
	return outcome;
}

/* Of a profile that was made before, with its keys, what it had then. */
static void set_period(const struct txn *t, struct profile_binding *b)
{
	b->ask.has_k_opc = b->asking == OTHER_KEY;
	if (b->asking == OTHER_KEY) {
		b->issued_at = b->row.issued_at;
		b->not_after = b->row.not_after;
		memcpy(b->ask.k_opc.at, b->row.k_opc.at, sizeof(b->ask.k_opc.at));
	} else {
		b->issued_at = clock_unix();
		b->not_after = b->issued_at + t->services->settings->profile_lifetime_s;
	}
}

static enum outcome make_profile(struct txn *t)
{
	struct profile_binding *b = t->state;

	set_period(t, b);
	b->ask.exchange = b->offered.exchange;
	memcpy(b->ask.scalar.at, b->row.scalar.at, sizeof(b->ask.scalar.at));
	memcpy(b->ask.device_ephemeral, b->answer.ephemeral.at, sizeof(b->ask.device_ephemeral));
	enum outcome o = write_head(t, b);

	if (o == FINE)
		o = write_tail(t, b);
	return o == FINE ? txn_ask_key(t, KEY_BIND_PROFILE, &b->ask, &b->made) : o;
}

/* Where what is kept does not open, it is the row that is at fault, not the device. */
static enum outcome have_profile(struct txn *t, enum outcome brought)
{
	(void)t;
	return brought == MAC_INVALID ? BROKEN : brought;
}

static_assert(PROFILE_MAX + 16 <= DB_BOUND_MAX);

static void set_bind(struct profile_binding *b)
{
	b->bind = (struct db_profile_in){
		.subject = { b->row.subject, strlen(b->row.subject) },
		.is_eid = b->is_eid,
		.imsi = imsi_of(b),
		.issued_at = b->issued_at,
		.not_after = b->not_after,
		.bound = bytes_of(b->made.ciphertext, b->made.ciphertext_len),
		.kn = BYTES(b->made.kn.at),
		.sealed = bytes_of(b->made.sealed.at, b->made.sealed.len),
		.k_opc = BYTES(b->made.k_opc.at),
	};
	memcpy(b->bind.id, b->find.id, sizeof(b->bind.id));
	memcpy(b->bind.request_hash, b->answer.hash, sizeof(b->bind.request_hash));
	memcpy(b->bind.iv, b->made.iv, sizeof(b->bind.iv));
}

static enum outcome bind_profile(struct txn *t)
{
	struct profile_binding *b = t->state;

	set_bind(b);
	held_imsi_bind(&b->imsi);
	return txn_ask_db(t, DB_BIND_PROFILE, &b->bind, NULL);
}

static enum outcome have_bound_profile(struct txn *t, enum outcome brought)
{
	struct profile_binding *b = t->state;

	held_imsi_bound(t, &b->imsi, brought);
	if (brought == CONFLICT && b->row.imsi == 0) /* the IMSI is taken after all: another one */
		return txn_go_back(t, "allocate_imsi", MOST_TURNS, OVERLOADED);
	if (brought == NO_ROW || brought == CONFLICT) /* it is another's turn by now: whose? */
		return txn_go_back(t, "find_download", MOST_TURNS, OVERLOADED);
	return brought;
}

static enum outcome bind_again(struct txn *t)
{
	struct profile_binding *b = t->state;

	set_bind(b);
	return txn_ask_db(t, DB_BIND_AGAIN, &b->bind, NULL);
}

static enum outcome have_bound_again(struct txn *t, enum outcome brought)
{
	if (brought == NO_ROW) /* it has ended meanwhile: how? */
		return txn_go_back(t, "find_download", MOST_TURNS, OVERLOADED);
	return brought;
}

static enum outcome answer_profile(struct txn *t)
{
	const struct profile_binding *b = t->state;
	bool is_kept = b->asking == SAME_AGAIN;
	struct bytes iv = is_kept ? BYTES(b->row.iv) : BYTES(b->made.iv);
	struct bytes bound = is_kept ? bytes_of(b->row.bound.at, b->row.bound.len)
				     : bytes_of(b->made.ciphertext, b->made.ciphertext_len);
	struct json_out o = json_start(t->arena);

	json_open(&o, '{');
	json_key(&o, "boundProfile");
	json_open(&o, '{');
	json_member_base64(&o, "iv", iv);
	json_member_base64(&o, "ciphertext", bound);
	json_close(&o, '}');
	json_close(&o, '}');
	return answer_json(t, 200, &o);
}
