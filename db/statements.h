/*
 * Every SQL statement of the server, as a table indexed by this enum: its text, the layout of its
 * input structure (what becomes arrays of parameters) and of its output structure. All are
 * prepared when a connection is made, so that a typing error fails at start. Statements on devices
 * may be repeated with the same input and then have the same result.
 *
 * IMSIs and dIMSIs are integers; texts and byte strings in rows point into the caller's memory on
 * input, and are copied into fixed arrays on output. Times are unix seconds.
 */
#ifndef DB_STATEMENTS_H
#define DB_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum db_statement {
	/* bindings: dIMSI, IMSI, SE (protocol section 4) */
	/* struct db_binding_in; NO_ROW: the dIMSI is bound already; CONFLICT: the IMSI is taken */
	DB_BIND,
	/* the same, and an outbox row for the remote D-AUSF, in one commit */
	DB_BIND_AND_HAND_OVER,
	DB_FIND_BINDING,         /* struct db_dimsi, struct db_binding */
	DB_FIND_BINDING_BY_IMSI, /* struct db_imsi, struct db_binding */
	/*
	 * struct db_release_in, struct db_binding: destroys the credential, IMSI to quarantine,
	 * pair gone
	 */
	DB_RELEASE,
	/* the same, and an outbox row that takes the pair back from the remote D-AUSF */
	DB_RELEASE_AND_HAND_OVER,
	DB_LIST_BINDINGS, /* struct db_binding_page, each struct db_binding by dIMSI */
	DB_SEND_VECTORS,  /* struct db_dimsi, struct db_pair: READY becomes VECTORS_SENT (4.5) */
	/* the D-AUSF's own pairs, handed over by other servers */
	DB_KEEP_PAIR, /* struct db_pair_in; CONFLICT never: the newest counts */
	DB_DROP_PAIR, /* struct db_dimsi; NO_ROW where there is none */
	/* what is owed to a remote D-AUSF */
	/*
	 * struct db_outbox_claim, each struct db_outbox_row: due rows, claimed for claim_s seconds
	 * (SKIP LOCKED)
	 */
	DB_LIST_OUTBOX,
	/*
	 * struct db_outbox_key: removes the row; a binding in READY becomes VECTORS_SENT; FINE
	 * where it is gone
	 */
	DB_OUTBOX_TAKEN,
	/*
	 * struct db_outbox_retry_in: due again later, one more try counted; FINE where it is gone
	 */
	DB_OUTBOX_RETRY,
	DB_RECORD_ENDORSEMENT, /* struct db_endorsement_in (4.3) */
	/* trust */
	DB_LIST_ANCHORS,       /* struct db_page, each struct db_anchor, by number */
	DB_ADD_ANCHOR,         /* struct db_anchor; NO_ROW: there already */
	DB_REMOVE_ANCHOR,      /* struct db_fingerprint; NO_ROW: none */
	DB_LIST_REVOCATIONS,   /* struct db_page, each struct db_revocation, by number */
	DB_ADD_REVOCATION,     /* struct db_revocation_in; NO_ROW: there already, of this key */
	DB_SEARCH_ANCHORS,     /* struct db_anchor_page, as DB_LIST_ANCHORS */
	DB_SEARCH_REVOCATIONS, /* struct db_revocation_page, as DB_LIST_REVOCATIONS */
	/* the server's own certified keys */
	DB_LIST_KEYS, /* struct db_page, each struct db_key_row, by number */
	DB_PUT_KEY,   /* struct db_key_in: adds or replaces by key id */
	/* IMSI pools and their leases; used by db/imsi_leases.c and administration */
	DB_ADD_POOL, /* struct db_pool_in; CONFLICT where it overlaps another or is there already */
	DB_LIST_POOLS,   /* struct db_page, each struct db_pool by first */
	DB_SEARCH_POOLS, /* struct db_pool_page, the same */
	/*
	 * struct db_lease_in, each struct db_lease: a dead lease, or else rested IMSIs, or else
	 * new ones; none: exhausted
	 */
	DB_LEASE_BLOCK,
	/*
	 * struct db_range, each struct db_imsi: the numbers of the range that are bound or in
	 * quarantine
	 */
	DB_LIST_USED,
	/* struct db_owner, each struct db_lease: the leases of this owner live on */
	DB_RENEW_LEASES,
	DB_END_LEASE,        /* struct db_lease_key: the block is used up */
	DB_GIVE_BACK_LEASES, /* struct db_owner: at shutdown, others may take them at once */
	DB_STATUS,           /* any, struct db_status */
	/* subscriptions (protocol section 5); of several versions the newest that is not destroyed */
	/*
	 * struct db_imsi, struct db_credential: the next SQN, given to nobody else; where the
	 * credential's state as of now is not ACTIVE, or its numbers are used up (sqn 0), none is taken
	 */
	DB_ADVANCE_SQN,
	DB_FIND_CREDENTIAL, /* struct db_imsi, struct db_credential: sqn is the last that was given */
	DB_RESYNC_SQN,      /* struct db_resync_in: SQN_HE becomes SQN_MS where that is greater */
	/*
	 * struct db_auth_event_in; NO_ROW: no such subscription. The first success of an eK
	 * credential sets when it retires; READY and VECTORS_SENT become ATTACHED
	 */
	DB_RECORD_AUTH_EVENT,
	/*
	 * struct db_subscriber_in, struct db_subscriber; NO_ROW: the IMSI has a credential already,
	 * and not one that was imported since `since`
	 */
	DB_ADD_SUBSCRIBER,
	DB_FIND_IMPORT, /* struct db_import_key, struct db_import */
	DB_PUT_IMPORT,  /* struct db_import, adds or replaces */
	/* companion sessions (6) */
	DB_PUT_SESSION,    /* struct db_session_in: the subscriber's only one from now on */
	DB_FIND_SESSION,   /* struct db_akid, struct db_session */
	DB_REMOVE_SESSION, /* struct db_imsi; NO_ROW: none */
	/* Access IDs (7) and headless devices (8) */
	/*
	 * struct db_access_in; NO_ROW: it is there, and neither expired nor released; CONFLICT: the
	 * IMSI is taken. With an IMSI the subscription is made in the same commit
	 */
	DB_ADD_ACCESS_ID,
	DB_FIND_ACCESS_ID,         /* struct db_access_id, struct db_access */
	DB_FIND_ACCESS_ID_BY_IMSI, /* struct db_imsi, struct db_access */
	/* struct db_confirm_in; NO_ROW: not pending (any more); CONFLICT: the IMSI is taken */
	DB_CONFIRM_ACCESS_ID,
	DB_COUNT_WRONG_MAC, /* struct db_wrong_mac_in, struct db_access: revoked by the last try */
	/* struct db_headless_in; NO_ROW: the device is there; CONFLICT: the IMSI is taken */
	DB_ADD_HEADLESS,
	DB_FIND_HEADLESS, /* struct db_device_hash, struct db_headless */
	/*
	 * struct db_sweep_in, struct db_swept: a bounded number of rows whose time is over; their
	 * secrets are gone. Any server, any time
	 */
	DB_SWEEP,
	/* the server's ECCSI identities */
	DB_LIST_IBS_IDENTITIES, /* struct db_page, each struct db_ibs_identity, by number */
	/* attach with device credentials (9), profile download (10); db/rows_devices.h */
	DB_ADD_ATTACH,  /* struct db_attach_in; NO_ROW: the id is taken */
	DB_FIND_ATTACH, /* struct db_exchange_id, struct db_attach */
	/*
	 * struct db_attach_end_in: the one try, accepted or refused; NO_ROW: it was not open (any more).
	 * Accepted, it makes the EID's only live PDU session
	 */
	DB_END_ATTACH,
	DB_ADD_PDU_SESSION, /* struct db_pdu_session_in: an attach that an AAA server has seen to */
	DB_FIND_PDU_SESSION, /* struct db_exchange_id, struct db_pdu_session */
	DB_END_PDU_SESSION,  /* struct db_exchange_id; NO_ROW: none that lives */
	/* struct db_download_in, struct db_download_made: made only where the subject may download */
	DB_ADD_DOWNLOAD,
	DB_FIND_DOWNLOAD, /* struct db_exchange_id, struct db_download */
	DB_FIND_KN, /* struct db_exchange_id, struct db_download_kn: all that a notification needs */
	/*
	 * struct db_profile_in; NO_ROW: bound, over, or the EID's IMSI is another by now; CONFLICT: the IMSI is
	 * taken. Makes the next version, PRE_ACTIVE, in place of one that still waits
	 */
	DB_BIND_PROFILE,
	/*
	 * struct db_profile_in, of which id, request_hash, iv, bound and kn count; NO_ROW: not bound, over, or the subject
	 * is attached no longer. The same profile for another request: its Kn counts from now on
	 */
	DB_BIND_AGAIN,
	/*
	 * struct db_download_end_in, struct db_download_ended; NO_ROW: not bound, or ended otherwise. Installed:
	 * the version is ACTIVE, older ones RETIRED, the binding PROVISIONED, the PDU session over
	 */
	DB_END_DOWNLOAD,
	/* the life of credentials (11); db/rows_life.h */
	DB_LIST_SUBSCRIPTIONS, /* struct db_selection_page, each struct db_subscription, by IMSI */
	DB_LIST_VERSIONS,      /* struct db_imsi, each struct db_version, newest first */
	DB_LIST_OVERDUE,       /* struct db_overdue_page, each struct db_version */
	/* struct db_change_in, struct db_changed; NO_ROW: no such subscription */
	DB_CHANGE_STATE,
	/* struct db_rekey_in, struct db_changed; NO_ROW as above */
	DB_REKEY,
	DB_PUT_JOB, /* struct db_job_in, struct db_job: made, or the one there is */
	/*
	 * struct db_job_items_in, struct db_job_items_added; NO_ROW: not open (any more), or a selection's;
	 * CONFLICT: a place of these is another IMSI's, and none was added
	 */
	DB_ADD_JOB_ITEMS,
	DB_START_JOB,         /* struct db_job_key, struct db_job; NO_ROW: none */
	DB_CANCEL_JOB,        /* the same */
	DB_FIND_JOB,          /* the same */
	DB_LIST_JOBS,         /* struct db_jobs_page, each struct db_job, by number */
	DB_LIST_JOB_REFUSALS, /* struct db_job_page, each struct db_job_item */
	DB_NEXT_JOB, /* struct db_next_job_in, struct db_job: one that runs, the least recently worked at */
	/* struct db_work_in, struct db_worked: a job's next items, done; for all operations but re-keying */
	DB_WORK_JOB,
	DB_LIST_JOB_WORK, /* struct db_work_in, each struct db_rekey_item: what is next, for re-keying */
	DB_REKEY_PAGE, /* struct db_rekey_page_in, struct db_worked; NO_ROW: it was done meanwhile */
	DB_NOTE_OVERDUE, /* struct db_sweep_in, struct db_noted: overdue ones noted once, re-keyed ones made active */
	/* CRLs; struct db_crl_in, struct db_crl_put, each struct db_crl of db/rows_life.h */
	DB_PUT_CRL,     /* NO_ROW: a newer one of this issuer and scope is there */
	DB_LIST_CRLS,   /* struct db_page, each struct db_crl, by number */
	DB_SEARCH_CRLS, /* struct db_crl_page, the same */
	DB_REMOVE_CRL, /* struct db_crl_key, struct db_crl_gone: what it revoked stays so; NO_ROW: none */
	/* the audit trail; db/rows_audit.h */
	DB_RECORD_EVENT,    /* struct db_event_in: what is no statement's own, refusals above all */
	DB_FIND_AUDIT_HEAD, /* any, struct db_audit_head */
	DB_LIST_UNSEALED,  /* struct db_unsealed_page, each struct db_event, in the trail's order */
	DB_ADD_AUDIT_TREE, /* struct db_audit_tree; NO_ROW: that number is taken */
	DB_LIST_EVENTS,    /* struct db_event_page, each struct db_event, newest first */
	DB_LIST_AUDIT_TREES, /* struct db_page, each struct db_audit_tree, by number */
	DB_STATEMENT_COUNT,
};

