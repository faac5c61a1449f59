#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/scratch.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const cipher_names[AES_MODES][2] = {
	[AES_MODE_ECB] = { "AES-128-ECB", "AES-256-ECB" },
	[AES_MODE_CBC] = { "AES-128-CBC", "AES-256-CBC" },
	[AES_MODE_CTR] = { "AES-128-CTR", "AES-256-CTR" },
	[AES_MODE_GCM] = { "AES-128-GCM", "AES-256-GCM" },
	[AES_MODE_WRAP] = { "AES-128-WRAP", "AES-256-WRAP" },
};

/* Made once, never freed: threads that are not joined may use them until the process ends. */
static EVP_MD *sha256_algorithm;
static EVP_CIPHER *ciphers[AES_MODES][2];
static EC_GROUP *p256;
static bool ready;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct scratch *of_thread;

static void free_scratch(void *object)
{
	struct scratch *s = object;

	EVP_MD_CTX_free(s->sha256);
	EVP_CIPHER_CTX_free(s->cipher);
	CMAC_CTX_free(s->cmac);
	BN_CTX_free(s->numbers);
	EVP_PKEY_CTX_free(s->x25519);
	EC_POINT_free(s->sum);
	EC_POINT_free(s->term);
	free(s);
	of_thread = NULL;
}

static void start(void)
{
	bool fetched = true;

	sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	for (int mode = 0; mode < AES_MODES; mode++)
		for (int i = 0; i < 2; i++) {
			ciphers[mode][i] = EVP_CIPHER_fetch(NULL, cipher_names[mode][i], NULL);
			fetched = fetched && ciphers[mode][i] != NULL;
		}
	ready = fetched && sha256_algorithm != NULL && p256 != NULL &&
		pthread_key_create(&at_thread_end, free_scratch) == 0;
}

static bool fill(struct scratch *s)
{
	s->sha256 = EVP_MD_CTX_new();
	s->cipher = EVP_CIPHER_CTX_new();
	s->cmac = CMAC_CTX_new();
	s->numbers = BN_CTX_new();
	s->x25519 = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	s->sum = EC_POINT_new(p256);
	s->term = EC_POINT_new(p256);
	return s->sha256 != NULL && s->cipher != NULL && s->cmac != NULL && s->numbers != NULL &&
	       s->x25519 != NULL && s->sum != NULL && s->term != NULL &&
	       EVP_PKEY_fromdata_init(s->x25519) == 1 &&
	       EVP_DigestInit_ex(s->sha256, sha256_algorithm, NULL) == 1;
}

struct scratch *scratch_get(void)
{
	if (of_thread != NULL)
		return of_thread;
	pthread_once(&once, start);
	struct scratch *s = ready ? calloc(1, sizeof(*s)) : NULL;

	if (s == NULL)
		return NULL;
	if (!fill(s) || pthread_setspecific(at_thread_end, s) != 0) {
		free_scratch(s);
		ERR_clear_error();
		return NULL;
	}
	return of_thread = s;
}

const EVP_CIPHER *scratch_cipher(enum aes_mode mode, size_t key_len)
{
	return key_len == 16 ? ciphers[mode][0] : key_len == 32 ? ciphers[mode][1] : NULL;
}

const EC_GROUP *scratch_p256(void)
{
	return p256;
}

enum outcome scratch_failed(enum outcome o)
{
	ERR_clear_error();
	return o;
}
