#include "hsm/keyd/agree.h"

#include "base/secret.h"
#include "crypto/aes.h"
#include "crypto/kdf.h"

#define MOST_DERIVED 64u

/* One C_DeriveKey whose result is read and destroyed. The code, for callers that only try. */
static CK_RV derive(struct token_session *s, const struct token_key *key,
	CK_ECDH1_DERIVE_PARAMS *with, uint8_t *out, CK_ULONG len)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, with, sizeof(*with) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
	};
	CK_ATTRIBUTE value = { CKA_VALUE, out, len };
	CK_OBJECT_HANDLE derived;
	CK_RV code = f->C_DeriveKey(s->handle, &mechanism, key->handle, as, 6, &derived);

	if (code != CKR_OK)
		return code;
	code = f->C_GetAttributeValue(s->handle, derived, &value, 1);
	token_destroy(s, derived);
	return code == CKR_OK && value.ulValueLen != len ? CKR_FUNCTION_FAILED : code;
}

static CK_ECDH1_DERIVE_PARAMS parameters(
	unsigned long kdf, const uint8_t peer[P256_POINT_LEN], struct bytes shared_info)
{
	return (CK_ECDH1_DERIVE_PARAMS){
		.kdf = kdf,
		.ulSharedDataLen = shared_info.len,
		.pSharedData = (CK_BYTE_PTR)(uintptr_t)shared_info.at,
		.ulPublicDataLen = P256_POINT_LEN,
		.pPublicData = (CK_BYTE_PTR)(uintptr_t)peer,
	};
}

static enum outcome derive_outside(struct token_session *s, const struct token_key *key,
	const uint8_t peer[P256_POINT_LEN], struct bytes shared_info, uint8_t *out, size_t len)
{
	CK_ECDH1_DERIVE_PARAMS with = parameters(CKD_NULL, peer, (struct bytes){ 0 });
	enum outcome o =
		token_outcome("C_DeriveKey", derive(s, key, &with, s->agreed, P256_SCALAR_LEN));

	if (o == FINE)
		o = x963_sha256(bytes_of(s->agreed, P256_SCALAR_LEN), shared_info, out, len);
	wipe(s->agreed, P256_SCALAR_LEN);
	return o;
}

enum outcome token_agree_x963(struct token_session *s, const struct token_key *key,
	const uint8_t peer[P256_POINT_LEN], struct bytes shared_info, uint8_t *out, size_t len)
{
	enum outcome o = p256_check_point(bytes_of(peer, P256_POINT_LEN));

	if (o != FINE)
		return o;
	if (s->mode == KDF_OUTSIDE)
		return derive_outside(s, key, peer, shared_info, out, len);
	CK_ECDH1_DERIVE_PARAMS with = parameters(CKD_SHA256_KDF, peer, shared_info);

	return token_outcome("C_DeriveKey", derive(s, key, &with, out, len));
}

/*
 * A module that refuses CKD_NULL is taken at its word; one that knows both must give the same key both ways, because
 * there are modules that hash in the other order.
 */
enum agreement_mode token_probe_agreement(struct token_session *s)
{
	const struct token_key *key = token_newest(s, KEY_USE_ECKA);
	static const uint8_t info[4] = { 'a', 'r', 'p', 'f' };
	uint8_t z[P256_SCALAR_LEN], inside[MOST_DERIVED], outside[MOST_DERIVED];

	if (key == NULL)
		return KDF_OUTSIDE;
	CK_ECDH1_DERIVE_PARAMS plain = parameters(CKD_NULL, key->public_key, (struct bytes){ 0 });
	CK_ECDH1_DERIVE_PARAMS kdf = parameters(CKD_SHA256_KDF, key->public_key, BYTES(info));
	bool has_kdf = derive(s, key, &kdf, inside, sizeof(inside)) == CKR_OK;
	bool has_plain = derive(s, key, &plain, z, sizeof(z)) == CKR_OK;
	bool agree = has_kdf && has_plain &&
		     x963_sha256(BYTES(z), BYTES(info), outside, sizeof(outside)) == FINE &&
		     equal_in_constant_time(inside, outside, sizeof(inside));

	wipe(z, sizeof(z));
	wipe(inside, sizeof(inside));
	wipe(outside, sizeof(outside));
	return has_kdf && (agree || !has_plain) ? KDF_INSIDE : KDF_OUTSIDE;
}

const char *agreement_mode_name(enum agreement_mode mode)
{
	return mode == KDF_INSIDE ? "CKM_ECDH1_DERIVE with CKD_SHA256_KDF, inside the token"
				  : "CKM_ECDH1_DERIVE with CKD_NULL, X9.63 outside";
}

enum outcome token_sign(struct token_session *s, const struct token_key *key,
	const uint8_t digest[32], uint8_t signature[P256_SIGNATURE_LEN])
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_ECDSA };
	CK_ULONG len = P256_SIGNATURE_LEN;
	enum outcome o =
		token_outcome("C_SignInit", f->C_SignInit(s->handle, &mechanism, key->handle));

	if (o != FINE)
		return o;
	o = token_outcome("C_Sign",
		f->C_Sign(s->handle, (CK_BYTE_PTR)(uintptr_t)digest, 32, signature, &len));
	return o == FINE && len != P256_SIGNATURE_LEN ? BROKEN : o;
}

