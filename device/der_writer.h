/*
 * Writes DER (X.690) from its end to its front, so that every length is known when it is written and no
 * element is measured first. What does not fit sets `full`; der_end() then answers false.
 *
 *     size_t end = der_open(&w);
 *     der_put(&w, DER_UTF8_STRING, name);       the last element comes first
 *     der_put(&w, DER_OID, common_name);
 *     der_close(&w, DER_SEQUENCE, end);
 */
#ifndef DEVICE_DER_WRITER_H
#define DEVICE_DER_WRITER_H

#include "base/bytes.h"
#include "pki/der.h"

struct der_writer {
	uint8_t *at;
	size_t front; /* what has been written begins here and ends at the buffer's end */
	size_t cap;
	bool full;
};

struct der_writer der_start(void *at, size_t cap);
void der_put_raw(struct der_writer *w, struct bytes whole);
void der_put(struct der_writer *w, uint8_t tag, struct bytes content);
/* A BIT STRING of whole bytes. */
void der_put_bits(struct der_writer *w, struct bytes content);
/* Not negative, big-endian, of any length. */
void der_put_integer(struct der_writer *w, struct bytes number);
/* UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
void der_put_time(struct der_writer *w, int64_t unix_seconds);
size_t der_open(const struct der_writer *w);
void der_close(struct der_writer *w, uint8_t tag, size_t end);
/* What has been written, in the writer's own buffer. */
bool der_end(const struct der_writer *w, struct bytes *out);

#endif
