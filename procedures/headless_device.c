#include "procedures/headless_device.h"

#include <assert.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "procedures/body.h"
#include "procedures/certified_device.h"
#include "procedures/companion_session.h"
#include "procedures/credential.h"
#include "procedures/device_profile.h"
#include "procedures/held_imsi.h"

#define MAC_LEN    32
#define MAC_MOST   64 /* one of another length is a wrong one */
#define MOST_TURNS (FETCH_MOST_REDIRECTS + 3)

struct addition {
	const char *url;
	struct bytes mac;
	struct companion_session session;
	struct key_check_addition_in check;
	struct key_nothing nothing;
	struct certified_device certified;
	/* whose it becomes; whether it is so already */
	struct db_imsi find_companion;
	struct db_credential companion;
	struct db_device_hash find_device;
	struct db_headless present;
	bool was_present;
	struct held_imsi imsi;
	uint8_t n1[16], n2[16];
	struct key_derive_device_in derive;
	struct key_device keys;
	struct device_profile profile;
	struct db_headless_in add;
};

static enum outcome read_addition(struct txn *t);
static enum outcome find_session(struct txn *t);
static enum outcome have_session(struct txn *t, enum outcome brought);
static enum outcome verify_mac(struct txn *t);
static enum outcome have_verified_mac(struct txn *t, enum outcome brought);
static enum outcome check_url(struct txn *t);
static enum outcome fetch_certificate(struct txn *t);
static enum outcome have_fetched(struct txn *t, enum outcome brought);
static enum outcome verify_device_certificate(struct txn *t);
static enum outcome keep_certificate(struct txn *t);
static enum outcome find_companion(struct txn *t);
static enum outcome have_companion(struct txn *t, enum outcome brought);
static enum outcome find_device(struct txn *t);
static enum outcome have_device(struct txn *t, enum outcome brought);
static enum outcome have_imsi(struct txn *t, enum outcome brought);
static enum outcome derive_device_key(struct txn *t);
static enum outcome have_derived(struct txn *t, enum outcome brought);
static enum outcome write_profile(struct txn *t);
static enum outcome sign_profile(struct txn *t);
static enum outcome add_device(struct txn *t);
static enum outcome have_added(struct txn *t, enum outcome brought);
static enum outcome answer_addition(struct txn *t);
static bool was_not_kept(const struct txn *t);
static bool is_new(const struct txn *t);
static void give_imsi_back(struct txn *t);

const struct procedure headless_device_addition = {
	.name = "headless-device-addition", /* Solution #12.z, 2 to 8 */
	.state_size = sizeof(struct addition),
	.undo = give_imsi_back,
	.steps = {
		/* 2 */
		{ "read_addition", LANE_CPU, read_addition },
		{ "find_session", LANE_DB, find_session, have_session },
		{ "verify_mac", LANE_KEY, verify_mac, have_verified_mac },
		/* 3: the certificate of the URL; a redirect comes back to check_url */
		{ "check_url", LANE_LOOP, check_url },
		{ "fetch_certificate", LANE_FETCH, fetch_certificate, have_fetched, was_not_kept },
		/* 4 */
		{ "verify_device_certificate", LANE_CPU, verify_device_certificate },
		{ "keep_certificate", LANE_LOOP, keep_certificate, .when = was_not_kept },
		/* 5: the device on the companion's subscription, perhaps since long */
		{ "find_companion", LANE_DB, find_companion, have_companion },
		{ "find_device", LANE_DB, find_device, have_device },
		{ "allocate_imsi", LANE_IMSI, NULL, have_imsi, is_new },
		/* 6, 7: K', K'' */
		{ "derive_device_key", LANE_KEY, derive_device_key, have_derived },
		/* 8: signed before anything is kept, so that its failure leaves nothing behind */
		{ "write_profile", LANE_CPU, write_profile },
		{ "sign_profile", LANE_KEY, sign_profile },
		{ "add_device", LANE_DB, add_device, have_added, is_new },
		{ "answer_addition", LANE_REPLY, answer_addition },
	},
};

static bool was_not_kept(const struct txn *t)
{
	return !((const struct addition *)t->state)->certified.was_kept;
}

static bool is_new(const struct txn *t)
{
	return !((const struct addition *)t->state)->was_present;
}

static void give_imsi_back(struct txn *t)
{
	held_imsi_give_back(t, &((struct addition *)t->state)->imsi);
}

/* Types and sizes only: a wrong MAC is found before anything else is looked at. */
static enum outcome read_addition(struct txn *t)
{
	struct addition *a = t->state;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = companion_session_read(t, &a->session);
	if (o == FINE)
		o = body_text(t, t->json, "deviceUrl", FETCH_URL_MAX, &a->url);
	if (o == FINE)
		o = body_bytes(t, t->json, "mac", 0, MAC_MOST, &a->mac);
	return o;
}

static enum outcome find_session(struct txn *t)
{
	return companion_session_ask(t, &((struct addition *)t->state)->session);
}

