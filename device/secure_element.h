/*
 * The secure element of Solution #5.x: what it holds, step 0-c (the key eK and the token), step 7 (the
 * IMSI out of RAND and AUTN). Written from docs/protocol.md section 4 alone and sharing nothing with the
 * server but base/, crypto/ and pki/, so that each checks the other.
 *
 * A simulation: its keys lie in ordinary memory; whoever holds a struct wipes it. Pure but for random
 * numbers; any thread.
 */
#ifndef DEVICE_SECURE_ELEMENT_H
#define DEVICE_SECURE_ELEMENT_H

#include "device/certificate_maker.h"
#include "pki/certificate.h"

/* What a secure element is made with. */
struct se_identity {
	char se_id[DEVICE_ID_MAX + 1];
	uint8_t signing_key[P256_SCALAR_LEN]; /* SK.SE.ECDSA */
	uint8_t certificate[CERTIFICATE_MAX]; /* CERT.SE.ECDSA */
	size_t certificate_len;
};

/* Makes SK.SE.ECDSA "on board" and has PK.SE.ECDSA certified. */
enum outcome se_make(struct se_identity *se, const struct authority *pn, const char *se_id,
	const struct validity *validity);

/* An ARPF as the SE knows it after step 0-b. */
struct se_arpf {
	uint8_t key_id[32];
	uint8_t public_key[P256_POINT_LEN]; /* PK.ARPF.ECKA */
};

/*
 * "The SE verifies the CERT.ARPF.ECKA" (0-c): the chain, issuer first, must lead to a certificate signed by
 * itself, which must be `anchor` unless that is empty; each valid now; key usage keyAgreement; the
 * point on the curve. CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED, INVALID_PARAMETER.
 */
enum outcome se_verify_arpf(struct bytes cert_ecka, const struct bytes *chain, size_t chain_count,
	struct bytes anchor, int64_t now, struct se_arpf *out);
/* The same for CERT.ARPF's signing certificate (digitalSignature): only its checks. */
enum outcome se_verify_signer(struct bytes cert_sign, const struct bytes *chain, size_t chain_count,
	struct bytes anchor, int64_t now, struct certificate *out);

/* eKc, eKi, eKa, eOPc: what eK is expanded into. */
struct ek_keys {
	uint8_t ekc[16], eki[16], eka[16], eopc[16];
};

#define ATK_MAX 256

struct se_attach {
	uint8_t ephemeral_point[P256_POINT_LEN]; /* PK.SE.ECDHE */
	struct ek_keys keys;
	uint8_t atk[ATK_MAX]; /* ATK.SE.ECDHE */
	size_t atk_len;
};

/* Step 0-c. SK.SE.ECDHE, SHS and eK are wiped before it returns. */
enum outcome se_prepare_attach(const struct se_identity *se, const struct se_arpf *arpf,
	uint64_t dimsi, struct se_attach *out);

/* eK from SHS and what both sides know, and the keys from eK (section 4.2). */
enum outcome se_derive_ek(const uint8_t shs[P256_SCALAR_LEN], uint64_t dimsi,
	const uint8_t ephemeral_point[P256_POINT_LEN], const uint8_t key_id[32], uint8_t ek[32]);
enum outcome se_expand_ek(const uint8_t ek[32], uint64_t dimsi, struct ek_keys *out);

/*
 * Step 7, in the order of section 4.6: the AMF separation bit, AUTN over the plain text, CTV, IMSI.
 * MAC_INVALID where RAND and AUTN are not from the network that has eK.
 */
enum outcome se_read_imsi(
	const struct ek_keys *keys, const uint8_t rand[16], const uint8_t autn[16], uint64_t *imsi);

#endif
