/*
 * Certificates as files hold them and as lists show them. For administration and for what peers
 * serve as files, not for the path of a device's request. Pure.
 */
#ifndef PKI_PEM_H
#define PKI_PEM_H

#include "base/bytes.h"

/*
 * The next block of this label ("CERTIFICATE", "X509 CRL") in PEM (RFC 7468) from the front of *in,
 * which moves behind it; blocks of other labels and text between are passed over. NO_ROW: there is
 * none left; INVALID_PARAMETER: a block that is broken; PAYLOAD_TOO_LARGE: more than cap bytes.
 */
enum outcome pem_take(struct bytes *in, const char *label, uint8_t *out, size_t cap, size_t *len);
/*
 * One certificate from a file's content: DER as it is (only its outermost frame is looked at), or
 * the first CERTIFICATE in PEM. INVALID_PARAMETER where there is neither, PAYLOAD_TOO_LARGE.
 */
enum outcome pem_or_der_read(struct bytes in, uint8_t *out, size_t cap, size_t *len);
/*
 * A Name as RFC 2253 writes it, in printable ASCII (the rest escaped), cut to fit; "?" where it is
 * no Name.
 */
void certificate_subject_text(struct bytes name, char *out, size_t size);

#endif
