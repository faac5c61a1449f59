/*
 * One identity whose ECCSI signatures (RFC 6507) recur. Y = [HS]PVT + KPAK is the same in all of them, and
 * with it a signature r, s over HE is verified as the ECDSA signature r, 1/s under the key Y:
 *
 *     J = [s]([HE]G + [r]Y)   is   [HE/s']G + [r/s']Y   with s' = 1/s
 *
 * so that a verification costs what one under an issuer's key does. Belongs to one thread.
 */
#ifndef DEVICE_ECCSI_SIGNER_H
#define DEVICE_ECCSI_SIGNER_H

#include "crypto/eccsi.h"

#define ECCSI_ID_MAX 255

struct eccsi_signer;

/* INVALID_PARAMETER where kpak is no point or the identity is too long. */
enum outcome eccsi_signer_new(
	const uint8_t kpak[ECCSI_POINT_LEN], struct bytes id, struct eccsi_signer **out);
/* NULL is allowed. */
void eccsi_signer_free(struct eccsi_signer *s);
/* As eccsi_verify. */
enum outcome eccsi_signer_verify(
	struct eccsi_signer *s, struct bytes message, const uint8_t signature[ECCSI_SIGNATURE_LEN]);

#endif
