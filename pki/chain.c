#include "pki/chain.h"

#include "pki/chain_parts.h"
#include "pki/issuer_cache.h"

static const struct chain_place place_ci = { "certCi", true, false, KEY_USAGE_KEY_CERT_SIGN, 1 };
static const struct chain_place place_pn = { "certPn", true, true, KEY_USAGE_KEY_CERT_SIGN, 0 };
static const struct chain_place place_se = { "certSe", false, true, KEY_USAGE_DIGITAL_SIGNATURE,
	0 };

static const char no_device_id[] = "the subject's serialNumber is not a device identifier";

/* Steps 2 and 3 of the order: PN by CI, SE by PN; *issuer may be given, else it is found here. */
static enum outcome verify_se_links(struct issuer_cache *cache, const struct issuer *anchor,
	struct bytes pn, const struct certificate *leaf, struct issuer **issuer,
	struct chain_failure *failure)
{
	failure->culprit = "certPn";
	if (*issuer == NULL) {
		enum outcome o = chain_take_verified(cache, anchor, pn, issuer, &failure->reason);

		if (o != FINE)
			return o;
	}
	failure->culprit = "certSe";
	failure->reason = chain_outside_profile;
	if (leaf->der.at == NULL)
		return CERTIFICATE_UNTRUSTED;
	return issuer_verify(*issuer, leaf, &failure->reason);
}

static enum outcome check_se_places(const struct issuer *anchor, const struct issuer *issuer,
	const struct certificate *leaf, const struct trust *trust, int64_t now,
	struct chain_failure *failure)
{
	const struct {
		const struct certificate *certificate;
		const struct issuer *by;
		const struct chain_place *place;
	} places[] = {
		{ &anchor->certificate, anchor, &place_ci },
		{ &issuer->certificate, anchor, &place_pn },
		{ leaf, issuer, &place_se },
	};

	for (size_t i = 0; i < 3; i++) {
		failure->culprit = places[i].place->culprit;
		enum outcome o = chain_check_place(places[i].certificate, places[i].by,
			places[i].place, trust, now, &failure->reason);
		if (o != FINE)
			return o;
	}
	failure->reason = no_device_id;
	if (!device_id_is_valid(leaf->serial_number))
		return CERTIFICATE_UNTRUSTED;
	return chain_check_leaf_key(leaf, &failure->reason);
}

/* Bytes that are no certificate come before all else. What is kept was read before. */
static enum outcome read_se_chain(const struct bytes *ci, const struct bytes *pn, struct bytes se,
	struct certificate *leaf, struct chain_failure *failure)
{
	struct certificate unused;

	if (ci != NULL && certificate_read(*ci, &unused) == INVALID_PARAMETER)
		return chain_refuse(failure, "certCi", chain_no_certificate, INVALID_PARAMETER);
	if (pn != NULL && certificate_read(*pn, &unused) == INVALID_PARAMETER)
		return chain_refuse(failure, "certPn", chain_no_certificate, INVALID_PARAMETER);
	if (certificate_read(se, leaf) == INVALID_PARAMETER)
		return chain_refuse(failure, "certSe", chain_no_certificate, INVALID_PARAMETER);
	return FINE;
}

enum outcome chain_verify_se(struct issuer_cache *cache, const struct trust *trust, struct bytes ci,
	struct bytes pn, struct bytes se, int64_t now, struct certificate *leaf,
	struct chain_failure *failure)
{
	struct issuer *anchor = trust_find_anchor(trust, TRUST_SE, ci);
	struct issuer *issuer = anchor != NULL ? issuer_cache_find(cache, anchor, pn) : NULL;
	enum outcome o = read_se_chain(
		anchor == NULL ? &ci : NULL, issuer == NULL ? &pn : NULL, se, leaf, failure);

	if (o == FINE && anchor == NULL)
		o = chain_refuse(failure, "certCi", "not an agreed certificate issuer",
			CERTIFICATE_UNTRUSTED);
	if (o == FINE)
		o = verify_se_links(cache, anchor, pn, leaf, &issuer, failure);
	if (o == FINE)
		o = check_se_places(anchor, issuer, leaf, trust, now, failure);
	issuer_give_back(issuer);
	return o;
}

static enum outcome check_se_leaf(const struct issuer *issuer, const struct certificate *leaf,
	const struct trust *trust, int64_t now, const char **reason)
{
	enum outcome o = issuer_verify(issuer, leaf, reason);

	if (o == FINE)
		o = chain_check_place(leaf, issuer, &place_se, trust, now, reason);
	if (o == FINE && !device_id_is_valid(leaf->serial_number)) {
		*reason = no_device_id;
		o = CERTIFICATE_UNTRUSTED;
	}
	return o == FINE ? chain_check_leaf_key(leaf, reason) : o;
}

enum outcome chain_verify_se_by_anchor(struct issuer_cache *cache, const struct trust *trust,
	struct bytes pn, struct bytes se, int64_t now, struct certificate *leaf,
	struct chain_failure *failure)
{
	const struct chain_top top = { cache, trust, TRUST_SE, now, &place_ci, &place_pn };
	struct issuer *issuer;

	failure->culprit = "certificateChain";
	failure->reason = chain_no_certificate;
	enum outcome o = certificate_read(se, leaf);
	if (o == INVALID_PARAMETER)
		return o;
	o = chain_take_under_anchor(&top, pn, &issuer, &failure->reason);
	if (o != FINE)
		return o;
	if (leaf->der.at != NULL) {
		o = check_se_leaf(issuer, leaf, trust, now, &failure->reason);
	} else {
		failure->reason = chain_outside_profile;
		o = CERTIFICATE_UNTRUSTED;
	}
	issuer_give_back(issuer);
	return o;
}

