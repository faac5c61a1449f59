/*
 * A certificate revocation list of RFC 5280, PEM or DER, as far as it names certificates of its own
 * issuer. One thread.
 */
#ifndef ADMIN_CLI_CRL_H
#define ADMIN_CLI_CRL_H

#include "admin-cli/serial.h"
#include "base/bytes.h"

struct crl;

/*
 * INVALID_PARAMETER and *reason: no CRL, a delta CRL, or one that is critical about what is not understood
 * (an indirect CRL is).
 */
enum outcome crl_read(struct bytes content, struct crl **out, const char **reason);
void crl_free(struct crl *crl);
/* By name and signature; the issuer's key usage must allow it where it has one. */
bool crl_is_signed_by(const struct crl *crl, struct bytes issuer_der);
size_t crl_count(const struct crl *crl);
/* false: a serial number of more than 20 bytes, or negative. */
bool crl_serial(const struct crl *crl, size_t i, char out[SERIAL_TEXT_SIZE]);

#endif
