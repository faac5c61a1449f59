#include "crypto/x25519.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/secret.h"
#include "crypto/scratch.h"

static OSSL_PARAM parameter(const char *name, const uint8_t *at)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)at, X25519_LEN);
}

/* A key by the thread's context: a quarter of the time of EVP_PKEY_new_raw_public_key(). */
static EVP_PKEY *make_key(struct scratch *s, int selection, OSSL_PARAM *parameters)
{
	EVP_PKEY *key = NULL;

	return EVP_PKEY_fromdata(s->x25519, &key, selection, parameters) == 1 ? key : NULL;
}

static EVP_PKEY *public_key_of(struct scratch *s, const uint8_t public_key[X25519_LEN])
{
	return make_key(s, EVP_PKEY_PUBLIC_KEY,
		(OSSL_PARAM[]){ parameter(OSSL_PKEY_PARAM_PUB_KEY, public_key),
			OSSL_PARAM_construct_end() });
}

/*
 * A key that agrees. An agreement does not look at the public half, and OpenSSL would calculate one
 * that is left out, which takes as long as the agreement does: so it is given a false one.
 */
static EVP_PKEY *agreeing_key(struct scratch *s, const uint8_t secret[X25519_LEN])
{
	static const uint8_t false_half[X25519_LEN] = { 9 };

	return make_key(s, EVP_PKEY_KEYPAIR,
		(OSSL_PARAM[]){ parameter(OSSL_PKEY_PARAM_PRIV_KEY, secret),
			parameter(OSSL_PKEY_PARAM_PUB_KEY, false_half),
			OSSL_PARAM_construct_end() });
}

enum outcome x25519_public_of(const uint8_t secret[X25519_LEN], uint8_t public_key[X25519_LEN])
{
	struct scratch *s = scratch_get();
	size_t len = X25519_LEN;

	if (s == NULL)
		return NO_MEMORY;
	EVP_PKEY *key = make_key(s, EVP_PKEY_KEYPAIR,
		(OSSL_PARAM[]){
			parameter(OSSL_PKEY_PARAM_PRIV_KEY, secret), OSSL_PARAM_construct_end() });
	bool fine = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1 &&
		    len == X25519_LEN;

	EVP_PKEY_free(key); /* wipes the secret */
	return fine ? FINE : scratch_failed(BROKEN);
}

enum outcome x25519_generate(uint8_t secret[X25519_LEN], uint8_t public_key[X25519_LEN])
{
	if (RAND_priv_bytes(secret, X25519_LEN) != 1)
		return scratch_failed(BROKEN);
	return x25519_public_of(secret, public_key);
}

/* OpenSSL refuses the secret that is all zero, in constant time; derive fails for nothing else. */
static enum outcome derive(EVP_PKEY *own, EVP_PKEY *other, uint8_t z[X25519_LEN])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = X25519_LEN;
	enum outcome o = BROKEN;

	if (ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer_ex(ctx, other, 0) == 1)
		o = EVP_PKEY_derive(ctx, z, &len) == 1 ? FINE : INVALID_PARAMETER;
	EVP_PKEY_CTX_free(ctx);
	return o == FINE && len != X25519_LEN ? BROKEN : o;
}

enum outcome x25519_agree(
	const uint8_t secret[X25519_LEN], struct bytes peer, uint8_t z[X25519_LEN])
{
	struct scratch *s = scratch_get();

	if (s == NULL)
		return NO_MEMORY;
	if (peer.len != X25519_LEN)
		return INVALID_PARAMETER;
	EVP_PKEY *own = agreeing_key(s, secret);
	EVP_PKEY *other = public_key_of(s, peer.at);
	enum outcome o = own != NULL && other != NULL ? derive(own, other, z) : BROKEN;

	EVP_PKEY_free(other);
	EVP_PKEY_free(own); /* wipes the secret */
	if (o == FINE)
		return FINE;
	wipe(z, X25519_LEN);
	return scratch_failed(o);
}
