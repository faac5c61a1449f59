/*
 * What became of an operation.
 *
 * Every function that can fail returns an enum outcome and the compiler insists that it is
 * looked at. The names are the `cause` values of docs/protocol.md section 1, so that the line which
 * refuses a request and the answer on the wire read alike. One table gives each its kind (which
 * decides whether a retry makes sense), its HTTP status and its title.
 *
 * The numbers are in the audit trail and never change (outcome.c): a new one stands before
 * OUTCOME_COUNT.
 */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H

#include <stdbool.h>

enum [[nodiscard]] outcome{
	FINE = 0,

	/* refused: the request is at fault, the same request gets the same answer */
	MALFORMED_REQUEST,
	INVALID_PARAMETER,
	MISSING_PARAMETER,
	UNAUTHENTICATED,
	ROLE_NOT_PERMITTED,
	CERTIFICATE_UNTRUSTED,
	CERTIFICATE_EXPIRED,
	CERTIFICATE_REVOKED,
	SIGNATURE_INVALID,
	MAC_INVALID,
	CREDENTIAL_REVOKED,
	CREDENTIAL_EXPIRED,
	CREDENTIAL_SUSPENDED,
	METHOD_NOT_ALLOWED,
	DIMSI_NOT_FOUND,
	USER_NOT_FOUND,
	ACCESS_ID_NOT_FOUND,
	SESSION_NOT_FOUND,
	RESOURCE_NOT_FOUND,
	DIMSI_IN_USE,
	DEVICE_IN_USE,
	CONFLICT,
	SESSION_EXPIRED,
	CREDENTIAL_RETIRED,
	PAYLOAD_TOO_LARGE,
	UNSUPPORTED_MEDIA_TYPE,

	/* transient: the world is at fault, a later try may succeed */
	CERTIFICATE_FETCH_FAILED,
	PEER_FAILED,
	PEER_TIMEOUT,
	OVERLOADED,
	HSM_UNAVAILABLE,
	DATABASE_UNAVAILABLE,
	IMSI_POOL_EXHAUSTED,

	/* inside the server only; never a cause on the wire */
	NO_ROW,    /* a look-up by key found nothing */
	NO_MEMORY, /* told to the client as OVERLOADED */
	BROKEN,    /* something that should hold does not: 500 SYSTEM_FAILURE */

	REQUEST_TIMEOUT, /* transient: the request was not all there in time */
	OUTCOME_COUNT,
};

enum outcome_kind { KIND_FINE, KIND_REFUSED, KIND_TRANSIENT, KIND_BROKEN };

/* The wire's spelling of an outcome; NO_MEMORY reads OVERLOADED, BROKEN and NO_ROW SYSTEM_FAILURE. */
const char *outcome_cause(enum outcome o);
/* The name of the enumerator itself, for logs and metrics. */
const char *outcome_name(enum outcome o);
const char *outcome_title(enum outcome o);
enum outcome_kind outcome_kind(enum outcome o);
int outcome_http_status(enum outcome o);
/* The outcome whose wire spelling is this; BROKEN where there is none. */
enum outcome outcome_from_cause(const char *cause);

#endif
