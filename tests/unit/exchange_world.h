/*
 * Fake lanes that play a database and a token for attaches with device credentials and for downloads
 * (docs/protocol.md sections 9 and 10), over the reactor of companion_world.h, and devices with real certificates
 * and real signatures.
 */
#ifndef TESTS_UNIT_EXCHANGE_WORLD_H
#define TESTS_UNIT_EXCHANGE_WORLD_H

#include "procedures/device_attach.h"
#include "procedures/profile_download.h"
#include "tests/unit/companion_world.h"
#include "tests/unit/euicc_world.h"
#include "tests/unit/exchange_reply.h"
#include "tests/unit/pki_world.h"

#define EXCHANGE_SUPI "imsi-001010000000007"
#define EXCHANGE_SE   "SE-0001"

struct exchange_world {
	char calls[MOST_CALLS][32];
	unsigned count, fail_at, hold_at;
	enum outcome fail_with;
	bool sent; /* the statement that fails had been sent */
	/* what the database says; revised: once something was written */
	struct db_attach attach, revised_attach;
	struct db_download download, revised_download;
	enum outcome find_brings;
	bool has_revised;
	struct db_pdu_session session;
	enum outcome session_brings;
	enum outcome ends[8], binds[8]; /* one try after the other */
	int32_t bar;
	enum outcome mac; /* what the token says of a notification's */
	enum outcome profile_brings;
	/* what they were asked */
	unsigned end, bind;
	struct db_attach_in added;
	struct db_attach_end_in ended;
	struct db_download_in offered;
	struct db_profile_in bound;
	struct db_download_end_in closed;
	struct key_offer_exchange_in offer;
	struct key_accept_attach_in accept;
	struct key_bind_profile_in profile;
	struct key_check_notification_in notification;
	uint64_t next_imsi;
};
extern struct exchange_world exchange;

void begin_exchanges(void);
void end_exchanges(void);
/* Lanes that grant what they are asked: an offered attach of EUICC_EID, and an offered download of it. */
void reset_exchanges(void);
/* The download is EXCHANGE_SUPI's, whose binding is of EXCHANGE_SE. */
void make_supi_download(void);
void expect_exchange_calls(const char *const *names);
#define EXPECT_EXCHANGE_CALLS(...) expect_exchange_calls((const char *const[]){ __VA_ARGS__, NULL })
/* The last one was refused so, and left no IMSI behind. */
void expect_exchange_refused(enum outcome o, const char *param);

/* Asks for a bound profile by this reply. */
void run_bind(const struct exchange_reply *r);
/* The answer has the token's profile, or the row's of bind_before(). */
void expect_bound_answer(void);
/* What the token was given to write is a whole profile of this SUPI, lasting as the database was told. */
void expect_bound_profile(const char *supi);
/* The download has been bound already, at this time, to this body. */
#define BOUND_BEFORE INT64_C(1700000000)
void bind_before(const char *body);
/* A member is base64 of this byte, len times. */
void expect_filled(const json_t *in, const char *name, int byte, size_t len);

extern struct pki_made euicc_made[EUICC_LEVELS], se_made[LEVELS];

#endif
