/*
 * The numbers of enum audit_action as SQL says them: EVENT_BOUND is "10". Part of db/sql.h.
 */
#ifndef DB_SQL_EVENTS_H
#define DB_SQL_EVENTS_H

#include <assert.h>

#include "db/statements.h"

#define EVENT_REFUSED             "1"
#define EVENT_REFUSALS_LOST       "2"
#define EVENT_BOUND               "10"
#define EVENT_RELEASED            "11"
#define EVENT_VECTORS_SENT        "12"
#define EVENT_ATTACHED            "13"
#define EVENT_ENDORSED            "14"
#define EVENT_PAIR_KEPT           "15"
#define EVENT_PAIR_DROPPED        "16"
#define EVENT_SESSION_REGISTERED  "20"
#define EVENT_SESSION_REMOVED     "21"
#define EVENT_ACCESS_ID_ADDED     "22"
#define EVENT_ACCESS_ID_CONFIRMED "23"
#define EVENT_ACCESS_ID_REVOKED   "24"
#define EVENT_DEVICE_ADDED        "25"
#define EVENT_ATTACH_ACCEPTED     "30"
#define EVENT_ATTACH_REFUSED      "31"
#define EVENT_DETACHED            "32"
#define EVENT_PROFILE_BOUND       "33"
#define EVENT_PROFILE_INSTALLED   "34"
#define EVENT_PROFILE_FAILED      "35"
#define EVENT_SUBSCRIBER_ADDED    "40"
#define EVENT_SUSPENDED           "41"
#define EVENT_RESUMED             "42"
#define EVENT_REVOKED             "43"
#define EVENT_REKEYED             "44"
#define EVENT_DELETED             "45"
#define EVENT_OVERDUE             "46"
#define EVENT_ACTIVATED           "47"
#define EVENT_CHANGE_REFUSED      "48"
#define EVENT_JOB_STARTED         "49"
#define EVENT_JOB_CANCELLED       "50"
#define EVENT_ANCHOR_ADDED        "60"
#define EVENT_ANCHOR_REMOVED      "61"
#define EVENT_CERTIFICATE_REVOKED "62"
#define EVENT_CRL_ADDED           "63"
#define EVENT_POOL_ADDED          "64"
#define EVENT_KEY_PUT             "65"
#define EVENT_IDENTITY_ADDED      "66"
#define EVENT_KEY_MADE            "67"
#define EVENT_KEY_RETIRED         "68"
#define EVENT_CRL_REMOVED         "69"

static_assert(AUDIT_REFUSED == 1 && AUDIT_REFUSALS_LOST == 2 && AUDIT_BOUND == 10 &&
		      AUDIT_RELEASED == 11 && AUDIT_VECTORS_SENT == 12 && AUDIT_ATTACHED == 13 &&
		      AUDIT_ENDORSED == 14 && AUDIT_PAIR_KEPT == 15 && AUDIT_PAIR_DROPPED == 16 &&
		      AUDIT_SESSION_REGISTERED == 20 && AUDIT_SESSION_REMOVED == 21 &&
		      AUDIT_ACCESS_ID_ADDED == 22 && AUDIT_ACCESS_ID_CONFIRMED == 23 &&
		      AUDIT_ACCESS_ID_REVOKED == 24 && AUDIT_DEVICE_ADDED == 25 &&
		      AUDIT_ATTACH_ACCEPTED == 30 && AUDIT_ATTACH_REFUSED == 31 &&
		      AUDIT_DETACHED == 32 && AUDIT_PROFILE_BOUND == 33 &&
		      AUDIT_PROFILE_INSTALLED == 34 && AUDIT_PROFILE_FAILED == 35 &&
		      AUDIT_SUBSCRIBER_ADDED == 40 && AUDIT_SUSPENDED == 41 &&
		      AUDIT_RESUMED == 42 && AUDIT_REVOKED == 43 && AUDIT_REKEYED == 44 &&
		      AUDIT_DELETED == 45 && AUDIT_OVERDUE == 46 && AUDIT_ACTIVATED == 47 &&
		      AUDIT_CHANGE_REFUSED == 48 && AUDIT_JOB_STARTED == 49 &&
		      AUDIT_JOB_CANCELLED == 50 && AUDIT_ANCHOR_ADDED == 60 &&
		      AUDIT_ANCHOR_REMOVED == 61 && AUDIT_CERTIFICATE_REVOKED == 62 &&
		      AUDIT_CRL_ADDED == 63 && AUDIT_POOL_ADDED == 64 && AUDIT_KEY_PUT == 65 &&
		      AUDIT_IDENTITY_ADDED == 66 && AUDIT_KEY_MADE == 67 &&
		      AUDIT_KEY_RETIRED == 68 && AUDIT_CRL_REMOVED == 69,
	"the SQL says these as numbers");

#endif
