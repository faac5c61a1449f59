/*
 * The parts of a certificate that are read by rules of their own. Internal to pki/; in-place and
 * strict as certificate_read is: false where the part is outside the profile.
 */
#ifndef PKI_CERTIFICATE_PARTS_H
#define PKI_CERTIFICATE_PARTS_H

#include "pki/certificate.h"

/* A Name from the front of *in: whole, with tag and length, its attributes well formed text. */
bool name_take(struct bytes *in, struct bytes *whole);
/* The attributes of a Name that name_take has read; false where serialNumber comes twice. */
bool name_read_subject(struct bytes whole, struct certificate *c);
/* The same of a Name that holds nothing but O and serialNumber, each at most once and not empty. */
bool name_read_permitted(
	struct bytes whole, struct bytes *organization, struct bytes *serial_number);

/* extensions: the content of the SEQUENCE OF Extension. */
bool extensions_read(struct bytes extensions, struct certificate *c);

#endif
