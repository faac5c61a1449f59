/* A device's keys sealed (struct sealed_key of hsm/messages.h), and opened again inside the token. */
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"
#include "hsm/keyd/agree.h"

#define OPC_TAG_LEN 8u

static enum outcome make_data_object(struct token_session *s, struct data_key *d)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, is_private = s->private_objects;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_WRAP, &yes, sizeof(yes) },
		{ CKA_VALUE, d->key, sizeof(d->key) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
	};
	CK_RV code = f->C_CreateObject(s->handle, as, 7, &d->object);

	if (token_wants_private(s, code)) {
		is_private = CK_TRUE;
		code = f->C_CreateObject(s->handle, as, 7, &d->object);
	}
	d->has_object = code == CKR_OK;
	return token_outcome("C_CreateObject", code);
}

static enum outcome wrap(struct token_session *s, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key,
	uint8_t *out, size_t len)
{
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ULONG got = len;
	enum outcome o = token_outcome(
		"C_WrapKey", s->token->f->C_WrapKey(s->handle, &mechanism, with, key, out, &got));

	return o == FINE && got != len ? BROKEN : o;
}

enum outcome data_key_make(struct token_session *s, struct data_key *d)
{
	const struct token_key *kek = token_newest(s, KEY_USE_KEK);

	if (kek == NULL)
		return HSM_UNAVAILABLE;
	d->kek_generation = (uint16_t)kek->generation;
	enum outcome o = token_outcome("C_GenerateRandom",
		s->token->f->C_GenerateRandom(s->handle, d->key, sizeof(d->key)));

	if (o == FINE)
		o = make_data_object(s, d);
	if (o == FINE)
		o = wrap(s, kek->handle, d->object, d->wrapped, sizeof(d->wrapped));
	if (o != FINE)
		data_key_end(s, d);
	return o;
}

void data_key_end(struct token_session *s, struct data_key *d)
{
	if (d->has_object)
		token_destroy(s, d->object);
	wipe(d, sizeof(*d));
}

static enum outcome opc_tag(const uint8_t key[16], const uint8_t opc[16], uint8_t tag[OPC_TAG_LEN])
{
	struct bytes message = bytes_of(opc, 16);
	uint8_t mac[SHA256_LEN];
	enum outcome o = hmac_sha256(bytes_of(key, 16), &message, 1, mac);

	memcpy(tag, mac, OPC_TAG_LEN);
	wipe(mac, sizeof(mac));
	return o;
}

/* mask and tag_key: AES(K, …) of the two blocks. */
static enum outcome write_sealed(const struct data_key *d, size_t k_len, const uint8_t *wrapped_k,
	const uint8_t mask[16], const uint8_t tag_key[16], const uint8_t opc[16],
	struct sealed_key *sealed)
{
	struct buffer b = buffer_over(sealed->at, sizeof(sealed->at));
	uint8_t masked[16], tag[OPC_TAG_LEN];
	enum outcome o = opc_tag(tag_key, opc, tag);

	for (unsigned i = 0; i < sizeof(masked); i++)
		masked[i] = opc[i] ^ mask[i];
	buffer_put_u8(&b, SEALED_VERSION);
	buffer_put_u8(&b, (uint8_t)k_len);
	buffer_put_u16(&b, d->kek_generation);
	buffer_put(&b, d->wrapped, sizeof(d->wrapped));
	buffer_put(&b, wrapped_k, k_len + AES_KW_OVERHEAD);
	buffer_put(&b, masked, sizeof(masked));
	buffer_put(&b, tag, sizeof(tag));
	sealed->len = (uint16_t)b.len;
	return o == FINE && b.full ? BROKEN : o;
}

