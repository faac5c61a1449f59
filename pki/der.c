#include "pki/der.h"

/* Lengths of up to four bytes: more than any message here can hold. */
static bool take_length(struct bytes *in, size_t *len)
{
	struct bytes first, rest;

	if (!bytes_take(in, 1, &first))
		return false;
	*len = first.at[0];
	if (*len < 0x80)
		return true;
	size_t count = *len & 0x7f;
	if (count == 0 || count > 4 || !bytes_take(in, count, &rest) || rest.at[0] == 0)
		return false;
	*len = 0;
	for (size_t i = 0; i < count; i++)
		*len = *len << 8 | rest.at[i];
	return *len >= 0x80;
}

bool der_take_any(struct bytes *in, uint8_t *tag, struct bytes *content)
{
	struct bytes first;
	size_t len;

	if (!bytes_take(in, 1, &first) || (first.at[0] & 0x1f) == 0x1f)
		return false;
	*tag = first.at[0];
	return take_length(in, &len) && bytes_take(in, len, content);
}

bool der_take(struct bytes *in, uint8_t tag, struct bytes *content)
{
	uint8_t found;

	return der_next_is(*in, tag) && der_take_any(in, &found, content);
}

bool der_take_whole(struct bytes *in, uint8_t tag, struct bytes *whole, struct bytes *content)
{
	const uint8_t *start = in->at;

	if (!der_take(in, tag, content))
		return false;
	*whole = bytes_of(start, (size_t)(in->at - start));
	return true;
}

bool der_take_exact(struct bytes *in, struct bytes expected)
{
	struct bytes found;

	return bytes_take(in, expected.len, &found) && bytes_equal(found, expected);
}

bool der_take_integer(struct bytes *in, struct bytes *content)
{
	if (!der_take(in, DER_INTEGER, content) || content->len == 0)
		return false;
	if (content->len == 1)
		return true;
	/* X.690 8.3.2: the first nine bits are not all alike. */
	bool second_negative = (content->at[1] & 0x80) != 0;
	return content->at[0] != (second_negative ? 0xff : 0x00);
}

bool der_take_oid(struct bytes *in, struct bytes *content)
{
	if (!der_take(in, DER_OID, content) || content->len == 0)
		return false;
	/* X.690 8.19.2: each number ends in a byte below 0x80 and does not begin with 0x80. */
	bool at_start = true;
	for (size_t i = 0; i < content->len; i++) {
		if (at_start && content->at[i] == 0x80)
			return false;
		at_start = content->at[i] < 0x80;
	}
	return at_start;
}

bool der_take_flag(struct bytes *in, bool *flag)
{
	struct bytes content;

	*flag = false;
	if (!der_next_is(*in, DER_BOOLEAN))
		return true;
	if (!der_take(in, DER_BOOLEAN, &content) || content.len != 1)
		return false;
	*flag = content.at[0] == 0xff;
	return *flag || content.at[0] == 0;
}

/*
 * Days since 1970-01-01 of the proleptic Gregorian calendar; March is the first month of its year.
 */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year + 400 - (month <= 2 ? 1 : 0);
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (era - 1) * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Two digits from the front of *in; -1 where they are none. */
static int take_two_digits(struct bytes *in)
{
	struct bytes two;

	if (!bytes_take(in, 2, &two))
		return -1;
	int high = two.at[0] - '0', low = two.at[1] - '0';
	return high < 0 || high > 9 || low < 0 || low > 9 ? -1 : high * 10 + low;
}

static int take_year(struct bytes *in, uint8_t tag)
{
	int first = take_two_digits(in);

	if (first < 0)
		return -1;
	if (tag == DER_UTC_TIME)
		return first + (first < 50 ? 2000 : 1900); /* RFC 5280 section 4.1.2.5.1 */
	int second = take_two_digits(in);
	return second < 0 ? -1 : first * 100 + second;
}

bool der_take_time(struct bytes *in, int64_t *unix_seconds)
{
	struct bytes text;
	uint8_t tag;

	if (!der_take_any(in, &tag, &text) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
		return false;
	int year = take_year(&text, tag);
	int month = take_two_digits(&text), day = take_two_digits(&text);
	int hour = take_two_digits(&text), minute = take_two_digits(&text);
	int second = take_two_digits(&text);
	if (text.len != 1 || text.at[0] != 'Z' || year < 0 || month < 1 || month > 12)
		return false;
	if (day < 1 || day > days_in_month(year, month) || hour < 0 || hour > 23)
		return false;
	if (minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	*unix_seconds =
		days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}
