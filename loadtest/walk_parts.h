/*
 * What the walks share: what has come of the steps so far, and how they are shown. Keys are shown by
 * fingerprints: the first 8 bytes of their SHA-256. Internal to loadtest/. One thread.
 */
#ifndef LOADTEST_WALK_PARTS_H
#define LOADTEST_WALK_PARTS_H

#include "device/companion_ue.h"
#include "device/server_identity.h"
#include "loadtest/aka.h"
#include "loadtest/attach.h"
#include "loadtest/exchange.h"
#include "loadtest/fleet.h"
#include "loadtest/signers.h"

struct procedure;

struct walk_options {
	const char *procedure, *fleet, *plmn, *serving_plmn, *af_fqdn;
	const char *companion_supi, *k_file, *opc_file, *group, *key, *expect, *save;
	uint64_t device;
	struct server_options server;
	bool no_trust, download;
};

struct walk {
	const struct walk_options *options;
	const struct procedure *procedure;
	struct server server;
	struct fleet fleet;
	/* initial attach */
	struct arpf_certificates arpf;
	struct fleet_record device;
	struct attach_texts texts;
	struct attach_answer answer;
	char dimsi[IMSI_DIGITS + 1];
	uint8_t rand[16], autn[16];
	/* attach with device credentials, downloads */
	struct server_identity identity;
	/* companion UEs */
	struct companion_ue companion;
	char serving_network[SERVING_NETWORK_MAX + 1];
};

/* The walks; false, and said on stderr, where a step fails. */
bool walk_initial_attach(struct walk *w);
bool walk_first_auth(struct walk *w);
bool walk_companion_dh(struct walk *w);
bool walk_headless_device(struct walk *w);
bool walk_auth_data(struct walk *w);
bool walk_device_attach(struct walk *w);
bool walk_profile_download(struct walk *w);

/*
 * One 5G AKA by this USIM, with its event: identity is the SUPI or SUCI in the path. Shows what comes of it
 * under the heading that the caller has printed.
 */
bool walk_authenticate(struct walk *w, const char *step, const char *identity, uint64_t imsi,
	struct usim *usim, struct usim_answer *out);
/* The companion UE of the options: authenticates (5), and its session is registered (6). */
bool walk_open_companion(struct walk *w);

/* A step's number in the solution, or what is shown in its place. */
void walk_heading(const char *number, const char *what);
__attribute__((format(printf, 2, 3))) void walk_line(const char *name, const char *format, ...);
/* Cut where it is long. */
void walk_hex(const char *name, struct bytes bytes);
void walk_fingerprint(const char *name, struct bytes key);
/* Which member of which tree. */
void walk_signature(const char *name, const struct batch_signature *s);
/* Answers false. */
bool walk_failed(const char *step, const char *why);
/* A POST that must be answered 2xx; else said on stderr. The answer is to be cleared either way. */
bool walk_post(struct walk *w, const char *path, struct bytes body, struct http_request *r);

#endif
