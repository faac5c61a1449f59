/*
 * T(label; f1, ..., fn): the one encoding that every MAC, signature and key derivation of the
 * protocol runs over (docs/protocol.md section 1). The ASCII label, one zero byte, then for each
 * field a 16-bit big-endian length and the field's bytes.
 *
 * Written into the caller's buffer; transcript_end() answers false where it did not fit
 * or a field was longer than 65,535 bytes, so that a run of additions is
 * checked once.
 */
#ifndef CRYPTO_TRANSCRIPT_H
#define CRYPTO_TRANSCRIPT_H

#include "base/bytes.h"

struct transcript {
	struct buffer out;
};

struct transcript transcript_start(void *at, size_t cap, const char *label);
void transcript_add(struct transcript *t, struct bytes field);
void transcript_add_text(struct transcript *t, const char *text);
void transcript_add_u32(struct transcript *t, uint32_t v);
void transcript_add_u64(struct transcript *t, uint64_t v);
/* False where anything did not fit. */
bool transcript_end(const struct transcript *t, struct bytes *out);

#endif
