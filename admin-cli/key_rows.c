#include "admin-cli/key_rows.h"

#include "admin-cli/files.h"
#include "base/clock.h"
#include "hsm/messages.h"
#include "pki/der.h"

static bool take_text(const json_t *in, const char *name, struct db_text *out)
{
	const json_t *member = json_object_get(in, name);

	if (!json_is_string(member))
		return false;
	*out = (struct db_text){ json_string_value(member), json_string_length(member) };
	return true;
}

static bool take_use(const json_t *in, int32_t *use)
{
	const char *text = json_string_value(json_object_get(in, "use"));

	for (*use = 0; text != NULL && *use < KEY_USE_COUNT; (*use)++)
		if (strcmp(text, key_use_name((enum key_use) * use)) == 0)
			return true;
	return false;
}

/* Base64 behind what the buffer holds. */
static bool append_base64(const json_t *text, struct buffer *to)
{
	size_t len = json_string_length(text);

	if (!json_is_string(text) || len / 4 * 3 > to->cap - to->len ||
		!base64_read(json_string_value(text), len, to->at + to->len, &len))
		return false;
	to->len += len;
	return len > 0;
}

static bool take_chain(const json_t *list, struct buffer *to)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!append_base64(json_array_get(list, i), to))
			return false;
	return json_is_array(list);
}

static enum outcome read_row(const json_t *in, struct arena *arena, struct db_key_in *row)
{
	const json_t *chain = json_object_get(in, "chain");
	struct db_text key_id;
	size_t chain_cap = json_array_size(chain) * DB_DER_MAX;
	uint8_t *id = arena_alloc(arena, KEY_ID_LEN);
	struct buffer certificate = buffer_over(arena_alloc(arena, DB_DER_MAX), DB_DER_MAX);
	struct buffer links = buffer_over(arena_alloc(arena, chain_cap), chain_cap);

	if (id == NULL || certificate.at == NULL || links.at == NULL)
		return NO_MEMORY;
	if (!take_text(in, "label", &row->label) || row->label.len > KEY_LABEL_LEN ||
		!take_use(in, &row->use) || !json_is_integer(json_object_get(in, "generation")) ||
		!take_text(in, "keyId", &key_id) ||
		!hex_read(key_id.at, key_id.len, id, KEY_ID_LEN) ||
		!append_base64(json_object_get(in, "certificate"), &certificate) ||
		!take_chain(chain, &links))
		return INVALID_PARAMETER;
	row->generation = (int32_t)json_integer_value(json_object_get(in, "generation"));
	row->key_id = bytes_of(id, KEY_ID_LEN);
	row->certificate = buffer_bytes(&certificate);
	row->chain = buffer_bytes(&links);
	return FINE;
}

enum outcome key_rows_from_json(
	const json_t *keys, struct arena *arena, struct db_key_in **rows, size_t *count)
{
	*count = json_array_size(keys);
	*rows = arena_alloc(arena, *count * sizeof(**rows));
	if (*rows == NULL)
		return NO_MEMORY;
	enum outcome o = json_is_array(keys) ? FINE : INVALID_PARAMETER;
	for (size_t i = 0; i < *count && o == FINE; i++)
		o = read_row(json_array_get(keys, i), arena, &(*rows)[i]);
	return o;
}

static json_t *chain_to_json(struct bytes chain)
{
	struct bytes whole, content;
	json_t *list = json_array();

	while (der_take_whole(&chain, DER_SEQUENCE, &whole, &content))
		json_array_append_new(list, json_of_bytes(whole));
	return list;
}

json_t *key_row_to_json(const struct db_key_row *row)
{
	char key_id[2 * KEY_ID_LEN + 1], created_at[CLOCK_TEXT_LEN];

	hex_write(BYTES(row->key_id), key_id);
	clock_write(row->created_at, created_at);
	return json_pack("{s:s, s:s, s:i, s:s, s:b, s:s, s:o, s:o}", "label", row->label, "use",
		key_use_name((enum key_use)row->use), "generation", (int)row->generation, "keyId",
		key_id, "retired", (int)row->retired, "createdAt", created_at, "certificate",
		json_of_bytes(row->certificate), "chain", chain_to_json(row->chain));
}
