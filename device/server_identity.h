/*
 * Who a server is that sends its certificates with each signature (docs/protocol.md sections 9.1 and 10.1): the
 * chain is verified as a secure element verifies an ARPF's, and remembered, so that the next device of the same
 * maker finds it verified. One thread.
 */
#ifndef DEVICE_SERVER_IDENTITY_H
#define DEVICE_SERVER_IDENTITY_H

#include "device/batch_signature_check.h"

struct server_identity {
	struct bytes anchor;               /* the root that it must lead to; empty: any */
	uint8_t seen[32];                  /* the chain that the checker is of */
	struct signature_checker *checker; /* NULL: none seen yet */
};

/*
 * The signing certificate first, then its issuers up to the root. CERTIFICATE_UNTRUSTED, CERTIFICATE_EXPIRED,
 * INVALID_PARAMETER; the checker is then as it was.
 */
enum outcome server_identity_see(
	struct server_identity *s, const struct bytes *chain, size_t count, int64_t now);
void server_identity_end(struct server_identity *s);

#endif
