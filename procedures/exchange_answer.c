#include "procedures/exchange_answer.h"

#include "base/clock.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "pki/chain.h"
#include "pki/euicc_chain.h"
#include "procedures/body.h"
#include "procedures/se_credentials.h"

/*
 * T("arpf exchange answer v1"; ephemeral, signature, SHA-256 of each certificate). Of a download the ephemeral key
 * alone: whoever asks again may have signed anew, and is to have the same profile.
 */
static enum outcome hash_answer(struct exchange_answer *a, enum exchange_kind kind)
{
	uint8_t room[400], fingerprint[FINGERPRINT_LEN];
	struct transcript m = transcript_start(room, sizeof(room), "arpf exchange answer v1");
	struct bytes message;

	transcript_add(&m, a->ephemeral);
	if (kind == EXCHANGE_ATTACH)
		transcript_add(&m, a->signature);
	for (size_t i = 0; kind == EXCHANGE_ATTACH && i < a->certificate_count; i++) {
		enum outcome o = certificate_fingerprint(a->certificates[i], fingerprint);

		if (o != FINE)
			return o;
		transcript_add(&m, BYTES(fingerprint));
	}
	return transcript_end(&m, &message) ? sha256(&message, 1, a->hash) : BROKEN;
}

enum outcome exchange_answer_read(struct txn *t, enum exchange_kind kind, struct exchange_answer *a)
{
	struct body_list chain = { .at = a->certificates,
		.least_count = 2,
		.most_count = EXCHANGE_CHAIN_MAX,
		.most = CERTIFICATE_MAX };
	enum outcome o = body_bytes_list(t, t->json, "certificateChain", &chain);

	a->certificate_count = chain.count;
	if (o == FINE)
		o = body_bytes(t, t->json, "ephemeralPublicKey", P256_POINT_LEN, P256_POINT_LEN,
			&a->ephemeral);
	if (o == FINE)
		o = body_bytes(t, t->json, "signature", P256_SIGNATURE_LEN, P256_SIGNATURE_LEN,
			&a->signature);
	return o == FINE ? hash_answer(a, kind) : o;
}

static enum outcome refuse_chain(struct txn *t, enum outcome o, const struct chain_failure *failure)
{
	if (o == INVALID_PARAMETER)
		return txn_refuse_parameter(t, o, "certificateChain", failure->reason);
	return o == FINE ? FINE : txn_refuse(t, o, failure->reason);
}

enum outcome exchange_answer_verify_euicc(
	struct txn *t, const struct exchange_answer *a, const char *eid, struct certificate *leaf)
{
	struct chain_failure failure = { 0 };

	if (t->trust == NULL)
		return txn_lack_trust(t);
	/* The root may come along: then it is one that is known, and adds nothing. */
	if (a->certificate_count > 2 &&
		!trust_has_anchor(t->trust, TRUST_EUICC, a->certificates[2]))
		return txn_refuse(t, CERTIFICATE_UNTRUSTED,
			"What follows the EUM's certificate is no anchor for eUICCs.");
	return refuse_chain(t,
		chain_verify_euicc(t->services->issuers, t->trust, a->certificates[0],
			a->certificates[1], bytes_of_text(eid), clock_unix(), leaf, &failure),
		&failure);
}

enum outcome exchange_answer_verify_se(
	struct txn *t, const struct exchange_answer *a, struct certificate *leaf)
{
	struct chain_failure failure = { 0 };
	struct issuer_cache *issuers = t->services->issuers;
	const struct bytes *c = a->certificates;

	if (t->trust == NULL)
		return txn_lack_trust(t);
	enum outcome o = a->certificate_count > 2
				 ? chain_verify_se(issuers, t->trust, c[2], c[1], c[0],
					   clock_unix(), leaf, &failure)
				 : chain_verify_se_by_anchor(issuers, t->trust, c[1], c[0],
					   clock_unix(), leaf, &failure);

	return refuse_chain(t, o, &failure);
}

/* T(label; id, subject, server nonce, device nonce, server ephemeral, device ephemeral). */
static enum outcome hash_signed(const struct exchange_answer *a,
	const struct exchange_offered *offered, uint8_t digest[SHA256_LEN])
{
	const struct key_exchange *e = &offered->exchange;
	char id[2 * EXCHANGE_ID_LEN + 1];
	uint8_t room[400];
	struct transcript m = transcript_start(room, sizeof(room),
		e->kind == EXCHANGE_ATTACH ? "arpf attach ue v1" : "arpf dp device v1");
	struct bytes message;

	hex_write(BYTES(e->id), id);
	transcript_add_text(&m, id);
	transcript_add(&m, bytes_of(e->subject.at, e->subject.len));
	transcript_add(&m, BYTES(e->server_nonce));
	transcript_add(&m, BYTES(e->device_nonce));
	transcript_add(&m, BYTES(offered->ephemeral));
	transcript_add(&m, a->ephemeral);
	return transcript_end(&m, &message) ? sha256(&message, 1, digest) : BROKEN;
}

enum outcome exchange_answer_verify(struct txn *t, const struct exchange_answer *a,
	const struct exchange_offered *offered, const struct certificate *leaf)
{
	uint8_t digest[SHA256_LEN];
	enum outcome o = hash_signed(a, offered, digest);

	if (o == FINE)
		o = p256_verify(leaf->public_key, digest, a->signature.at);
	if (o == SIGNATURE_INVALID)
		return txn_refuse(
			t, o, "The signature is not that of this exchange by the device's key.");
	if (o == FINE && p256_check_point(a->ephemeral) != FINE)
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "ephemeralPublicKey",
			"This is not an uncompressed point of P-256.");
	return o;
}
