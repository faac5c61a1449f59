#include "procedures/own_keys.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "pki/certificate.h"

#define MOST_KEYS       64
#define MOST_IDENTITIES 4096 /* ten years of days; then the first that ended goes */
#define IDENTITIES_MORE 16

struct own_keys {
	atomic_uint references;
	unsigned count, identity_count, identity_room;
	struct own_key keys[MOST_KEYS];
	struct own_identity *identities; /* of every period, also those to come */
};

struct own_keys *own_keys_new(void)
{
	struct own_keys *k = calloc(1, sizeof(*k));

	if (k != NULL)
		atomic_init(&k->references, 1);
	return k;
}

struct own_keys *own_keys_take(struct own_keys *k)
{
	if (k != NULL)
		atomic_fetch_add(&k->references, 1);
	return k;
}

void own_keys_give_back(struct own_keys *k)
{
	if (k == NULL || atomic_fetch_sub(&k->references, 1) != 1)
		return;
	for (unsigned i = 0; i < k->count; i++) {
		bytes_free(k->keys[i].certificate);
		bytes_free(k->keys[i].chain);
	}
	free(k->identities);
	free(k);
}

enum outcome own_keys_add(struct own_keys *k, const struct db_key_row *row)
{
	if (k->count == MOST_KEYS || row->use < 0 || row->use >= KEY_USE_COUNT)
		return BROKEN;
	struct own_key *key = &k->keys[k->count];

	*key = (struct own_key){
		.use = (enum key_use)row->use,
		.generation = row->generation,
		.retired = row->retired,
		.created_at = row->created_at,
	};
	memcpy(key->label, row->label, sizeof(key->label));
	key->label[sizeof(key->label) - 1] = '\0';
	memcpy(key->key_id, row->key_id, sizeof(key->key_id));
	if (certificate_fingerprint(row->certificate, key->signer_id) != FINE)
		return BROKEN;
	if (!bytes_duplicate(row->certificate, &key->certificate))
		return NO_MEMORY;
	if (!bytes_duplicate(row->chain, &key->chain)) {
		bytes_free(key->certificate);
		return NO_MEMORY;
	}
	k->count++;
	return FINE;
}

static enum outcome read_identity(const struct db_ibs_identity *row, struct own_identity *out)
{
	size_t id_len = strnlen(row->id, sizeof(row->id));

	if (id_len == 0 || id_len > IBS_ID_MAX || row->not_before >= row->not_after ||
		row->kek_generation < 0 || row->kek_generation > UINT16_MAX ||
		p256_check_point(BYTES(row->kpak)) != FINE ||
		p256_check_point(BYTES(row->pvt)) != FINE)
		return BROKEN;
	*out = (struct own_identity){
		.not_before = row->not_before,
		.not_after = row->not_after,
		.ibs = { .id_len = (uint16_t)id_len,
			.kek_generation = (uint16_t)row->kek_generation },
	};
	memcpy(out->ibs.id, row->id, id_len);
	memcpy(out->ibs.kpak, row->kpak, sizeof(out->ibs.kpak));
	memcpy(out->ibs.pvt, row->pvt, sizeof(out->ibs.pvt));
	memcpy(out->ibs.wrapped_ssk, row->wrapped_ssk, sizeof(out->ibs.wrapped_ssk));
	return FINE;
}

static struct own_identity *first_to_end(struct own_keys *k)
{
	struct own_identity *first = &k->identities[0];

	for (unsigned i = 1; i < k->identity_count; i++)
		if (k->identities[i].not_after < first->not_after)
			first = &k->identities[i];
	return first;
}

static bool make_room(struct own_keys *k)
{
	unsigned room = k->identity_room + IDENTITIES_MORE;

	if (k->identity_count < k->identity_room)
		return true;
	struct own_identity *more = reallocarray(k->identities, room, sizeof(*more));

	if (more == NULL)
		return false;
	k->identities = more;
	k->identity_room = room;
	return true;
}

enum outcome own_keys_add_identity(struct own_keys *k, const struct db_ibs_identity *row)
{
	struct own_identity identity;
	enum outcome o = read_identity(row, &identity);

	if (o != FINE)
		return o;
	if (k->identity_count < MOST_IDENTITIES) {
		if (!make_room(k))
			return NO_MEMORY;
		k->identities[k->identity_count++] = identity;
		return FINE;
	}
	struct own_identity *first = first_to_end(k);

	if (first->not_after <= identity.not_after)
		*first = identity;
	return FINE;
}

const struct own_key *own_keys_newest(const struct own_keys *k, enum key_use use)
{
	const struct own_key *newest = NULL;

	for (unsigned i = 0; k != NULL && i < k->count; i++) {
		const struct own_key *key = &k->keys[i];

		if (key->use == use && !key->retired &&
			(newest == NULL || key->generation > newest->generation))
			newest = key;
	}
	return newest;
}

const struct own_key *own_keys_find(
	const struct own_keys *k, enum key_use use, const uint8_t key_id[KEY_ID_LEN])
{
	for (unsigned i = 0; k != NULL && i < k->count; i++) {
		const struct own_key *key = &k->keys[i];

		if (key->use == use && !key->retired &&
			memcmp(key->key_id, key_id, KEY_ID_LEN) == 0)
			return key;
	}
	return NULL;
}

const struct own_identity *own_keys_identity(const struct own_keys *k, int64_t now)
{
	const struct own_identity *used = NULL;

	for (unsigned i = 0; k != NULL && i < k->identity_count; i++) {
		const struct own_identity *identity = &k->identities[i];

		if (identity->not_before <= now && now < identity->not_after &&
			(used == NULL || identity->not_before >= used->not_before))
			used = identity;
	}
	return used;
}

const struct own_identity *own_keys_last_identity(const struct own_keys *k)
{
	const struct own_identity *last = NULL;

	for (unsigned i = 0; k != NULL && i < k->identity_count; i++)
		if (last == NULL || k->identities[i].not_after >= last->not_after)
			last = &k->identities[i];
	return last;
}

const struct own_key *own_keys_at(const struct own_keys *k, unsigned i)
{
	return k != NULL && i < k->count ? &k->keys[i] : NULL;
}

bool own_key_chain_next(struct bytes *chain, struct bytes *der)
{
	struct bytes head = *chain;
	size_t len;

	/* A certificate is a SEQUENCE of 128 to 65,535 bytes: its length is one or two bytes long. */
	if (head.len < 4 || head.at[0] != 0x30)
		return false;
	if (head.at[1] == 0x82)
		len = 4 + ((size_t)head.at[2] << 8 | head.at[3]);
	else if (head.at[1] == 0x81)
		len = 3 + (size_t)head.at[2];
	else
		return false;
	return bytes_take(chain, len, der);
}
