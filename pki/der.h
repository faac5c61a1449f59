/*
 * The distinguished encoding rules (X.690), read in place and strictly: tags of one byte, definite
 * lengths in their shortest form.
 *
 * Each function reads one element from the front of *in and moves *in behind it. Where it answers
 * false the element is another or not well formed, and *in may have moved: the caller gives up.
 * Pure; every slice points into what was given.
 */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "base/bytes.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_NUMERIC_STRING = 0x12,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,
	DER_CONTEXT_CONSTRUCTED = 0xa0,
};

static inline bool der_next_is(struct bytes in, uint8_t tag)
{
	return in.len > 0 && in.at[0] == tag;
}

bool der_take_any(struct bytes *in, uint8_t *tag, struct bytes *content);
bool der_take(struct bytes *in, uint8_t tag, struct bytes *content);
/* whole: with tag and length. */
bool der_take_whole(struct bytes *in, uint8_t tag, struct bytes *whole, struct bytes *content);
/* These very bytes. */
bool der_take_exact(struct bytes *in, struct bytes expected);
/* Content in its shortest form, sign byte and all. */
bool der_take_integer(struct bytes *in, struct bytes *content);
bool der_take_oid(struct bytes *in, struct bytes *content);
/*
 * BOOLEAN DEFAULT FALSE: false where the next element is no BOOLEAN. An explicit FALSE, which DER
 * forbids, is let through, because tools that make devices' certificates write it and nobody
 * misreads it.
 */
bool der_take_flag(struct bytes *in, bool *flag);
/* UTCTime or GeneralizedTime of RFC 5280 section 4.1.2.5: seconds given, Z, no fraction. */
bool der_take_time(struct bytes *in, int64_t *unix_seconds);

#endif
