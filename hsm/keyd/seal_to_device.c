#include "hsm/keyd/seal_to_device.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/ecies.h"

#define RSA_LEAST_BITS     2048
#define RSA_MOST_BITS      4096
#define EXPONENT_MOST_BITS 64 /* more, OpenSSL does not take with long moduli; they only cost */

static bool is_good_rsa(const EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;
	int bits = EVP_PKEY_get_bits(key);
	bool good = EVP_PKEY_is_a(key, "RSA") && bits >= RSA_LEAST_BITS && bits <= RSA_MOST_BITS &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(n) &&
		    BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= EXPONENT_MOST_BITS;

	BN_free(n);
	BN_free(e);
	return good;
}

/* RFC 8017 7.1.1 with SHA-256 for the label, which is empty, and for MGF1. */
static bool encrypt_oaep(
	EVP_PKEY *key, const uint8_t k_prime[K_PRIME_LEN], uint8_t *out, size_t *len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	bool good = c != NULL && EVP_PKEY_encrypt_init(c) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1 &&
		    EVP_PKEY_encrypt(c, out, len, k_prime, K_PRIME_LEN) == 1;

	EVP_PKEY_CTX_free(c);
	return good;
}

static enum outcome seal_rsa(
	struct bytes spki, const uint8_t k_prime[K_PRIME_LEN], struct key_device *out)
{
	const uint8_t *at = spki.at;
	size_t len = sizeof(out->ciphertext);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.len);
	enum outcome o = key != NULL && at == spki.at + spki.len && is_good_rsa(key)
				 ? FINE
				 : INVALID_PARAMETER;

	if (o == FINE && !encrypt_oaep(key, k_prime, out->ciphertext, &len))
		o = BROKEN;
	out->ciphertext_len = (uint16_t)len;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return o;
}

enum outcome seal_to_device(const struct key_derive_device_in *in,
	const uint8_t k_prime[K_PRIME_LEN], struct key_device *out)
{
	struct bytes device_key = bytes_of(in->device_key, in->device_key_len);

	if (device_key.len > sizeof(in->device_key))
		return INVALID_PARAMETER;
	if (in->scheme == DEVICE_KEY_RSA_OAEP_SHA256)
		return seal_rsa(device_key, k_prime, out);
	if (in->scheme != DEVICE_KEY_ECIES_P256 || device_key.len != P256_POINT_LEN)
		return INVALID_PARAMETER;
	out->ciphertext_len = K_PRIME_LEN;
	return ecies_p256_seal(device_key, bytes_of(k_prime, K_PRIME_LEN), out->ephemeral,
		out->ciphertext, out->mac);
}
