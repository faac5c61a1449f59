/*
 * A certified device's answer to an offered key exchange (docs/protocol.md sections 9.2, 10.2): its certificates, its
 * ephemeral key, and its signature over both ends' values. Part of a procedure whose state has these structures; the
 * functions are for the lanes that are named.
 */
#ifndef PROCEDURES_EXCHANGE_ANSWER_H
#define PROCEDURES_EXCHANGE_ANSWER_H

#include "pki/certificate.h"
#include "procedures/procedure.h"

#define EXCHANGE_CHAIN_MAX 3 /* the device's, its issuer's, and perhaps the anchor itself */

struct exchange_answer {
	struct bytes certificates[EXCHANGE_CHAIN_MAX];
	size_t certificate_count;
	struct bytes ephemeral, signature;
	/* tells the same request from another: of an attach by all the above, of a download by ephemeral */
	uint8_t hash[32];
};

/* What was offered, as the database has kept it. */
struct exchange_offered {
	struct key_exchange exchange;
	uint8_t ephemeral[P256_POINT_LEN];
};

/* CPU, after body_read(): the members certificateChain, ephemeralPublicKey, signature. Types and sizes only. */
enum outcome exchange_answer_read(
	struct txn *t, enum exchange_kind kind, struct exchange_answer *a);
/*
 * CPU: the chain of an eUICC with this EID, or of a Secure Element; *leaf is read in place. The outcomes of
 * pki/euicc_chain.h and pki/chain.h, DATABASE_UNAVAILABLE while no anchors are known.
 */
enum outcome exchange_answer_verify_euicc(
	struct txn *t, const struct exchange_answer *a, const char *eid, struct certificate *leaf);
enum outcome exchange_answer_verify_se(
	struct txn *t, const struct exchange_answer *a, struct certificate *leaf);
/*
 * CPU, once the chain holds: the signature under the device's certified key, then whether the ephemeral key is
 * a point. SIGNATURE_INVALID, INVALID_PARAMETER.
 */
enum outcome exchange_answer_verify(struct txn *t, const struct exchange_answer *a,
	const struct exchange_offered *offered, const struct certificate *leaf);

#endif
