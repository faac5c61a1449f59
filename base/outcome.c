#include "base/outcome.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct outcome_row {
	const char *name;
	const char *cause;
	enum outcome_kind kind;
	int status;
	const char *title;
};

static_assert(
	FINE == 0 && MALFORMED_REQUEST == 1 && INVALID_PARAMETER == 2 && MISSING_PARAMETER == 3 &&
		UNAUTHENTICATED == 4 && ROLE_NOT_PERMITTED == 5 && CERTIFICATE_UNTRUSTED == 6 &&
		CERTIFICATE_EXPIRED == 7 && CERTIFICATE_REVOKED == 8 && SIGNATURE_INVALID == 9 &&
		MAC_INVALID == 10 && CREDENTIAL_REVOKED == 11 && CREDENTIAL_EXPIRED == 12 &&
		CREDENTIAL_SUSPENDED == 13 && METHOD_NOT_ALLOWED == 14 && DIMSI_NOT_FOUND == 15 &&
		USER_NOT_FOUND == 16 && ACCESS_ID_NOT_FOUND == 17 && SESSION_NOT_FOUND == 18 &&
		RESOURCE_NOT_FOUND == 19 && DIMSI_IN_USE == 20 && DEVICE_IN_USE == 21 &&
		CONFLICT == 22 && SESSION_EXPIRED == 23 && CREDENTIAL_RETIRED == 24 &&
		PAYLOAD_TOO_LARGE == 25 && UNSUPPORTED_MEDIA_TYPE == 26 &&
		CERTIFICATE_FETCH_FAILED == 27 && PEER_FAILED == 28 && PEER_TIMEOUT == 29 &&
		OVERLOADED == 30 && HSM_UNAVAILABLE == 31 && DATABASE_UNAVAILABLE == 32 &&
		IMSI_POOL_EXHAUSTED == 33 && NO_ROW == 34 && NO_MEMORY == 35 && BROKEN == 36 &&
		REQUEST_TIMEOUT == 37,
	"the audit trail has these as numbers");

#define SAME(o) .name = #o, .cause = #o

