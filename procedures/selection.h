/*
 * Which subscriptions (docs/protocol.md section 11), as a query string or a member of a body says it: first,
 * last, owner (IMSIs, as imsi-… or 15 digits), kind and state (names), createdBefore, createdSince and
 * expiresBefore (RFC 3339 in UTC, or unix seconds).
 */
#ifndef PROCEDURES_SELECTION_H
#define PROCEDURES_SELECTION_H

#include "procedures/filter.h"

/* Nothing is asked for: everybody. */
extern const struct db_selection selection_everybody;

/* What a query may name of a struct db_selection. */
extern const struct filter selection_filters[];
/*
 * The body's member `selection`, which must name at least one of them and nothing else: a misspelt condition
 * would select everybody.
 */
enum outcome selection_read_body(struct txn *t, struct db_selection *s);
/* The object. */
void selection_write(struct json_out *o, const struct db_selection *s);
bool selection_equal(const struct db_selection *a, const struct db_selection *b);

#endif
