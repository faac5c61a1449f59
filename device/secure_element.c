#include "device/secure_element.h"

#include <openssl/rand.h>

#include "base/imsi.h"
#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/cose.h"
#include "crypto/kdf.h"
#include "crypto/transcript.h"
#include "pki/issuer.h"

#define AMF_OCTET          6 /* of AUTN: SQN xor AK is octets 0 to 5 (TS 33.102 clause 6.3.2) */
#define AMF_SEPARATION_BIT 0x80
#define NONCE_LEN          16

static const uint8_t ctv[8] = { 'A', 'R', 'P', 'F', '-', 'C', 'T', 'V' };

enum outcome se_make(struct se_identity *se, const struct authority *pn, const char *se_id,
	const struct validity *validity)
{
	uint8_t point[P256_POINT_LEN];
	size_t len = strlen(se_id);

	if (len > DEVICE_ID_MAX)
		return INVALID_PARAMETER;
	memcpy(se->se_id, se_id, len + 1);
	enum outcome o = p256_generate(se->signing_key, point);

	if (o == FINE)
		o = certificate_make_se(
			pn, point, se_id, validity, se->certificate, &se->certificate_len);
	return o;
}

/* Valid now, issued by `by`, and, where it issues others, a CA. */
static enum outcome check_link(
	const struct certificate *c, const struct issuer *by, bool is_ca, int64_t now)
{
	const char *reason;

	if (now < c->not_before || now > c->not_after)
		return CERTIFICATE_EXPIRED;
	if (is_ca &&
		(!c->is_ca || (c->has_key_usage && (c->key_usage & KEY_USAGE_KEY_CERT_SIGN) == 0)))
		return CERTIFICATE_UNTRUSTED;
	return issuer_verify(by, c, &reason);
}

/* The last of the chain: signed by itself, and the anchor where there is one. */
static enum outcome check_root(const struct issuer *root, struct bytes anchor, int64_t now)
{
	if (anchor.len > 0 && !bytes_equal(root->certificate.der, anchor))
		return CERTIFICATE_UNTRUSTED;
	return check_link(&root->certificate, root, true, now);
}

static enum outcome verify_chain(const struct certificate *leaf, const struct bytes *chain,
	size_t chain_count, struct bytes anchor, int64_t now)
{
	const struct certificate *below = leaf;
	struct issuer *issuer = NULL;
	enum outcome o = chain_count > 0 ? FINE : CERTIFICATE_UNTRUSTED;

	for (size_t i = 0; i < chain_count && o == FINE; i++) {
		struct issuer *above;

		o = issuer_new(chain[i], &above);
		if (o != FINE)
			break;
		o = check_link(below, above, below != leaf, now);
		issuer_give_back(issuer);
		issuer = above;
		below = &issuer->certificate;
	}
	if (o == FINE)
		o = check_root(issuer, anchor, now);
	issuer_give_back(issuer);
	return o;
}

static enum outcome verify_certificate(struct bytes der, const struct bytes *chain,
	size_t chain_count, struct bytes anchor, int64_t now, uint16_t usage,
	struct certificate *out)
{
	enum outcome o = certificate_read(der, out);

	if (o != FINE)
		return o;
	if (!out->has_key_usage || (out->key_usage & usage) == 0 || out->is_ca)
		return CERTIFICATE_UNTRUSTED;
	o = p256_check_point(out->public_key);
	return o == FINE ? verify_chain(out, chain, chain_count, anchor, now) : o;
}

enum outcome se_verify_signer(struct bytes cert_sign, const struct bytes *chain, size_t chain_count,
	struct bytes anchor, int64_t now, struct certificate *out)
{
	return verify_certificate(
		cert_sign, chain, chain_count, anchor, now, KEY_USAGE_DIGITAL_SIGNATURE, out);
}

enum outcome se_verify_arpf(struct bytes cert_ecka, const struct bytes *chain, size_t chain_count,
	struct bytes anchor, int64_t now, struct se_arpf *out)
{
	struct certificate c;
	enum outcome o = verify_certificate(
		cert_ecka, chain, chain_count, anchor, now, KEY_USAGE_KEY_AGREEMENT, &c);

	if (o != FINE)
		return o;
	memcpy(out->public_key, c.public_key.at, P256_POINT_LEN);
	return sha256(&c.spki, 1, out->key_id);
}

