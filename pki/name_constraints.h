/*
 * What a manufacturer's (EUM's) certificate lets it put into those it issues, SGP.22 clause 4.5.2.1.0.2: name
 * constraints with permitted subtrees of directoryName {O, serialNumber}, or in version 3 a list of EINs. A
 * serialNumber permits what begins with it, where RFC 5280 would have it equal.
 *
 * Readers are internal to pki/, in place and strict as certificate_read is: excluded subtrees, other forms of
 * names and other attributes cannot be honoured and are outside the profile. Pure.
 */
#ifndef PKI_NAME_CONSTRAINTS_H
#define PKI_NAME_CONSTRAINTS_H

#include "pki/certificate.h"

/* One permitted subtree; empty: not constrained. One of the two is there. */
struct permitted_name {
	struct bytes organization, serial_number;
};

/* The next of c->permitted_names from the front of *in. */
bool permitted_name_take(struct bytes *in, struct permitted_name *out);
/* Whether a certificate issued under c may name these in its subject. */
bool certificate_permits(
	const struct certificate *c, struct bytes organization, struct bytes serial_number);

/* For extensions_read. */
bool name_constraints_read(struct bytes value, struct certificate *c);
bool permitted_eins_read(struct bytes value, struct certificate *c);

#endif
