#include "base/imsi.h"

#include <string.h>

static bool read_digits(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return true;
}

bool imsi_read(const char *text, size_t len, uint64_t *imsi)
{
	return len == IMSI_DIGITS && read_digits(text, len, imsi);
}

void imsi_write(uint64_t imsi, char out[IMSI_DIGITS + 1])
{
	out[IMSI_DIGITS] = '\0';
	for (int i = IMSI_DIGITS - 1; i >= 0; i--, imsi /= 10)
		out[i] = (char)('0' + imsi % 10);
}

bool imsi_read_supi(const char *text, size_t len, uint64_t *imsi)
{
	static const char prefix[] = "imsi-";
	size_t n = sizeof(prefix) - 1;

	return len > n && memcmp(text, prefix, n) == 0 && imsi_read(text + n, len - n, imsi);
}

void imsi_to_bcd(uint64_t imsi, uint8_t bcd[8])
{
	char digits[IMSI_DIGITS + 1];

	imsi_write(imsi, digits);
	for (int i = 0; i < 8; i++) {
		unsigned low = (unsigned)(digits[2 * i] - '0');
		unsigned high = i < 7 ? (unsigned)(digits[2 * i + 1] - '0') : 15;

		bcd[i] = (uint8_t)(high << 4 | low);
	}
}

bool imsi_from_bcd(const uint8_t bcd[8], uint64_t *imsi)
{
	uint64_t v = 0;

	for (int i = 0; i < IMSI_DIGITS; i++) {
		unsigned digit = i % 2 == 0 ? bcd[i / 2] & 15u : (unsigned)(bcd[i / 2] >> 4);

		if (digit > 9)
			return false;
		v = v * 10 + digit;
	}
	*imsi = v;
	return bcd[7] >> 4 == 15;
}

bool plmn_read(const char *text, size_t len, struct plmn *plmn)
{
	uint64_t v;

	if ((len != 5 && len != 6) || !read_digits(text, len, &v))
		return false;
	plmn->number = (uint32_t)v;
	plmn->digits = (uint8_t)len;
	return true;
}

uint64_t plmn_msin_limit(struct plmn plmn)
{
	return plmn.digits == 5 ? UINT64_C(10000000000) : UINT64_C(1000000000);
}

bool plmn_has_imsi(struct plmn plmn, uint64_t imsi)
{
	return imsi / plmn_msin_limit(plmn) == plmn.number;
}

bool plmn_make_imsi(struct plmn plmn, uint64_t msin, uint64_t *imsi)
{
	if (msin >= plmn_msin_limit(plmn))
		return false;
	*imsi = plmn.number * plmn_msin_limit(plmn) + msin;
	return true;
}