/* For a K that is known here. */
static enum outcome write_known(const struct data_key *d, struct bytes k, const uint8_t *wrapped_k,
	const uint8_t opc[16], struct sealed_key *sealed)
{
	uint8_t mask[16], tag_key[16];
	enum outcome o = aes_ecb_encrypt(k, (const uint8_t *)SEAL_OPC_BLOCK, mask);

	if (o == FINE)
		o = aes_ecb_encrypt(k, (const uint8_t *)SEAL_OPC_TAG_BLOCK, tag_key);
	if (o == FINE)
		o = write_sealed(d, k.len, wrapped_k, mask, tag_key, opc, sealed);
	wipe(mask, sizeof(mask));
	wipe(tag_key, sizeof(tag_key));
	return o;
}

enum outcome seal_keys(
	const struct data_key *d, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed)
{
	uint8_t wrapped_k[DATA_KEY_LEN + AES_KW_OVERHEAD];
	enum outcome o = k.len == 16 || k.len == 32 ? FINE : BROKEN;

	if (o == FINE)
		o = aes_kw_wrap(BYTES(d->key), k, wrapped_k);
	return o == FINE ? write_known(d, k, wrapped_k, opc, sealed) : o;
}

enum outcome seal_known_key(struct token_session *s, const struct data_key *d,
	CK_OBJECT_HANDLE object, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed)
{
	uint8_t wrapped_k[DATA_KEY_LEN + AES_KW_OVERHEAD];
	enum outcome o = (k.len == 16 || k.len == 32) && d->has_object ? FINE : BROKEN;

	if (o == FINE)
		o = wrap(s, d->object, object, wrapped_k, k.len + AES_KW_OVERHEAD);
	return o == FINE ? write_known(d, k, wrapped_k, opc, sealed) : o;
}

enum outcome seal_token_key(struct token_session *s, const struct data_key *d, CK_OBJECT_HANDLE k,
	size_t k_len, const uint8_t opc_or_op[16], bool is_op, struct sealed_key *sealed)
{
	uint8_t wrapped_k[DATA_KEY_LEN + AES_KW_OVERHEAD], in[48], out[48], opc[16];
	enum outcome o = (k_len == 16 || k_len == 32) && d->has_object ? FINE : BROKEN;

	memcpy(in, SEAL_OPC_BLOCK, 16);
	memcpy(in + 16, SEAL_OPC_TAG_BLOCK, 16);
	memcpy(in + 32, opc_or_op, 16);
	memcpy(opc, opc_or_op, 16);
	if (o == FINE)
		o = wrap(s, d->object, k, wrapped_k, k_len + AES_KW_OVERHEAD);
	if (o == FINE)
		o = token_encrypt_blocks(s, k, in, sizeof(in), out);
	for (unsigned i = 0; is_op && i < sizeof(opc); i++) /* TS 35.206: OPc = E_K(OP) xor OP */
		opc[i] ^= out[32 + i];
	if (o == FINE)
		o = write_sealed(d, k_len, wrapped_k, out, out + 16, opc, sealed);
	wipe(out, sizeof(out));
	wipe(in, sizeof(in));
	wipe(opc, sizeof(opc));
	return o;
}

CK_RV token_unwrap(struct token_session *s, const struct unwrapping *u, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, is_private = u->is_kept || s->private_objects;
	CK_BBOOL is_extractable = u->is_extractable;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &is_extractable, sizeof(is_extractable) },
		{ u->use, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
	};
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_FUNCTION_LIST *f = s->token->f;
	CK_BYTE_PTR at = (CK_BYTE_PTR)(uintptr_t)u->wrapped.at;
	CK_RV code = f->C_UnwrapKey(s->handle, &mechanism, u->with, at, u->wrapped.len, as, 7, out);

	if (!u->is_kept && token_wants_private(s, code)) {
		is_private = CK_TRUE;
		code = f->C_UnwrapKey(
			s->handle, &mechanism, u->with, at, u->wrapped.len, as, 7, out);
	}
	return code;
}

/*
 * Data keys that were opened lately, as handles: the devices of one batch share one, and a subscriber who
 * authenticates will do so again. Four places for each value of a byte of the wrapped key; the oldest goes.
 */
#define DATA_KEY_SETS 32u
#define DATA_KEY_WAYS 4u

