/*
 * The one idea: a procedure is a table of steps, a transaction is one request on its way through it,
 * a lane is a place where steps of one kind are done, in batches.
 *
 * A step names its lane and has up to three functions. `run` does the step (CPU, LOOP and REPLY lanes) or
 * fills in what the lane is asked (all others); `finish` looks at what the lane brought; `when`
 * tells whether the step is due at all. An outcome other than FINE ends the transaction with that outcome,
 * after the procedure's `undo`. Steps run in the order of the table; finish may call
 * txn_go_back() to have an earlier step done again.
 *
 * CPU steps run on a worker thread and touch the transaction only; everything else runs on the
 * reactor's loop. A transaction is owned by one lane at a time, so a step needs no lock.
 */
#ifndef PROCEDURES_PROCEDURE_H
#define PROCEDURES_PROCEDURE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/json_out.h"
#include "db/db.h"
#include "db/imsi_leases.h"
#include "hsm/client.h"
#include "peers/http_client.h"
#include "procedures/services.h"

struct txn;

enum lane {
	LANE_LOOP,  /* on the loop, at once: a look at memory */
	LANE_CPU,   /* worker threads: public data only */
	LANE_IMSI,  /* a number from a leased block */
	LANE_KEY,   /* arpf-keyd: everything with a secret */
	LANE_DB,    /* multi-row statements, one commit a batch */
	LANE_FETCH, /* HTTP to others */
	LANE_ITEMS, /* the transactions of a batch request, all of them ended */
	LANE_VIEWS, /* the reactor's picture of trust and keys read anew from the database */
	LANE_REPLY, /* writes the answer */
	LANE_COUNT,
};
const char *lane_name(enum lane lane);

struct step {
	const char *name; /* its log action, its metric label, what a test asserts */
	enum lane lane;
	enum outcome (*run)(struct txn *t);
	enum outcome (*finish)(
		struct txn *t, enum outcome brought); /* NULL: what was brought stands */
	bool (*when)(const struct txn *t);            /* NULL: always */
};

#define PROCEDURE_MAX_STEPS 16
struct procedure {
	const char *name;
	size_t state_size;           /* of the structure at txn->state, zeroed at the start */
	bool is_confidential;        /* keys pass through it in the clear: its memory is wiped */
	void (*undo)(struct txn *t); /* after a step failed; NULL: nothing to undo */
	struct step steps[PROCEDURE_MAX_STEPS]; /* ends at the first without a name */
};

#define TXN_PARAMETERS  2
#define TXN_INVALID_MAX 4

struct invalid_param {
	const char *param, *reason;
};

struct answer {
	int status;
	const char *content_type; /* application/json unless set */
	const char *body;         /* in the arena; NULL: none */
	size_t len;
	const char *location; /* of what was made, for 201; NULL: not said */
};

/* A parameter of the query, unescaped; without a value it is "". */
struct query {
	const char *name, *value;
	const struct query *next;
};

struct txn {
	const struct procedure *procedure;
	struct services *services;
	struct arena *arena;
	void *state;
	unsigned step;
	enum lane waiting_in; /* the lane that owns it now */
	unsigned turns;       /* how often txn_go_back was taken */

	/* the request; slices live as long as the transaction */
	struct bytes body;
	const char *parameters[TXN_PARAMETERS]; /* the path's {…}, in order */
	const struct query *query;              /* of any order */
	const json_t *json; /* the body, read (or one item of a batch, the parent's) */
	const char *request_id;
	const char *
		actor; /* who asks: "<role>:<CN>", "loopback", "unix:<uid>"; NULL: there is no trail */

	/* for the audit trail: whom or what the request names, once that is read; NULL: not known */
	const char *about;

	/* what this transaction began with; it keeps them to its end */
	struct trust *trust;
	struct own_keys *own_keys;

	/* the end */
	enum outcome outcome;
	const char *detail; /* one sentence or NULL */
	struct invalid_param invalid[TXN_INVALID_MAX];
	unsigned invalid_count;
	struct answer answer;
	bool has_begun;
	bool was_brought; /* its lane has given it back, and it is about to go on */
	bool has_ended; /* `ended` was called; perhaps by its deadline, while a lane still has it */
	bool owner_done; /* the answer has been taken */
	void (*ended)(struct txn *t);
	void *owner; /* of `ended`'s */

	/* a batch request: a CPU step sets count and procedure, LANE_ITEMS makes the items, its run fills them in */
	struct txn *parent, **items;
	size_t item_count, items_left;
	const struct procedure *item_procedure;

	int64_t started_us, deadline_ms;
	int64_t step_started_us;
	struct txn *next;            /* in the queue of the lane that owns it */
	struct txn *older, *younger; /* among all of the reactor, by age */
	union {
		struct key_request key;
		struct db_request db;
		struct imsi_request imsi;
		struct http_request fetch;
	} ask;
};

/* One more parameter of the query, copied; false where there is no memory for it. */
bool txn_add_query(struct txn *t, const char *name, const char *value);

/* For run functions of CPU steps and others: names the parameter at fault. param and reason are kept by pointer. */
enum outcome txn_refuse_parameter(
	struct txn *t, enum outcome outcome, const char *param, const char *reason);
/* The sentence for `detail`; kept by pointer. Returns outcome, for `return txn_refuse(…)`. */
enum outcome txn_refuse(struct txn *t, enum outcome outcome, const char *detail);
/* The same of a transaction that began before the anchors were first read: t->trust is NULL. */
enum outcome txn_lack_trust(struct txn *t);
/* For finish: has the named step of the table done again, at most `most` times; else outcome stands. */
enum outcome txn_go_back(struct txn *t, const char *step, unsigned most, enum outcome otherwise);

/* For run of the KEY and DB lanes. */
enum outcome txn_ask_key(struct txn *t, enum key_operation operation, const void *in, void *out);
enum outcome txn_ask_db(struct txn *t, enum db_statement statement, const void *row, void *result);

#endif
