/*
 * Fake lanes that play a database, a token and a maker's web server for the addition of a headless device
 * (docs/protocol.md section 8), over the reactor of companion_world.h.
 */
#ifndef TESTS_UNIT_HEADLESS_WORLD_H
#define TESTS_UNIT_HEADLESS_WORLD_H

#include "peers/certificate_fetch.h"
#include "procedures/headless_device.h"
#include "tests/unit/companion_world.h"
#include "tests/unit/device_pki.h"

#define HEADLESS_URL   "https://ca.example/DeviceID=dev-1"
#define HEADLESS_PAGES 6u

/* A body that the world as it is made grants. */
extern const char good_addition[];

struct headless_page {
	enum outcome outcome;
	int status;
	const char *type, *location;
	struct bytes body;
	int64_t fresh_s;
};

struct headless_world {
	char calls[MOST_CALLS][32];
	unsigned count, fail_at, hold_at;
	enum outcome fail_with;
	bool sent; /* the statement that fails had been sent */
	/* what they say */
	struct db_session session;
	enum outcome session_brings;
	struct db_credential companion;
	enum outcome companion_brings;
	struct db_headless present, revised; /* revised: once something was added */
	enum outcome present_brings, revised_brings;
	enum outcome adds[8]; /* one try after the other */
	enum outcome mac, derives;
	struct headless_page pages[HEADLESS_PAGES]; /* one answer after the other */
	/* what they were asked */
	unsigned add, page;
	char urls[HEADLESS_PAGES][FETCH_URL_MAX + 1];
	struct key_check_addition_in checked;
	struct key_derive_device_in derived;
	struct db_headless_in added;
	uint8_t added_hash[32], found_hash[32], leaf[MERKLE_HASH_LEN];
	uint64_t next_imsi;
};
extern struct headless_world lanes;
extern struct pki_made headless_made[DEVICE_LEVELS];

/* Trust in the maker of headless_made, an empty cache, settings that list ca.example. */
void begin_headless(void);
void end_headless(void);
/* Lanes that grant what they are asked; the cache stays. */
void reset_headless(void);
/* An empty cache. */
void forget_certificates(void);
void run_addition(const char *body);
/* The last one was refused so, naming deviceUrl where param is set, and left no IMSI behind. */
void expect_refused(enum outcome o);

#endif
