#include "pki/chain.h"

#include "pki/issuer_cache.h"

/* What its place in the chain asks of a certificate. */
struct place {
	const char *culprit;
	bool is_ca;
	bool needs_key_usage; /* required; else looked at where it is given */
	uint16_t key_usage;
	int cas_below;
};

static const struct place place_ci = { "certCi", true, false, KEY_USAGE_KEY_CERT_SIGN, 1 };
static const struct place place_pn = { "certPn", true, true, KEY_USAGE_KEY_CERT_SIGN, 0 };
static const struct place place_se = { "certSe", false, true, KEY_USAGE_DIGITAL_SIGNATURE, 0 };

static const char outside_profile[] = "not a certificate of the profile asked for";

static enum outcome refuse(
	struct chain_failure *failure, const char *culprit, const char *reason, enum outcome o)
{
	*failure = (struct chain_failure){ culprit, reason };
	return o;
}

/*
 * by: who issued it, itself for an anchor. All of this is looked at whenever a certificate is used.
 */
static enum outcome check_place(const struct certificate *c, const struct issuer *by,
	const struct place *place, const struct trust *trust, int64_t now, const char **reason)
{
	*reason = "not yet valid";
	if (now < c->not_before)
		return CERTIFICATE_EXPIRED;
	*reason = "no longer valid";
	if (now > c->not_after)
		return CERTIFICATE_EXPIRED;
	*reason = place->is_ca ? "not a CA certificate" : "a CA certificate";
	if (c->is_ca != place->is_ca)
		return CERTIFICATE_UNTRUSTED;
	*reason = "the path length forbids a CA certificate below";
	if (place->is_ca && c->path_length >= 0 && c->path_length < place->cas_below)
		return CERTIFICATE_UNTRUSTED;
	*reason = "the key usage does not allow this use";
	if (c->has_key_usage ? (c->key_usage & place->key_usage) == 0 : place->needs_key_usage)
		return CERTIFICATE_UNTRUSTED;
	*reason = "revoked";
	if (trust_has_revocation(trust, by->subject_hash, c->serial))
		return CERTIFICATE_REVOKED;
	return FINE;
}

/* The certificate, verified under `by`: kept from before, or now. *out has a reference. */
static enum outcome take_verified(struct issuer_cache *cache, const struct issuer *by,
	struct bytes der, struct issuer **out, const char **reason)
{
	struct issuer *fresh;

	*out = issuer_cache_find(cache, by, der);
	if (*out != NULL)
		return FINE;
	*reason = outside_profile;
	enum outcome o = issuer_new(der, &fresh);
	if (o != FINE)
		return o;
	o = issuer_verify(by, &fresh->certificate, reason);
	if (o == FINE)
		*out = issuer_cache_add(cache, by, fresh);
	else
		issuer_give_back(fresh);
	return o;
}

static enum outcome check_leaf_key(const struct certificate *leaf, const char **reason)
{
	*reason = "the public key is not a point of the curve";
	enum outcome o = p256_check_point(leaf->public_key);
	return o == INVALID_PARAMETER ? CERTIFICATE_UNTRUSTED : o;
}

/* Steps 2 and 3 of the order: PN by CI, SE by PN; *issuer may be given, else it is found here. */
static enum outcome verify_se_links(struct issuer_cache *cache, const struct issuer *anchor,
	struct bytes pn, const struct certificate *leaf, struct issuer **issuer,
	struct chain_failure *failure)
{
	failure->culprit = "certPn";
	if (*issuer == NULL) {
		enum outcome o = take_verified(cache, anchor, pn, issuer, &failure->reason);

		if (o != FINE)
			return o;
	}
	failure->culprit = "certSe";
	failure->reason = outside_profile;
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
		const struct place *place;
	} places[] = {
		{ &anchor->certificate, anchor, &place_ci },
		{ &issuer->certificate, anchor, &place_pn },
		{ leaf, issuer, &place_se },
	};

	for (size_t i = 0; i < 3; i++) {
		failure->culprit = places[i].place->culprit;
		enum outcome o = check_place(places[i].certificate, places[i].by, places[i].place,
			trust, now, &failure->reason);
		if (o != FINE)
			return o;
	}
	failure->reason = "the subject's serialNumber is not a device identifier";
	if (!device_id_is_valid(leaf->serial_number))
		return CERTIFICATE_UNTRUSTED;
	return check_leaf_key(leaf, &failure->reason);
}

