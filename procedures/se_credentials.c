#include "procedures/se_credentials.h"

#include "base/clock.h"
#include "crypto/kdf.h"
#include "procedures/body.h"

enum outcome se_credentials_read(struct txn *t, struct se_credentials *c)
{
	const json_t *in;
	enum outcome o = body_object(t, t->json, "seCredentials", &in);

	if (o == FINE)
		o = body_bytes(t, in, "seCredentials.atk", 1, TOKEN_MAX, &c->atk);
	if (o == FINE)
		o = body_bytes(t, in, "seCredentials.certSe", 1, CERTIFICATE_MAX, &c->cert_se);
	if (o == FINE)
		o = body_bytes(t, in, "seCredentials.certPn", 1, CERTIFICATE_MAX, &c->cert_pn);
	if (o == FINE)
		o = body_bytes(t, in, "seCredentials.certCi", 1, CERTIFICATE_MAX, &c->cert_ci);
	if (o == FINE)
		o = sha256(&c->atk, 1, c->token_hash);
	return o;
}

static enum outcome verify_chain(struct txn *t, struct se_credentials *c, struct certificate *leaf)
{
	struct chain_failure failure = { 0 };
	enum outcome o = chain_verify_se(t->services->issuers, t->trust, c->cert_ci, c->cert_pn,
		c->cert_se, clock_unix(), leaf, &failure);

	if (o == INVALID_PARAMETER && failure.culprit != NULL)
		return txn_refuse_parameter(t, o,
			arena_printf(t->arena, "seCredentials.%s", failure.culprit),
			failure.reason);
	if (o != FINE)
		return txn_refuse(t, o, failure.reason);
	c->se_id = leaf->serial_number;
	return FINE;
}

/* Whom the certificate names, whether that is so or not. */
static void name_refused(struct txn *t, const struct se_credentials *c)
{
	struct certificate leaf;

	if (certificate_read(c->cert_se, &leaf) == FINE && leaf.serial_number.len > 0)
		t->about = arena_copy(
			t->arena, (const char *)leaf.serial_number.at, leaf.serial_number.len);
}

static enum outcome verify_token(struct txn *t, struct se_credentials *c,
	const struct cose_sign1 *token, const struct certificate *leaf)
{
	uint8_t digest[32];
	enum outcome o = cose_sign1_digest(token, digest);

	if (o == FINE)
		o = p256_verify(leaf->public_key, digest, token->signature.at);
	if (o == SIGNATURE_INVALID)
		return txn_refuse(t, o, "The ATK is not signed by the key of CERT.SE.");
	if (o == FINE)
		o = attach_token_read(token->payload, &c->token);
	if (o == INVALID_PARAMETER)
		return txn_refuse_parameter(t, o, "seCredentials.atk",
			"The token's payload is not the map of dIMSI, key, keyId and nonce.");
	return o;
}

static enum outcome check_token_content(struct txn *t, const struct se_credentials *c)
{
	if (own_keys_newest(t->own_keys, KEY_USE_ECKA) == NULL)
		return txn_refuse(
			t, HSM_UNAVAILABLE, "The keys of this ARPF have not been found yet.");
	if (own_keys_find(t->own_keys, KEY_USE_ECKA, c->token.key_id.at) == NULL)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "seCredentials.atk",
			"The token's keyId is not of this ARPF.");
	if (!settings_is_discovery_imsi(t->services->settings, c->token.dimsi))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "seCredentials.atk",
			"The token's dIMSI is of no discovery PLMN.");
	if (p256_check_point(c->token.public_key) != FINE)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "seCredentials.atk",
			"The token's ephemeral key is not a point of P-256.");
	return FINE;
}

enum outcome se_credentials_verify(struct txn *t, struct se_credentials *c)
{
	struct cose_sign1 token;
	struct certificate leaf;

	if (t->trust == NULL || t->own_keys == NULL)
		return txn_lack_trust(t);
	enum outcome o = cose_sign1_read(c->atk, &token);

	if (o == INVALID_PARAMETER)
		return txn_refuse_parameter(
			t, o, "seCredentials.atk", "This is no COSE_Sign1 with ES256.");
	if (o == FINE)
		o = verify_chain(t, c, &leaf);
	if (o == FINE)
		o = verify_token(t, c, &token, &leaf);
	if (o == FINE)
		o = check_token_content(t, c);
	if (o != FINE)
		name_refused(t, c);
	return o;
}
