/* The keys that devices and their makers' CAs may have, and anchors of that use. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "crypto/kdf.h"
#include "pki/device_anchor.h"
#include "pki/device_chain.h"
#include "tests/unit/device_chain_world.h"
#include "tests/unit/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void use_device_key(EVP_PKEY *key, enum outcome expected)
{
	struct pki_recipe recipe = device_recipe(DEVICE);

	ck_assert_ptr_nonnull(key);
	recipe.key = key;
	pki_make(&recipe, &made[DEVICE]);
	EXPECT_CHAIN(expected);
	EVP_PKEY_free(key);
}

/* A public key that nobody has the other half of: its modulus is any odd number of so many bits. */
static EVP_PKEY *rsa_public(int bits, unsigned long e)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *exponent = BN_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	ck_assert_int_eq(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	BN_set_word(exponent, e);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, exponent);
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_fromdata_init(context);
	EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	BN_free(exponent);
	EVP_PKEY_CTX_free(context);
	return key;
}

START_TEST(test_device_keys)
{
	begin();
	use_device_key(rsa_public(2048, RSA_F4), FINE);
	ck_assert(device.is_rsa && device.key_len > 256 && device.key[0] == 0x30);
	struct bytes spki = bytes_of(device.key, device.key_len);
	uint8_t hash[32];
	ck_assert_int_eq(sha256(&spki, 1, hash), FINE);
	ck_assert_mem_eq(hash, device.spki_hash, 32);
	use_device_key(rsa_public(4096, RSA_F4), FINE);
	ck_assert_uint_le(device.key_len, DEVICE_SPKI_MAX);
	use_device_key(rsa_public(1024, RSA_F4), CERTIFICATE_UNTRUSTED);
	use_device_key(rsa_public(2040, RSA_F4), CERTIFICATE_UNTRUSTED);
	use_device_key(rsa_public(4104, RSA_F4), CERTIFICATE_UNTRUSTED);
	use_device_key(rsa_public(2048, 1), CERTIFICATE_UNTRUSTED); /* encrypts nothing */
	use_device_key(rsa_public(2048, 4), CERTIFICATE_UNTRUSTED);
	use_device_key(pki_key("P-384"), CERTIFICATE_UNTRUSTED);
	use_device_key(pki_key("secp256k1"), CERTIFICATE_UNTRUSTED);
	use_device_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), CERTIFICATE_UNTRUSTED);
	use_device_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), CERTIFICATE_UNTRUSTED);
	/* a point off the curve */
	device_make(DEVICE, &made[DEVICE]);
	pki_find(&made[DEVICE], bytes_of("\x03\x42\x00\x04", 4))[40] ^= 1;
	pki_sign_again(&made[DEVICE], device_keys[ISSUING]);
	EXPECT_CHAIN(CERTIFICATE_UNTRUSTED);
	end();
}
END_TEST

/* Chains of makers whose CAs are RSA, or something that is too weak. */
static enum outcome verify_signed(EVP_PKEY *root_key, EVP_PKEY *issuing_key, const EVP_MD *digest)
{
	struct pki_recipe recipe = device_recipe(ROOT);

	recipe.key = recipe.signer = root_key;
	pki_make(&recipe, &made[ROOT]);
	recipe = device_recipe(ISSUING);
	recipe.signer = root_key;
	recipe.key = issuing_key;
	recipe.digest = digest;
	pki_make(&recipe, &made[ISSUING]);
	recipe = device_recipe(DEVICE);
	recipe.signer = issuing_key;
	recipe.digest = digest;
	pki_make(&recipe, &made[DEVICE]);
	trust_only(TRUST_DEVICE, &made[ROOT]);
	return verify(PEM_OF(&made[DEVICE], &made[ISSUING]), CERTIFICATES_PEM, PKI_NOW);
}

