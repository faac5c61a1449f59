#include "admin-cli/values.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "admin-cli/serial.h"
#include "base/imsi.h"

#define MSIN_MOST 10

/* Some commands take no "nai-…", which has an Access ID, or go without "imsi-"; the server says which. */
static bool is_supi(const char *value)
{
	uint64_t imsi;

	return imsi_read_supi(value, strlen(value), &imsi) ||
	       imsi_read(value, strlen(value), &imsi) ||
	       (strncmp(value, "nai-", 4) == 0 && strchr(value, '@') != NULL);
}

static bool is_plmn(const char *value)
{
	struct plmn plmn;

	return plmn_read(value, strlen(value), &plmn);
}

static bool is_msin(const char *value)
{
	size_t len = strlen(value);

	return len > 0 && len <= MSIN_MOST && strspn(value, "0123456789") == len;
}

static bool is_serial(const char *value)
{
	char serial[SERIAL_TEXT_SIZE];

	return serial_normalise(value, serial);
}

static const struct {
	const char *kind;
	bool (*fits)(const char *value);
} kinds[] = {
	{ "SUPI", is_supi },
	{ "PLMN", is_plmn },
	{ "MSIN", is_msin },
	{ "HEX", is_serial },
};

bool value_is_choice(const char *kind)
{
	return strchr(kind, '|') != NULL && islower((unsigned char)kind[0]);
}

static bool is_chosen(const char *kind, const char *value)
{
	size_t len = strlen(value);

	for (;;) {
		size_t word = strcspn(kind, "|");

		if (word == len && strncmp(kind, value, len) == 0)
			return true;
		if (kind[word] == '\0')
			return false;
		kind += word + 1;
	}
}

bool value_fits(const char *kind, const char *value)
{
	const char *name = kind[0] == '[' ? kind + 1 : kind;
	size_t len = strcspn(name, "]");

	if (value_is_choice(kind))
		return is_chosen(kind, value);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].kind) == len && strncmp(name, kinds[i].kind, len) == 0)
			return kinds[i].fits(value);
	return true;
}
