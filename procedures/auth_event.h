/*
 * Nudm_UEAuthentication_ResultConfirmation: what became of an authentication (docs/protocol.md
 * section 5.2; TS 33.501 6.1.4.1a, TS 29.503 6.3).
 */
#ifndef PROCEDURES_AUTH_EVENT_H
#define PROCEDURES_AUTH_EVENT_H

#include "procedures/procedure.h"

extern const struct procedure auth_event; /* POST …/{supi}/auth-events */

#endif