struct opened_data_key {
	uint8_t wrapped[DATA_KEY_LEN + 8];
	uint16_t generation; /* 0: a free place */
	uint64_t used;
	CK_OBJECT_HANDLE object;
};
struct opened_data_keys {
	uint64_t clock;
	struct opened_data_key sets[DATA_KEY_SETS][DATA_KEY_WAYS];
};

static enum outcome open_data_key(struct token_session *s, unsigned generation,
	struct bytes wrapped, CK_OBJECT_HANDLE *object)
{
	const struct token_key *kek = token_generation_or_look(s, KEY_USE_KEK, generation);

	if (kek == NULL) /* not in this token: no fault of who asks */
		return HSM_UNAVAILABLE;
	if (s->opened == NULL && (s->opened = calloc(1, sizeof(*s->opened))) == NULL)
		return NO_MEMORY;
	struct opened_data_key *set = s->opened->sets[wrapped.at[0] % DATA_KEY_SETS];
	struct opened_data_key *place = set;

	for (unsigned i = 0; i < DATA_KEY_WAYS; i++) {
		if (set[i].generation == generation &&
			memcmp(set[i].wrapped, wrapped.at, sizeof(set[i].wrapped)) == 0) {
			set[i].used = ++s->opened->clock;
			*object = set[i].object;
			return FINE;
		}
		if (set[i].used < place->used)
			place = &set[i];
	}
	struct unwrapping u = {
		.with = kek->handle, .wrapped = wrapped, .use = CKA_UNWRAP, .is_kept = true
	};
	enum outcome o = token_outcome("C_UnwrapKey", token_unwrap(s, &u, object));

	if (o != FINE)
		return o;
	if (place->generation != 0)
		token_destroy(s, place->object);
	place->generation = (uint16_t)generation;
	place->used = ++s->opened->clock;
	place->object = *object;
	memcpy(place->wrapped, wrapped.at, sizeof(place->wrapped));
	return FINE;
}

void token_forget_data_keys(struct token_session *s)
{
	free(s->opened);
	s->opened = NULL;
}

enum outcome open_sealed_k(struct token_session *s, const struct sealed_key *sealed,
	enum opened_use use, struct opened_key *opened)
{
	struct bytes rest = bytes_of(sealed->at, sealed->len), head, data_key, wrapped_k;
	uint16_t generation;
	CK_OBJECT_HANDLE data;

	if (sealed->len > sizeof(sealed->at) || !bytes_take(&rest, 2, &head) ||
		head.at[0] != SEALED_VERSION || (head.at[1] != 16 && head.at[1] != 32) ||
		!bytes_take_u16(&rest, &generation) || generation == 0 ||
		!bytes_take(&rest, DATA_KEY_LEN + 8, &data_key) ||
		!bytes_take(&rest, head.at[1] + 8u, &wrapped_k) || rest.len != sizeof(opened->opc))
		return INVALID_PARAMETER;
	enum outcome o = open_data_key(s, generation, data_key, &data);

	if (o != FINE)
		return o;
	opened->k_len = head.at[1];
	memcpy(opened->opc, rest.at, sizeof(opened->opc));
	struct unwrapping u = {
		.with = data,
		.wrapped = wrapped_k,
		.use = use == OPENED_ENCRYPTS ? CKA_ENCRYPT : CKA_SIGN,
	};

	return token_outcome("C_UnwrapKey", token_unwrap(s, &u, &opened->k));
}

enum outcome opened_opc(const struct opened_key *opened, const uint8_t mask[16],
	const uint8_t tag_key[16], uint8_t opc[16])
{
	uint8_t tag[OPC_TAG_LEN];

	for (unsigned i = 0; i < 16; i++)
		opc[i] = opened->opc[i] ^ mask[i];
	enum outcome o = opc_tag(tag_key, opc, tag);

	if (o == FINE && !equal_in_constant_time(tag, opened->opc + 16, sizeof(tag)))
		o = MAC_INVALID;
	if (o != FINE)
		wipe(opc, 16);
	return o;
}
