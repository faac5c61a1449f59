/*
 * Identities of ECCSI as RFC 6507 section 3 would have them: with a date in them, so that a key
 * ends by itself. An identity begins with its period, YYYY, YYYY-MM or YYYY-MM-DD in UTC; what
 * comes behind is its name.
 */
#ifndef ADMIN_CLI_IBS_ID_H
#define ADMIN_CLI_IBS_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "hsm/messages.h"

enum ibs_period_kind { IBS_YEAR, IBS_MONTH, IBS_DAY };

struct ibs_period {
	enum ibs_period_kind kind;
	int64_t not_before, not_after; /* from the first second to the one before not_after */
};

enum ibs_reading { IBS_HAS_PERIOD, IBS_HAS_NO_PERIOD, IBS_IS_NO_DATE };

/* *name points into id behind its period, or to its beginning where it has none. */
enum ibs_reading ibs_read_period(const char *id, struct ibs_period *period, const char **name);
/* The period of this kind that `at` lies in. False: it lies outside the years 1970 to 9999. */
bool ibs_period_at(enum ibs_period_kind kind, int64_t at, struct ibs_period *period);
/* The period's text, and behind it the name as it is. False where it is too long. */
bool ibs_write_id(const struct ibs_period *period, const char *name, char out[IBS_ID_MAX + 1]);
/* 1 to 128 bytes of UTF-8 without control characters. */
bool ibs_id_is_text(const char *id);

#endif
