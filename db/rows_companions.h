/* Rows of companion sessions, Access IDs, headless devices and identities; part of db/statements.h. */
#ifndef DB_ROWS_COMPANIONS_H
#define DB_ROWS_COMPANIONS_H

#include "db/statements.h"

#define DB_AKID_MAX 256
struct db_session_in {
	struct db_text akid;
	int64_t imsi;
	struct bytes kept;
	int64_t lifetime_s;
};
struct db_akid {
	struct db_text akid;
};
struct db_session {
	int64_t imsi, expires_at;
	bool is_expired;
	struct db_kept kept;
	/* enum credential_state of the companion's own credential; 0: in use, or he has none here */
	int32_t barred_by;
};

#define DB_ELEMENT_MAX 384
struct db_element {
	uint16_t len;
	uint8_t at[DB_ELEMENT_MAX];
};
struct db_access_id {
	uint8_t access_id[16];
};
struct db_access_in {
	uint8_t access_id[16];
	int64_t imsi; /* 0: to be confirmed */
	int64_t owner;
	struct db_text device_id;
	struct bytes b, kdm, sealed;
	int64_t confirmation_s;
};
struct db_access {
	uint8_t access_id[16];
	int64_t imsi, owner, created_at, expires_at;
	int32_t state; /* enum access_state, as of now */
	int32_t tries, kind;
	char device_id[DB_SE_ID_MAX + 1];
	struct db_element b;
	struct db_kept kdm;
};
struct db_confirm_in {
	uint8_t access_id[16];
	int64_t imsi;
};
struct db_wrong_mac_in {
	uint8_t access_id[16];
	int64_t most; /* the try that revokes */
};
struct db_device_hash {
	uint8_t device_hash[32];
};
struct db_headless_in {
	uint8_t device_hash[32], spki_hash[32], access_id[16], n1[16], n2[16];
	int64_t imsi, owner, issued_at, not_after;
	int32_t owner_version;
	struct db_text device_id, manufacturer, model;
	struct bytes sealed;
};
struct db_headless {
	uint8_t spki_hash[32], access_id[16], n1[16], n2[16];
	int64_t imsi, owner, issued_at, not_after;
	int32_t owner_version;
	int32_t credential_state; /* enum credential_state; destroyed where there is none */
};
struct db_sweep_in {
	int64_t limit;
	int64_t keep_s; /* so long after its end a record is still known as expired */
};
struct db_swept {
	int64_t access_ids, sessions;
	int64_t attaches; /* and restricted sessions */
	int64_t downloads;
};
struct db_ibs_identity {
	int64_t number, created_at, not_before, not_after;
	int32_t kek_generation;
	char id[129];
	uint8_t kpak[65], pvt[65], wrapped_ssk[40];
};

#endif
