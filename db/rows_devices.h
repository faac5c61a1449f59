/* Rows of attaches, PDU sessions and downloads (docs/protocol.md 9, 10); part of db/statements.h. */
#ifndef DB_ROWS_DEVICES_H
#define DB_ROWS_DEVICES_H

#include "db/statements.h"

#define DB_SUBJECT_MAX 64 /* an EID, imsi-<digits>, or a device's name from an AAA server */
#define DB_POINT_LEN   65

struct db_exchange_id {
	uint8_t id[16]; /* attachId, downloadId, or a PDU session's */
};

enum attach_state {
	ATTACH_OFFERED,
	ATTACH_ACCEPTED,
	ATTACH_REFUSED,
	ATTACH_OVER, /* on output: offered and past its time */
};
struct db_attach_in {
	uint8_t id[16];
	struct db_text eid;
	uint8_t server_nonce[16], device_nonce[16], ephemeral[DB_POINT_LEN];
	struct bytes scalar; /* struct kept_secret */
	int64_t lifetime_s;
};
struct db_attach {
	char eid[DB_EID_LEN + 1];
	int32_t state; /* enum attach_state, as of now */
	uint8_t server_nonce[16], device_nonce[16], ephemeral[DB_POINT_LEN];
	struct db_kept scalar;
	/* of an accepted one: the answer again, for the same request */
	uint8_t request_hash[32], session_id[16];
	int64_t session_expires_at;
	bool session_is_over;
};
struct db_attach_end_in {
	uint8_t id[16];
	bool is_accepted;
	struct db_text eid;
	uint8_t request_hash[32]; /* SHA-256 of what the device sent */
	uint8_t session_id[16];
	int64_t expires_at;
};
struct db_pdu_session_in {
	uint8_t session_id[16];
	struct db_text subject;
	int64_t expires_at;
};
struct db_pdu_session {
	char subject[DB_SUBJECT_MAX + 1];
	int64_t created_at, expires_at;
	bool is_over; /* expired or detached; one that another has replaced is not known any more */
};

enum download_state {
	DOWNLOAD_OFFERED,
	DOWNLOAD_BOUND,
	DOWNLOAD_INSTALLED,
	DOWNLOAD_FAILED,
	DOWNLOAD_OVER, /* on output: past its time before its end */
};
/* Why a subject may not download. */
enum download_bar {
	DOWNLOAD_MAY,
	DOWNLOAD_NO_SUBJECT,   /* no attach, no binding */
	DOWNLOAD_SUBJECT_OVER, /* its attach is over */
	DOWNLOAD_NOT_ATTACHED, /* its binding is in another state */
	DOWNLOAD_IS_SUSPENDED, /* the subscription that it has */
	DOWNLOAD_IS_REVOKED,
};
struct db_download_in {
	uint8_t id[16];
	struct db_text subject; /* an EID, or imsi-<digits> */
	int64_t imsi;           /* of a SUPI; 0: an EID */
	uint8_t attach_id[16];  /* zero: the EID's live one, whichever */
	uint8_t server_nonce[16], device_nonce[16], ephemeral[DB_POINT_LEN];
	struct bytes scalar;
	int64_t lifetime_s;
};
struct db_download_made {
	int32_t bar; /* enum download_bar */
};
#define DB_BOUND_MAX 1024
struct db_bound {
	uint16_t len;
	uint8_t at[DB_BOUND_MAX];
};
struct db_download {
	char subject[DB_SUBJECT_MAX + 1];
	int32_t state; /* enum download_state, as of now */
	int64_t imsi;  /* of a SUPI; of an EID: what it has, 0 where it has none yet */
	int32_t version; /* once it is bound the credential's; before, its newest, 0 where there is none */
	uint8_t server_nonce[16], device_nonce[16], ephemeral[DB_POINT_LEN];
	struct db_kept scalar, kn;
	char se_id[DB_SE_ID_MAX + 1]; /* of a SUPI's binding; empty for an EID */
	bool subject_is_live;         /* attached still, as at the offer */
	uint8_t request_hash[32], iv[12];
	struct db_bound bound; /* the ciphertext, for the same request again */
	struct db_kept k_opc;  /* for another request: the profile's keys and times */
	int64_t issued_at, not_after;
};
struct db_download_kn {
	int32_t state; /* as in struct db_download */
	struct db_kept kn;
};
struct db_profile_in {
	uint8_t id[16];
	struct db_text subject;
	bool is_eid;
	int64_t imsi;
	int64_t issued_at, not_after;
	uint8_t request_hash[32], iv[12];
	struct bytes bound, kn, sealed, k_opc;
};
struct db_download_end_in {
	uint8_t id[16];
	bool is_installed;
};
struct db_download_ended {
	bool was_ended; /* by the same notification before */
};

#endif
