/* K' under a device's certified public key (docs/protocol.md section 8, step 7). */
#ifndef HSM_KEYD_SEAL_TO_DEVICE_H
#define HSM_KEYD_SEAL_TO_DEVICE_H

#include "hsm/messages.h"

#define K_PRIME_LEN 32

/*
 * By the item's scheme, ECIES or RSA-OAEP, into the result's ephemeral, mac and ciphertext. INVALID_PARAMETER for a key
 * that is no point of P-256, or no RSA key of 2048 to 4096 bits with an odd exponent of 3 or more.
 */
enum outcome seal_to_device(const struct key_derive_device_in *in,
	const uint8_t k_prime[K_PRIME_LEN], struct key_device *out);

#endif
