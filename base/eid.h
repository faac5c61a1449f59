/* eUICC identifiers: 32 decimal digits, the last two of which check the rest (ISO/IEC 7064 MOD 97-10; SGP.02, SGP.29). */
#ifndef BASE_EID_H
#define BASE_EID_H

#include "base/bytes.h"

#define EID_LEN 32

bool eid_is_valid(struct bytes text);

#endif
