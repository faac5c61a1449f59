/*
 * The certificates of an eUICC (SGP.22 clause 4.5.2; docs/protocol.md section 9.2): eUICC by EUM, EUM by an
 * anchor of use "euicc", all P-256. Issuers are kept as in pki/chain.h; any thread.
 */
#ifndef PKI_EUICC_CHAIN_H
#define PKI_EUICC_CHAIN_H

#include "pki/chain.h"

/*
 * eid: the 32 digits that the leaf's serialNumber must be; where the EUM has name constraints it begins with the
 * serialNumber in them and the O is theirs. now: unix seconds. On FINE *leaf is the eUICC's, read in place, its key
 * checked to be on the curve. INVALID_PARAMETER (what is no certificate), CERTIFICATE_UNTRUSTED,
 * CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED; failure->culprit is "certificateChain".
 */
enum outcome chain_verify_euicc(struct issuer_cache *cache, const struct trust *trust,
	struct bytes euicc, struct bytes eum, struct bytes eid, int64_t now,
	struct certificate *leaf, struct chain_failure *failure);

#endif
