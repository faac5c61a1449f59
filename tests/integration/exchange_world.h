/*
 * The device's side of an exchange (docs/protocol.md sections 9 and 10) against a real arpf-keyd: an offer that is asked
 * for and verified, and what the device derives of it.
 */
#ifndef TESTS_INTEGRATION_EXCHANGE_WORLD_H
#define TESTS_INTEGRATION_EXCHANGE_WORLD_H

#include "tests/integration/key_world.h"

#define EXCHANGE_EID "89049032123451234512345678901235"

/* The same beginning as the items of KEY_ACCEPT_ATTACH and KEY_BIND_PROFILE. */
struct device_exchange {
	struct key_exchange exchange;
	uint8_t scalar[P256_SCALAR_LEN], ephemeral[P256_POINT_LEN]; /* the device's */
	struct key_offer offer;
};

/* A device of this subject with nonces and an identifier of its own, and the request for its offer. */
struct key_offer_exchange_in exchange_start(struct device_exchange *d, enum exchange_kind kind,
	const char *subject, const struct key_found *sign);
/* The same, and the offer asked for and verified. */
void exchange_offered(struct device_exchange *d, enum exchange_kind kind, const char *subject);
/* That the offer is signed by this key, over the page's transcript. */
void exchange_verify_offer(const struct device_exchange *d, const struct key_found *sign);
/* HKDF of the device's scalar and the offered point. */
void exchange_derive(const struct device_exchange *d, const char *label, uint8_t *out, size_t len);
/* An identifier as it stands in transcripts. */
struct bytes exchange_id_text(
	const uint8_t id[EXCHANGE_ID_LEN], char room[2 * EXCHANGE_ID_LEN + 1]);
/* What a changed byte of a kept secret is refused with: version and generation stand first. */
enum outcome exchange_in_kept(unsigned byte);

#endif
