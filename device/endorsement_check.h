/*
 * Checks the endorsements an ARPF gives out (docs/protocol.md section 4.3), by the checker of
 * device/batch_signature_check.h.
 */
#ifndef DEVICE_ENDORSEMENT_CHECK_H
#define DEVICE_ENDORSEMENT_CHECK_H

#include "device/batch_signature_check.h"

/* T("arpf endorsement v1"; SHA-256(atk), dIMSI, seId, u64 issuedAt) */
enum outcome endorsement_check(struct signature_checker *c, const struct batch_signature *s,
	struct bytes atk, uint64_t dimsi, const char *se_id, uint64_t issued_at);

#endif
