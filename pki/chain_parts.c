#include "pki/chain_parts.h"

#include "pki/issuer_cache.h"

const char chain_outside_profile[] =
	"not a certificate of the profile asked for (X.509v3, P-256, ecdsa-with-SHA256)";
const char chain_no_certificate[] = "not a certificate";

enum outcome chain_refuse(
	struct chain_failure *failure, const char *culprit, const char *reason, enum outcome o)
{
	*failure = (struct chain_failure){ culprit, reason };
	return o;
}

enum outcome chain_check_place(const struct certificate *c, const struct issuer *by,
	const struct chain_place *place, const struct trust *trust, int64_t now,
	const char **reason)
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
	*reason = "it has name constraints, which nothing in this chain heeds";
	if (c->has_name_constraints && !place->may_constrain)
		return CERTIFICATE_UNTRUSTED;
	return trust_check_revocation(trust, &by->id, c->serial, now, reason);
}

enum outcome chain_check_leaf_key(const struct certificate *leaf, const char **reason)
{
	*reason = "the public key is not a point of the curve";
	enum outcome o = p256_check_point(leaf->public_key);
	return o == INVALID_PARAMETER ? CERTIFICATE_UNTRUSTED : o;
}

enum outcome chain_take_verified(struct issuer_cache *cache, const struct issuer *by,
	struct bytes der, struct issuer **out, const char **reason)
{
	struct issuer *fresh;

	*out = issuer_cache_find(cache, by, der);
	if (*out != NULL)
		return FINE;
	*reason = chain_outside_profile;
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

/* Takes the reference of `issuer` where the two are not good. */
static enum outcome check_top(const struct chain_top *top, const struct issuer *anchor,
	struct issuer *issuer, const char **reason)
{
	enum outcome o = chain_check_place(
		&anchor->certificate, anchor, top->anchor, top->trust, top->now, reason);

	if (o == FINE)
		o = chain_check_place(
			&issuer->certificate, anchor, top->issuer, top->trust, top->now, reason);
	if (o != FINE)
		issuer_give_back(issuer);
	return o;
}

/* What has been verified before is found without a reading. */
static struct issuer *find_kept(const struct chain_top *top, struct bytes der, const char **reason)
{
	static const struct bytes any = {};
	struct issuer *anchor, *kept;
	size_t place = 0;

	while ((anchor = trust_next_anchor(top->trust, top->use, any, &place)) != NULL) {
		kept = issuer_cache_find(top->cache, anchor, der);
		if (kept != NULL && check_top(top, anchor, kept, reason) == FINE)
			return kept;
	}
	return NULL;
}

enum outcome chain_take_under_anchor(
	const struct chain_top *top, struct bytes der, struct issuer **out, const char **reason)
{
	struct certificate c;
	struct issuer *anchor;
	const char *why = "the chain does not lead to an agreed anchor";
	size_t place = 0;
	bool has_issuer = false;

	*out = find_kept(top, der, reason);
	if (*out != NULL)
		return FINE;
	enum outcome o = certificate_read(der, &c), last = CERTIFICATE_UNTRUSTED;
	*reason = o == INVALID_PARAMETER ? chain_no_certificate : chain_outside_profile;
	if (o != FINE)
		return o;
	*reason = why;
	while ((anchor = trust_next_anchor(top->trust, top->use, c.issuer, &place)) != NULL) {
		o = chain_take_verified(top->cache, anchor, der, out, &why);
		bool is_issuer = o == FINE;

		if (is_issuer)
			o = check_top(top, anchor, *out, &why);
		if (o == FINE)
			return FINE;
		/* What stands against the one that did issue it says more. */
		if (is_issuer || !has_issuer) {
			last = o;
			*reason = why;
		}
		has_issuer = has_issuer || is_issuer;
	}
	*out = NULL;
	return last;
}
