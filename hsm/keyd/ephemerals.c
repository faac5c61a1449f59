#include "hsm/keyd/ephemerals.h"

#include "base/secret.h"

/* Where each group's places begin, and how many it has: the dear ones are filled first. */
static const struct {
	unsigned first, count;
} places[DH_GROUP_COUNT] = {
	[DH_FFDHE2048] = { 0, EPHEMERALS_FFDHE2048 },
	[DH_FFDHE3072] = { EPHEMERALS_FFDHE2048, EPHEMERALS_FFDHE3072 },
	[DH_P256] = { EPHEMERALS_FFDHE2048 + EPHEMERALS_FFDHE3072, EPHEMERALS_CURVE },
	[DH_X25519] = { EPHEMERALS_FFDHE2048 + EPHEMERALS_FFDHE3072 + EPHEMERALS_CURVE,
		EPHEMERALS_CURVE },
};

enum outcome ephemerals_take(struct ephemerals *e, struct ephemeral_secrets *secrets,
	enum dh_group group, uint8_t secret[DH_SECRET_MAX], uint8_t *element)
{
	e->is_wanted[group] = true;
	if (e->ready[group] == 0)
		return dh_generate(group, secret, element);
	unsigned place = places[group].first + --e->ready[group];

	memcpy(secret, secrets->at[place], DH_SECRET_MAX);
	wipe(secrets->at[place], DH_SECRET_MAX);
	memcpy(element, e->elements[place], dh_element_len(group));
	return FINE;
}

bool ephemerals_make_one(struct ephemerals *e, struct ephemeral_secrets *secrets)
{
	for (unsigned group = 0; group < DH_GROUP_COUNT; group++) {
		unsigned place = places[group].first + e->ready[group];

		if (!e->is_wanted[group] || e->ready[group] == places[group].count)
			continue;
		if (dh_generate((enum dh_group)group, secrets->at[place], e->elements[place]) !=
			FINE)
			return false;
		e->ready[group]++;
		return true;
	}
	return false;
}
