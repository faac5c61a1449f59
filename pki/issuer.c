#include "pki/issuer.h"

#include <stdatomic.h>
#include <stdlib.h>

static enum outcome fill(struct issuer *i, size_t len)
{
	struct bytes der = bytes_of(i->der, len);
	enum outcome o = certificate_read(der, &i->certificate);

	if (o == FINE)
		o = certificate_fingerprint(der, i->fingerprint);
	if (o == FINE)
		o = issuer_id_make(i->certificate.subject, i->certificate.spki, &i->id);
	if (o != FINE)
		return o;
	o = p256_public_new(i->certificate.public_key, &i->key);
	return o == INVALID_PARAMETER ? CERTIFICATE_UNTRUSTED : o;
}

enum outcome issuer_new(struct bytes der, struct issuer **out)
{
	*out = NULL;
	struct issuer *i = calloc(1, sizeof(*i) + der.len);
	if (i == NULL)
		return NO_MEMORY;
	atomic_init(&i->references, 1);
	if (der.len > 0)
		memcpy(i->der, der.at, der.len);
	enum outcome o = fill(i, der.len);
	if (o != FINE) {
		issuer_give_back(i);
		return o;
	}
	*out = i;
	return FINE;
}

struct issuer *issuer_take(struct issuer *i)
{
	atomic_fetch_add_explicit(&i->references, 1, memory_order_relaxed);
	return i;
}

void issuer_give_back(struct issuer *i)
{
	if (i == NULL || atomic_fetch_sub_explicit(&i->references, 1, memory_order_acq_rel) > 1)
		return;
	p256_public_free(i->key);
	free(i);
}

enum outcome issuer_verify(
	const struct issuer *by, const struct certificate *c, const char **reason)
{
	struct bytes key_id = by->certificate.subject_key_id;
	uint8_t digest[32];

	*reason = "the issuer's name is not the subject of the certificate above";
	if (!bytes_equal(c->issuer, by->certificate.subject))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the authority key identifier is not that of the certificate above";
	if (c->authority_key_id.len > 0 && key_id.len > 0 &&
		!bytes_equal(c->authority_key_id, key_id))
		return CERTIFICATE_UNTRUSTED;
	*reason = "the signature is not by the certificate above";
	enum outcome o = certificate_digest(c, digest);
	if (o != FINE)
		return o;
	o = p256_public_verify(by->key, digest, c->signature);
	return o == SIGNATURE_INVALID || o == INVALID_PARAMETER ? CERTIFICATE_UNTRUSTED : o;
}

uint64_t certificate_quick_hash(struct bytes der)
{
	uint64_t words[2] = { 0, 0 };
	size_t len = der.len < sizeof(words) ? der.len : sizeof(words);

	if (len > 0)
		memcpy(words, der.at + der.len - len, len);
	return (words[0] ^ der.len) * 0x9e3779b97f4a7c15u ^ words[1];
}