static enum outcome have_session(struct txn *t, enum outcome brought)
{
	return companion_session_have(t, &((struct addition *)t->state)->session, brought);
}

static enum outcome refuse_mac(struct txn *t)
{
	return txn_refuse(
		t, MAC_INVALID, "The MAC is not that of this request under the session's key.");
}

static enum outcome verify_mac(struct txn *t)
{
	struct addition *a = t->state;

	if (a->mac.len != MAC_LEN)
		return refuse_mac(t);
	a->check.session = a->session.whose;
	a->check.k = a->session.k;
	a->check.url_len = (uint16_t)strlen(a->url);
	memcpy(a->check.url, a->url, a->check.url_len);
	memcpy(a->check.mac, a->mac.at, sizeof(a->check.mac));
	return txn_ask_key(t, KEY_CHECK_ADDITION, &a->check, &a->nothing);
}

static enum outcome have_verified_mac(struct txn *t, enum outcome brought)
{
	struct addition *a = t->state;

	if (brought == MAC_INVALID)
		return refuse_mac(t);
	return brought != FINE ? brought : certified_device_start(&a->certified, a->url);
}

static enum outcome check_url(struct txn *t)
{
	return certified_device_check_url(t, &((struct addition *)t->state)->certified);
}

static enum outcome fetch_certificate(struct txn *t)
{
	return certified_device_ask(t, &((struct addition *)t->state)->certified);
}

static enum outcome have_fetched(struct txn *t, enum outcome brought)
{
	return certified_device_have(
		t, &((struct addition *)t->state)->certified, "check_url", brought);
}

static enum outcome verify_device_certificate(struct txn *t)
{
	return certified_device_verify(t, &((struct addition *)t->state)->certified);
}

static enum outcome keep_certificate(struct txn *t)
{
	return certified_device_keep(t, &((struct addition *)t->state)->certified);
}

static enum outcome find_companion(struct txn *t)
{
	struct addition *a = t->state;

	a->find_companion.imsi = a->session.row.imsi;
	return txn_ask_db(t, DB_FIND_CREDENTIAL, &a->find_companion, &a->companion);
}

static enum outcome have_companion(struct txn *t, enum outcome brought)
{
	const struct addition *a = t->state;
	enum outcome o = brought == FINE ? credential_state_outcome(a->companion.state) : brought;

	if (o == NO_ROW || o == USER_NOT_FOUND)
		return txn_refuse(t, USER_NOT_FOUND, "The companion has no subscription here.");
	return o == FINE || o == BROKEN || brought != FINE
		       ? o
		       : txn_refuse(t, o, "The companion's own credential is not in use.");
}

/* A device is its manufacturer and Device ID. */
static enum outcome hash_device(const struct device_certificate *d, uint8_t hash[32])
{
	uint8_t room[256];
	struct bytes message;
	struct transcript m = transcript_start(room, sizeof(room), "arpf device v1");

	transcript_add_text(&m, d->manufacturer);
	transcript_add_text(&m, d->device_id);
	return transcript_end(&m, &message) ? sha256(&message, 1, hash) : BROKEN;
}

static enum outcome find_device(struct txn *t)
{
	struct addition *a = t->state;
	enum outcome o = hash_device(&a->certified.device, a->find_device.device_hash);

	return o == FINE ? txn_ask_db(t, DB_FIND_HEADLESS, &a->find_device, &a->present) : o;
}

static enum outcome begin_new(struct addition *a, uint32_t lifetime_s)
{
	struct device_profile *p = &a->profile;

	if (RAND_bytes(a->n1, sizeof(a->n1)) != 1 || RAND_bytes(a->n2, sizeof(a->n2)) != 1 ||
		RAND_bytes(p->access_id, sizeof(p->access_id)) != 1)
		return BROKEN;
	p->issued_at = clock_unix();
	p->not_after = p->issued_at + lifetime_s;
	return FINE;
}

/* The same nonces under the same K_C give the same keys; only their encryption is new. */
static void begin_again(struct addition *a)
{
	struct device_profile *p = &a->profile;

	p->imsi = (uint64_t)a->present.imsi;
	p->issued_at = a->present.issued_at;
	p->not_after = a->present.not_after;
	memcpy(p->access_id, a->present.access_id, sizeof(p->access_id));
	memcpy(a->n1, a->present.n1, sizeof(a->n1));
	memcpy(a->n2, a->present.n2, sizeof(a->n2));
}

static enum outcome have_device(struct txn *t, enum outcome brought)
{
	struct addition *a = t->state;
	const struct db_headless *d = &a->present;

