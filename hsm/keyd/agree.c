#include "hsm/keyd/agree.h"

#include "base/secret.h"
#include "crypto/kdf.h"

#define MOST_DERIVED 64u

/*
 * Session objects live for one operation and are seen by this process alone, so CKA_PRIVATE protects nothing;
 * but a module may encrypt private objects where it keeps them: SoftHSM takes a third longer. One that takes no
 * others says so at the first.
 */
bool token_wants_private(struct token_session *s, CK_RV code)
{
	bool is_refused = code == CKR_TEMPLATE_INCONSISTENT ||
			  code == CKR_ATTRIBUTE_VALUE_INVALID ||
			  code == CKR_ATTRIBUTE_TYPE_INVALID || code == CKR_ATTRIBUTE_READ_ONLY;

	if (!is_refused || s->private_objects)
		return false;
	s->private_objects = true;
	return true;
}

CK_RV token_derive(struct token_session *s, const struct token_key *key,
	CK_ECDH1_DERIVE_PARAMS *with, uint8_t *out, CK_ULONG len)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_BBOOL is_private = s->private_objects;
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
		{ CKA_PRIVATE, &is_private, sizeof(is_private) },
	};
	CK_ATTRIBUTE value = { CKA_VALUE, out, len };
	CK_OBJECT_HANDLE derived;
	CK_RV code = f->C_DeriveKey(s->handle, &mechanism, key->handle, as, 7, &derived);

	if (token_wants_private(s, code)) {
		is_private = CK_TRUE;
		code = f->C_DeriveKey(s->handle, &mechanism, key->handle, as, 7, &derived);
	}
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
	enum outcome o = token_outcome(
		"C_DeriveKey", token_derive(s, key, &with, s->agreed, P256_SCALAR_LEN));

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

	return token_outcome("C_DeriveKey", token_derive(s, key, &with, out, len));
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
	bool has_kdf = token_derive(s, key, &kdf, inside, sizeof(inside)) == CKR_OK;
	bool has_plain = token_derive(s, key, &plain, z, sizeof(z)) == CKR_OK;
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

enum outcome token_encrypt_blocks(
	struct token_session *s, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, uint8_t *out)
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_ECB };
	CK_ULONG got = len;
	enum outcome o =
		token_outcome("C_EncryptInit", f->C_EncryptInit(s->handle, &mechanism, key));

	if (o == FINE)
		o = token_outcome("C_Encrypt",
			f->C_Encrypt(s->handle, (CK_BYTE_PTR)(uintptr_t)in, len, out, &got));
	return o == FINE && got != len ? BROKEN : o;
}

enum outcome token_cmac(
	struct token_session *s, CK_OBJECT_HANDLE key, struct bytes message, uint8_t mac[16])
{
	CK_FUNCTION_LIST *f = s->token->f;
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_CMAC };
	CK_ULONG len = 16;
	enum outcome o = token_outcome("C_SignInit", f->C_SignInit(s->handle, &mechanism, key));

	if (o == FINE)
		o = token_outcome("C_Sign", f->C_Sign(s->handle, (CK_BYTE_PTR)(uintptr_t)message.at,
						    message.len, mac, &len));
	return o == FINE && len != 16 ? BROKEN : o;
}