enum outcome se_derive_ek(const uint8_t shs[P256_SCALAR_LEN], uint64_t dimsi,
	const uint8_t ephemeral_point[P256_POINT_LEN], const uint8_t key_id[32], uint8_t ek[32])
{
	uint8_t room[160], bcd[8];
	struct transcript t = transcript_start(room, sizeof(room), "arpf ek v1");
	struct bytes info;

	imsi_to_bcd(dimsi, bcd);
	transcript_add(&t, BYTES(bcd));
	transcript_add(&t, bytes_of(ephemeral_point, P256_POINT_LEN));
	transcript_add(&t, bytes_of(key_id, 32));
	if (!transcript_end(&t, &info))
		return BROKEN;
	return x963_sha256(bytes_of(shs, P256_SCALAR_LEN), info, ek, 32);
}

enum outcome se_expand_ek(const uint8_t ek[32], uint64_t dimsi, struct ek_keys *out)
{
	uint8_t room[64], bcd[8];
	struct transcript t = transcript_start(room, sizeof(room), "arpf ek keys v1");
	struct bytes info;

	imsi_to_bcd(dimsi, bcd);
	transcript_add(&t, BYTES(bcd));
	if (!transcript_end(&t, &info))
		return BROKEN;
	_Static_assert(sizeof(*out) == 64, "eKc, eKi, eKa, eOPc follow each other");
	return hkdf_expand_sha256(bytes_of(ek, 32), info, (uint8_t *)out, sizeof(*out));
}

static enum outcome derive_keys(const uint8_t ephemeral_key[P256_SCALAR_LEN],
	const struct se_arpf *arpf, uint64_t dimsi, struct se_attach *out)
{
	uint8_t shs[P256_SCALAR_LEN], ek[32];
	enum outcome o = p256_agree(ephemeral_key, BYTES(arpf->public_key), shs);

	if (o == FINE)
		o = se_derive_ek(shs, dimsi, out->ephemeral_point, arpf->key_id, ek);
	if (o == FINE)
		o = se_expand_ek(ek, dimsi, &out->keys);
	wipe(shs, sizeof(shs));
	wipe(ek, sizeof(ek));
	return o;
}

/* ATK.SE.ECDHE = SIGN (SK.SE.ECDSA) [PK.SE.ECDHE, dIMSI, ...] */
static enum outcome write_token(const struct se_identity *se, const struct se_arpf *arpf,
	uint64_t dimsi, struct se_attach *out)
{
	uint8_t room[ATK_MAX], nonce[NONCE_LEN], digest[SHA256_LEN], signature[P256_SIGNATURE_LEN];
	struct buffer payload = buffer_over(room, sizeof(room));
	struct buffer token = buffer_over(out->atk, sizeof(out->atk));

	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return BROKEN;
	attach_token_write(&payload, &(struct attach_token){ .dimsi = dimsi,
					     .public_key = BYTES(out->ephemeral_point),
					     .key_id = BYTES(arpf->key_id),
					     .nonce = BYTES(nonce) });
	if (payload.full)
		return BROKEN;
	enum outcome o = cose_sign1_digest_to_sign(buffer_bytes(&payload), digest);

	if (o == FINE)
		o = p256_sign(se->signing_key, digest, signature);
	if (o != FINE)
		return o;
	cose_sign1_write(&token, buffer_bytes(&payload), signature, true);
	out->atk_len = token.len;
	return token.full ? BROKEN : FINE;
}

enum outcome se_prepare_attach(const struct se_identity *se, const struct se_arpf *arpf,
	uint64_t dimsi, struct se_attach *out)
{
	uint8_t ephemeral_key[P256_SCALAR_LEN];
	enum outcome o = p256_generate(ephemeral_key, out->ephemeral_point);

	if (o == FINE)
		o = derive_keys(ephemeral_key, arpf, dimsi, out);
	wipe(ephemeral_key, sizeof(ephemeral_key));
	return o == FINE ? write_token(se, arpf, dimsi, out) : o;
}

enum outcome se_read_imsi(
	const struct ek_keys *keys, const uint8_t rand[16], const uint8_t autn[16], uint64_t *imsi)
{
	uint8_t plain[AES_BLOCK_LEN], expected[AES_BLOCK_LEN];

	/* The ME looks at the bit before the SE sees the value (TS 33.501 clause 6.1.3.2). */
	if ((autn[AMF_OCTET] & AMF_SEPARATION_BIT) == 0)
		return MAC_INVALID;
	enum outcome o = aes_ecb_decrypt(BYTES(keys->ekc), rand, plain);

	if (o == FINE)
		o = aes_cmac(BYTES(keys->eki), BYTES(plain), expected);
	if (o != FINE)
		return o;
	expected[AMF_OCTET] |= AMF_SEPARATION_BIT;
	if (!equal_in_constant_time(expected, autn, sizeof(expected)))
		return MAC_INVALID;
	if (memcmp(plain + 8, ctv, sizeof(ctv)) != 0 || !imsi_from_bcd(plain, imsi))
		return MAC_INVALID;
	return FINE;
}
