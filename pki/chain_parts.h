/*
 * What the chains of secure elements, ARPFs and eUICCs have in common. Internal to pki/; any thread.
 */
#ifndef PKI_CHAIN_PARTS_H
#define PKI_CHAIN_PARTS_H

#include "pki/chain.h"
#include "pki/issuer.h"

/* What its place in the chain asks of a certificate. */
struct chain_place {
	const char *culprit;
	bool is_ca;
	bool needs_key_usage; /* required; else looked at where it is given */
	uint16_t key_usage;
	int cas_below;
	bool may_constrain; /* the chain honours name constraints */
};

extern const char chain_outside_profile[], chain_no_certificate[];

enum outcome chain_refuse(
	struct chain_failure *failure, const char *culprit, const char *reason, enum outcome o);
/*
 * Validity, CA bit, path length, key usage, revocation. by: who issued it, itself for an anchor. All of
 * this is looked at whenever a certificate is used.
 */
enum outcome chain_check_place(const struct certificate *c, const struct issuer *by,
	const struct chain_place *place, const struct trust *trust, int64_t now,
	const char **reason);
/* CERTIFICATE_UNTRUSTED: the key is off the curve. */
enum outcome chain_check_leaf_key(const struct certificate *leaf, const char **reason);
/* The certificate, verified under `by`: kept from before, or now. On FINE *out has a reference. */
enum outcome chain_take_verified(struct issuer_cache *cache, const struct issuer *by,
	struct bytes der, struct issuer **out, const char **reason);

/* Two certificates whose anchor did not come with them: it is found by its name. */
struct chain_top {
	struct issuer_cache *cache;
	const struct trust *trust;
	enum trust_use use;
	int64_t now;
	const struct chain_place *anchor, *issuer; /* what is asked of the two */
};
/*
 * The certificate that an anchor has issued, both in their places; of several anchors of one name the one that is
 * good. Outcomes and reference as above, INVALID_PARAMETER for what is no certificate.
 */
enum outcome chain_take_under_anchor(
	const struct chain_top *top, struct bytes der, struct issuer **out, const char **reason);

#endif