/* The chain above an ARPF's certificate, from the anchor down. */
struct path {
	struct issuer
		*at[1 + CHAIN_MAX]; /* at[0] is the trust's own, the others have a reference */
	int count;
};

static void path_give_back(struct path *path)
{
	for (int i = 1; i < path->count; i++)
		issuer_give_back(path->at[i]);
}

static enum outcome read_all(struct bytes certificate, const struct bytes *chain,
	size_t chain_count, struct certificate *leaf, struct chain_failure *failure)
{
	struct certificate unused;

	if (chain_count > CHAIN_MAX)
		return chain_refuse(failure, "chain", "too many certificates", INVALID_PARAMETER);
	if (certificate_read(certificate, leaf) == INVALID_PARAMETER)
		return chain_refuse(failure, "certSign", chain_no_certificate, INVALID_PARAMETER);
	for (size_t i = 0; i < chain_count; i++)
		if (certificate_read(chain[i], &unused) == INVALID_PARAMETER)
			return chain_refuse(
				failure, "chain", chain_no_certificate, INVALID_PARAMETER);
	return FINE;
}

/* The anchor that issued the topmost certificate, which the chain left out. */
static struct issuer *find_anchor_above(
	struct issuer_cache *cache, const struct trust *trust, struct bytes top)
{
	struct certificate c;
	struct issuer *anchor, *verified;
	const char *reason;
	size_t place = 0;

	if (certificate_read(top, &c) != FINE)
		return NULL;
	while ((anchor = trust_next_anchor(trust, TRUST_ARPF, c.issuer, &place)) != NULL) {
		if (chain_take_verified(cache, anchor, top, &verified, &reason) == FINE) {
			issuer_give_back(verified);
			return anchor;
		}
	}
	return NULL;
}

/* Anchor and CAs, each verified under the one above it. */
static enum outcome build_path(struct issuer_cache *cache, const struct trust *trust,
	struct bytes certificate, const struct bytes *chain, size_t chain_count, struct path *path,
	const char **reason)
{
	struct issuer *anchor = NULL;
	size_t used = 0;

	while (used < chain_count && anchor == NULL)
		anchor = trust_find_anchor(trust, TRUST_ARPF, chain[used++]);
	if (anchor != NULL)
		used--;
	else
		anchor = find_anchor_above(
			cache, trust, chain_count > 0 ? chain[chain_count - 1] : certificate);
	*reason = "the chain does not lead to an agreed anchor";
	if (anchor == NULL)
		return CERTIFICATE_UNTRUSTED;
	path->at[path->count++] = anchor;
	while (used-- > 0) {
		enum outcome o = chain_take_verified(cache, path->at[path->count - 1], chain[used],
			&path->at[path->count], reason);

		if (o != FINE)
			return o;
		path->count++;
	}
	return FINE;
}

static enum outcome check_arpf_places(const struct path *path, const struct certificate *leaf,
	const struct trust *trust, int64_t now, struct chain_failure *failure)
{
	failure->culprit = "chain";
	for (int i = 0; i < path->count; i++) {
		struct chain_place place = { "chain", true, i > 0, KEY_USAGE_KEY_CERT_SIGN,
			path->count - 1 - i };
		enum outcome o = chain_check_place(&path->at[i]->certificate,
			path->at[i > 0 ? i - 1 : 0], &place, trust, now, &failure->reason);

		if (o != FINE)
			return o;
	}
	failure->culprit = "certSign";
	const struct chain_place place = { "certSign", false, true, KEY_USAGE_DIGITAL_SIGNATURE,
		0 };
	enum outcome o = chain_check_place(
		leaf, path->at[path->count - 1], &place, trust, now, &failure->reason);
	return o == FINE ? chain_check_leaf_key(leaf, &failure->reason) : o;
}

static enum outcome verify_by_path(struct issuer_cache *cache, const struct trust *trust,
	const struct path *path, struct certificate *leaf, int64_t now,
	struct chain_failure *failure)
{
	struct issuer *verified;

	failure->culprit = "certSign";
	failure->reason = chain_outside_profile;
	if (leaf->der.at == NULL)
		return CERTIFICATE_UNTRUSTED;
	/* Kept as issuers are: an ARPF's certificate comes with each of its endorsements. */
	enum outcome o = chain_take_verified(
		cache, path->at[path->count - 1], leaf->der, &verified, &failure->reason);
	if (o != FINE)
		return o;
	issuer_give_back(verified);
	return check_arpf_places(path, leaf, trust, now, failure);
}

enum outcome chain_verify_arpf(struct issuer_cache *cache, const struct trust *trust,
	struct bytes certificate, const struct bytes *chain, size_t chain_count, int64_t now,
	struct certificate *leaf, struct chain_failure *failure)
{
	struct path path = { .count = 0 };
	enum outcome o = read_all(certificate, chain, chain_count, leaf, failure);

	if (o != FINE)
		return o;
	struct issuer *itself = trust_find_anchor(trust, TRUST_ARPF, certificate);
	if (itself != NULL) {
		const struct chain_place place = { "certSign", true, true,
			KEY_USAGE_DIGITAL_SIGNATURE, 0 };

		failure->culprit = place.culprit;
		return chain_check_place(leaf, itself, &place, trust, now, &failure->reason);
	}
	failure->culprit = "chain";
	o = build_path(cache, trust, certificate, chain, chain_count, &path, &failure->reason);
	if (o == FINE)
		o = verify_by_path(cache, trust, &path, leaf, now, failure);
	path_give_back(&path);
	return o;
}