START_TEST(test_issuer_keys)
{
	begin();
	EVP_PKEY *weak = EVP_RSA_gen(1024), *p384 = pki_key("P-384"), *p256 = device_keys[ROOT];

	ck_assert_int_eq(verify_signed(rsa_key, rsa_key, EVP_sha256()), FINE);
	ck_assert_int_eq(verify_signed(rsa_key, p256, EVP_sha384()), FINE);
	ck_assert_int_eq(verify_signed(p256, rsa_key, EVP_sha512()), FINE);
	ck_assert_int_eq(verify_signed(p384, p384, EVP_sha384()), FINE);
	ck_assert_int_eq(verify_signed(p256, weak, EVP_sha256()), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(verify_signed(p256, rsa_key, EVP_sha1()), CERTIFICATE_UNTRUSTED);
	ck_assert_int_eq(verify_signed(p256, p256, EVP_sha1()), CERTIFICATE_UNTRUSTED);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(p384);
	end();
}
END_TEST

static enum outcome add_anchor(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *digest,
	const char *const *extensions, const char *issuer)
{
	struct pki_recipe recipe = device_recipe(ROOT);

	recipe.key = key;
	recipe.signer = signer;
	recipe.digest = digest;
	if (extensions != NULL)
		recipe.extensions = extensions;
	if (issuer != NULL)
		recipe.issuer = issuer;
	pki_make(&recipe, &made[ROOT]);
	trust_give_back(trust);
	trust = trust_new();
	enum outcome o = trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT]));
	ck_assert(trust_has_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT])) == (o == FINE));
	return o;
}

START_TEST(test_anchors)
{
	static const char *const no_ca[] = { "keyUsage=keyCertSign", NULL };
	static const char *const cannot_sign[] = { "basicConstraints=CA:TRUE",
		"keyUsage=digitalSignature", NULL };
	const enum outcome no = CERTIFICATE_UNTRUSTED;

	begin();
	EVP_PKEY *weak = EVP_RSA_gen(1024), *p384 = pki_key("P-384"), *odd = pki_key("secp256k1");
	EVP_PKEY *p256 = device_keys[ROOT], *other = device_keys[DEVICE];

	ck_assert_int_eq(add_anchor(p256, p256, NULL, NULL, NULL), FINE);
	ck_assert_int_eq(add_anchor(p384, p384, EVP_sha384(), NULL, NULL), FINE);
	ck_assert_int_eq(add_anchor(rsa_key, rsa_key, EVP_sha256(), NULL, NULL), FINE);
	ck_assert_int_eq(add_anchor(rsa_key, rsa_key, EVP_sha512(), NULL, NULL), FINE);
	/* not by itself: by a CA that need not be known */
	ck_assert_int_eq(add_anchor(rsa_key, other, EVP_sha256(), NULL, "CN=Far"), FINE);
	ck_assert_int_eq(add_anchor(rsa_key, rsa_key, EVP_sha1(), NULL, NULL), no);
	ck_assert_int_eq(add_anchor(weak, weak, EVP_sha256(), NULL, NULL), no);
	ck_assert_int_eq(add_anchor(odd, odd, EVP_sha256(), NULL, NULL), no);
	ck_assert_int_eq(add_anchor(p256, other, NULL, NULL, NULL), no);
	ck_assert_int_eq(add_anchor(p256, p256, NULL, no_ca, NULL), no);
	ck_assert_int_eq(add_anchor(p256, p256, NULL, cannot_sign, NULL), no);
	ck_assert_int_eq(add_anchor(p256, p256, NULL, NULL, NULL), FINE);
	made[ROOT].len--;
	ck_assert_int_eq(
		trust_add_anchor(trust, TRUST_DEVICE, pki_bytes(&made[ROOT])), INVALID_PARAMETER);
	ck_assert_int_eq(
		trust_add_anchor(trust, TRUST_DEVICE, bytes_of(NULL, 0)), INVALID_PARAMETER);
	/* all other uses keep to the profile */
	ck_assert_int_eq(add_anchor(rsa_key, rsa_key, EVP_sha256(), NULL, NULL), FINE);
	for (unsigned use = 0; use < TRUST_USE_COUNT; use++)
		if (use != TRUST_DEVICE)
			ck_assert_int_eq(trust_add_anchor(trust, (enum trust_use)use,
						 pki_bytes(&made[ROOT])),
				no);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(odd);
	end();
}
END_TEST

START_TEST(test_summary)
{
	struct certificate_summary summary;

	begin();
	ck_assert_int_eq(add_anchor(rsa_key, rsa_key, EVP_sha256(), NULL, NULL), FINE);
	ck_assert_int_eq(certificate_summarise(pki_bytes(&made[ROOT]), &summary), FINE);
	ck_assert_str_eq(summary.subject, "CN=Root");
	ck_assert_int_eq(summary.not_before, 1577836800);
	ck_assert_int_eq(summary.not_after, 253402300799);
	ck_assert_int_eq(certificate_summarise(bytes_of("x", 1), &summary), INVALID_PARAMETER);
	ck_assert_int_eq(certificate_summarise(bytes_of(NULL, 0), &summary), INVALID_PARAMETER);
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { test_device_keys, test_issuer_keys, test_anchors,
		test_summary };

	pki_make_rsa_key();
	return suite_run("pki device keys", tests, COUNT(tests));
}