static const struct outcome_row rows[OUTCOME_COUNT] = {
	[FINE] = { SAME(FINE), KIND_FINE, 200, "Done" },
	[MALFORMED_REQUEST] = { SAME(MALFORMED_REQUEST), KIND_REFUSED, 400, "Malformed request" },
	[INVALID_PARAMETER] = { SAME(INVALID_PARAMETER), KIND_REFUSED, 400, "Invalid parameter" },
	[MISSING_PARAMETER] = { SAME(MISSING_PARAMETER), KIND_REFUSED, 400, "Missing parameter" },
	[UNAUTHENTICATED] = { SAME(UNAUTHENTICATED), KIND_REFUSED, 401, "Not authenticated" },
	[ROLE_NOT_PERMITTED] = { SAME(ROLE_NOT_PERMITTED), KIND_REFUSED, 403,
		"Role not permitted" },
	[CERTIFICATE_UNTRUSTED] = { SAME(CERTIFICATE_UNTRUSTED), KIND_REFUSED, 403,
		"Certificate not trusted" },
	[CERTIFICATE_EXPIRED] = { SAME(CERTIFICATE_EXPIRED), KIND_REFUSED, 403,
		"Certificate outside its validity period" },
	[CERTIFICATE_REVOKED] = { SAME(CERTIFICATE_REVOKED), KIND_REFUSED, 403,
		"Certificate revoked" },
	[SIGNATURE_INVALID] = { SAME(SIGNATURE_INVALID), KIND_REFUSED, 403, "Signature invalid" },
	[MAC_INVALID] = { SAME(MAC_INVALID), KIND_REFUSED, 403,
		"Message authentication code invalid" },
	[CREDENTIAL_REVOKED] = { SAME(CREDENTIAL_REVOKED), KIND_REFUSED, 403,
		"Credential revoked" },
	[CREDENTIAL_EXPIRED] = { SAME(CREDENTIAL_EXPIRED), KIND_REFUSED, 403,
		"Credential expired" },
	[CREDENTIAL_SUSPENDED] = { SAME(CREDENTIAL_SUSPENDED), KIND_REFUSED, 403,
		"Credential suspended" },
	[METHOD_NOT_ALLOWED] = { SAME(METHOD_NOT_ALLOWED), KIND_REFUSED, 405,
		"Method not allowed" },
	[DIMSI_NOT_FOUND] = { SAME(DIMSI_NOT_FOUND), KIND_REFUSED, 404, "dIMSI not found" },
	[USER_NOT_FOUND] = { SAME(USER_NOT_FOUND), KIND_REFUSED, 404, "User not found" },
	[ACCESS_ID_NOT_FOUND] = { SAME(ACCESS_ID_NOT_FOUND), KIND_REFUSED, 404,
		"Access ID not found" },
	[SESSION_NOT_FOUND] = { SAME(SESSION_NOT_FOUND), KIND_REFUSED, 404, "Session not found" },
	[RESOURCE_NOT_FOUND] = { SAME(RESOURCE_NOT_FOUND), KIND_REFUSED, 404,
		"Resource not found" },
	[DIMSI_IN_USE] = { SAME(DIMSI_IN_USE), KIND_REFUSED, 409, "dIMSI in use" },
	[DEVICE_IN_USE] = { SAME(DEVICE_IN_USE), KIND_REFUSED, 409, "Device in use" },
	[CONFLICT] = { SAME(CONFLICT), KIND_REFUSED, 409, "Conflict" },
	[SESSION_EXPIRED] = { SAME(SESSION_EXPIRED), KIND_REFUSED, 410, "Session expired" },
	[CREDENTIAL_RETIRED] = { SAME(CREDENTIAL_RETIRED), KIND_REFUSED, 410,
		"Credential retired" },
	[PAYLOAD_TOO_LARGE] = { SAME(PAYLOAD_TOO_LARGE), KIND_REFUSED, 413, "Payload too large" },
	[UNSUPPORTED_MEDIA_TYPE] = { SAME(UNSUPPORTED_MEDIA_TYPE), KIND_REFUSED, 415,
		"Unsupported media type" },
	[CERTIFICATE_FETCH_FAILED] = { SAME(CERTIFICATE_FETCH_FAILED), KIND_TRANSIENT, 502,
		"Certificate could not be fetched" },
	[PEER_FAILED] = { SAME(PEER_FAILED), KIND_TRANSIENT, 502, "Peer failed" },
	[PEER_TIMEOUT] = { SAME(PEER_TIMEOUT), KIND_TRANSIENT, 504, "Peer did not answer in time" },
	[OVERLOADED] = { SAME(OVERLOADED), KIND_TRANSIENT, 503, "Overloaded" },
	[HSM_UNAVAILABLE] = { SAME(HSM_UNAVAILABLE), KIND_TRANSIENT, 503, "HSM unavailable" },
	[DATABASE_UNAVAILABLE] = { SAME(DATABASE_UNAVAILABLE), KIND_TRANSIENT, 503,
		"Database unavailable" },
	[IMSI_POOL_EXHAUSTED] = { SAME(IMSI_POOL_EXHAUSTED), KIND_TRANSIENT, 503,
		"IMSI pool exhausted" },
	[NO_ROW] = { "NO_ROW", "SYSTEM_FAILURE", KIND_REFUSED, 500, "System failure" },
	[NO_MEMORY] = { "NO_MEMORY", "OVERLOADED", KIND_TRANSIENT, 503, "Overloaded" },
	[REQUEST_TIMEOUT] = { SAME(REQUEST_TIMEOUT), KIND_TRANSIENT, 408, "Request timeout" },
	[BROKEN] = { "BROKEN", "SYSTEM_FAILURE", KIND_BROKEN, 500, "System failure" },
};

static const struct outcome_row *row_of(enum outcome o)
{
	return (unsigned)o < OUTCOME_COUNT ? &rows[o] : &rows[BROKEN];
}

const char *outcome_cause(enum outcome o)
{
	return row_of(o)->cause;
}

const char *outcome_name(enum outcome o)
{
	return row_of(o)->name;
}

const char *outcome_title(enum outcome o)
{
	return row_of(o)->title;
}

enum outcome_kind outcome_kind(enum outcome o)
{
	return row_of(o)->kind;
}

int outcome_http_status(enum outcome o)
{
	return row_of(o)->status;
}

enum outcome outcome_from_cause(const char *cause)
{
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		if (i != NO_ROW && strcmp(rows[i].cause, cause) == 0)
			return (enum outcome)i;
	return BROKEN;
}
