#include "procedures/audit_verification.h"

static enum outcome verify_audit_tree(struct txn *t);

const struct procedure audit_verification = {
	.name = "audit-verification",
	.state_size = sizeof(struct audit_verification_state),
	.steps = {
		{ "verify_audit_tree", LANE_CPU, verify_audit_tree },
	},
};

static enum outcome verify_audit_tree(struct txn *t)
{
	struct audit_verification_state *state = t->state;
	const struct audit_verification *v = state->asked;
	struct p256_public *signer;
	enum outcome o = p256_public_new(BYTES(v->signer), &signer);

	if (o == NO_MEMORY)
		return o;
	if (o != FINE) /* the HSM's own key: no word on the tree */
		return BROKEN;
	o = audit_signature_check(&v->tree, signer);
	p256_public_free(signer);
	state->verdict = o;
	return o == FINE || o == SIGNATURE_INVALID ? FINE : o;
}
