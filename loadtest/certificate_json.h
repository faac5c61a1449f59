/* Certificates in a server's answers, base64 of DER, alone and as a chain. Pure. */
#ifndef LOADTEST_CERTIFICATE_JSON_H
#define LOADTEST_CERTIFICATE_JSON_H

#include "base/bytes.h"

#define CHAIN_MOST    4
#define ARPF_CERT_MAX 2048

/* What the slices that are read point into. */
struct certificate_room {
	uint8_t at[(2 + CHAIN_MOST) * ARPF_CERT_MAX];
	size_t used;
};
struct certificate_list {
	struct bytes der[CHAIN_MOST];
	size_t count;
};

bool certificate_read_json(struct certificate_room *room, struct bytes value, struct bytes *der);
/* An array of at most CHAIN_MOST. */
bool certificate_list_read_json(
	struct certificate_room *room, struct bytes value, struct certificate_list *out);

#endif
