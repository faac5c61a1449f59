/*
 * Who calls, from his certificate: whether one of the trusted CAs vouches for it now, and the role its
 * subject names (docs/protocol.md sections 1 and 12). Any thread. Private to server/tls*.c.
 */
#ifndef SERVER_TLS_CALLER_H
#define SERVER_TLS_CALLER_H

#include "server/tls.h"
#include "server/tls_files.h"

/*
 * chain: DER, the caller's first. FINE; UNAUTHENTICATED; ROLE_NOT_PERMITTED where the subject has not exactly
 * one OU, or one that is no role. *until: when the first of the chain's certificates or of the CRLs ends, unix seconds.
 */
enum outcome tls_caller_read(const struct tls_files *files, const gnutls_datum_t *chain,
	unsigned count, struct tls_caller *out, int64_t *until);

/*
 * In the handshake, before the caller's signature is looked at: whether his key is of a size that costs no more
 * than others' do. 0, or gnutls's word that ends the handshake. RSA of 65,536 bits, with an exponent of as many,
 * would keep the loop for half a minute; of 200,000, for a quarter of an hour.
 */
int tls_caller_check_key(gnutls_session_t session);

#endif
