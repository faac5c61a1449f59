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
/* One C_DeriveKey (CKM_ECDH1_DERIVE) whose result is read and destroyed. The code, for callers that only try. */
CK_RV token_derive(struct token_session *s, const struct token_key *key,
	CK_ECDH1_DERIVE_PARAMS *with, uint8_t *out, CK_ULONG len);
/* Tries both ways on the token's own key and chooses: inside where the module does it rightly. */
enum agreement_mode token_probe_agreement(struct token_session *s);
const char *agreement_mode_name(enum agreement_mode mode);
/* ECDSA over a digest, in the token. */
enum outcome token_sign(struct token_session *s, const struct token_key *key,
	const uint8_t digest[32], uint8_t signature[P256_SIGNATURE_LEN]);

/*
 * Whether a call that failed with this code is to be tried again with CKA_PRIVATE true: the module takes no other
 * session objects, which the session remembers.
 */
bool token_wants_private(struct token_session *s, CK_RV code);

/* The data key of one batch: in this process's memory for as long as the batch lasts. */
#define DATA_KEY_LEN 32
struct data_key {
	uint16_t kek_generation;
	uint8_t key[DATA_KEY_LEN];
	uint8_t wrapped[DATA_KEY_LEN + 8];
	CK_OBJECT_HANDLE object; /* in the token, to wrap by */
	bool has_object;
};
/* Fresh from the token's generator, wrapped by the newest KEK; ended by data_key_end(). */
enum outcome data_key_make(struct token_session *s, struct data_key *d);
/* Wipes it. One that was not made, but is zeroed, may be ended as well. */
void data_key_end(struct token_session *s, struct data_key *d);
/* K of 16 or 32 bytes, in this process's memory, and OPc (struct sealed_key). */
enum outcome seal_keys(
	const struct data_key *d, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed);
/*
 * The same for a K that is in the token and stays there: `k` is a session object that can encrypt and
 * be wrapped; it is wrapped by the data key inside. opc_or_op: OPc, or OP where is_op.
 */
enum outcome seal_token_key(struct token_session *s, const struct data_key *d, CK_OBJECT_HANDLE k,
	size_t k_len, const uint8_t opc_or_op[16], bool is_op, struct sealed_key *sealed);
/* The same for one whose value is known here as well, so that the token has but to wrap it. */
enum outcome seal_known_key(struct token_session *s, const struct data_key *d,
	CK_OBJECT_HANDLE object, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed);

/* A key unwrapped (CKM_AES_KEY_WRAP) into a session object that can do `use`, and is never read. */
struct unwrapping {
	CK_OBJECT_HANDLE with;
	struct bytes wrapped;
	CK_ATTRIBUTE_TYPE use;
	bool is_extractable; /* may be wrapped again */
	bool is_kept;        /* outlives a batch: always CKA_PRIVATE */
};
/* The code: what it means depends on whose the wrapped key is. */
CK_RV token_unwrap(struct token_session *s, const struct unwrapping *u, CK_OBJECT_HANDLE *out);

/* What a K opened in the token may do there. */
enum opened_use { OPENED_ENCRYPTS, OPENED_MAKES_MACS };
struct opened_key {
	CK_OBJECT_HANDLE k;
	size_t k_len;
	uint8_t opc[24]; /* as sealed: opened_opc() opens it */
};
/*
 * A sealed K as a handle of the token that cannot be read: the data key is unwrapped by its KEK, K by
 * the data key, both inside. The caller destroys it. A few data keys' handles are kept by the session.
 */
enum outcome open_sealed_k(struct token_session *s, const struct sealed_key *sealed,
	enum opened_use use, struct opened_key *opened);
/* Frees what the session knows of its data keys; their handles end with the session. */
void token_forget_data_keys(struct token_session *s);
/*
 * OPc from what AES(K, SEAL_OPC_BLOCK) and AES(K, SEAL_OPC_TAG_BLOCK) are; MAC_INVALID where it was
 * tampered with.
 */
enum outcome opened_opc(const struct opened_key *opened, const uint8_t mask[16],
	const uint8_t tag_key[16], uint8_t opc[16]);
#define SEAL_OPC_BLOCK     "arpf OPc mask v1" /* 16 bytes each */
#define SEAL_OPC_TAG_BLOCK "arpf OPc tag  v1"
void token_destroy(struct token_session *s, CK_OBJECT_HANDLE object);
/* Blocks of AES-ECB under a handle, inside the token; len in multiples of 16. */
enum outcome token_encrypt_blocks(
	struct token_session *s, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, uint8_t *out);
/* AES-CMAC under a handle opened for OPENED_MAKES_MACS, inside the token. */
enum outcome token_cmac(
	struct token_session *s, CK_OBJECT_HANDLE key, struct bytes message, uint8_t mac[16]);

#endif
