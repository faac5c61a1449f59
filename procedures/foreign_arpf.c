#include "procedures/foreign_arpf.h"

#include "base/clock.h"
#include "procedures/arpf_directory.h"
#include "procedures/body.h"

#define URI_MAX         512u
#define ANSWER_MAX      (64u * 1024u)
#define PEER_JSON_FLAGS JSON_REJECT_DUPLICATES

enum outcome foreign_arpf_read(struct txn *t, struct foreign_arpf *f)
{
	if (!body_has(t->json, "arpfUri"))
		return FINE;
	enum outcome o = body_text(t, t->json, "arpfUri", URI_MAX, &f->uri);

	if (o != FINE)
		return o;
	size_t len = strlen(f->uri);

	while (len > 0 && f->uri[len - 1] == '/')
		len--;
	f->uri = arena_copy(t->arena, f->uri, len);
	return f->uri != NULL ? FINE : NO_MEMORY;
}

enum outcome foreign_arpf_check_uri(struct txn *t, struct foreign_arpf *f)
{
	if (arpf_uri_is_allowed(t->services->settings->arpf_peers, f->uri))
		return FINE;
	return txn_refuse_parameter(
		t, INVALID_PARAMETER, "arpfUri", "This is no ARPF that this server may speak to.");
}

/* The key that the ARPF encrypts eK to: the newest recipient key the token holds. */
static const struct key_found *recipient_key(struct txn *t)
{
	unsigned count;
	const struct key_found *keys = key_client_keys(t->services->keys, &count), *newest = NULL;

	for (unsigned i = 0; i < count; i++)
		if (keys[i].use == KEY_USE_RECIPIENT &&
			(newest == NULL || keys[i].generation > newest->generation))
			newest = &keys[i];
	return newest;
}

static enum outcome write_request(
	struct txn *t, struct foreign_arpf *f, const struct key_found *recipient)
{
	struct json_out o = json_start(t->arena);
	size_t len;

	json_open(&o, '{');
	json_key(&o, "seCredentials");
	json_open(&o, '{');
	json_member_base64(&o, "atk", f->se->atk);
	json_member_base64(&o, "certSe", f->se->cert_se);
	json_member_base64(&o, "certPn", f->se->cert_pn);
	json_member_base64(&o, "certCi", f->se->cert_ci);
	json_close(&o, '}');
	json_member_base64(&o, "recipientPublicKey", BYTES(recipient->public_key));
	json_close(&o, '}');
	f->request = json_end(&o, &len);
	f->url = arena_printf(t->arena, "%s/narpf-ek/v1/ek-requests", f->uri);
	return f->request != NULL && f->url != NULL ? FINE : NO_MEMORY;
}

enum outcome foreign_arpf_ask_ek(struct txn *t, struct foreign_arpf *f)
{
	const struct key_found *recipient = recipient_key(t);

	if (recipient == NULL)
		return txn_refuse(
			t, HSM_UNAVAILABLE, "The server has no key to receive an eK with.");
	memcpy(f->recipient_key_id, recipient->key_id, sizeof(f->recipient_key_id));
	enum outcome o = write_request(t, f, recipient);

	if (o != FINE)
		return o;
	t->ask.fetch = (struct http_request){
		.method = "POST",
		.url = f->url,
		.content_type = "application/json",
		.body = bytes_of_text(f->request),
		.most = ANSWER_MAX,
	};
	return FINE;
}

/* The peer's answer as JSON, living as long as the transaction. */
static enum outcome read_answer(struct txn *t, const json_t **out)
{
	json_t *root = json_loadb((const char *)t->ask.fetch.answer.at, t->ask.fetch.answer.len,
		PEER_JSON_FLAGS, NULL);

	if (root == NULL || !json_is_object(root)) {
		json_decref(root);
		return txn_refuse(t, PEER_FAILED, "The ARPF's answer is not a JSON object.");
	}
	if (!arena_on_free(t->arena, (void (*)(void *))json_decref, root)) {
		json_decref(root);
		return NO_MEMORY;
	}
	*out = root;
	return FINE;
}

/*
 * What an ARPF refuses about the SE CREDENTIALS is what this server would have refused itself, and is
 * handed on; its other troubles are PEER_FAILED.
 */