void token_destroy(struct token_session *s, CK_OBJECT_HANDLE object)
{
	(void)!token_outcome("C_DestroyObject", s->token->f->C_DestroyObject(s->handle, object));
}

static enum outcome wrap_data_key(
	struct token_session *s, const struct token_key *kek, struct data_key *d)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE, d->key, sizeof(d->key) },
	};
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };
	CK_ULONG len = sizeof(d->wrapped);
	CK_OBJECT_HANDLE object;
	enum outcome o =
		token_outcome("C_CreateObject", f->C_CreateObject(s->handle, as, 5, &object));

	if (o != FINE)
		return o;
	o = token_outcome("C_WrapKey",
		f->C_WrapKey(s->handle, &mechanism, kek->handle, object, d->wrapped, &len));
	token_destroy(s, object);
	return o == FINE && len != sizeof(d->wrapped) ? BROKEN : o;
}

enum outcome data_key_make(struct token_session *s, struct data_key *d)
{
	const struct token_key *kek = token_newest(s, KEY_USE_KEK);

	if (kek == NULL)
		return HSM_UNAVAILABLE;
	d->kek_generation = (uint16_t)kek->generation;
	enum outcome o = token_outcome("C_GenerateRandom",
		s->token->f->C_GenerateRandom(s->handle, d->key, sizeof(d->key)));

	return o == FINE ? wrap_data_key(s, kek, d) : o;
}

enum outcome seal_keys(
	const struct data_key *d, struct bytes k, const uint8_t opc[16], struct sealed_key *sealed)
{
	struct buffer b = buffer_over(sealed->at, sizeof(sealed->at));
	uint8_t wrapped_k[40], wrapped_opc[24];
	enum outcome o = aes_kw_wrap(BYTES(d->key), k, wrapped_k);

	if (o == FINE)
		o = aes_kw_wrap(BYTES(d->key), bytes_of(opc, 16), wrapped_opc);
	if (o != FINE)
		return o;
	buffer_put_u8(&b, SEALED_VERSION);
	buffer_put_u8(&b, (uint8_t)k.len);
	buffer_put_u16(&b, d->kek_generation);
	buffer_put(&b, d->wrapped, sizeof(d->wrapped));
	buffer_put(&b, wrapped_k, k.len + 8);
	buffer_put(&b, wrapped_opc, sizeof(wrapped_opc));
	sealed->len = (uint16_t)b.len;
	return b.full ? BROKEN : FINE;
}

/* Unwraps into a session object of the token that can do `use` and nothing else. */
static enum outcome unwrap(struct token_session *s, CK_OBJECT_HANDLE with, struct bytes wrapped,
	CK_ATTRIBUTE_TYPE use, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE as[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ use, &yes, sizeof(yes) },
	};
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_WRAP };

	return token_outcome("C_UnwrapKey",
		s->token->f->C_UnwrapKey(s->handle, &mechanism, with,
			(CK_BYTE_PTR)(uintptr_t)wrapped.at, wrapped.len, as, 6, out));
}

enum outcome open_sealed_k(
	struct token_session *s, const struct sealed_key *sealed, CK_OBJECT_HANDLE *k)
{
	struct bytes rest = bytes_of(sealed->at, sealed->len), head, data_key, wrapped_k;
	uint16_t generation;
	CK_OBJECT_HANDLE data;

	if (sealed->len > sizeof(sealed->at) || !bytes_take(&rest, 2, &head) ||
		head.at[0] != SEALED_VERSION || (head.at[1] != 16 && head.at[1] != 32) ||
		!bytes_take_u16(&rest, &generation) ||
		!bytes_take(&rest, DATA_KEY_LEN + 8, &data_key) ||
		!bytes_take(&rest, head.at[1] + 8u, &wrapped_k) || rest.len != 16 + 8)
		return INVALID_PARAMETER;
	const struct token_key *kek = token_generation(s, KEY_USE_KEK, generation);

	if (kek == NULL)
		return INVALID_PARAMETER;
	enum outcome o = unwrap(s, kek->handle, data_key, CKA_UNWRAP, &data);

	if (o != FINE)
		return o;
	o = unwrap(s, data, wrapped_k, CKA_ENCRYPT, k);
	token_destroy(s, data);
	return o;
}

enum outcome token_encrypt_block(
	struct token_session *s, CK_OBJECT_HANDLE key, const uint8_t in[16], uint8_t out[16])
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_ECB };
	CK_ULONG len = 16;
	enum outcome o =
		token_outcome("C_EncryptInit", f->C_EncryptInit(s->handle, &mechanism, key));

	if (o == FINE)
		o = token_outcome("C_Encrypt",
			f->C_Encrypt(s->handle, (CK_BYTE_PTR)(uintptr_t)in, 16, out, &len));
	return o == FINE && len != 16 ? BROKEN : o;
}
