/* What a credential's state means to a request that needs its key. Pure. */
#ifndef PROCEDURES_CREDENTIAL_H
#define PROCEDURES_CREDENTIAL_H

#include "base/outcome.h"
#include "db/statements.h"

/*
 * state: as of now, an enum credential_state. FINE of one in use; CREDENTIAL_SUSPENDED, _RETIRED, _REVOKED
 * or _EXPIRED; USER_NOT_FOUND where it is not there yet or no more; BROKEN where the number is no state.
 */
enum outcome credential_state_outcome(int32_t state);

#endif
