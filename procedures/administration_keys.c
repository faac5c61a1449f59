#include "crypto/kdf.h"
#include "pki/certificate.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "procedures/administration.h"
#include "procedures/administration_list.h"
#include "procedures/body.h"

#define KEYS_MAX       64
#define GENERATION_MAX 1000000

static enum outcome list_keys(struct txn *t);
static enum outcome read_keys(struct txn *t);
static enum outcome take_key(struct txn *t);
static enum outcome store_key(struct txn *t);
static enum outcome go_to_next_key(struct txn *t, enum outcome brought);
static enum outcome answer_stored(struct txn *t);

struct keys {
	struct db_key_in *at, *row;
	size_t count, next;
};

const struct procedure admin_list_keys = {
	.name = "admin-list-keys",
	.state_size = sizeof(struct list),
	.steps = {
		{ "read_page", LANE_CPU, list_read_page },
		{ "list_keys", LANE_DB, list_keys },
		{ "answer_list", LANE_REPLY, list_answer },
	},
};

const struct procedure admin_put_keys = {
	.name = "admin-put-keys",
	.state_size = sizeof(struct keys),
	.steps = {
		{ "read_keys", LANE_CPU, read_keys },
		{ "take_key", LANE_LOOP, take_key },
		{ "store_key", LANE_DB, store_key, go_to_next_key },
		{ "read_views_anew", LANE_VIEWS, read_views_anew },
		{ "answer_stored", LANE_REPLY, answer_stored },
	},
};

static void write_chain(struct json_out *o, struct bytes chain)
{
	struct bytes der;

	json_key(o, "chain");
	json_open(o, '[');
	while (own_key_chain_next(&chain, &der))
		json_base64(o, der);
	json_close(o, ']');
}

static void on_key(struct db_request *request, const void *row)
{
	const struct db_key_row *key = row;
	struct json_out *o = list_open_row(request, key->number);

	if (o == NULL)
		return;
	json_member_text(o, "label", key->label);
	json_member_text(o, "use", key_use_name((enum key_use)key->use));
	json_member_number(o, "generation", key->generation);
	json_member_hex(o, "keyId", BYTES(key->key_id));
	json_key(o, "retired");
	json_bool(o, key->retired);
	json_key(o, "createdAt");
	json_time(o, key->created_at);
	json_member_base64(o, "certificate", key->certificate);
	write_chain(o, key->chain);
	json_close(o, '}');
}

static enum outcome list_keys(struct txn *t)
{
	return list_ask(t, DB_LIST_KEYS, on_key);
}

/* A key of the token that is certified: the KEK never is. */
static enum outcome read_use(struct txn *t, const json_t *in, int32_t *use)
{
	const char *text;
	enum outcome o = body_text(t, in, "use", KEY_LABEL_LEN, &text);

	if (o != FINE)
		return o;
	for (*use = 0; *use < KEY_USE_COUNT; (*use)++)
		if (*use != KEY_USE_KEK && strcmp(text, key_use_name((enum key_use) * use)) == 0)
			return FINE;
	return txn_refuse_parameter(
		t, INVALID_PARAMETER, "use", "This is none of ecka, sign, recipient.");
}

/* The id is that of the certificate's key, else peers would be told of a key nobody has. */
static enum outcome read_certificate(struct txn *t, const json_t *in, struct db_key_in *key)
{
	struct certificate c;
	uint8_t *key_id = arena_alloc(t->arena, KEY_ID_LEN);
	uint8_t expected[SHA256_LEN];
	enum outcome o = key_id != NULL ? body_hex(t, in, "keyId", key_id, KEY_ID_LEN) : NO_MEMORY;

	if (o == FINE)
		o = body_bytes(t, in, "certificate", 1, DB_DER_MAX, &key->certificate);
	if (o != FINE)
		return o;
	if (certificate_read(key->certificate, &c) != FINE)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "certificate",
			"This is no X.509v3 certificate in DER with a P-256 key and signed by "
			"ecdsa-with-SHA256.");
	o = sha256(&c.spki, 1, expected);
	if (o != FINE)
		return o;
	if (memcmp(key_id, expected, KEY_ID_LEN) != 0)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "keyId",
			"This is not the SHA-256 of the certificate's public key.");
	key->key_id = bytes_of(key_id, KEY_ID_LEN);
	return FINE;
}

