/*
 * Definite-length CBOR (RFC 8949) by heads, on libcbor's streaming decoder: nothing is built,
 * nothing nests, and strings are slices of the input. Private to crypto/.
 */
#ifndef CRYPTO_CBOR_H
#define CRYPTO_CBOR_H

#include "base/bytes.h"

enum cbor_kind {
	CBOR_REFUSED, /* indefinite lengths and what libcbor does not know */
	CBOR_UNSIGNED,
	CBOR_NEGATIVE, /* -1 - number */
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY, /* of number items */
	CBOR_MAP,   /* of number pairs */
	CBOR_TAG,
	CBOR_OTHER, /* floats and simple values */
};

struct cbor_head {
	enum cbor_kind kind;
	uint64_t number;
	struct bytes string;
};

/* Takes one head, a string with its content, from the front; false where there is none. */
bool cbor_take(struct bytes *in, struct cbor_head *head);
/* The same, where it must be of this kind. */
bool cbor_take_kind(struct bytes *in, enum cbor_kind kind, struct cbor_head *head);
/* Steps over the items of a map whose head has just been taken. */
bool cbor_skip_pairs(struct bytes *in, uint64_t pairs);

/* Writers, shortest form (RFC 8949 section 4.1). */
void cbor_put_unsigned(struct buffer *out, uint64_t v);
void cbor_put_negative(struct buffer *out, uint64_t minus_one_minus_v);
void cbor_put_array(struct buffer *out, size_t items);
void cbor_put_map(struct buffer *out, size_t pairs);
void cbor_put_tag(struct buffer *out, uint64_t tag);
/* The head of a byte string whose content the caller puts behind it. */
void cbor_put_bytes_head(struct buffer *out, size_t len);
void cbor_put_bytes(struct buffer *out, struct bytes content);
void cbor_put_text(struct buffer *out, const char *text);

#endif
