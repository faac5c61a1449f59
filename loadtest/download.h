/*
 * The messages of a profile download between device and provisioning server (docs/protocol.md section 10), and the
 * profile inside; what is between them is in loadtest/offer.h. Pure.
 */
#ifndef LOADTEST_DOWNLOAD_H
#define LOADTEST_DOWNLOAD_H

#include "device/profile_download.h"

#define DOWNLOAD_PATH     "/nsmdp-profile/v1/downloads"
#define DOWNLOAD_BODY_MAX 256

/*
 * 10.1; out holds DOWNLOAD_BODY_MAX characters. attach_id: of the attach before, NULL for a SUPI. Returns the
 * length.
 */
size_t download_write_request(const struct handshake *h, const char *attach_id, char *out);

/* 10.2. */
struct bound_profile {
	uint8_t iv[12], ciphertext[BOUND_PROFILE_MAX];
	size_t ciphertext_len;
};
bool bound_profile_read_answer(struct bytes in, struct bound_profile *out);

/* What a device installs. */
struct installed_profile {
	char supi[24];
	uint64_t imsi;
	uint8_t k[16], opc[16];
	struct bytes network; /* networkIdentity as JSON, a slice of the profile */
	struct bytes issued_at, not_after;
};
/* Decrypts it too: MAC_INVALID; INVALID_PARAMETER: no profile. json holds BOUND_PROFILE_MAX bytes. */
enum outcome bound_profile_open(const struct handshake *h, const struct bound_profile *bound,
	uint8_t *json, struct installed_profile *out);

/* 10.3 with "INSTALLED" or "FAILED"; out as above. */
enum outcome download_write_notification(
	const struct handshake *h, const char *result, char *out, size_t *len);

#endif
