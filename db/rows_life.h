/*
 * Rows of subscriptions' versions and states, jobs on many of them, and CRLs (docs/protocol.md 11); part
 * of db/statements.h.
 */
#ifndef DB_ROWS_LIFE_H
#define DB_ROWS_LIFE_H

#include "db/statements.h"

/* Which subscriptions; what is not asked for is -1 (0 for times). Compared with the version that serves. */
struct db_selection {
	int64_t first, last; /* IMSIs */
	int32_t kind, state; /* enum credential_kind; enum credential_state, as of now */
	int64_t owner;       /* a companion's IMSI */
	int64_t created_before, created_since, expires_before; /* unix seconds */
};
struct db_selection_page {
	struct db_selection what;
	int64_t after, limit; /* IMSIs that are greater */
};
/* A row of version 0 is no subscription: it says up to which IMSI this page has looked. */
struct db_subscription {
	int64_t imsi, dimsi, owner;
	int32_t kind, state, version, versions;
	int64_t created_at, changed_at, not_after, retire_at, authenticated_at, refused_at;
	char eid[DB_EID_LEN + 1]; /* empty where it is no eUICC's */
};
struct db_version {
	int64_t imsi, dimsi, owner;
	int32_t kind, state, version;
	int64_t created_at, changed_at, not_after, retire_at, authenticated_at;
	bool has_key; /* false once destroyed */
};
/* As DB_LIST_SUBSCRIPTIONS' pages, with a row of version 0 where it has looked no further; -1, of times 0: any. */
struct db_overdue_page {
	int64_t after_not_after, after_imsi, limit;
	int64_t first, last; /* IMSIs, both included; INT64_MAX: no last */
	int64_t owner, expires_since, expires_before;
	int32_t kind;
};

/*
 * One operation on a subscription. Its version that serves must be in a state of from_mask (bits of
 * enum credential_state, as of now), and becomes `to`; other versions in such a state follow. is_final:
 * bindings, Access IDs and companion sessions go with it (revocation, deletion).
 */
struct db_change_in {
	int64_t imsi;
	int32_t from_mask, to;
	bool is_final;
	int64_t quarantine_until; /* deletion: how long the IMSI rests */
	struct db_text
		d_ausf_uri; /* from which the pair is taken back; empty: this server has it */
};
struct db_changed {
	/* enum credential_state that it had; of a refused re-keying PRE_ACTIVE: a new version waits already */
	int32_t state;
	bool is_done;    /* false: that state does not allow it, and nothing was changed */
	int32_t version; /* the newest after it */
};
struct db_rekey_in {
	int64_t imsi;
	int32_t from_mask;
	struct bytes sealed;
	int64_t overlap_s;  /* 0: the new version is active at once, the old one retired */
	int64_t lifetime_s; /* of the new version, where the old one has an end */
};

enum job_state { JOB_OPEN, JOB_RUNNING, JOB_DONE, JOB_CANCELLED };
struct db_job_key {
	uint8_t id[16];
};
struct db_job_in {
	uint8_t id[16];
	int32_t operation; /* enum credential_operation of procedures/credential_life.h */
	int64_t overlap_s;
	bool has_selection;
	struct db_selection selection;
};
struct db_job {
	uint8_t id[16];
	int64_t number;
	int32_t operation, state;
	bool has_selection, was_there;
	struct db_selection selection;
	int64_t overlap_s, items, cursor, done, refused, created_at, changed_at;
	char actor[129];
};
#define DB_JOB_ITEM_LEN 16
struct db_job_items_in {
	uint8_t job[16];
	struct bytes
		items; /* u64 place (from 1: the line of the file), u64 IMSI; each place once */
};
struct db_job_items_added {
	int64_t added; /* of those that were not there already */
};
struct db_job_item {
	int64_t place, imsi;
	int32_t outcome; /* enum outcome, of a refused one */
	int32_t state;   /* enum credential_state that stood against it; -1: none */
};
struct db_job_page {
	uint8_t job[16];
	int64_t after, limit;
};
/*
 * One that is re-keyed is claimed for so long, since its keys are made outside the database: whoever lets the
 * time pass has made them for nothing.
 */
#define DB_REKEY_CLAIM_MS 10000
struct db_next_job_in {
	int32_t rekeying; /* the number of that operation */
};
struct db_work_in {
	uint8_t job[16];
	int32_t from_mask, to;
	bool is_final;
	int64_t quarantine_until, limit;
	struct db_text d_ausf_uri;
};
/* Each row of a page that is to be re-keyed says as well where it begins and ends; one of IMSI -1 says only that. */
struct db_rekey_item {
	int64_t place, imsi;
	int64_t cursor, next_cursor, overlap_s;
	bool is_last;
};
/*
 * Such a page with its keys: done where the job still stands at its cursor. items: u64 place, u64 IMSI and
 * sealed_len bytes each.
 */
struct db_rekey_page_in {
	uint8_t job[16];
	int64_t cursor, next_cursor;
	bool is_last;
	int32_t from_mask, sealed_len;
	int64_t lifetime_s;
	struct bytes items;
};
struct db_worked {
	int64_t done, refused;
	bool is_over; /* nothing is left: the job is DONE */
};
/* So much before its time, which is when the one before retires, a re-keyed version becomes active. */
#define DB_ACTIVE_EARLY_S 3
struct db_noted {
	int64_t overdue, activated;
};

#define DB_SERIAL_LEN 20
struct db_crl_in {
	uint8_t issuer_hash[32];
	struct bytes scope; /* SHA-256 of the issuing distribution point; empty: the CRL has none */
	uint8_t signer[32]; /* SHA-256 of the key that signed it */
	bool is_root;       /* that key's certificate is signed by itself */
	struct bytes crl_number; /* big-endian, without leading zeros; empty: none */
	int64_t this_update, next_update;
	int64_t entries;
	struct bytes
		serials; /* DB_SERIAL_LEN bytes each, left-padded: revoked in the same commit */
	struct db_text issuer_name; /* for the audit trail */
};
struct db_crl_put {
	int64_t added;  /* serials that were not yet revoked */
	bool was_there; /* this very CRL */
};
struct db_crl_key {
	int64_t number;
};
struct db_crl {
	int64_t number, this_update, next_update, entries, added_at;
	uint8_t issuer_hash[32], signer[32];
	bool is_root;
	struct bytes crl_number, scope; /* valid during each() */
};
struct db_crl_gone {
	uint8_t issuer_hash[32], signer[32];
	int64_t left; /* CRLs of this issuer and key */
};

#endif
