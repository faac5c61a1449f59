#include "pki/euicc_chain.h"

#include "base/eid.h"
#include "pki/chain_parts.h"
#include "pki/der.h"
#include "pki/issuer_cache.h"
#include "pki/name_constraints.h"

#define CULPRIT "certificateChain"

/* CI, EUM and eUICC of SGP.22 clause 4.5.2.1. */
static const struct chain_place place_ci = { CULPRIT, true, false, KEY_USAGE_KEY_CERT_SIGN, 1,
	false };
static const struct chain_place place_eum = { CULPRIT, true, true, KEY_USAGE_KEY_CERT_SIGN, 0,
	true };
static const struct chain_place place_euicc = { CULPRIT, false, true, KEY_USAGE_DIGITAL_SIGNATURE,
	0, false };

/* id-rspRole, 2.23.146.1.2.1: in version 2 the next arc is the role; in version 3 roles lie below .0.0 */
static const uint8_t any_role[] = { 0x67, 0x81, 0x12, 1, 2, 1 };

struct roles {
	struct bytes v2, v3;
};
static const struct roles eum_roles = {
	{ (const uint8_t[]){ 0x67, 0x81, 0x12, 1, 2, 1, 2 }, 7 },
	{ (const uint8_t[]){ 0x67, 0x81, 0x12, 1, 2, 1, 0, 0, 0 }, 9 },
};
static const struct roles euicc_roles = {
	{ (const uint8_t[]){ 0x67, 0x81, 0x12, 1, 2, 1, 1 }, 7 },
	{ (const uint8_t[]){ 0x67, 0x81, 0x12, 1, 2, 1, 0, 0, 0, 0, 0 }, 11 },
};

/* Policies that name no role of remote provisioning, and none at all, say nothing against it. */
static bool has_role(const struct certificate *c, const struct roles *roles)
{
	struct bytes policies = c->policies, policy, id;

	while (policies.len > 0) {
		if (!der_take(&policies, DER_SEQUENCE, &policy) || !der_take_oid(&policy, &id))
			return false;
		bool is_role = id.len >= sizeof(any_role) &&
			       memcmp(id.at, any_role, sizeof(any_role)) == 0;

		if (is_role && !bytes_equal(id, roles->v2) && !bytes_equal(id, roles->v3))
			return false;
	}
	return true;
}

/* Whose certificate it is, and whether the EUM may issue it. */
static enum outcome check_names(const struct certificate *leaf, const struct certificate *eum,
	struct bytes eid, const char **reason)
{
	*reason = "the policies of the certificate above do not make it an eUICC manufacturer's";
	if (!has_role(eum, &eum_roles))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the certificate's policies do not make it an eUICC's";
	if (!has_role(leaf, &euicc_roles))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the subject's serialNumber is not an EID with valid check digits";
	if (!eid_is_valid(leaf->serial_number))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the subject's serialNumber is not the EID of this attach";
	if (!bytes_equal(leaf->serial_number, eid))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the EID or O is outside what the manufacturer's certificate permits";
	if (!certificate_permits(eum, leaf->organization, leaf->serial_number))
		return CERTIFICATE_UNTRUSTED;
	return FINE;
}

/* An eUICC that has attached comes again with its download. */
static enum outcome check_leaf(struct issuer_cache *cache, const struct issuer *eum,
	const struct certificate *leaf, const struct trust *trust, struct bytes eid, int64_t now,
	const char **reason)
{
	*reason = chain_outside_profile;
	if (leaf->der.at == NULL)
		return CERTIFICATE_UNTRUSTED;
	enum outcome o = issuer_cache_verify_leaf(cache, eum, leaf, reason);

	if (o == FINE)
		o = chain_check_place(leaf, eum, &place_euicc, trust, now, reason);
	if (o == FINE)
		o = check_names(leaf, &eum->certificate, eid, reason);
	return o == FINE ? chain_check_leaf_key(leaf, reason) : o;
}

enum outcome chain_verify_euicc(struct issuer_cache *cache, const struct trust *trust,
	struct bytes euicc, struct bytes eum, struct bytes eid, int64_t now,
	struct certificate *leaf, struct chain_failure *failure)
{
	const struct chain_top top = { cache, trust, TRUST_EUICC, now, &place_ci, &place_eum };
	struct issuer *issuer;

	*failure = (struct chain_failure){ CULPRIT, chain_no_certificate };
	enum outcome o = certificate_read(euicc, leaf);
	if (o == INVALID_PARAMETER)
		return o;
	o = chain_take_under_anchor(&top, eum, &issuer, &failure->reason);
	if (o != FINE)
		return o;
	o = check_leaf(cache, issuer, leaf, trust, eid, now, &failure->reason);
	issuer_give_back(issuer);
	return o;
}
