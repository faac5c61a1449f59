/* A BatchSignature (docs/protocol.md section 3) as JSON. Pure. */
#ifndef LOADTEST_SIGNATURE_JSON_H
#define LOADTEST_SIGNATURE_JSON_H

#include "device/batch_signature_check.h"

/*
 * false where a member is absent or not well formed. issued_at: an endorsement's, 0 where there is none;
 * NULL is allowed.
 */
bool signature_read_json(struct bytes in, struct batch_signature *s, uint64_t *issued_at);

#endif
