/*
 * The messages of Solution #12.x between companion UE, device and server (docs/protocol.md sections 7.2 and
 * 7.3). Pure.
 */
#ifndef LOADTEST_CREDENTIAL_REQUEST_H
#define LOADTEST_CREDENTIAL_REQUEST_H

#include "device/companion_ue.h"
#include "device/dh_device.h"
#include "loadtest/aka.h"

#define CREDENTIAL_PATH     "/narpf-companion/v1/credential-requests"
#define CREDENTIAL_BODY_MAX 1024

/* Steps 2 and 3: MAC1 by the companion. out holds CREDENTIAL_BODY_MAX characters. */
enum outcome credential_write_request(
	const struct companion_ue *c, const struct dh_device *d, char *out, size_t *len);
/* Step 5; false: not an answer of 7.2. */
bool credential_read_answer(struct bytes in, enum dh_group group, struct dh_answer *out);

/* Step 9, with MAC2. */
enum outcome confirmation_write_request(const struct dh_device *d, char *out, size_t *len);
/* Step 11. */
struct confirmation_answer {
	char supi[SUPI_MAX + 1];
	uint64_t imsi;
	uint8_t mac3[32];
};
bool confirmation_read_answer(struct bytes in, struct confirmation_answer *out);

#endif
