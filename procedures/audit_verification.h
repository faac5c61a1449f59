/*
 * The signature of a sealed tree, verified: 75 us, on the CPU lane, as a transaction of the server's own. Its outcome
 * is no refusal of anybody's, so the verdict stands in the state.
 */
#ifndef PROCEDURES_AUDIT_VERIFICATION_H
#define PROCEDURES_AUDIT_VERIFICATION_H

#include "crypto/audit_chain.h"
#include "procedures/procedure.h"

struct audit_verification {
	struct audit_tree tree;
	uint8_t signer[P256_POINT_LEN];
	/* On the loop: FINE, SIGNATURE_INVALID; anything else says that it was not looked at. */
	void (*done)(struct audit_verification *v, enum outcome outcome);
};

struct audit_verification_state {
	const struct audit_verification *asked; /* there until done() */
	enum outcome verdict;
};
extern const struct procedure audit_verification;

#endif