enum binding_state {
	BINDING_READY,
	BINDING_VECTORS_SENT,
	BINDING_ATTACHED,
	BINDING_PROVISIONED,
	BINDING_RELEASED,
	BINDING_REVOKED,
};
const char *binding_state_name(enum binding_state state);

#define DB_SE_ID_MAX 64
#define DB_EID_LEN   32
#define DB_OWNER_LEN 16
#define DB_DER_MAX   4096
#define DB_URI_MAX   512

enum credential_kind {
	CREDENTIAL_EK,        /* initial attach (4): K is eKa */
	CREDENTIAL_IMPORTED,  /* a subscriber who came with K */
	CREDENTIAL_COMPANION, /* companion DH (7): K is KDa */
	CREDENTIAL_HEADLESS,  /* headless device (8): K is Ka */
	CREDENTIAL_PROFILE,   /* a downloaded profile (10) */
};
const char *credential_kind_name(enum credential_kind kind);

enum credential_state {
	CREDENTIAL_IS_PRE_ACTIVE,
	CREDENTIAL_IS_ACTIVE,
	CREDENTIAL_IS_SUSPENDED,
	CREDENTIAL_IS_RETIRED, /* on output also: past retire_at */
	CREDENTIAL_IS_REVOKED,
	CREDENTIAL_IS_DESTROYED,
	CREDENTIAL_IS_OVERDUE, /* on output only: active, and past not_after */
};
const char *credential_state_name(enum credential_state state);

