/*
 * The forms of a SUPI, and what was concealed in a SUCI: the first byte chooses the home PLMN and which of
 * the two the rest is. What is taken must be what the answer says of it.
 */
#include <stdlib.h>

#include "procedures/supi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings settings;
static struct services services = { .settings = &settings };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Written and read again it is the same. */
static void check_imsi(struct txn *t, uint64_t imsi)
{
	char text[SUPI_TEXT_LEN];
	struct supi again = { 0 };

	must(imsi < IMSI_LIMIT);
	supi_write(imsi, text);
	t->parameters[0] = text;
	must(supi_read_path(t, 0, &again) == FINE);
	must(again.form == SUPI_IMSI && again.imsi == imsi);
}

static void check_refusal(const struct txn *t, enum outcome o)
{
	must(o == INVALID_PARAMETER ? t->invalid_count == 1 : o == USER_NOT_FOUND);
	must(t->detail != NULL);
}

static void read_text(struct txn *t, const uint8_t *data, size_t size)
{
	static const struct key_found keys[] = { { .use = KEY_USE_SUCI_A, .generation = 27 },
		{ .use = KEY_USE_SUCI_B, .generation = 27 } };
	struct supi supi = { 0 };

	t->parameters[0] = arena_copy(t->arena, data, size);
	must(t->parameters[0] != NULL);
	enum outcome o = supi_read_path(t, 0, &supi);

	if (o != FINE) {
		check_refusal(t, o);
	} else if (supi.form == SUPI_CONCEALED) {
		must(supi.concealed.len > 0 && supi.concealed.len <= SUCI_OUTPUT_MAX);
		o = supi_check_home_key(t, &supi, keys, 2);
		must((o == FINE) == (supi.concealed.home_key == 27));
	} else if (supi.form == SUPI_IMSI) {
		check_imsi(t, supi.imsi);
	}
}

static void read_msin(struct txn *t, const uint8_t *data, size_t size)
{
	struct supi supi = { .form = SUPI_CONCEALED };
	struct key_msin msin = { 0 };

	msin.len = (uint16_t)(size < sizeof(msin.bcd) ? size : sizeof(msin.bcd));
	memcpy(msin.bcd, data, msin.len);
	enum outcome o = supi_reveal(t, &supi, &msin);

	if (o != FINE) {
		check_refusal(t, o);
		return;
	}
	must(supi.form == SUPI_IMSI && plmn_has_imsi(settings.home, supi.imsi));
	check_imsi(t, supi.imsi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = size > 0 ? arena_new(1u << 20) : NULL;

	if (arena == NULL)
		return 0;
	struct txn t = { .services = &services, .arena = arena };

	settings.home = (data[0] & 1) == 0 ? (struct plmn){ 101, 5 } : (struct plmn){ 274012, 6 };
	if ((data[0] & 2) == 0)
		read_text(&t, data + 1, size - 1);
	else
		read_msin(&t, data + 1, size - 1);
	arena_free(arena);
	return 0;
}
