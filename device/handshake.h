/*
 * The key exchange with a server that a certified device takes part in: the attach of Solution 12.X and the
 * download of a profile (docs/protocol.md sections 9 and 10), which differ by their labels only. Written
 * from that page alone, so that it and the server check each other.
 *
 *     handshake_begin()         a nonce, sent with the request
 *     handshake_check_offer()   the server's nonce, ephemeral key, signature
 *     handshake_answer()        an ephemeral key, the keys of both, the device's signature
 *
 * A simulation: keys in ordinary memory; whoever holds a struct wipes it. One thread a struct.
 */
#ifndef DEVICE_HANDSHAKE_H
#define DEVICE_HANDSHAKE_H

#include "crypto/p256.h"
#include "device/batch_signature_check.h"

#define HANDSHAKE_NONCE_LEN   16
#define HANDSHAKE_ID_LEN      32 /* of attachId and downloadId: hex digits in lower case */
#define HANDSHAKE_SUBJECT_MAX 32 /* an EID; a SUPI is shorter */

enum handshake_kind { HANDSHAKE_ATTACH, HANDSHAKE_DOWNLOAD };

struct handshake {
	enum handshake_kind kind;
	char subject[HANDSHAKE_SUBJECT_MAX + 1]; /* the EID, or "imsi-…" */
	char id[HANDSHAKE_ID_LEN + 1];
	uint8_t device_nonce[HANDSHAKE_NONCE_LEN], server_nonce[HANDSHAKE_NONCE_LEN];
	uint8_t server_ephemeral[P256_POINT_LEN], device_ephemeral[P256_POINT_LEN];
	uint8_t keys[64]; /* Ks in the first half; Kb and Kn */
};

/* HANDSHAKE_ID_LEN hex digits in lower case. */
bool handshake_id_is_valid(const char *id);
/* INVALID_PARAMETER: a subject that is empty or too long. */
enum outcome handshake_begin(struct handshake *h, enum handshake_kind kind, const char *subject);

/* What 9.1 and 10.1 are answered with, but for the certificates. */
struct server_offer {
	char id[HANDSHAKE_ID_LEN + 1];
	uint8_t nonce[HANDSHAKE_NONCE_LEN];
	uint8_t ephemeral[P256_POINT_LEN];
	struct batch_signature signature;
};
/*
 * SIGNATURE_INVALID where it is not the checker's signer's over this offer to this handshake; INVALID_PARAMETER
 * where the id is none. Takes what it brings.
 */
enum outcome handshake_check_offer(
	struct handshake *h, struct signature_checker *c, const struct server_offer *offer);
/* The same but for the signature: what a device that trusts its path blindly would do. */
enum outcome handshake_take_offer(struct handshake *h, const struct server_offer *offer);
/* key: the eUICC's or the SE's. INVALID_PARAMETER where the server's ephemeral key is no point. */
enum outcome handshake_answer(struct handshake *h, const uint8_t key[P256_SCALAR_LEN],
	uint8_t signature[P256_SIGNATURE_LEN]);

#endif
