/*
 * The server of docs/protocol.md sections 9 and 10 as a certified device's tests play it, written from that page
 * with OpenSSL and crypto/: offers signed as trees of one leaf, the device's answer checked, the keys of both.
 */
#ifndef TESTS_UNIT_CERTIFIED_SERVER_H
#define TESTS_UNIT_CERTIFIED_SERVER_H

#include "device/handshake.h"

/* T(label; …), written by hand. */
struct hand_text {
	uint8_t at[1024];
	size_t len;
};
struct hand_text hand_start(const char *label);
void hand_add(struct hand_text *t, const void *from, size_t len);
void hand_add_text(struct hand_text *t, const char *text);

struct certified_server {
	const char *offer, *answer, *keys; /* labels */
	uint8_t sign_key[32], scalar[32], ephemeral[65], nonce[16];
	struct signature_checker *checker; /* of what it signs; the caller frees */
};
#define CERTIFIED_ID "00112233445566778899aabbccddeeff"

struct certified_server certified_attach_server(void);
struct certified_server certified_download_server(void);
void certified_sign(const struct certified_server *s, const struct hand_text *message,
	struct batch_signature *out);
void certified_offer(const struct certified_server *s, const char *subject,
	const uint8_t device_nonce[16], struct server_offer *out);
/* Whether the answer of this handshake is signed by the key of this point. */
enum outcome certified_verify_answer(const struct certified_server *s, const struct handshake *h,
	const char *subject, struct bytes point, const uint8_t signature[64]);
void certified_derive(const struct certified_server *s, const struct handshake *h,
	const char *subject, uint8_t *keys, size_t len);

#endif
