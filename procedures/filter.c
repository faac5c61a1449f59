#include "procedures/filter.h"

#include <ctype.h>

#include "base/clock.h"

#define TEXT_MOST 128
#define HASH_LEN  32
#define NAME_MOST 32 /* characters of a parameter that is named in the answer */

const char filter_no_imsi[] = "This is no IMSI: imsi- and 15 digits, or the digits alone.";
const char filter_no_time[] = "This is no time: RFC 3339 in UTC, or unix seconds.";
const char filter_no_plmn[] = "A PLMN has 5 or 6 digits, MCC and MNC.";
const char filter_no_text[] = "This is empty, longer than 128 bytes, or not UTF-8.";
const char filter_no_hash[] = "This is no SHA-256: 64 hexadecimal digits.";
const char filter_no_kind[] = "This is none of EK, IMPORTED, COMPANION, HEADLESS, PROFILE.";
const char filter_no_state[] =
	"This is none of PRE_ACTIVE, ACTIVE, SUSPENDED, RETIRED, REVOKED, DESTROYED, OVERDUE.";

/* ---- a query */

static const struct filter *find_row(
	struct filter_table *tables, size_t count, const char *name, struct filter_table **table)
{
	for (size_t i = 0; i < count; i++)
		for (const struct filter *f = tables[i].rows; f->name != NULL; f++)
			if (strcmp(f->name, name) == 0) {
				*table = &tables[i];
				return f;
			}
	return NULL;
}

static bool is_there_twice(const struct query *q)
{
	for (const struct query *other = q->next; other != NULL; other = other->next)
		if (strcmp(other->name, q->name) == 0)
			return true;
	return false;
}

/* Whatever a stranger has called it, the answer names a word. */
static const char *word_of(const char *name)
{
	size_t len = 0;

	while (isalnum((unsigned char)name[len]) || name[len] == '-' || name[len] == '_')
		len++;
	return len > 0 && len <= NAME_MOST && name[len] == '\0' ? name : "query";
}

enum outcome filters_read(struct txn *t, struct filter_table *tables, size_t count)
{
	for (const struct query *q = t->query; q != NULL; q = q->next) {
		struct filter_table *table = NULL;

		if (q->name[0] == '\0' && q->value[0] == '\0') /* between "&" and "&" */
			continue;
		const struct filter *f = find_row(tables, count, q->name, &table);

		if (f == NULL)
			return txn_refuse_parameter(t, INVALID_PARAMETER, word_of(q->name),
				"This list has no such parameter.");
		if (is_there_twice(q))
			return txn_refuse_parameter(
				t, INVALID_PARAMETER, f->name, "This is there twice.");
		if (!f->read(q->value, (char *)table->to + f->at))
			return txn_refuse_parameter(t, INVALID_PARAMETER, f->name, f->reason);
		table->given++;
	}
	return FINE;
}

/* ---- values */

bool filter_read_number(const char *text, int64_t most, int64_t *out)
{
	int64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		int64_t digit = *text - '0';

		if (digit < 0 || digit > 9 || v > (most - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool filter_find_name(
	const char *text, const char *(*name_of)(int32_t value), int32_t last, int32_t *out)
{
	for (int32_t i = 0; i <= last; i++)
		if (strcmp(text, name_of(i)) == 0) {
			*out = i;
			return true;
		}
	return false;
}

bool filter_imsi(const char *text, void *int64)
{
	size_t len = strlen(text);
	uint64_t imsi;

	if (!imsi_read_supi(text, len, &imsi) && !imsi_read(text, len, &imsi))
		return false;
	*(int64_t *)int64 = (int64_t)imsi;
	return true;
}

bool filter_since(const char *text, void *int64)
{
	return clock_read(text, int64) || filter_read_number(text, FILTER_TIME_MOST, int64);
}

/* Before the first second there is nothing, but 0 would be no condition, and everything. */
bool filter_time(const char *text, void *int64)
{
	return filter_since(text, int64) && *(int64_t *)int64 > 0;
}

bool filter_subscriber(const char *text, void *int64)
{
	return filter_imsi(text, int64) && *(int64_t *)int64 > 0;
}

bool filter_plmn(const char *text, void *range)
{
	struct db_range *r = range;
	struct plmn plmn;

	if (!plmn_read(text, strlen(text), &plmn))
		return false;
	r->first = (int64_t)(plmn.number * plmn_msin_limit(plmn));
	r->last = r->first + (int64_t)plmn_msin_limit(plmn) - 1;
	return true;
}

/* The database takes nothing else for text. */
static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool is_good = string != NULL;

	json_decref(string);
	return is_good;
}

bool filter_text(const char *text, void *words)
{
	size_t len = strlen(text);

	if (len == 0 || len > TEXT_MOST || !is_utf8(text))
		return false;
	*(struct db_text *)words = (struct db_text){ text, len };
	return true;
}

bool filter_hash(const char *text, void *digits)
{
	uint8_t hash[HASH_LEN];

	if (!hex_read(text, strlen(text), hash, sizeof(hash)))
		return false;
	*(struct db_text *)digits = (struct db_text){ text, 2 * HASH_LEN };
	return true;
}

static const char *kind_name(int32_t kind)
{
	return credential_kind_name((enum credential_kind)kind);
}

bool filter_credential_kind(const char *text, void *int32)
{
	return filter_find_name(text, kind_name, CREDENTIAL_PROFILE, int32);
}

static const char *state_name(int32_t state)
{
	return credential_state_name((enum credential_state)state);
}

bool filter_credential_state(const char *text, void *int32)
{
	return filter_find_name(text, state_name, CREDENTIAL_IS_OVERDUE, int32);
}
