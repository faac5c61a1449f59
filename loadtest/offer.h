/*
 * The messages that an attach with device credentials and a profile download have in common (docs/protocol.md
 * sections 9 and 10): the server's offer, and the device's authenticated answer to it. Pure.
 */
#ifndef LOADTEST_OFFER_H
#define LOADTEST_OFFER_H

#include "device/handshake.h"
#include "loadtest/certificate_json.h"

/* What 9.1 and 10.1 are answered with. */
struct offer_answer {
	struct server_offer offer;
	struct certificate_list chain; /* slices of room */
	struct certificate_room room;
};
/* id_member: "attachId" or "downloadId". */
bool offer_read_answer(struct bytes in, const char *id_member, struct offer_answer *out);

/* A chain as the device shows it: its own certificate, and its issuer's already in base64. */
struct shown_chain {
	struct bytes leaf;
	const char *issuer;
};
#define OFFER_REPLY_MAX 2560
/* The body of 9.2 and 10.2; out holds OFFER_REPLY_MAX characters. Returns the length; 0: too long. */
size_t offer_write_reply(const struct handshake *h, const uint8_t signature[P256_SIGNATURE_LEN],
	const struct shown_chain *chain, char *out);

#endif
