/*
 * The messages of an attach with device credentials between UE and CP function (docs/protocol.md section 9); what
 * is between them is in loadtest/offer.h. Pure.
 */
#ifndef LOADTEST_CREDENTIAL_ATTACH_H
#define LOADTEST_CREDENTIAL_ATTACH_H

#include "device/euicc.h"

#define CREDENTIAL_ATTACH_PATH     "/ncp-attach/v1/attach-requests"
#define PDU_SESSION_PATH           "/ncp-attach/v1/pdu-sessions"
#define CREDENTIAL_ATTACH_BODY_MAX 256

/* Step 1; out holds CREDENTIAL_ATTACH_BODY_MAX characters. Returns the length. */
size_t credential_attach_write_request(const struct handshake *h, char *out);

/* Steps 3 and 4: the answer to 9.2. Texts and lists are slices of it. */
struct credential_accept {
	struct attach_accept accept;
	struct bytes destinations; /* allowedDestinations as JSON */
};
bool credential_attach_read_answer(struct bytes in, struct credential_accept *out);

#endif
