/*
 * Chains of certificates, in the order the protocol checks them (section 4.3): CERT.CI agreed,
 * CERT.PN by CERT.CI, CERT.SE by CERT.PN, then validity, CA bits, key usage and revocation of each.
 *
 * An issuer that has been verified is kept by its fingerprint, with its key ready for the next
 * signature; its validity and revocation, and that its anchor is still agreed, are checked at every
 * use. The cache is bounded, belongs to the process and may be used by any thread.
 */
#ifndef PKI_CHAIN_H
#define PKI_CHAIN_H

#include "pki/trust.h"

struct issuer_cache;

/* most: how many issuers are kept (the one unused longest is dropped). NULL: no memory. */
struct issuer_cache *issuer_cache_new(size_t most);
void issuer_cache_free(struct issuer_cache *cache);

/*
 * The chain of Solution #5.x. ci, pn, se are DER; on FINE *leaf is CERT.SE read in place (its key
 * checked to be on the curve) and se_id, its subject's serialNumber, is a Device ID. now: unix
 * seconds. INVALID_PARAMETER (and *culprit: "certCi", "certPn" or "certSe"), CERTIFICATE_UNTRUSTED,
 * CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED; *reason is a short constant sentence for `detail`.
 */
struct chain_failure {
	const char *culprit;
	const char *reason;
};
enum outcome chain_verify_se(struct issuer_cache *cache, const struct trust *trust, struct bytes ci,
	struct bytes pn, struct bytes se, int64_t now, struct certificate *leaf,
	struct chain_failure *failure);
/*
 * The same of CERT.SE and CERT.PN alone, whose CERT.CI is then an anchor with the name of CERT.PN's issuer
 * (section 10.2); *culprit: "certificateChain".
 */
enum outcome chain_verify_se_by_anchor(struct issuer_cache *cache, const struct trust *trust,
	struct bytes pn, struct bytes se, int64_t now, struct certificate *leaf,
	struct chain_failure *failure);
/*
 * A signing certificate of an ARPF: `chain` leads from its issuer to an anchor of TRUST_ARPF (the
 * anchor itself may be left out; a certificate that is an anchor itself needs no chain; what
 * follows an anchor is not used). Key usage digitalSignature. Outcomes as above; *culprit:
 * "certSign" or "chain".
 */
#define CHAIN_MAX 4
enum outcome chain_verify_arpf(struct issuer_cache *cache, const struct trust *trust,
	struct bytes certificate, const struct bytes *chain, size_t chain_count, int64_t now,
	struct certificate *leaf, struct chain_failure *failure);

#endif
