/*
 * A reactor with its engine over fake lanes that play a database and a token for companion DH
 * (docs/protocol.md section 7): what they say is set before a transaction, what they were asked is
 * looked at after it.
 */
#ifndef TESTS_UNIT_COMPANION_WORLD_H
#define TESTS_UNIT_COMPANION_WORLD_H

#include "procedures/companion_dh.h"
#include "tests/unit/fake_lanes.h"

#define COMPANION  INT64_C(1010000000007)
#define FIRST_IMSI UINT64_C(1010000001000)
#define NEVER      1000u
#define MOST_CALLS 64u

/* Bodies that the world as it is made grants; the Access ID that they are about. */
extern const char good_request[], good_confirmation[], access_id_text[];

struct companion_world {
	/* calls of lanes, in their order */
	char calls[MOST_CALLS][32];
	unsigned count;
	unsigned fail_at; /* the call, from 0, that brings fail_with */
	enum outcome fail_with;
	unsigned hold_at; /* all calls after so many are held */
	bool sent;        /* the statement that fails had been sent */
	/* what the database and the token say */
	struct db_session session;
	enum outcome session_brings;
	struct db_access access; /* of DB_FIND_ACCESS_ID */
	enum outcome access_brings;
	struct db_access revised; /* what stands there once something was written */
	bool has_revised;
	enum outcome mac1, mac2, signs, imsi;
	enum outcome adds[8], confirms[8]; /* one try after the other */
	/* what they were asked */
	unsigned add, confirm, wrong;
	struct db_access_in added;
	struct db_confirm_in created;
	struct key_confirm_companion_in confirmed;
	uint8_t leaf[MERKLE_HASH_LEN];
	uint64_t next_imsi;
};
extern struct companion_world world;

/* The transaction that ended last. */
struct companion_end {
	unsigned count;
	enum outcome outcome;
	int status;
	const char *param;
	json_t *json;
};
extern struct companion_end ended;

extern struct settings companion_settings;
extern struct services companion_services;

void begin_world(void);
/* Everything as it is made, but for settings and keys. */
void reset_world(void);
/* Checks that nothing is left under way. */
void end_world(void);
void run_for_a_moment(void);
void hold_all(bool holds);
/* Runs a request to its end. */
void run(const struct procedure *p, const char *body);
/* The body with something in it replaced; valid until the next call. */
const char *with(const char *body, const char *what, const char *instead);
/* The last one was refused so, and left no IMSI behind. */
void check_refused(enum outcome outcome, const char *param);
void check_calls(const char *const *names);
#define CALLS(...) check_calls((const char *const[]){ __VA_ARGS__, NULL })
/* A member of the answer. */
const char *text(const char *name);

#endif
