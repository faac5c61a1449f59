/*
 * What the walks through section 9 and section 10 share: the server's offer checked, the answer written, a whole
 * download. Internal to loadtest/. One thread.
 */
#ifndef LOADTEST_WALK_DOWNLOAD_H
#define LOADTEST_WALK_DOWNLOAD_H

#include "loadtest/download.h"
#include "loadtest/offer.h"
#include "loadtest/walk_parts.h"

/* The device's: of an eUICC or of an SE. */
struct credential {
	const uint8_t *key;
	struct shown_chain chain;
};

/* A 2xx of 9.1 or 10.1, verified from the certificates to the signature. */
bool walk_take_offer(struct walk *w, const char *step, const struct http_request *r,
	const char *id_member, struct handshake *h);
/* The body of 9.2 or 10.2; body holds OFFER_REPLY_MAX characters. */
bool walk_write_reply(
	const struct credential *c, const char *step, struct handshake *h, char *body, size_t *len);

struct downloaded {
	uint8_t json[BOUND_PROFILE_MAX];
	struct installed_profile profile; /* slices of json */
};
/* 10.1 to 10.3. attach_id: NULL for a SUPI. The caller wipes. */
bool walk_download(struct walk *w, const char *step, const struct credential *c,
	const char *subject, const char *attach_id, struct downloaded *out);
/* Where --save asks for it: what a later walk takes as --supi, --k-file and --opc-file. */
bool walk_save_profile(const struct walk *w, const struct installed_profile *p);

#endif
