/* The audit trail's way to the CPU lane: verifications as transactions of the engine, which no request began. */
#ifndef SERVER_AUDIT_LANE_H
#define SERVER_AUDIT_LANE_H

#include "procedures/audit_verification.h"

/* v is the caller's until v->done(), which may come before this returns. On the engine's loop. */
void audit_lane_verify(struct engine *engine, struct audit_verification *v);

#endif