enum access_state {
	ACCESS_PENDING,
	ACCESS_CONFIRMED,
	ACCESS_REVOKED,
	ACCESS_EXPIRED, /* on output also: pending, and past expires_at */
	ACCESS_RELEASED,
};
const char *access_state_name(enum access_state state);

struct db_text {
	const char *at;
	size_t len;
};

struct db_dimsi {
	int64_t dimsi;
};
struct db_imsi {
	int64_t imsi;
};
struct db_binding_in {
	int64_t dimsi, imsi;
	struct db_text se_id;
	struct bytes token_hash;         /* SHA-256 of the ATK, 32 */
	struct bytes output_1, output_2; /* 16 each */
	struct bytes sealed;             /* struct sealed_key's bytes */
	int64_t endorsed_at;
	struct db_text d_ausf_uri; /* DB_BIND_AND_HAND_OVER */
};
struct db_binding {
	int64_t dimsi, imsi;
	char se_id[DB_SE_ID_MAX + 1];
	uint8_t token_hash[32];
	int32_t state; /* enum binding_state */
	int64_t created_at, changed_at;
};
struct db_release_in {
	int64_t dimsi;
	int64_t quarantine_until;
	struct db_text d_ausf_uri;
};
struct db_page {
	int64_t after; /* rows whose key is greater; -1 for all from the first */
	int64_t limit;
};
struct db_pair {
	int64_t dimsi;
	int32_t state; /* of the binding before; BINDING_READY for a pair handed over */
	uint8_t output_1[16], output_2[16];
};
struct db_pair_in {
	int64_t dimsi, imsi;
	struct bytes output_1, output_2;
};
enum outbox_kind { OUTBOX_PUT_PAIR, OUTBOX_DELETE_PAIR };
struct db_outbox_claim {
	int64_t limit, claim_s;
};
struct db_outbox_key {
	int64_t dimsi;
	int64_t number; /* which row of this dIMSI: an older delivery does not remove a newer row */
};
struct db_outbox_row {
	int64_t dimsi, number, imsi;
	int32_t kind;
	int32_t tries;
	uint8_t output_1[16], output_2[16];
	char uri[DB_URI_MAX + 1];
};
struct db_outbox_retry_in {
	int64_t dimsi, number, after_s;
};
struct db_endorsement_in {
	struct bytes token_hash;
	int64_t dimsi;
	struct db_text se_id;
	int64_t issued_at;
};
struct db_anchor {
	int64_t number; /* on output: counts up in the order of addition, the key of a page */
	int32_t use;    /* enum trust_use */
	uint8_t fingerprint[32];
	int64_t added_at;
	struct bytes der; /* on output valid during each() */
};
struct db_fingerprint {
	struct bytes fingerprint;
};
struct db_revocation_in {
	struct bytes issuer_hash, issuer_key, serial;
};
struct db_revocation {
	int64_t number; /* as in struct db_anchor */
	uint8_t issuer_hash[32];
	int64_t revoked_at;
	/* Valid during each(); issuer_keys: 32 bytes each, none: of any key. */
	struct bytes serial, issuer_keys;
};
struct db_key_in {
	struct bytes key_id;
	int32_t use, generation;
	struct db_text label;
	struct bytes certificate; /* DER */
	struct bytes chain;       /* DERs one after the other, issuer first; may be empty */
};
struct db_key_row {
	int64_t number; /* as in struct db_anchor */
	uint8_t key_id[32];
	int32_t use, generation;
	char label[33];
	bool retired;
	int64_t created_at;
	struct bytes certificate, chain; /* valid during each() */
};
struct db_pool_in {
	int32_t plmn, plmn_digits;
	int64_t first, last; /* whole IMSIs */
};
struct db_pool {
	int64_t first, last, next;
	int32_t plmn, plmn_digits;
	int64_t leased, used, quarantined;
};
struct db_owner {
	struct bytes owner; /* DB_OWNER_LEN random bytes: one reactor's life */
	int64_t lease_s;
};
struct db_lease_in {
	struct bytes owner;
	int64_t size, lease_s;
	int32_t plmn, plmn_digits; /* only pools of this PLMN */
};
/*
 * How long a rested IMSI is its claimant's alone; unless it is bound by then, it may be claimed
 * again.
 */
