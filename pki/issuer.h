/*
 * A certificate kept with what checking under it takes: its own copy of the DER, read, its
 * fingerprint, and its key, which grows a table once it recurs.
 *
 * Immutable once made but for that table; any thread, counted references. An issuer_new says
 * nothing about trust: who keeps one (pki/trust.h, the issuer cache) has verified it.
 */
#ifndef PKI_ISSUER_H
#define PKI_ISSUER_H

#include "pki/certificate.h"
#include "pki/issuer_id.h"

struct issuer {
	_Atomic size_t references;
	struct certificate certificate; /* over der */
	uint8_t fingerprint[FINGERPRINT_LEN];
	struct issuer_id id; /* how revocations name what it has issued */
	struct p256_public *key;
	uint8_t der[];
};

/*
 * Copies; begins with one reference. As certificate_read; a key off the curve is
 * CERTIFICATE_UNTRUSTED.
 */
enum outcome issuer_new(struct bytes der, struct issuer **out);
struct issuer *issuer_take(struct issuer *i);
/* NULL is allowed. */
void issuer_give_back(struct issuer *i);

/*
 * Whether c was issued by this issuer: names, key identifiers, signature. CERTIFICATE_UNTRUSTED
 * with *reason; nothing else of either certificate is looked at.
 */
enum outcome issuer_verify(
	const struct issuer *by, const struct certificate *c, const char **reason);

/*
 * Cheap, for look-ups that then compare every byte: a certificate ends in its signature, which is
 * as good as random.
 */
uint64_t certificate_quick_hash(struct bytes der);

#endif