	if (brought != FINE && brought != NO_ROW)
		return brought;
	a->was_present = brought == FINE && d->credential_state != CREDENTIAL_IS_DESTROYED;
	if (!a->was_present)
		return begin_new(a, t->services->settings->profile_lifetime_s);
	if (d->owner != a->session.row.imsi)
		return txn_refuse(
			t, DEVICE_IN_USE, "The device is on somebody else's subscription.");
	enum outcome o = credential_state_outcome(d->credential_state);
	if (o == BROKEN)
		return o;
	if (o != FINE)
		return txn_refuse(t, o == USER_NOT_FOUND ? CONFLICT : o,
			"The device was added before, and its credential is not in use.");
	if (memcmp(d->spki_hash, a->certified.device.spki_hash, sizeof(d->spki_hash)) != 0)
		return txn_refuse(
			t, CONFLICT, "The device was added before with another certified key.");
	if (d->owner_version != a->companion.version)
		return txn_refuse(t, CONFLICT,
			"The device was added under a key of the companion's that is no longer in "
			"use.");
	begin_again(a);
	return FINE;
}

static enum outcome have_imsi(struct txn *t, enum outcome brought)
{
	struct addition *a = t->state;
	enum outcome o = held_imsi_take(t, &a->imsi, brought);

	a->profile.imsi = a->imsi.number;
	return o;
}

static_assert(DEVICE_TEXT_MAX <= KEY_TEXT_MAX && DEVICE_SPKI_MAX <= DEVICE_KEY_MAX &&
	      FETCH_URL_MAX <= DEVICE_URL_MAX && DB_SEALED_MAX <= SEALED_MAX);

static enum outcome derive_device_key(struct txn *t)
{
	struct addition *a = t->state;
	struct key_derive_device_in *in = &a->derive;
	const struct device_certificate *d = &a->certified.device;

	if (a->companion.sealed.len > sizeof(in->companion.at))
		return BROKEN;
	in->session = a->session.whose;
	in->k = a->session.k;
	in->companion.len = a->companion.sealed.len;
	memcpy(in->companion.at, a->companion.sealed.at, a->companion.sealed.len);
	in->imsi = a->profile.imsi;
	in->device_id = key_text_of(d->device_id);
	in->manufacturer = key_text_of(d->manufacturer);
	in->model = key_text_of(d->model);
	memcpy(in->spki_hash, d->spki_hash, sizeof(in->spki_hash));
	memcpy(in->n1, a->n1, sizeof(in->n1));
	memcpy(in->n2, a->n2, sizeof(in->n2));
	in->scheme = d->is_rsa ? DEVICE_KEY_RSA_OAEP_SHA256 : DEVICE_KEY_ECIES_P256;
	in->device_key_len = (uint16_t)d->key_len;
	memcpy(in->device_key, d->key, d->key_len);
	return txn_ask_key(t, KEY_DERIVE_DEVICE, in, &a->keys);
}

static enum outcome have_derived(struct txn *t, enum outcome brought)
{
	if (brought == INVALID_PARAMETER)
		return txn_refuse(t, CERTIFICATE_UNTRUSTED,
			"Nothing can be encrypted to the device's certified key.");
	return brought;
}

static enum outcome write_profile(struct txn *t)
{
	struct addition *a = t->state;

	a->profile.device = &a->certified.device;
	a->profile.keys = &a->keys;
	return device_profile_write(t, &a->profile);
}

static enum outcome sign_profile(struct txn *t)
{
	return device_profile_ask_signature(t, &((struct addition *)t->state)->profile);
}

static struct db_text db_text_of(const char *text)
{
	return (struct db_text){ text, strlen(text) };
}

static enum outcome add_device(struct txn *t)
{
	struct addition *a = t->state;
	const struct device_profile *p = &a->profile;

	a->add = (struct db_headless_in){
		.imsi = (int64_t)p->imsi,
		.owner = a->session.row.imsi,
		.issued_at = p->issued_at,
		.not_after = p->not_after,
		.owner_version = a->companion.version,
		.device_id = db_text_of(a->certified.device.device_id),
		.manufacturer = db_text_of(a->certified.device.manufacturer),
		.model = db_text_of(a->certified.device.model),
		.sealed = bytes_of(a->keys.sealed.at, a->keys.sealed.len),
	};
	memcpy(a->add.device_hash, a->find_device.device_hash, sizeof(a->add.device_hash));
	memcpy(a->add.spki_hash, a->certified.device.spki_hash, sizeof(a->add.spki_hash));
	memcpy(a->add.access_id, p->access_id, sizeof(a->add.access_id));
	memcpy(a->add.n1, a->n1, sizeof(a->add.n1));
	memcpy(a->add.n2, a->n2, sizeof(a->add.n2));
	held_imsi_bind(&a->imsi);
	return txn_ask_db(t, DB_ADD_HEADLESS, &a->add, NULL);
}

static enum outcome have_added(struct txn *t, enum outcome brought)
{
	struct addition *a = t->state;

	held_imsi_bound(t, &a->imsi, brought);
	if (brought == CONFLICT) /* the IMSI is taken after all: another one */
		return txn_go_back(t, "allocate_imsi", MOST_TURNS, OVERLOADED);
	if (brought == NO_ROW) /* somebody has added it since */
		return txn_go_back(t, "find_device", MOST_TURNS, OVERLOADED);
	return brought;
}

static enum outcome answer_addition(struct txn *t)
{
	const struct addition *a = t->state;

	return device_profile_answer(t, &a->profile, BYTES(a->n2), a->was_present ? 200 : 201);
}
