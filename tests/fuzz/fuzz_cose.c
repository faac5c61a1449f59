/* What is read of a token lies within it, and written again reads the same. */
#include <stdlib.h>

#include "crypto/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool within(struct bytes part, struct bytes whole)
{
	return part.len == 0 || (part.at >= whole.at && part.len <= whole.len &&
					(size_t)(part.at - whole.at) <= whole.len - part.len);
}

static void read_content(struct bytes payload)
{
	struct attach_token token, again;
	uint8_t at[256];
	struct buffer b = buffer_over(at, sizeof(at));

	if (attach_token_read(payload, &token) != FINE)
		return;
	must(within(token.public_key, payload) && token.public_key.len == 65);
	must(within(token.key_id, payload) && token.key_id.len == 32);
	must(within(token.nonce, payload) && token.nonce.len == 16);
	attach_token_write(&b, &token);
	must(!b.full && attach_token_read(buffer_bytes(&b), &again) == FINE);
	must(token.dimsi == again.dimsi && bytes_equal(token.public_key, again.public_key) &&
		bytes_equal(token.key_id, again.key_id) && bytes_equal(token.nonce, again.nonce));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes message = bytes_of(data, size);
	struct cose_sign1 token, again;
	uint8_t at[4200];
	uint8_t digest[32];
	struct buffer b = buffer_over(at, sizeof(at));

	read_content(message);
	if (cose_sign1_read(message, &token) != FINE)
		return 0;
	must(within(token.protected_header, message) && within(token.payload, message));
	must(within(token.signature, message) && token.signature.len == 64);
	must(cose_sign1_digest(&token, digest) == FINE);
	cose_sign1_write(&b, token.payload, token.signature.at, size % 2 == 0);
	must(!b.full);
	if (b.len <= size)
		must(cose_sign1_read(buffer_bytes(&b), &again) == FINE &&
			bytes_equal(token.payload, again.payload));
	read_content(token.payload);
	return 0;
}
