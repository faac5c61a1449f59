/*
 * The messages of initial attach as a service provider and an access network see them (docs/protocol.md 4.4 and
 * 4.5): requests written straight from a fleet's records, answers read in place. Pure.
 */
#ifndef LOADTEST_ATTACH_H
#define LOADTEST_ATTACH_H

#include "device/endorsement_check.h"
#include "loadtest/fleet.h"

#define ATTACH_ITEM_MAX (BASE64_LEN(ATK_MAX) + 3 * BASE64_LEN(CERTIFICATE_MAX) + 128)

/* What the requests of a part number's devices have in common, as base64. */
struct attach_texts {
	char ci[BASE64_LEN(CERTIFICATE_MAX) + 1];
	char parts[PARTS_MOST][BASE64_LEN(CERTIFICATE_MAX) + 1];
	size_t ci_len, part_lens[PARTS_MOST];
};

void attach_texts_make(struct attach_texts *t, const struct maker *m);
/* {"seCredentials": {…}}; out holds ATTACH_ITEM_MAX characters. Returns the length; no NUL. */
size_t attach_write_item(const struct attach_texts *t, const struct fleet_record *r, char *out);

/* The body of 4.5's request; the serving network is the dIMSI's own. out holds 96 characters. */
void attach_serving_network(const char *plmn, char *out, size_t size);

/* One answer, or one result of a batch. */
struct attach_answer {
	int status;         /* of a batch's result */
	enum outcome cause; /* where it is a problem; BROKEN: none that is known */
	uint64_t dimsi, imsi, issued_at;
	struct bytes se_id;
	struct batch_signature endorsement;
	bool is_complete; /* all members of a 201 were there and well formed */
};

/* false: not JSON. */
bool attach_read_answer(struct bytes in, struct attach_answer *out);
/* The object of 4.5's answer. */
bool vectors_read_answer(struct bytes in, uint8_t rand[16], uint8_t autn[16]);

#endif