/* Bytes that are no certificate come before all else. What is kept was read before. */
static enum outcome read_se_chain(const struct bytes *ci, const struct bytes *pn, struct bytes se,
	struct certificate *leaf, struct chain_failure *failure)
{
	struct certificate unused;
	static const char reason[] = "not a certificate";

	if (ci != NULL && certificate_read(*ci, &unused) == INVALID_PARAMETER)
		return refuse(failure, "certCi", reason, INVALID_PARAMETER);
	if (pn != NULL && certificate_read(*pn, &unused) == INVALID_PARAMETER)
		return refuse(failure, "certPn", reason, INVALID_PARAMETER);
	if (certificate_read(se, leaf) == INVALID_PARAMETER)
		return refuse(failure, "certSe", reason, INVALID_PARAMETER);
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
		o = refuse(failure, "certCi", "not an agreed certificate issuer",
			CERTIFICATE_UNTRUSTED);
	if (o == FINE)
		o = verify_se_links(cache, anchor, pn, leaf, &issuer, failure);
	if (o == FINE)
		o = check_se_places(anchor, issuer, leaf, trust, now, failure);
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
		return refuse(failure, "chain", "too many certificates", INVALID_PARAMETER);
	if (certificate_read(certificate, leaf) == INVALID_PARAMETER)
		return refuse(failure, "certSign", "not a certificate", INVALID_PARAMETER);
	for (size_t i = 0; i < chain_count; i++)
		if (certificate_read(chain[i], &unused) == INVALID_PARAMETER)
			return refuse(failure, "chain", "not a certificate", INVALID_PARAMETER);
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
		if (take_verified(cache, anchor, top, &verified, &reason) == FINE) {
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
		enum outcome o = take_verified(cache, path->at[path->count - 1], chain[used],
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
		struct place place = { "chain", true, i > 0, KEY_USAGE_KEY_CERT_SIGN,
			path->count - 1 - i };
		enum outcome o = check_place(&path->at[i]->certificate, path->at[i > 0 ? i - 1 : 0],
			&place, trust, now, &failure->reason);

		if (o != FINE)
			return o;
	}
	failure->culprit = "certSign";
	const struct place place = { "certSign", false, true, KEY_USAGE_DIGITAL_SIGNATURE, 0 };
	enum outcome o =
		check_place(leaf, path->at[path->count - 1], &place, trust, now, &failure->reason);
	return o == FINE ? check_leaf_key(leaf, &failure->reason) : o;
}

static enum outcome verify_by_path(struct issuer_cache *cache, const struct trust *trust,
	const struct path *path, struct certificate *leaf, int64_t now,
	struct chain_failure *failure)
{
	struct issuer *verified;

	failure->culprit = "certSign";
	failure->reason = outside_profile;
	if (leaf->der.at == NULL)
		return CERTIFICATE_UNTRUSTED;
	/* Kept as issuers are: an ARPF's certificate comes with each of its endorsements. */
	enum outcome o = take_verified(
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
		const struct place place = { "certSign", true, true, KEY_USAGE_DIGITAL_SIGNATURE,
			0 };

		failure->culprit = place.culprit;
		return check_place(leaf, itself, &place, trust, now, &failure->reason);
	}
	failure->culprit = "chain";
	o = build_path(cache, trust, certificate, chain, chain_count, &path, &failure->reason);
	if (o == FINE)
		o = verify_by_path(cache, trust, &path, leaf, now, failure);
	path_give_back(&path);
	return o;
}
