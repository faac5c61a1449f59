/* The agreement with a key that never leaves the token, and a device's keys sealed and opened again. */
#ifndef HSM_KEYD_AGREE_H
#define HSM_KEYD_AGREE_H

#include "hsm/keyd/token.h"

/*
 * X9.63 of the x-coordinate of the token's private key times the peer's point; len at most 64. The point is
 * checked first. By the session's mode the KDF is done inside the token or here.
 */
enum outcome token_agree_x963(struct token_session *s, const struct token_key *key,
	const uint8_t peer[P256_POINT_LEN], struct bytes shared_info, uint8_t *out, size_t len);
/* Tries both ways on the token's own key and chooses: inside where the module does it rightly. */
enum agreement_mode token_probe_agreement(struct token_session *s);
const char *agreement_mode_name(enum agreement_mode mode);
/* ECDSA over a digest, in the token. */
enum outcome token_sign(struct token_session *s, const struct token_key *key,
	const uint8_t digest[32], uint8_t signature[P256_SIGNATURE_LEN]);

/* The data key of one batch: in this process's memory for as long as the batch lasts. */
#define DATA_KEY_LEN 32
struct data_key {
	uint16_t kek_generation;
	uint8_t key[DATA_KEY_LEN];
	uint8_t wrapped[DATA_KEY_LEN + 8];
};
/* Fresh from the token's generator, wrapped by the newest KEK; the caller wipes it. */
enum outcome data_key_make(struct token_session *s, struct data_key *d);
/* K of 16 or 32 bytes and OPc of 16, each wrapped under the data key. */
enum outcome seal_keys(
	const struct data_key *d, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed);
/*
 * A sealed K as a handle of the token that can encrypt and cannot be read: the data key is unwrapped by its KEK,
 * K by the data key, both inside. The caller destroys it.
 */
enum outcome open_sealed_k(
	struct token_session *s, const struct sealed_key *sealed, CK_OBJECT_HANDLE *k);
void token_destroy(struct token_session *s, CK_OBJECT_HANDLE object);
/* One AES block under a handle, inside the token. */
enum outcome token_encrypt_block(
	struct token_session *s, CK_OBJECT_HANDLE key, const uint8_t in[16], uint8_t out[16]);

#endif