static enum outcome read_link(struct txn *t, const json_t *text, struct buffer *chain)
{
	static const char reason[] = "This is a list of at most 4 certificates, base64 of DER.";
	size_t len = json_is_string(text) ? json_string_length(text) : 0;
	uint8_t *at = arena_alloc(t->arena, len / 4 * 3 + 1);
	struct bytes content;

	if (at == NULL)
		return NO_MEMORY;
	if (len == 0 || !base64_read(json_string_value(text), len, at, &len))
		return txn_refuse_parameter(t, INVALID_PARAMETER, "chain", reason);
	struct bytes rest = bytes_of(at, len);
	buffer_put(chain, at, len);
	if (!der_take(&rest, DER_SEQUENCE, &content) || rest.len > 0 || chain->full)
		return txn_refuse_parameter(t, INVALID_PARAMETER, "chain", reason);
	return FINE;
}

static enum outcome read_chain(struct txn *t, const json_t *in, struct bytes *out)
{
	const json_t *list;
	enum outcome o = body_array(t, in, "chain", &list);

	if (o != FINE)
		return o;
	if (json_array_size(list) > CHAIN_MAX)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "chain", "This is longer than 4 certificates.");
	size_t cap = json_array_size(list) * DB_DER_MAX;
	struct buffer chain = buffer_over(arena_alloc(t->arena, cap + 1), cap);
	if (chain.at == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < json_array_size(list); i++) {
		o = read_link(t, json_array_get(list, i), &chain);
		if (o != FINE)
			return o;
	}
	*out = buffer_bytes(&chain);
	return FINE;
}

static enum outcome read_key(struct txn *t, const json_t *in, struct db_key_in *key)
{
	const char *label;
	int64_t generation;
	enum outcome o = body_text(t, in, "label", KEY_LABEL_LEN, &label);

	if (o == FINE)
		o = read_use(t, in, &key->use);
	if (o == FINE)
		o = body_number(t, in, "generation", 0, GENERATION_MAX, &generation);
	if (o == FINE)
		o = read_certificate(t, in, key);
	if (o == FINE)
		o = read_chain(t, in, &key->chain);
	if (o != FINE)
		return o;
	key->label = (struct db_text){ label, strlen(label) };
	key->generation = (int32_t)generation;
	return FINE;
}

static enum outcome read_keys(struct txn *t)
{
	struct keys *k = t->state;
	const json_t *list = NULL;
	enum outcome o = body_read(t);

	if (o == FINE)
		o = body_array(t, t->json, "keys", &list);
	if (o != FINE)
		return o;
	k->count = json_array_size(list);
	if (k->count == 0 || k->count > KEYS_MAX)
		return txn_refuse_parameter(
			t, INVALID_PARAMETER, "keys", "This holds from 1 to 64 keys.");
	k->at = arena_alloc(t->arena, k->count * sizeof(*k->at));
	if (k->at == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < k->count && o == FINE; i++)
		o = read_key(t, json_array_get(list, i), &k->at[i]);
	return o;
}

static enum outcome take_key(struct txn *t)
{
	struct keys *k = t->state;

	k->row = &k->at[k->next++];
	return FINE;
}

static enum outcome store_key(struct txn *t)
{
	struct keys *k = t->state;

	return txn_ask_db(t, DB_PUT_KEY, k->row, NULL);
}

static enum outcome go_to_next_key(struct txn *t, enum outcome brought)
{
	const struct keys *k = t->state;

	if (brought != FINE)
		return brought;
	return k->next < k->count ? txn_go_back(t, "take_key", KEYS_MAX, BROKEN) : FINE;
}

static enum outcome answer_stored(struct txn *t)
{
	t->answer.status = 204;
	return FINE;
}
