/*
 * How many refusals of whom are recorded one by one, and how many were not: so that neither strangers nor a gateway
 * that is broken, or in somebody else's hands, can fill the disk. A caller with a name has a bound of his own,
 * which after a quiet time lets two batch requests of a thousand bad items through at once; callers without one
 * have theirs together. A fixed number of callers is told apart; what is beyond shares one more bound.
 * Memory only, the time is told; one thread.
 */
#ifndef PROCEDURES_REFUSAL_BOUNDS_H
#define PROCEDURES_REFUSAL_BOUNDS_H

#include "db/statements.h"

#define STRANGERS_A_SECOND 100
#define STRANGERS_AT_ONCE  100
#define CALLER_A_SECOND    200
#define CALLER_AT_ONCE     2000
#define CALLERS_APART      64 /* of a reactor */

struct refusal_bounds;

/* NULL: no memory. */
struct refusal_bounds *refusal_bounds_new(void);
/* NULL is allowed. */
void refusal_bounds_free(struct refusal_bounds *b);

/* Whether one more may be recorded, which then counts. actor NULL: a stranger. */
bool refusal_bounds_take(struct refusal_bounds *b, const char *actor, int64_t now_ms);
/* One was not recorded, for whatever reason. */
void refusal_bounds_lose(struct refusal_bounds *b, const char *actor, int64_t now_ms);

/* Since that was last told. */
int64_t refusal_bounds_lost(const struct refusal_bounds *b);
/*
 * Writes them down for the trail: "strangers=7 callers=2 of_callers=300 most=device-gateway:gw 1", the name at the end,
 * where there is one. Returns how many they are. From then on they are being told, until _told() says whether they have been.
 */
int64_t refusal_bounds_tell(struct refusal_bounds *b, char detail[DB_DETAIL_MAX + 1]);
void refusal_bounds_told(struct refusal_bounds *b, bool done);

#endif
