/*
 * A session as attributes of a RADIUS Access-Accept, in the JSON that FreeRADIUS's rlm_rest reads: names with the
 * list they go to, values that it does not expand.
 */
#ifndef PROCEDURES_RADIUS_REPLY_H
#define PROCEDURES_RADIUS_REPLY_H

#include "base/json_out.h"

struct radius_session {
	const char *subject; /* whom the certificate names: User-Name */
	struct bytes id;     /* Class, in hex */
	const char *dnn;     /* Framed-Pool, and Filter-Id where there are no rules */
	int64_t lifetime_s;  /* Session-Timeout */
	/*
	 * Blank-separated host:port, [address]:port. Where every host is an address each becomes two rules of
	 * NAS-Filter-Rule (RFC 4849), which know no names.
	 */
	const char *destinations;
};
/* The whole object, with brackets. */
void radius_reply_write(struct json_out *o, const struct radius_session *s);

#endif
