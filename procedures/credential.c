#include "procedures/credential.h"

enum outcome credential_state_outcome(int32_t state)
{
	switch ((enum credential_state)state) {
	case CREDENTIAL_IS_ACTIVE:
		return FINE;
	case CREDENTIAL_IS_SUSPENDED:
		return CREDENTIAL_SUSPENDED;
	case CREDENTIAL_IS_RETIRED:
		return CREDENTIAL_RETIRED;
	case CREDENTIAL_IS_REVOKED:
		return CREDENTIAL_REVOKED;
	case CREDENTIAL_IS_OVERDUE:
		return CREDENTIAL_EXPIRED;
	case CREDENTIAL_IS_PRE_ACTIVE:
	case CREDENTIAL_IS_DESTROYED:
		return USER_NOT_FOUND;
	}
	return BROKEN;
}