static enum outcome hand_on_refusal(struct txn *t)
{
	const json_t *problem;
	int status = t->ask.fetch.status;
	enum outcome o = read_answer(t, &problem);

	if (o != FINE)
		return o;
	const char *cause = json_string_value(json_object_get(problem, "cause"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	enum outcome theirs = cause != NULL ? outcome_from_cause(cause) : BROKEN;
	bool about_credentials = theirs == INVALID_PARAMETER || theirs == SIGNATURE_INVALID ||
				 theirs == CERTIFICATE_UNTRUSTED || theirs == CERTIFICATE_EXPIRED ||
				 theirs == CERTIFICATE_REVOKED;

	if ((status != 400 && status != 403) || !about_credentials)
		return txn_refuse(
			t, PEER_FAILED, arena_printf(t->arena, "The ARPF answered %d.", status));
	return txn_refuse(t, theirs,
		detail != NULL ? arena_printf(t->arena, "The ARPF says: %.200s", detail) : NULL);
}

static enum outcome read_ek(struct txn *t, const json_t *answer, struct foreign_arpf *f)
{
	const json_t *ek;
	const char *dimsi, *se_id, *scheme;
	struct bytes ephemeral, ciphertext, mac;
	uint8_t point[P256_POINT_LEN];
	enum outcome o = body_text(t, answer, "dimsi", IMSI_DIGITS, &dimsi);

	if (o == FINE)
		o = body_text(t, answer, "seId", DEVICE_ID_MAX, &se_id);
	if (o == FINE)
		o = body_object(t, answer, "ek", &ek);
	if (o == FINE)
		o = body_text(t, ek, "scheme", 32, &scheme);
	if (o == FINE)
		o = body_bytes(t, ek, "ephemeralPublicKey", P256_COMPRESSED_LEN, P256_POINT_LEN,
			&ephemeral);
	if (o == FINE)
		o = body_bytes(t, ek, "ciphertext", 32, 32, &ciphertext);
	if (o == FINE)
		o = body_bytes(t, ek, "mac", 32, 32, &mac);
	if (o == FINE &&
		(strcmp(scheme, "ecies-p256") != 0 || !imsi_read(dimsi, strlen(dimsi), &f->dimsi) ||
			!device_id_is_valid(bytes_of_text(se_id))))
		o = INVALID_PARAMETER;
	if (o == FINE)
		o = p256_uncompress(ephemeral, point);
	if (o == FINE)
		o = p256_compress(point, f->ek.ephemeral);
	if (o != FINE)
		return o;
	f->se_id = bytes_of_text(se_id);
	memcpy(f->ek.ciphertext, ciphertext.at, sizeof(f->ek.ciphertext));
	memcpy(f->ek.mac, mac.at, sizeof(f->ek.mac));
	return FINE;
}

/* The certificate of the signer, where this server has met it before. */
static void recall_certificate(struct txn *t, struct foreign_arpf *f)
{
	const struct arpf_certificate_entry *known =
		arpf_directory_find(t->services->arpfs, f->endorsement.signer_id);

	if (known == NULL)
		return;
	f->certificate =
		bytes_of(arena_copy(t->arena, known->certificate.at, known->certificate.len),
			known->certificate.len);
	f->chain_count = known->chain_count;
	f->has_certificate = f->certificate.at != NULL;
	for (size_t i = 0; i < known->chain_count; i++) {
		f->chain[i] =
			bytes_of(arena_copy(t->arena, known->chain[i].at, known->chain[i].len),
				known->chain[i].len);
		f->has_certificate = f->has_certificate && f->chain[i].at != NULL;
	}
}

enum outcome foreign_arpf_have_ek(struct txn *t, struct foreign_arpf *f, enum outcome brought)
{
	const json_t *answer;

	if (brought != FINE)
		return txn_refuse(t, brought, "The ARPF did not answer.");
	if (t->ask.fetch.status != 200)
		return hand_on_refusal(t);
	enum outcome o = read_answer(t, &answer);

	if (o != FINE)
		return o;
	o = read_ek(t, answer, f);
	t->invalid_count = 0; /* the peer's members, not the request's */
	if (o == NO_MEMORY)
		return o;
	if (o != FINE)
		return txn_refuse(t, PEER_FAILED, "The ARPF's answer is not well formed.");
	o = foreign_endorsement_read(t, answer, &f->endorsement);
	if (o == FINE)
		recall_certificate(t, f);
	return o;
}

enum outcome foreign_arpf_ask_certificate(struct txn *t, struct foreign_arpf *f)
{
	f->url = arena_printf(t->arena, "%s/narpf-ek/v1/certificate", f->uri);
	t->ask.fetch = (struct http_request){ .method = "GET", .url = f->url, .most = ANSWER_MAX };
	return f->url != NULL ? FINE : NO_MEMORY;
}

static enum outcome read_chain(struct txn *t, const json_t *answer, struct foreign_arpf *f)
{
	struct body_list chain = {
		.at = f->chain, .most_count = CHAIN_MAX, .most = CERTIFICATE_MAX
	};
	enum outcome o = body_bytes_list(t, answer, "chain", &chain);

	f->chain_count = chain.count;
	return o;
}

enum outcome foreign_arpf_have_certificate(
	struct txn *t, struct foreign_arpf *f, enum outcome brought)
{
	const json_t *answer;

	if (brought != FINE)
		return txn_refuse(t, brought, "The ARPF did not answer.");
	if (t->ask.fetch.status != 200)
		return txn_refuse(t, PEER_FAILED, "The ARPF does not give its certificate.");
	enum outcome o = read_answer(t, &answer);

	if (o != FINE)
		return o;
	f->chain_count = 0;
	o = body_bytes(t, answer, "certSign", 1, CERTIFICATE_MAX, &f->certificate);
	if (o == FINE)
		o = read_chain(t, answer, f);
	t->invalid_count = 0;
	if (o == NO_MEMORY)
		return o;
	uint8_t signer_id[32];

	if (o == FINE)
		o = certificate_fingerprint(f->certificate, signer_id);
	if (o != FINE || memcmp(signer_id, f->endorsement.signer_id, sizeof(signer_id)) != 0)
		return txn_refuse(t, PEER_FAILED, "The ARPF's certificate is not its signer's.");
	return FINE;
}

enum outcome foreign_arpf_keep_certificate(struct txn *t, struct foreign_arpf *f)
{
	struct arpf_certificate_entry entry = { .certificate = f->certificate,
		.chain_count = f->chain_count };

	f->is_checked = true;
	if (f->has_certificate)
		return FINE;
	memcpy(entry.signer_id, f->endorsement.signer_id, sizeof(entry.signer_id));
	memcpy(entry.chain, f->chain, sizeof(entry.chain));
	return arpf_directory_put(t->services->arpfs, &entry);
}

void foreign_arpf_forget_certificate(struct txn *t, const struct foreign_arpf *f)
{
	if (f->has_certificate && !f->is_checked)
		arpf_directory_forget(t->services->arpfs, f->endorsement.signer_id);
}

enum outcome foreign_arpf_check_endorsement(struct txn *t, struct foreign_arpf *f)
{
	struct certificate signer;
	struct chain_failure failure = { 0 };
	uint8_t leaf[MERKLE_HASH_LEN];

	if (t->trust == NULL)
		return txn_lack_trust(t);
	if (chain_verify_arpf(t->services->issuers, t->trust, f->certificate, f->chain,
		    f->chain_count, clock_unix(), &signer, &failure) != FINE)
		return txn_refuse(t, PEER_FAILED,
			arena_printf(t->arena, "The ARPF's certificate is not trusted: %s",
				failure.reason != NULL ? failure.reason : "no chain"));
	enum outcome o = endorsement_leaf(
		f->se->token_hash, f->dimsi, f->se_id, f->endorsement.issued_at, leaf);

	if (o == FINE)
		o = foreign_endorsement_verify(t, &f->endorsement, leaf, signer.public_key);
	if (o == FINE && !settings_is_discovery_imsi(t->services->settings, f->dimsi))
		o = txn_refuse_parameter(t, INVALID_PARAMETER, "seCredentials.atk",
			"The token's dIMSI is of no discovery PLMN.");
	return o;
}
