#include "loadtest/tally.h"

#include <stdlib.h>

static const char *const names[WRONG_COUNT] = {
	[WRONG_FORM] = "malformed answer",
	[WRONG_DEVICE] = "answer for another device",
	[WRONG_ENDORSEMENT] = "endorsement does not verify",
	[WRONG_SHARED_IMSI] = "IMSI given to two devices",
	[WRONG_NEW_IMSI] = "another IMSI when asked again",
	[WRONG_ACCEPTANCE] = "faulty device accepted",
	[WRONG_REFUSAL] = "refused for the wrong reason",
	[WRONG_VECTORS] = "RAND/AUTN not accepted by the SE",
	[WRONG_INNER_IMSI] = "IMSI in RAND is not the SUPI",
	[WRONG_AKA] = "vector not accepted by the USIM",
	[WRONG_SQN] = "SQN not accepted by the USIM",
	[WRONG_SIGNATURE] = "signature does not verify",
	[WRONG_AGREEMENT] = "B or MAC3 not accepted",
	[WRONG_PROFILE] = "K' or K'' does not open",
	[WRONG_SERVER] = "server's certificates do not verify",
	[WRONG_ACCEPT] = "attach accept's MAC is wrong",
	[WRONG_DOWNLOAD] = "bound profile does not open",
};

const char *wrong_answer_name(enum wrong_answer w)
{
	return names[w];
}

bool tally_start(struct tally *t, uint64_t first, uint64_t devices)
{
	*t = (struct tally){ .first = first, .devices = devices, .set_size = 64 };
	while (t->set_size < 2 * devices)
		t->set_size *= 2;
	t->imsis = calloc((size_t)devices, sizeof(*t->imsis));
	t->refused = calloc((size_t)devices, sizeof(*t->refused));
	t->set = calloc(t->set_size, sizeof(*t->set));
	if (t->imsis != NULL && t->refused != NULL && t->set != NULL)
		return true;
	tally_end(t);
	return false;
}

void tally_end(struct tally *t)
{
	free(t->imsis);
	free(t->refused);
	free(t->set);
	t->imsis = t->set = NULL;
	t->refused = NULL;
}

/* false: it is there already. Fibonacci hashing, because IMSIs follow each other. */
static bool add_imsi(struct tally *t, uint64_t imsi)
{
	size_t mask = t->set_size - 1;
	size_t i = (size_t)((imsi * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & mask;

	for (; t->set[i] != 0; i = (i + 1) & mask)
		if (t->set[i] == imsi)
			return false;
	t->set[i] = imsi;
	return true;
}

bool tally_acknowledge(struct tally *t, uint64_t device, uint64_t imsi, bool created)
{
	uint64_t *known = &t->imsis[device - t->first];

	if (*known != 0 && *known != imsi) {
		tally_wrong(t, WRONG_NEW_IMSI);
		return false;
	}
	if (*known == imsi)
		return true;
	t->acknowledged++;
	t->created += created;
	*known = imsi;
	if (add_imsi(t, imsi))
		return true;
	tally_wrong(t, WRONG_SHARED_IMSI);
	return false;
}

void tally_refuse(struct tally *t, uint64_t device, enum outcome cause, enum outcome expected)
{
	uint8_t *before = &t->refused[device - t->first];

	if (*before)
		return;
	*before = 1;
	if (outcome_kind(cause) == KIND_REFUSED && cause == expected) {
		t->expected_refusals++;
		return;
	}
	tally_error(t, cause);
}

void tally_error(struct tally *t, enum outcome cause)
{
	t->errors[cause]++;
	if (outcome_kind(cause) == KIND_REFUSED)
		tally_wrong(t, WRONG_REFUSAL);
}

void tally_wrong(struct tally *t, enum wrong_answer w)
{
	t->wrong[w]++;
}

uint64_t tally_wrong_total(const struct tally *t)
{
	uint64_t total = 0;

	for (int i = 0; i < WRONG_COUNT; i++)
		total += t->wrong[i];
	return total;
}
