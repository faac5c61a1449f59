/*
 * AES in the modes the protocol uses, on OpenSSL's EVP. Pure: nothing is kept between calls except
 * fetched algorithms and, a thread, reusable contexts that are wiped of keys before the call
 * returns. BROKEN where a key or a plaintext has a length the mode does not take. Any thread.
 */
#ifndef CRYPTO_AES_H
#define CRYPTO_AES_H

#include "base/bytes.h"

#define AES_BLOCK_LEN   16
#define AES_GCM_IV_LEN  12
#define AES_GCM_TAG_LEN 16
#define AES_KW_OVERHEAD 8

/* One block under a 16- or 32-byte key. */
enum outcome aes_ecb_encrypt(struct bytes key, const uint8_t in[16], uint8_t out[16]);
enum outcome aes_ecb_decrypt(struct bytes key, const uint8_t in[16], uint8_t out[16]);
/*
 * AES-128-CTR, counting in the last 4 bytes of the block (SP 800-38A B.1 with m = 32, as TS 33.501
 * clause C.3.4.1 has it). out holds in.len bytes. Encrypts and decrypts.
 */
enum outcome aes128_ctr(
	const uint8_t key[16], const uint8_t icb[16], struct bytes in, uint8_t *out);
/* RFC 4493 / SP 800-38B under a 16- or 32-byte key. */
enum outcome aes_cmac(struct bytes key, struct bytes message, uint8_t out[16]);
/* out: plaintext.len + 16 bytes, the tag appended. Key of 16 or 32 bytes. */
enum outcome aes_gcm_seal(struct bytes key, const uint8_t iv[AES_GCM_IV_LEN], struct bytes aad,
	struct bytes plaintext, uint8_t *out);
/* out: sealed.len - 16 bytes. MAC_INVALID where the tag does not fit (nothing is left in out). */
enum outcome aes_gcm_open(struct bytes key, const uint8_t iv[AES_GCM_IV_LEN], struct bytes aad,
	struct bytes sealed, uint8_t *out);
/* RFC 3394 with the default IV: plain of 16 bytes or more in multiples of 8; out: plain.len + 8. */
enum outcome aes_kw_wrap(struct bytes kek, struct bytes plain, uint8_t *out);
/* out: wrapped.len - 8 bytes; MAC_INVALID where the check value does not fit. */
enum outcome aes_kw_unwrap(struct bytes kek, struct bytes wrapped, uint8_t *out);

#endif
