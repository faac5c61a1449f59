/*
 * COSE_Sign1 (RFC 9052 section 4.2) as the token ATK.SE.ECDHE uses it: ES256, empty external_aad,
 * tag 18 optional; parsed with libcbor, definite lengths only, nothing behind the item.
 */
#ifndef CRYPTO_COSE_H
#define CRYPTO_COSE_H

#include "base/bytes.h"

/* Slices of the message that was read. */
struct cose_sign1 {
	struct bytes protected_header; /* the bstr's content */
	struct bytes payload;
	struct bytes signature; /* 64 bytes, r and s */
};

/*
 * Reads the outer structure only: an array of four (bstr holding the map {1: -7}, map, bstr, bstr
 * of 64). INVALID_PARAMETER for anything else; never looks into the payload.
 */
enum outcome cose_sign1_read(struct bytes message, struct cose_sign1 *out);
/* SHA-256 of the Sig_structure ["Signature1", protected, h'', payload]. */
enum outcome cose_sign1_digest(const struct cose_sign1 *token, uint8_t digest[32]);
/* Writes the message for a payload and its signature, tagged or not. */
void cose_sign1_write(
	struct buffer *out, struct bytes payload, const uint8_t signature[64], bool tagged);
/* The digest that cose_sign1_write's signature must be over. */
enum outcome cose_sign1_digest_to_sign(struct bytes payload, uint8_t digest[32]);

/*
 * The content of the token: {1: dIMSI (tstr), 2: point (bstr 65), 3: keyId (bstr 32), 4: nonce
 * (bstr 16)}.
 */
struct attach_token {
	uint64_t dimsi;
	struct bytes public_key; /* PK.SE.ECDHE, 65 bytes, not yet checked to be on the curve */
	struct bytes key_id;     /* 32 bytes */
	struct bytes nonce;      /* 16 bytes */
};

/*
 * Reads a payload whose signature has been verified. INVALID_PARAMETER where it is not exactly that
 * map (unknown or repeated keys, wrong types or lengths, a dIMSI that is not 15 digits).
 */
enum outcome attach_token_read(struct bytes payload, struct attach_token *out);
void attach_token_write(struct buffer *out, const struct attach_token *token);

#endif
