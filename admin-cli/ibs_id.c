#include "admin-cli/ibs_id.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define FIRST_YEAR 1970
#define LAST_YEAR  9999

/* So many digits and no more, maybe behind a dash. */
static bool take_number(const char **at, const char *before, unsigned digits, int *out)
{
	const char *c = *at;

	if (*before != '\0' && *c++ != *before)
		return false;
	*out = 0;
	for (unsigned i = 0; i < digits; i++, c++) {
		if (!isdigit((unsigned char)*c))
			return false;
		*out = *out * 10 + (*c - '0');
	}
	if (isdigit((unsigned char)*c))
		return false;
	*at = c;
	return true;
}

static int64_t seconds_of(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

	return timegm(&tm);
}

/* Months and days of more than there are lead on to the next. */
static struct ibs_period period_of(enum ibs_period_kind kind, int year, int month, int day)
{
	return (struct ibs_period){
		.kind = kind,
		.not_before = seconds_of(year, month, day),
		.not_after = seconds_of(year + (kind == IBS_YEAR), month + (kind == IBS_MONTH),
			day + (kind == IBS_DAY)),
	};
}

static bool is_date(int year, int month, int day)
{
	time_t seconds = seconds_of(year, month, day);
	struct tm tm;

	return year >= FIRST_YEAR && year <= LAST_YEAR && gmtime_r(&seconds, &tm) != NULL &&
	       tm.tm_mon == month - 1 && tm.tm_mday == day;
}

enum ibs_reading ibs_read_period(const char *id, struct ibs_period *period, const char **name)
{
	enum ibs_period_kind kind = IBS_YEAR;
	int year, month = 1, day = 1;

	*name = id;
	if (!take_number(name, "", 4, &year))
		return IBS_HAS_NO_PERIOD;
	if (take_number(name, "-", 2, &month))
		kind = take_number(name, "-", 2, &day) ? IBS_DAY : IBS_MONTH;
	else
		month = 1;
	if (kind == IBS_MONTH)
		day = 1;
	if (!is_date(year, month, day))
		return IBS_IS_NO_DATE;
	*period = period_of(kind, year, month, day);
	return IBS_HAS_PERIOD;
}

bool ibs_period_at(enum ibs_period_kind kind, int64_t at, struct ibs_period *period)
{
	time_t seconds = at;
	struct tm tm;

	if (at < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > LAST_YEAR)
		return false;
	*period = period_of(kind, tm.tm_year + 1900, kind == IBS_YEAR ? 1 : tm.tm_mon + 1,
		kind == IBS_DAY ? tm.tm_mday : 1);
	return true;
}

bool ibs_write_id(const struct ibs_period *period, const char *name, char out[IBS_ID_MAX + 1])
{
	static const char *const formats[] = {
		[IBS_YEAR] = "%Y", [IBS_MONTH] = "%Y-%m", [IBS_DAY] = "%Y-%m-%d"
	};
	time_t seconds = period->not_before;
	struct tm tm;
	char text[16];

	if (gmtime_r(&seconds, &tm) == NULL ||
		strftime(text, sizeof(text), formats[period->kind], &tm) == 0)
		return false;
	int n = snprintf(out, IBS_ID_MAX + 1, "%s%s", text, name);

	return n > 0 && n <= IBS_ID_MAX;
}

/* How many bytes the character has that begins here; 0: none that is printable, in its shortest form. */
static unsigned character(const unsigned char *at)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned len = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t c = len == 1 ? at[0] : at[0] & (0x7fu >> len);

	for (unsigned i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	bool is_control = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
	bool is_surrogate = c >= 0xd800 && c < 0xe000;
	bool is_lead = at[0] < 0x80 || (at[0] >= 0xc2 && at[0] <= 0xf4);

	return is_lead && c >= least[len] && c <= 0x10ffff && !is_control && !is_surrogate ? len
											   : 0;
}

bool ibs_id_is_text(const char *id)
{
	const unsigned char *at = (const unsigned char *)id;
	unsigned len;

	while (*at != '\0' && (len = character(at)) > 0)
		at += len;
	size_t whole = (size_t)(at - (const unsigned char *)id);

	return *at == '\0' && whole >= 1 && whole <= IBS_ID_MAX;
}
