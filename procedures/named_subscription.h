/*
 * The subscription that an administrator's path names: imsi-… or nai-… (an Access ID). Part of the state of
 * the procedures under /admin/v1/subscriptions/{supi}.
 */
#ifndef PROCEDURES_NAMED_SUBSCRIPTION_H
#define PROCEDURES_NAMED_SUBSCRIPTION_H

#include "procedures/supi.h"

struct named_subscription {
	struct supi supi; /* supi.imsi, once it is found */
	struct db_access access;
};

/* The path's first parameter; INVALID_PARAMETER, a SUCI among others. For LOOP and CPU. */
enum outcome named_subscription_read(struct txn *t, struct named_subscription *n);
/* Whether it is an Access ID, which a DB step has still to look up. */
bool named_subscription_is_access_id(const struct named_subscription *n);
enum outcome named_subscription_ask(struct txn *t, struct named_subscription *n);
/* For finish of that step: USER_NOT_FOUND. */
enum outcome named_subscription_have(
	struct txn *t, struct named_subscription *n, enum outcome brought);
enum outcome named_subscription_refuse_unknown(struct txn *t);

#endif
