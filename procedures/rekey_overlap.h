/* How long the old version serves after a re-key: a body's overlapSeconds, else the setting. For CPU steps. */
#ifndef PROCEDURES_REKEY_OVERLAP_H
#define PROCEDURES_REKEY_OVERLAP_H

#include "procedures/procedure.h"

/* Of t->json. INVALID_PARAMETER. */
enum outcome rekey_overlap_read(struct txn *t, int64_t *overlap_s);

#endif