#define DB_REST_CLAIM_S 3600
struct db_lease {
	int64_t first, last;
	bool is_adopted; /* some of its numbers may be used: DB_LIST_USED tells */
	bool is_rested;  /* one rested number, claimed: no lease to renew or end */
};
struct db_lease_key {
	struct bytes owner;
	int64_t first;
};
struct db_range {
	int64_t first, last;
};
struct db_status {
	int64_t schema_version, outbox_waiting, server_time;
};

/* Bytes of varying length in a row's fixed place; the layout of struct sealed_key. */
#define DB_SEALED_MAX 108
struct db_sealed {
	uint16_t len;
	uint8_t at[DB_SEALED_MAX];
};
struct db_credential {
	int64_t imsi, dimsi, owner;
	int64_t sqn;
	int64_t not_after, retire_at;
	int32_t version;
	int32_t kind;  /* enum credential_kind */
	int32_t state; /* enum credential_state, as of now */
	struct db_sealed sealed;
};
#define SQN_LIMIT (INT64_C(1) << 48)
struct db_resync_in {
	int64_t imsi;
	int32_t version;
	int64_t sqn_ms;
};
struct db_auth_event_in {
	int64_t imsi;
	bool success;
	int64_t ek_lifetime_s;
};
struct db_subscriber_in {
	int64_t imsi;
	struct bytes sealed;
	int64_t since; /* 0: whoever is there is another */
};
struct db_subscriber {
	bool was_there; /* since `since` */
};
struct db_import_key {
	uint8_t file_hash[32];
};
struct db_import {
	uint8_t file_hash[32];
	int64_t line, byte_offset, added, refused;
	int64_t began_at; /* on output, by the database's clock */
	bool is_done;
	bool begins; /* on input: it begins now */
};

/* A secret that is kept for a while: struct kept_secret of hsm/messages.h. */
#define DB_KEPT_LEN 63
struct db_kept {
	uint16_t len; /* 0: no longer kept */
	uint8_t at[DB_KEPT_LEN];
};

#include "db/rows_audit.h"
#include "db/rows_companions.h"
#include "db/rows_devices.h"
#include "db/rows_life.h"
#include "db/rows_lists.h"

#endif
