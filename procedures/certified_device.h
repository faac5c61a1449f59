/*
 * Steps 3 and 4 of Solution #12.z (docs/protocol.md section 8): a device's certificate from the URL that its
 * companion UE has sent, and what it says of the device once its chain holds. Part of a procedure
 * whose state has a struct certified_device; the functions are for the lanes that are named.
 */
#ifndef PROCEDURES_CERTIFIED_DEVICE_H
#define PROCEDURES_CERTIFIED_DEVICE_H

#include "peers/certificate_fetch.h"
#include "pki/device_chain.h"
#include "procedures/procedure.h"

struct certified_device {
	const char *url;
	struct fetch_rules rules;
	struct certificate_fetch fetch;
	struct bytes body; /* what was fetched or kept, in the arena */
	enum certificates_form form;
	bool was_kept; /* from a fetch before: nothing is to be fetched */
	struct device_certificate device;
};

/* url: at most FETCH_URL_MAX characters, living as long as the transaction. */
enum outcome certified_device_start(struct certified_device *c, const char *url);
/*
 * LOOP: whether the next hop may be asked. INVALID_PARAMETER for the URL itself (it names deviceUrl),
 * CERTIFICATE_FETCH_FAILED for a redirect. Sets was_kept.
 */
enum outcome certified_device_check_url(struct txn *t, struct certified_device *c);
/* FETCH, run and finish; a redirect goes back to check_step. CERTIFICATE_FETCH_FAILED. */
enum outcome certified_device_ask(struct txn *t, struct certified_device *c);
enum outcome certified_device_have(
	struct txn *t, struct certified_device *c, const char *check_step, enum outcome brought);
/*
 * CPU: sets device. CERTIFICATE_FETCH_FAILED where the body is not what its type says, CERTIFICATE_UNTRUSTED,
 * CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED.
 */
enum outcome certified_device_verify(struct txn *t, struct certified_device *c);
/* LOOP: what was fetched, and held, is kept for its freshness under the URL it was asked for by. */
enum outcome certified_device_keep(struct txn *t, const struct certified_device *c);

#endif
