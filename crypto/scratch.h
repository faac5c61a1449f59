/*
 * What OpenSSL makes dearly and can use again: the algorithms and the curve once a process,
 * contexts once a thread. Private to crypto/. A thread's own are freed when it ends; nothing secret
 * stays in them after a function of crypto/ has returned.
 */
#ifndef CRYPTO_SCRATCH_H
#define CRYPTO_SCRATCH_H

#include <openssl/bn.h>
#include <openssl/cmac.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/outcome.h"

enum aes_mode { AES_MODE_ECB, AES_MODE_CBC, AES_MODE_CTR, AES_MODE_GCM, AES_MODE_WRAP, AES_MODES };

struct scratch {
	EVP_MD_CTX *sha256; /* between calls always started anew */
	EVP_CIPHER_CTX *cipher;
	CMAC_CTX *cmac;
	BN_CTX *numbers;
	EVP_PKEY_CTX *x25519; /* makes keys from data */
	EC_POINT *sum, *term;
};

/* The calling thread's; NULL where there is no memory. */
struct scratch *scratch_get(void);
/*
 * The functions below may be used once scratch_get() has answered. Key of 16 or 32 bytes, else
 * NULL.
 */
const EVP_CIPHER *scratch_cipher(enum aes_mode mode, size_t key_len);
const EC_GROUP *scratch_p256(void);
/*
 * Empties OpenSSL's error queue of this thread, which libpq, libcurl and others would take for
 * their own, and answers o.
 */
enum outcome scratch_failed(enum outcome o);

#endif
