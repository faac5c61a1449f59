#include "procedures/rekey_overlap.h"

#include "procedures/body.h"

#define MOST INT64_C(4000000000) /* as of the setting */

enum outcome rekey_overlap_read(struct txn *t, int64_t *overlap_s)
{
	*overlap_s = t->services->settings->rekey_overlap_s;
	return body_has(t->json, "overlapSeconds")
		       ? body_number(t, t->json, "overlapSeconds", 0, MOST, overlap_s)
		       : FINE;
}
