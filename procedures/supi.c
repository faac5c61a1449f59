#include "procedures/supi.h"

#include <stdio.h>

#include "procedures/body.h"

#define SUCI_PARTS       8u /* suci, 0, MCC, MNC, routing indicator, scheme, key identifier, output */
#define HOME_KEY_MOST    255u
#define ROUTING_MOST     4u
#define SCHEME_NULL      0u
#define SCHEME_PROFILE_A 1u
#define SCHEME_PROFILE_B 2u
#define NIBBLE_FILLER    15u

struct part {
	const char *at;
	size_t len;
};

static const char not_supi[] =
	"This is none of imsi-<15 digits>, nai-<Access ID>@<realm> and suci-0-…";

static enum outcome refuse_form(struct txn *t, const char *reason)
{
	return txn_refuse_parameter(t, INVALID_PARAMETER, "supi", reason);
}

static enum outcome refuse_network(struct txn *t)
{
	return txn_refuse(t, USER_NOT_FOUND, "This is a subscriber of another network.");
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Decimal digits, so few that the number cannot be too great. */
static bool read_number(struct part p, size_t least, size_t most, uint64_t *out)
{
	*out = 0;
	if (p.len < least || p.len > most)
		return false;
	for (size_t i = 0; i < p.len; i++) {
		if (p.at[i] < '0' || p.at[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(p.at[i] - '0');
	}
	return true;
}

static unsigned msin_digits(const struct txn *t)
{
	return (unsigned)IMSI_DIGITS - t->services->settings->home.digits;
}

static enum outcome set_msin(struct txn *t, struct supi *supi, uint64_t msin)
{
	supi->form = SUPI_IMSI;
	return plmn_make_imsi(t->services->settings->home, msin, &supi->imsi)
		       ? FINE
		       : refuse_form(t, "The MSIN has too many digits.");
}

/* TS 23.003 28.2: the MNC has three digits in a realm. */
static bool is_home_realm(const struct txn *t, const char *realm)
{
	struct plmn home = t->services->settings->home;
	unsigned mnc_limit = home.digits == 5 ? 100 : 1000;
	char own[64];

	snprintf(own, sizeof(own), "5gc.mnc%03u.mcc%03u.3gppnetwork.org", home.number % mnc_limit,
		home.number / mnc_limit);
	return strcmp(realm, own) == 0;
}

/* 5gc.mncNNN.mccNNN.3gppnetwork.org, of whatever network. */
static bool is_realm(const char *realm)
{
	static const char pattern[] = "5gc.mnc999.mcc999.3gppnetwork.org";

	for (size_t i = 0; i < sizeof(pattern); i++)
		if (pattern[i] == '9' ? realm[i] < '0' || realm[i] > '9' : realm[i] != pattern[i])
			return false;
	return true;
}

static enum outcome read_nai(struct txn *t, const char *text, struct supi *supi)
{
	const char *at = strchr(text, '@');

	if (at == NULL || !hex_read(text, (size_t)(at - text), supi->access_id.access_id,
				  sizeof(supi->access_id.access_id)))
		return refuse_form(t, "An Access ID has 32 hexadecimal digits before its @.");
	if (!is_realm(at + 1))
		return refuse_form(t, "The realm is not 5gc.mncNNN.mccNNN.3gppnetwork.org.");
	supi->form = SUPI_ACCESS_ID;
	return is_home_realm(t, at + 1) ? FINE : refuse_network(t);
}

static enum outcome read_null_scheme(struct txn *t, struct part output, struct supi *supi)
{
	uint64_t msin;

	if (!read_number(output, msin_digits(t), msin_digits(t), &msin))
		return refuse_form(
			t, "The MSIN of the null scheme has the wrong number of digits.");
	return set_msin(t, supi, msin);
}

static enum outcome read_profile(
	struct txn *t, uint64_t scheme, uint64_t home_key, struct part output, struct supi *supi)
{
	struct key_deconceal_in *c = &supi->concealed;

	if (output.len == 0 || output.len > 2 * sizeof(c->output) ||
		!hex_read(output.at, output.len, c->output, output.len / 2))
		return refuse_form(t, "The scheme output is not hexadecimal, or too long.");
	c->scheme = (uint8_t)scheme;
	c->home_key = (uint8_t)home_key;
	c->len = (uint16_t)(output.len / 2);
	supi->form = SUPI_CONCEALED;
	return FINE;
}

/* The MCC and the MNC, which has as many digits as the operator counts. */
static bool is_home(const struct txn *t, struct part mcc, struct part mnc)
{
	struct plmn home = t->services->settings->home;
	uint64_t mcc_number, mnc_number;
	unsigned mnc_limit = home.digits == 5 ? 100 : 1000;

	return read_number(mcc, 3, 3, &mcc_number) && read_number(mnc, 2, 3, &mnc_number) &&
	       mcc.len + mnc.len == home.digits &&
	       mcc_number * mnc_limit + mnc_number == home.number;
}

static bool split(const char *text, struct part parts[SUCI_PARTS])
{
	for (unsigned i = 0; i < SUCI_PARTS; i++) {
		parts[i] = (struct part){ text, strcspn(text, "-") };
		text += parts[i].len;
		if (i + 1 < SUCI_PARTS && *text++ != '-')
			return false;
	}
	return *text == '\0';
}

static enum outcome read_suci(struct txn *t, const char *text, struct supi *supi)
{
	struct part p[SUCI_PARTS];
	uint64_t type, mcc, mnc, routing, scheme, home_key;

	if (!split(text, p) || !read_number(p[1], 1, 1, &type) || type != 0 ||
		!read_number(p[2], 3, 3, &mcc) || !read_number(p[3], 2, 3, &mnc) ||
		!read_number(p[4], 1, ROUTING_MOST, &routing) ||
		!read_number(p[5], 1, 1, &scheme) || !read_number(p[6], 1, 3, &home_key) ||
		home_key > HOME_KEY_MOST || p[7].len == 0)
		return refuse_form(t, "This is not suci-0-<MCC>-<MNC>-<routing indicator>-<scheme>-"
				      "<home network public key identifier>-<output>.");
	if (!is_home(t, p[2], p[3]))
		return refuse_network(t);
	if (scheme == SCHEME_NULL)
		return read_null_scheme(t, p[7], supi);
	if (scheme != SCHEME_PROFILE_A && scheme != SCHEME_PROFILE_B)
		return refuse_form(t,
			"The protection scheme is none of 0 (null), 1 (Profile A), 2 (Profile B).");
	return read_profile(t, scheme, home_key, p[7], supi);
}

enum outcome supi_read_path(struct txn *t, unsigned parameter, struct supi *supi)
{
	const char *text = t->parameters[parameter];

	if (has_prefix(text, "nai-"))
		return read_nai(t, text + strlen("nai-"), supi);
	if (has_prefix(text, "suci-"))
		return read_suci(t, text, supi);
	supi->form = SUPI_IMSI;
	return imsi_read_supi(text, strlen(text), &supi->imsi) ? FINE : refuse_form(t, not_supi);
}

enum outcome supi_read_member(struct txn *t, uint64_t *imsi)
{
	const char *text;
	enum outcome o = body_text(t, t->json, "supi", SUPI_TEXT_LEN, &text);

	if (o != FINE)
		return o;
	return imsi_read_supi(text, strlen(text), imsi)
		       ? FINE
		       : refuse_form(t, "This is not imsi- and 15 digits.");
}

enum outcome supi_check_home_key(
	struct txn *t, const struct supi *supi, const struct key_found *keys, unsigned count)
{
	bool is_a = supi->concealed.scheme == SCHEME_PROFILE_A, has_use = false;
	enum key_use use = is_a ? KEY_USE_SUCI_A : KEY_USE_SUCI_B;

	for (unsigned i = 0; i < count; i++) {
		if (keys[i].use != (uint32_t)use)
			continue;
		if (keys[i].generation == supi->concealed.home_key)
			return FINE;
		has_use = true;
	}
	if (count == 0)
		return FINE;
	if (has_use)
		return refuse_form(t, "This home network public key identifier is not known.");
	return refuse_form(t, is_a ? "This home network has no key of Profile A: its HSM may be "
				     "without X25519."
				   : "This home network has no key of Profile B.");
}

enum outcome supi_reveal(struct txn *t, struct supi *supi, const struct key_msin *msin)
{
	unsigned digits = msin_digits(t);
	uint64_t number = 0;

	if (msin->len != (digits + 1) / 2)
		return refuse_form(t, "What was concealed is no MSIN of this network: its length.");
	for (unsigned i = 0; i < 2u * msin->len; i++) {
		unsigned nibble =
			i % 2 == 0 ? msin->bcd[i / 2] & 15u : (unsigned)(msin->bcd[i / 2] >> 4);

		if (i < digits ? nibble > 9 : nibble != NIBBLE_FILLER)
			return refuse_form(t, "What was concealed is no MSIN: its digits.");
		if (i < digits)
			number = number * 10 + nibble;
	}
	return set_msin(t, supi, number);
}

enum outcome supi_have_access_id(
	struct txn *t, struct supi *supi, const struct db_access *row, enum outcome brought)
{
	if (brought == NO_ROW)
		return txn_refuse(t, USER_NOT_FOUND, "This Access ID was not given out.");
	if (brought != FINE)
		return brought;
	/* One that was revoked with its subscription still leads to it: that says so itself. */
	if (row->state != ACCESS_CONFIRMED && !(row->state == ACCESS_REVOKED && row->imsi > 0))
		return txn_refuse(t, USER_NOT_FOUND, "This Access ID has no subscription.");
	if (row->imsi <= 0 || row->imsi >= (int64_t)IMSI_LIMIT)
		return BROKEN;
	supi->imsi = (uint64_t)row->imsi;
	return FINE;
}

void supi_write(uint64_t imsi, char out[SUPI_TEXT_LEN])
{
	memcpy(out, "imsi-", sizeof("imsi-"));
	imsi_write(imsi, out + sizeof("imsi-") - 1);
}
