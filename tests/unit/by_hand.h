/*
 * One transaction at a time through a procedure whose KEY and DB lanes the test holds in its hand: it
 * looks at what a step asks, and brings what it likes. Over fake_lanes.h.
 */
#ifndef TESTS_UNIT_BY_HAND_H
#define TESTS_UNIT_BY_HAND_H

#include "procedures/procedure.h"

#define HAND_IMSI_TEXT "imsi-001010000000001"
#define HAND_IMSI      INT64_C(1010000000001)
#define HAND_NETWORK   "5G:mnc001.mcc001.3gppnetwork.org"
#define HAND_NAI       "nai-000102030405060708090a0b0c0d0e0f@5gc.mnc001.mcc001.3gppnetwork.org"

/* What became of the transaction. */
struct hand {
	struct settings settings; /* the built-in ones */
	struct txn *now;          /* under way */
	bool ended;
	enum outcome outcome;
	int status;
	char body[1024], location[256], param[64];
};
extern struct hand hand;

void by_hand_start(void);
/* Nothing may be left in flight. */
void hand_end(void);
/* Until a lane has it or it has ended. json: the body, read already, or NULL. */
void hand_begin(const struct procedure *p, const char *parameter, const char *body);
void hand_begin_json(const struct procedure *p, const json_t *json);
/* The same with both of a path's parameters, and with a query string. */
void hand_begin_at(
	const struct procedure *p, const char *parameter, const char *second, const char *body);
void hand_begin_query(const struct procedure *p, const char *parameter, const char *query);
/* What the statement or operation is asked; the test fails where another lane has the transaction. */
const void *asked_db(enum db_statement statement);
const void *asked_key(enum key_operation operation);
/* What it brings; result may be NULL. */
void bring_db(enum db_statement statement, enum outcome o, const void *result, size_t len);
void bring_key(enum key_operation operation, enum outcome o, const void *result, size_t len);
/* It has ended so, and its answer says so. */
void check_ended(enum outcome o);

/* Bodies that a procedure's first step refuses. */
struct refusal {
	const char *body;
	enum outcome outcome;
	const char *param; /* "" where none is named */
};
void check_refusals(
	const struct procedure *p, const char *parameter, const struct refusal *rows, size_t count);

#endif
