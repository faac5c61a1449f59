/*
 * Rows of the audit trail (docs/security.md); part of db/statements.h.
 *
 * Events are written by the statement that makes the change, in its commit. Their order is that of
 * (xid, number): the transaction's number and the place within it. A tree takes all events of the
 * transactions from from_xid to before to_xid, which have all ended by then.
 */
#ifndef DB_ROWS_AUDIT_H
#define DB_ROWS_AUDIT_H

#include "db/statements.h"

/* What happened; the numbers are in the database and never change their meaning. */
enum audit_action {
	AUDIT_REFUSED = 1,       /* a request; detail: the procedure, outcome: why */
	AUDIT_REFUSALS_LOST = 2, /* so many refusals were not recorded: related; detail: whose */
	/* initial attach (4); subject: dIMSI, related: IMSI */
	AUDIT_BOUND = 10,
	AUDIT_RELEASED = 11,
	AUDIT_VECTORS_SENT = 12,
	AUDIT_ATTACHED = 13,
	AUDIT_ENDORSED = 14, /* detail: SE id */
	AUDIT_PAIR_KEPT = 15,
	AUDIT_PAIR_DROPPED = 16,
	/* companions (6 to 8); subject: IMSI */
	AUDIT_SESSION_REGISTERED = 20,
	AUDIT_SESSION_REMOVED = 21,
	AUDIT_ACCESS_ID_ADDED = 22,     /* related: owner; detail: device ID */
	AUDIT_ACCESS_ID_CONFIRMED = 23, /* related: owner */
	AUDIT_ACCESS_ID_REVOKED = 24,   /* detail: Access ID */
	AUDIT_DEVICE_ADDED = 25,        /* related: owner; detail: device ID */
	/* device credentials (9, 10); detail: the EID */
	AUDIT_ATTACH_ACCEPTED = 30,
	AUDIT_ATTACH_REFUSED = 31,
	AUDIT_DETACHED = 32,
	AUDIT_PROFILE_BOUND = 33, /* subject: IMSI */
	AUDIT_PROFILE_INSTALLED = 34,
	AUDIT_PROFILE_FAILED = 35,
	/* the life of a credential (11); subject: IMSI, related: version */
	AUDIT_SUBSCRIBER_ADDED = 40,
	AUDIT_SUSPENDED = 41,
	AUDIT_RESUMED = 42,
	AUDIT_REVOKED = 43,
	AUDIT_REKEYED = 44,
	AUDIT_DELETED = 45,
	AUDIT_OVERDUE = 46,
	AUDIT_ACTIVATED = 47, /* a re-keyed version, at the end of the overlap */
	AUDIT_CHANGE_REFUSED = 48,
	AUDIT_JOB_STARTED = 49, /* detail: job id and operation */
	AUDIT_JOB_CANCELLED = 50,
	/* administration; detail: fingerprint, serial, label, … */
	AUDIT_ANCHOR_ADDED = 60,
	AUDIT_ANCHOR_REMOVED = 61,
	AUDIT_CERTIFICATE_REVOKED = 62,
	AUDIT_CRL_ADDED = 63,
	AUDIT_POOL_ADDED = 64,
	AUDIT_KEY_PUT = 65,
	AUDIT_IDENTITY_ADDED = 66,
	AUDIT_KEY_MADE = 67,
	AUDIT_KEY_RETIRED = 68,
	AUDIT_CRL_REMOVED = 69,
};
const char *audit_action_name(enum audit_action action); /* "BOUND", …; "UNKNOWN" */
bool audit_action_read(const char *name, enum audit_action *action);

#define DB_ACTOR_MAX  128
#define DB_DETAIL_MAX 256

struct db_event_in {
	int32_t action, outcome; /* enum audit_action, enum outcome */
	int64_t subject, related;
	struct db_text detail;
};
struct db_event {
	int64_t xid, number;
	int64_t at_ms; /* unix milliseconds, by the database's clock */
	int32_t action, outcome;
	int64_t subject, related;
	char actor[DB_ACTOR_MAX + 1], detail[DB_DETAIL_MAX + 1];
};
struct db_unsealed_page {
	int64_t from_xid, to_xid; /* the first that is not wanted */
	int64_t after_xid, after_number, limit;
};
/* Any filter may be open: 0, or -1 for action and outcome. */
/* By a page with a filter; then a row of action 0 says where it stopped. */
#define DB_EVENTS_LOOKED_AT "100000"
struct db_event_page {
	int64_t before_xid, before_number; /* INT64_MAX for the newest */
	int64_t subject, since_ms, until_ms, limit;
	int32_t action, outcome;
	struct db_text actor; /* empty: any */
};
struct db_audit_head {
	int64_t number, to_xid; /* of the last tree; 0 where there is none */
	uint8_t chain[32];      /* its chain hash; zero where there is none */
	int64_t settled_xid;    /* transactions before this one have ended */
	int64_t begun_xid; /* from this one on none has; beyond settled_xid: one before it is open */
};
/*
 * crypto/audit_chain.h says what root, chain and signature are. signer_id is the id of the key, not of a
 * certificate of it: that may be replaced.
 */
struct db_audit_tree {
	int64_t number, from_xid, to_xid, count, sealed_at;
	uint8_t root[32], chain[32], signer_id[32], signature[64];
	int64_t tree_size, leaf_index;
	struct bytes path; /* on output valid during each() */
};

#endif
